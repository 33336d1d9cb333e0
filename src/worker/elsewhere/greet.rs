//! The first words with a place: is it there, has it a trainer, is that of this build.

use std::path::Path;

use super::reach::{Reach, quoted};
use super::{ElsewhereFault, Spot, Starts};
use crate::base::Result;
use crate::worker::{News, TRAINER, build_id};

/// What a place said of itself.
#[derive(Debug, Clone)]
pub(super) struct Station {
    /// Its folder, absolute.
    pub root: String,
    /// Its trainer.
    pub trainer: String,
}

const NO_TRAINER: i32 = 72;
const NO_START: i32 = 73;
const NO_SLURM: i32 = 74;

/// `path` as a word of the shell; `~/` is the home folder there.
fn word(path: &str) -> String {
    path.strip_prefix("~/").map_or_else(|| quoted(path), |rest| format!("\"$HOME\"/{}", quoted(rest)))
}

/// Makes the folder there, finds the trainer, compares builds.
pub(super) fn greet(spot: &Spot, home: &Path) -> Result<Station> {
    let reach = Reach::to(spot);
    let (folder, trainer) = match &spot.host {
        Some(_) => (spot.folder.clone(), spot.trainer.clone().unwrap_or_else(|| "spaceevo-trainer".into())),
        None => {
            let own = || std::path::absolute(TRAINER.path()).unwrap_or_default().display().to_string();
            (home.display().to_string(), spot.trainer.clone().unwrap_or_else(own))
        }
    };
    let slurm = match spot.starts {
        Starts::Slurm => format!("command -v sbatch >/dev/null || exit {NO_SLURM}\n"),
        Starts::Station => String::new(),
    };
    let script = format!(
        "{{\n{setup}\n}} >&2\n{slurm}T={trainer}\nif [ -d \"$T\" ]; then T=$T/target/debug/spaceevo-trainer; fi\n\
         T=$(command -v \"$T\") || exit {NO_TRAINER}\n\
         case $T in /*) ;; *) T=$PWD/$T ;; esac\n\
         mkdir -p {folder} && cd {folder} && pwd -P && echo \"$T\" || exit 1\n\"$T\" --build || exit {NO_START}\n",
        setup = if spot.setup.trim().is_empty() { ":" } else { &spot.setup },
        trainer = word(&trainer),
        folder = word(&folder),
    );
    let said = reach.run(&script, "")?;
    let place = spot.name.clone();
    match said.code {
        0 => {}
        NO_TRAINER => return Err(ElsewhereFault::NoTrainer { place, trainer }.into()),
        NO_START => return Err(ElsewhereFault::Start { place, trainer, why: said.why() }.into()),
        NO_SLURM => return Err(ElsewhereFault::NoSlurm { place }.into()),
        _ => return Err(reach.failed("making a folder", &said)),
    }
    let mut lines = said.out.lines();
    let (root, trainer) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    match lines.next().and_then(|line| serde_json::from_str(line).ok()) {
        Some(News::Hello { build, .. }) if build == build_id() => Ok(Station { root: root.into(), trainer: trainer.into() }),
        Some(News::Hello { build, .. }) => Err(ElsewhereFault::Build { place, found: build, wanted: build_id().into() }.into()),
        _ => {
            Err(ElsewhereFault::Start { place, trainer: trainer.into(), why: "it does not say which build it is".into() }.into())
        }
    }
}
