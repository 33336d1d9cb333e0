//! `spaceevo replay`: runs the scripts of a bundle again and says which results agree.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::args::Args;
use super::progress::Bars;
use super::{interrupt, plain, report, settings, terminal};
use crate::base::{Fault, Progress};
use crate::runtime::render::Trouble;
use crate::runtime::replay::{Listener, replay, table};
use crate::runtime::{Output, Session};

/// Characters of a line of the table of verdicts.
const PLACES: usize = 120;

/// Replays the bundle at `file` in the folder `keep`, or in one that is gone afterwards.
pub(super) fn run(args: &Args, file: &Path, keep: Option<&Path>) -> Result<ExitCode, Box<Trouble>> {
    let trouble = |doing: &str, path: &Path, error: &std::io::Error| Box::new(Trouble::plain(Fault::file(doing, path, error)));
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| trouble("find", path, &error));
    let temporary = tempfile::tempdir().map_err(|error| trouble("make", &std::env::temp_dir(), &error))?;
    let folder = absolute(keep.unwrap_or(temporary.path()))?;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        // Results of an earlier replay would be taken for new ones.
        let message = format!("`{}` is not empty", folder.display());
        return Err(plain("replay::folder", &message, "give --keep a folder that is new or empty"));
    }
    let mut settings = settings(args, &[]);
    settings.host.lab = folder.join("lab");
    settings.stdlib = settings.stdlib.as_deref().map(absolute).transpose()?;
    let bars = Arc::new(Bars::new(args.quiet));
    let output: Arc<dyn Output> = Arc::new(Aside { bars: bars.clone() });
    let here = absolute(Path::new("."))?;
    let replayed = replay(file, &folder, &settings, &output, &Watch { bars });
    // A temporary folder cannot be deleted from inside on every system.
    let _ = std::env::set_current_dir(here);
    let verdicts = replayed?;
    terminal::line(&table(&verdicts, PLACES)?);
    if keep.is_some() {
        terminal::line(&format!("kept in {}", folder.display()));
    }
    let agree = verdicts.iter().all(|verdict| verdict.agrees);
    Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the scripts print goes to standard error: standard output is for the verdicts.
#[derive(Debug)]
struct Aside {
    bars: Arc<Bars>,
}

impl Output for Aside {
    fn print(&self, line: &str) {
        self.bars.aside(|| terminal::error(&format!("{line}\n")));
    }
}

struct Watch {
    bars: Arc<Bars>,
}

impl Listener for Watch {
    fn begins(&self, session: &Session, work: &Path) -> Result<(), Fault> {
        session.set_progress(Progress::to(self.bars.clone()));
        interrupt::watch(session.cancel());
        let entered = std::fs::create_dir_all(work).and_then(|()| std::env::set_current_dir(work));
        entered.map_err(|error| Fault::file("enter", work, &error))
    }

    fn warns(&self, sentence: &str) {
        self.bars.aside(|| terminal::error(&format!("warning: {sentence}\n")));
    }

    fn fails(&self, trouble: &Trouble) {
        self.bars.aside(|| report(trouble));
    }
}
