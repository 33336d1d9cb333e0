//! What is typed while an input is evaluated: it is kept for the next prompt, and Ctrl-D is answered at once.

use std::io::IsTerminal;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::asking::Questions;

/// How often it is looked whether the work is done.
const LOOK: Duration = Duration::from_millis(20);
/// At first more often: most inputs are done at once.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const END_OF_INPUT: u8 = 4;
/// What Ctrl-D becomes if it was pressed before the terminal gave key by key.
const EARLIER_END: u8 = 0;

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Meanwhile {
    /// Whole lines.
    pub lines: Vec<String>,
    /// The line that was begun.
    pub rest: String,
    /// Whether the person leaves.
    pub leave: bool,
}

/// The terminal's columns.
pub(super) fn columns() -> Option<usize> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The terminal gives key by key until this is dropped; Ctrl-C still is a signal.
struct KeyByKey(Termios);

impl KeyByKey {
    fn begin() -> Option<Self> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ICANON);
        now.special_codes[SpecialCodeIndex::VMIN] = 0;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Now, &now).ok()?;
        Some(Self(before))
    }
}

impl Drop for KeyByKey {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

fn answer(questions: &Questions) {
    if let Some(asked) = questions.take() {
        asked.answer();
    }
}

/// Waits until `done`, and puts the questions of what runs. At the first Ctrl-D it warns, at the second it interrupts and reports that the person leaves.
pub(super) fn wait_for(done: impl Fn() -> bool, questions: &Questions, warn: impl Fn(), interrupt: impl Fn()) -> Meanwhile {
    let mut meanwhile = Meanwhile::default();
    let mut typed: Vec<u8> = Vec::new();
    let mut warned = false;
    let began = std::time::Instant::now();
    let mut keys = loop {
        if done() {
            return meanwhile;
        }
        answer(questions);
        // Short inputs leave the terminal alone.
        if began.elapsed() > 2 * LOOK {
            break KeyByKey::begin();
        }
        std::thread::sleep(FIRST_LOOK);
    };
    if keys.is_none() {
        while !done() {
            answer(questions);
            std::thread::sleep(LOOK);
        }
        return meanwhile;
    }
    let stdin = std::io::stdin();
    let nanoseconds = i64::try_from(LOOK.as_nanos()).unwrap_or(0);
    while !done() {
        if let Some(asked) = questions.take() {
            // The answer is typed as a line, with all that a terminal does for lines.
            drop(keys.take());
            asked.answer();
            keys = KeyByKey::begin();
        }
        let ready = {
            let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
            poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: nanoseconds })).is_ok_and(|count| count > 0)
        };
        if !ready {
            continue;
        }
        let mut bytes = [0; 256];
        // Not through the buffer of the standard library, which would read ahead of the next prompt.
        let Ok(count) = rustix::io::read(&stdin, &mut bytes) else { break };
        for &byte in &bytes[..count] {
            match byte {
                END_OF_INPUT | EARLIER_END if warned => {
                    meanwhile.leave = true;
                    interrupt();
                    interrupt();
                }
                END_OF_INPUT | EARLIER_END => {
                    warned = true;
                    warn();
                }
                b'\n' | b'\r' => meanwhile.lines.push(String::from_utf8_lossy(&std::mem::take(&mut typed)).into_owned()),
                0x7f | 0x08 => {
                    typed.pop();
                }
                other => typed.push(other),
            }
        }
    }
    meanwhile.rest = String::from_utf8_lossy(&typed).into_owned();
    meanwhile
}
