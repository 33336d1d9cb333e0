//! Questions of a running script to whoever sits at this terminal.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::base::{Cancel, Result};
use crate::runtime::nobody;

/// How often it is looked whether the question was given up.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of one line that a terminal hands over, at most.
const LINE: usize = 4096;

/// A question that waits.
#[derive(Debug)]
pub(super) struct Asked {
    prompt: String,
    hidden: bool,
    cancel: Cancel,
    reply: Sender<Result<String>>,
}

impl Asked {
    /// Asks it, in the thread that has the keyboard.
    pub fn answer(self) {
        let answer = ask_here(&self.prompt, self.hidden, &self.cancel);
        // Whoever asked may have been stopped meanwhile.
        let _ = self.reply.send(answer);
    }
}

/// Questions on their way to the thread that has the keyboard: while an input is evaluated the prompt reads it.
#[derive(Debug, Default)]
pub struct Questions {
    waiting: Mutex<Option<Asked>>,
    /// One at a time.
    turn: Mutex<()>,
}

impl Questions {
    /// Asks, and waits for the answer; fails when `cancel` is set or no one can answer.
    pub fn ask(&self, prompt: &str, hidden: bool, cancel: &Cancel) -> Result<String> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (reply, answer) = channel();
        let asked = Asked { prompt: prompt.to_owned(), hidden, cancel: cancel.clone(), reply };
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => cancel.check()?,
                Err(RecvTimeoutError::Disconnected) => return Err(nobody()),
            }
        }
    }

    /// The question that waits.
    pub(super) fn take(&self) -> Option<Asked> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What is typed is not shown until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Option<Self> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ECHO);
        now.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &now).ok()?;
        Some(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Asks on this terminal, or takes the next line of what a pipe brings; fails when `cancel` is set or nothing comes any more.
pub fn ask_here(prompt: &str, hidden: bool, cancel: &Cancel) -> Result<String> {
    let stdin = std::io::stdin();
    {
        let mut out = std::io::stderr().lock();
        // A question that cannot be read may still be answered.
        let _ = out.write_all(prompt.as_bytes()).and_then(|()| out.flush());
    }
    let mut line = String::new();
    if !stdin.is_terminal() {
        let count = stdin.read_line(&mut line).map_err(|_| nobody())?;
        return if count == 0 { Err(nobody()) } else { Ok(without_break(&line)) };
    }
    let _hidden = hidden.then(Hidden::begin);
    let nanoseconds = i64::try_from(LOOK.as_nanos()).unwrap_or(0);
    loop {
        cancel.check()?;
        let ready = {
            let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
            poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: nanoseconds })).is_ok_and(|count| count > 0)
        };
        if ready {
            let mut bytes = [0; LINE];
            // Not through the buffer of the standard library, which would read ahead of the next prompt.
            let count = rustix::io::read(&stdin, &mut bytes).map_err(|_| nobody())?;
            return if count == 0 { Err(nobody()) } else { Ok(without_break(&String::from_utf8_lossy(&bytes[..count]))) };
        }
    }
}

fn without_break(line: &str) -> String {
    line.trim_end_matches(['\n', '\r']).to_owned()
}
