//! Replaying a bundle: its scripts run again in a lab of their own, and the results are compared.

use std::path::Path;
use std::sync::Arc;

use super::render::Trouble;
use super::{HostSettings, Output, Session, Settings};
use crate::base::Fault;
use crate::primitive::replay::{Program, Replay, shown};

pub use crate::primitive::replay::Verdict;

/// Who hears of a replay while it runs.
pub trait Listener {
    /// A session is about to run a script, for which the folder `work` stands ready.
    fn begins(&self, session: &Session, work: &Path) -> Result<(), Fault>;
    /// Something to know before reading the verdicts.
    fn warns(&self, sentence: &str);
    /// A script failed; what it kept until then is compared all the same.
    fn fails(&self, trouble: &Trouble);
}

fn plain(fault: Fault) -> Box<Trouble> {
    Box::new(Trouble::plain(fault))
}

/// Opens the bundle at `file`, unpacks it below `folder` (absolute), runs its scripts with a lab there, and compares.
/// Each script has a folder of its own to run in, so that it overwrites nothing; going there is the listener's matter.
pub fn replay(
    file: &Path,
    folder: &Path,
    settings: &Settings,
    output: &Arc<dyn Output>,
    listener: &dyn Listener,
) -> Result<Vec<Verdict>, Box<Trouble>> {
    let replay = Replay::open(file).map_err(plain)?;
    replay.unpack(&folder.join("bundle")).map_err(plain)?;
    replay.warnings().iter().for_each(|warning| listener.warns(warning));
    for (at, program) in replay.programs().map_err(plain)?.into_iter().enumerate() {
        let folder = folder.join(format!("script{}", at + 1));
        let missing = replay.lay_out(&program, &folder).map_err(plain)?;
        missing.iter().for_each(|warning| listener.warns(warning));
        run(program, &folder, settings, output, listener)?;
    }
    replay.compare(&settings.host.lab).map_err(plain)
}

/// Runs one script. Inputs of a prompt run one by one, as they did.
fn run(
    program: Program,
    folder: &Path,
    settings: &Settings,
    output: &Arc<dyn Output>,
    listener: &dyn Listener,
) -> Result<(), Box<Trouble>> {
    let own = folder.join("library");
    let settings = Settings {
        host: HostSettings { seed: program.session_seed, ..settings.host.clone() },
        stdlib: if program.library.is_empty() { settings.stdlib.clone() } else { Some(own) },
        args: program.args,
        imports: program.imports,
        ..settings.clone()
    };
    let session = Session::new(settings, output.clone())?;
    listener.begins(&session, &folder.join("work")).map_err(plain)?;
    for (name, text) in &program.texts {
        if let Some(trouble) = session.eval(text, name).trouble {
            listener.fails(&trouble);
        }
    }
    Ok(())
}

/// The verdicts as a table for `places` characters.
pub fn table(verdicts: &[Verdict], places: usize) -> Result<String, Box<Trouble>> {
    shown(verdicts, places).map_err(plain)
}
