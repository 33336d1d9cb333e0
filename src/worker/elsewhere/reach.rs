//! Running shell commands on the machine where jobs run: this one, or another through the system's `ssh`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{ElsewhereFault, Spot};
use crate::base::{Fault, Result};

/// The way to a machine.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// The place, for messages.
    pub place: String,
    /// What `ssh` is told; `None` for this machine.
    pub host: Option<String>,
}

/// How a command ended.
pub(super) struct Said {
    /// Its exit status; -1 if a signal ended it.
    pub code: i32,
    /// What it printed.
    pub out: String,
    /// What it printed to standard error.
    pub err: String,
}

impl Said {
    /// The last line of what it complained of.
    pub fn why(&self) -> String {
        let line = self.err.lines().rev().find(|line| !line.trim().is_empty());
        line.map_or_else(|| format!("exit status {}", self.code), str::to_owned)
    }
}

/// `text` as one word of the shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What `ssh` says by its exit status when there is no connection.
const NO_CONNECTION: i32 = 255;

impl Reach {
    pub fn to(spot: &Spot) -> Self {
        Self { place: spot.name.clone(), host: spot.host.clone() }
    }

    /// A process that runs `script` there with `sh`.
    fn command(&self, script: &str) -> (String, Command) {
        let Some(host) = &self.host else {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            return ("sh".into(), command);
        };
        let asked = std::env::var("SPACEEVO_SSH").unwrap_or_default();
        let mut words = asked.split_whitespace();
        let program = words.next().unwrap_or("ssh").to_owned();
        let mut command = Command::new(&program);
        command.args(words);
        for option in ["BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=3"] {
            command.args(["-o", option]);
        }
        // One connection for many commands; it stays open for a minute.
        if std::env::home_dir().is_some_and(|home| home.join(".ssh").is_dir()) {
            for option in ["ControlMaster=auto", "ControlPath=~/.ssh/spaceevo-%C", "ControlPersist=60"] {
                command.args(["-o", option]);
            }
        }
        // Whatever the login shell is, the script is for `sh`.
        command.arg("--").arg(host).arg(format!("exec sh -c {}", quoted(script)));
        (program, command)
    }

    fn start(&self, script: &str, stdin: Stdio, stdout: Stdio, stderr: Stdio) -> Result<Child> {
        let (program, mut command) = self.command(script);
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        // Ctrl-C at a terminal is for the session: what runs meanwhile is brought to its end.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map_err(|error| ElsewhereFault::Program { program, error: error.to_string() }.into())
    }

    /// Runs `script` there with `input`.
    ///
    /// # Errors
    /// `executor::unreachable`; not for a script that fails.
    pub fn run(&self, script: &str, input: &str) -> Result<Said> {
        let mut feed = temporary()?;
        feed.write_all(input.as_bytes()).and_then(|()| feed.seek(SeekFrom::Start(0))).map_err(no_temporary)?;
        let mut complaints = temporary()?;
        // A connection that stays open may keep standard error: a pipe would not end.
        let err = complaints.try_clone().map_err(no_temporary)?;
        let child = self.start(script, feed.into(), Stdio::piped(), err.into())?;
        let output = child.wait_with_output().map_err(no_temporary)?;
        let mut err = Vec::new();
        complaints.seek(SeekFrom::Start(0)).and_then(|_| complaints.read_to_end(&mut err)).map_err(no_temporary)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.checked(Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&err) })
    }

    /// Runs `script`, which must succeed; what it printed.
    pub fn done(&self, doing: &'static str, script: &str, input: &str) -> Result<String> {
        let said = self.run(script, input)?;
        match said.code {
            0 => Ok(said.out),
            _ => Err(self.failed(doing, &said)),
        }
    }

    pub fn failed(&self, doing: &'static str, said: &Said) -> Fault {
        ElsewhereFault::Command { place: self.place.clone(), doing, why: said.why() }.into()
    }

    fn checked(&self, said: Said) -> Result<Said> {
        match &self.host {
            // A command that a signal ended is a connection that was cut.
            Some(host) if said.code == NO_CONNECTION || said.code == -1 => {
                Err(ElsewhereFault::Unreachable { place: self.place.clone(), host: host.clone(), why: said.why() }.into())
            }
            _ => Ok(said),
        }
    }

    /// Sends `name` in the folder `from` (a file, or a folder with all that is in it) into `to` there, where it appears when
    /// whole.
    pub fn send(&self, from: &Path, name: &str, to: &str) -> Result<()> {
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(from).args(["--format=pax", "-c", "-h", "--", name]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut packing = tar.stderr(Stdio::null()).spawn().map_err(no_tar)?;
        let packed = packing.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let (to, name) = (quoted(to), quoted(name));
        let script = format!(
            "mkdir -p {to} && cd {to} && t=$(mktemp -d .writing-XXXXXX) && tar -x -C \"$t\" && rm -rf ./{name} && \
             mv \"$t\"/{name} . && rmdir \"$t\""
        );
        let complaints = temporary()?;
        let err = complaints.try_clone().map_err(no_temporary)?;
        let child = self.start(&script, packed, Stdio::null(), err.into())?;
        self.transferred("sending files", child, packing, complaints)
    }

    /// Fetches what lies below the folders `names` of `root` there into the folder `to` here.
    pub fn fetch(&self, root: &str, names: &[String], to: &Path) -> Result<()> {
        let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
        let script = format!("cd {} && tar -c --exclude='.writing-*' -- {}", quoted(root), names.join(" "));
        let complaints = temporary()?;
        let err = complaints.try_clone().map_err(no_temporary)?;
        let mut child = self.start(&script, Stdio::null(), Stdio::piped(), err.into())?;
        let packed = child.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let unpacking = Command::new("tar").arg("-x").arg("-C").arg(to).stdin(packed).stderr(Stdio::null()).spawn();
        self.transferred("fetching files", child, unpacking.map_err(no_tar)?, complaints)
    }

    fn transferred(&self, doing: &'static str, mut there: Child, mut here: Child, mut complaints: File) -> Result<()> {
        let (there, here) = (there.wait().map_err(no_temporary)?, here.wait().map_err(no_temporary)?);
        let mut err = String::new();
        complaints.seek(SeekFrom::Start(0)).and_then(|_| complaints.read_to_string(&mut err)).map_err(no_temporary)?;
        let said = self.checked(Said { code: there.code().unwrap_or(-1), out: String::new(), err })?;
        if said.code == 0 && here.success() { Ok(()) } else { Err(self.failed(doing, &said)) }
    }
}

fn temporary() -> Result<File> {
    tempfile::tempfile().map_err(no_temporary)
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn no_temporary(error: std::io::Error) -> Fault {
    Fault::file("write", &std::env::temp_dir(), &error)
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn no_tar(error: std::io::Error) -> Fault {
    ElsewhereFault::Program { program: "tar".into(), error: error.to_string() }.into()
}
