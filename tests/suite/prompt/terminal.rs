//! A person at a terminal: starts the program in a pty, types, and reads the screen as it is seen.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::Pty;

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at the screen.
const PAUSE: Duration = Duration::from_millis(4);
/// Rows and columns of a terminal at first.
const SIZE: (u16, u16) = (30, 100);
/// Rows that are remembered once they have left the screen.
const SCROLLBACK: usize = 10_000;

/// A key that writes no letter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Tab,
    Enter,
    Up,
    Left,
    Home,
    CtrlC,
    CtrlD,
    CtrlR,
    Alt(char),
}

impl Key {
    fn bytes(self) -> String {
        match self {
            Self::Tab => "\t".into(),
            Self::Enter => "\r".into(),
            Self::Up => "\x1b[A".into(),
            Self::Left => "\x1b[D".into(),
            Self::Home => "\x1b[H".into(),
            Self::CtrlC => "\x03".into(),
            Self::CtrlD => "\x04".into(),
            Self::CtrlR => "\x12".into(),
            Self::Alt(letter) => format!("\x1b{letter}"),
        }
    }
}

/// An empty home folder, with an empty folder to work in.
pub(super) struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self(folder)
    }

    /// Where programs are started.
    pub fn work(&self) -> PathBuf {
        self.0.path().join("work")
    }

    /// The program's command here, with nothing of this process's surroundings but what it takes to run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
        command.args(args).current_dir(self.work()).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH", "ORT_DYLIB_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", self.0.path()).env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        command
    }

    /// The program's prompt in a terminal, once it is there.
    pub fn prompt(&self) -> Terminal {
        self.prompt_with(&["--quiet"])
    }

    /// The same with other arguments.
    pub fn prompt_with(&self, args: &[&str]) -> Terminal {
        let terminal = Terminal::start(self.command(args));
        terminal.wait_for_prompt();
        terminal
    }
}

/// A terminal with a program in it. Dropping it ends the program.
pub(super) struct Terminal {
    pty: Arc<Pty>,
    screen: Arc<Mutex<vt100::Parser>>,
    program: Child,
}

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap()
}

impl Terminal {
    fn start(command: Command) -> Self {
        let (pty, end) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(SIZE.0, SIZE.1)).unwrap();
        let program = pty_process::blocking::Command::from(command).spawn(end).unwrap();
        let pty = Arc::new(pty);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(SIZE.0), size(SIZE.1), SCROLLBACK)));
        let (reading, drawing) = (pty.clone(), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the program is an error of the read.
            while let Ok(count @ 1..) = (&*reading).read(&mut bytes) {
                drawing.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { pty, screen, program }
    }

    fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
        self.screen.lock().unwrap()
    }

    fn send(&self, bytes: &str) {
        (&*self.pty).write_all(bytes.as_bytes()).unwrap();
    }

    /// Types letters, as they are.
    pub fn type_text(&self, text: &str) {
        self.send(text);
    }

    pub fn key(&self, key: Key) {
        self.send(&key.bytes());
    }

    /// Pastes, as terminals do that say where a paste begins and ends.
    pub fn paste(&self, text: &str) {
        self.send(&format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")));
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        self.parser().set_size(size(rows), size(columns));
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// What is on the screen, without blanks at the ends of rows and below.
    pub fn screen(&self) -> String {
        trimmed(self.parser().screen())
    }

    /// The screen, and before it what has left it at the top.
    pub fn everything(&self) -> String {
        let mut parser = self.parser();
        let screen = parser.screen_mut();
        let rows = usize::from(screen.size().0.get());
        let mut text: Vec<String> = Vec::new();
        for back in (1..=screen.scrollback_len()).rev() {
            screen.set_scrollback(back);
            text.extend(screen.rows(0, screen.size().1.get()).next());
        }
        screen.set_scrollback(0);
        text.extend(screen.rows(0, screen.size().1.get()).take(rows));
        text.iter().map(|row| row.trim_end()).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Row and column of the cursor, and the text of its row.
    pub fn cursor(&self) -> (u16, u16, String) {
        let parser = self.parser();
        let (row, column) = parser.screen().cursor_position();
        let text = parser.screen().rows(0, parser.screen().size().1.get()).nth(usize::from(row)).unwrap_or_default();
        (row, column, text.trim_end().to_owned())
    }

    /// Waits until `done` holds; after a while fails with the screen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}; the screen:\n{}", framed(&self.screen()));
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits for a text on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |this| this.screen().contains(text));
    }

    /// Waits for a text on the screen, however its rows are broken.
    #[track_caller]
    pub fn wait_for_typed(&self, text: &str) {
        let packed = |text: &str| text.split_whitespace().collect::<String>();
        self.wait_until(&format!("{text:?}"), |this| packed(&this.screen()).contains(&packed(text)));
    }

    /// Waits for an empty prompt: `[number] >` with the cursor behind it, and nothing drawn for a moment.
    #[track_caller]
    pub fn wait_for_prompt(&self) {
        self.wait_until("an empty prompt", |this| {
            let empty = this.at_prompt();
            let before = this.screen();
            std::thread::sleep(2 * PAUSE);
            empty && this.at_prompt() && before == this.screen()
        });
    }

    fn at_prompt(&self) -> bool {
        let (_, column, row) = self.cursor();
        let number = row.strip_prefix('[').and_then(|row| row.strip_suffix("] >"));
        number.is_some_and(|number| number.parse::<usize>().is_ok()) && usize::from(column) == row.len() + 1
    }

    /// Enters one line of input, waits for the next prompt, and gives what stands between the two.
    #[track_caller]
    pub fn enter(&self, line: &str) -> String {
        self.wait_for_prompt();
        let before = self.everything().lines().count();
        self.type_text(line);
        // A quick typist would be ahead of the screen, and the wait below might see the prompt of before.
        self.wait_until("what was typed", |this| !this.at_prompt());
        self.key(Key::Enter);
        self.wait_until("an answer", |this| this.everything().lines().count() > before);
        self.wait_for_prompt();
        let all = self.everything();
        let rows: Vec<&str> = all.lines().collect();
        rows[before.min(rows.len())..rows.len() - 1].join("\n")
    }

    /// Waits for the end of the program: its exit code.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "the program goes on; the screen:\n{}", framed(&self.screen()));
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn trimmed(screen: &vt100::Screen) -> String {
    let rows: Vec<String> = screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n").trim_end().to_owned()
}

/// A screen with a border on its left, so that its blank rows show in a message.
fn framed(screen: &str) -> String {
    screen.lines().map(|row| format!("  | {row}\n")).collect()
}

/// The rows of the database in `lab`: keys of measurements, and names of studies with their number of trials.
pub(super) fn stored(lab: &Path) -> (Vec<String>, Vec<(String, usize)>) {
    let database = rusqlite::Connection::open(lab.join("lab.db")).unwrap();
    let mut keys = database.prepare("select key from measurements order by key").unwrap();
    let keys = keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut studies = database.prepare("select name, json from studies order by name").unwrap();
    let studies = studies
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .map(|(name, text)| (name, trials(&text)))
        .collect();
    (keys, studies)
}

fn trials(study: &str) -> usize {
    let study: serde_json::Value = serde_json::from_str(study).unwrap();
    study.get("trials").unwrap_or(&study).as_array().unwrap().len()
}
