//! The worker's side of the protocol: one thread listens, so that the end of the session is noticed; another works.

use std::fs::File;
use std::io::{BufRead, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use spaceevo::base::{Fault, Result};
use spaceevo::native::Call;
use spaceevo::worker::{News, Order, PROTOCOL, build_id};

use super::library::Libraries;

/// Bytes of stack for functions.
const STACK_BYTES: usize = 64 << 20;

/// What the session reads; cloning shares it.
#[derive(Clone)]
pub struct Mouth(Arc<Mutex<File>>);

/// The right to speak.
pub struct Speaking<'a>(MutexGuard<'a, File>);

impl Mouth {
    /// Waits for the right to speak; nobody else speaks until it is dropped.
    pub fn hold(&self) -> Speaking<'_> {
        Speaking(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Speaking<'_> {
    /// Tells the session something.
    pub fn say(&mut self, news: &News) {
        if let Ok(mut line) = serde_json::to_vec(news) {
            line.push(b'\n');
            // A session that is gone is noticed at the end of the input.
            let _ = self.0.write_all(&line);
        }
    }
}

/// Puts a file in place of standard output, in which functions that print leave their lines, and gives both.
fn part_streams() -> std::io::Result<(Mouth, File)> {
    let session = File::from(rustix::io::dup(rustix::stdio::stdout())?);
    let printed = tempfile::Builder::new().append(true).tempfile()?.into_file();
    rustix::stdio::dup2_stdout(&printed)?;
    Ok((Mouth(Arc::new(Mutex::new(session))), printed))
}

/// Tells what was printed since the last time.
fn tell_printed(printed: &mut File, mouth: &Mouth) -> std::io::Result<()> {
    if printed.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut bytes = Vec::new();
    printed.rewind()?;
    printed.read_to_end(&mut bytes)?;
    printed.set_len(0)?;
    String::from_utf8_lossy(&bytes).lines().for_each(|line| mouth.hold().say(&News::Log(line.to_owned())));
    Ok(())
}

/// Greets, then calls the functions that standard input orders until it ends. Fails where the system gives no file or thread.
pub fn serve() -> std::io::Result<()> {
    let (mouth, mut printed) = part_streams()?;
    let mut libraries = Libraries::default();
    let speaker = mouth.clone();
    let work = move |file: &Path| {
        let done = call(&mut libraries, file).map(|()| Value::Null);
        if let Err(error) = tell_printed(&mut printed, &speaker) {
            speaker.hold().say(&News::Log(format!("what was printed is lost: {error}")));
        }
        done
    };
    attend(&mouth, work, || {})
}

/// Greets, then runs the cells that standard input orders until it ends, in the folder `here`.
#[cfg(feature = "native")]
pub fn cells(here: &Path) -> std::io::Result<()> {
    use super::notebook::{Handle, Notebook};
    let (mouth, _) = part_streams()?;
    let here = here.to_owned();
    let running: Arc<Mutex<Option<Handle>>> = Arc::default();
    let (handle, speaker) = (running.clone(), mouth.clone());
    let mut notebook = None;
    let work = move |file: &Path| {
        let bytes = std::fs::read(file).map_err(|error| Fault::file("read", file, &error))?;
        let job = serde_json::from_slice(&bytes).map_err(|error| Fault::new("native::frame", error.to_string(), ""))?;
        let notebook = match &mut notebook {
            Some(notebook) => notebook,
            none => none.insert(Notebook::start(&here, &speaker)?),
        };
        *handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(notebook.handle());
        notebook.answer(&job)
    };
    let stop = move || {
        if let Some(handle) = &*running.lock().unwrap_or_else(PoisonError::into_inner) {
            // It fails only if the process is gone already.
            let _ = handle.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    };
    attend(&mouth, work, stop)
}

/// Says to every order that this program was built without cells.
#[cfg(not(feature = "native"))]
pub fn cells(_here: &Path) -> std::io::Result<()> {
    let (mouth, _) = part_streams()?;
    attend(&mouth, |_| Err(no_cells()), || {})
}

/// What a cell is answered in a build without them.
#[cfg(any(test, not(feature = "native")))]
fn no_cells() -> Fault {
    let help = "build it with them: `./x native`, or `cargo build --bins --features native`; `native(\"fn ...\")` in scripts works without";
    Fault::new("native::no_cells", "this build of the lab has no Rust cells that keep a state", help)
}

/// Does `work` with the file of every order until the input ends; `stop` ends what runs.
fn attend(mouth: &Mouth, mut work: impl FnMut(&Path) -> Result<Value> + Send + 'static, stop: impl Fn()) -> std::io::Result<()> {
    mouth.hold().say(&News::Hello { build: build_id().into(), protocol: PROTOCOL });
    let (send, orders): (_, Receiver<(u64, PathBuf)>) = channel();
    let speaker = mouth.clone();
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        while let Ok((id, file)) = orders.recv() {
            let done = work(&file);
            speaker.hold().say(&match done {
                Ok(result) => News::Done { id, result },
                Err(fault) => News::Failed { id, fault },
            });
        }
    })?;
    listen(&send, &stop);
    // This process ends with the input, whatever runs.
    stop();
    Ok(())
}

fn listen(send: &Sender<(u64, PathBuf)>, stop: &impl Fn()) {
    for line in std::io::stdin().lock().lines().map_while(std::result::Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Order::Run { run, file }) => {
                if send.send((run, file)).is_err() {
                    break;
                }
            }
            Ok(Order::Cancel { .. }) => stop(),
            Err(_) => {}
        }
    }
}

fn call(libraries: &mut Libraries, file: &Path) -> Result<()> {
    let frame = std::fs::read(file).map_err(|error| Fault::file("read", file, &error))?;
    let broken = || Fault::new("native::frame", "the arguments of a native function are cut short", "run it again");
    let (call, columns) = Call::read(&frame).ok_or_else(broken)?;
    let answers = libraries.call(&call, &columns)?;
    let out = file.with_extension("out");
    std::fs::write(&out, answers).map_err(|error| Fault::file("write", &out, &error))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_build_without_cells_says_how_to_get_them() {
        let help = super::no_cells().help.unwrap_or_default();
        assert!(help.contains("`./x native`") && include_str!("../../x").contains("\n    native)\n"), "{help}");
        assert!(help.contains("--features native`") && include_str!("../../Cargo.toml").contains("\nnative = ["), "{help}");
    }
}
