//! The binary `spaceevo-native`: runs what is compiled from Rust in a script or cell. A session starts it and speaks to it over
//! standard streams.

#[path = "../cells/mod.rs"]
mod cells;

use std::path::Path;
use std::process::ExitCode;

#[allow(clippy::print_stderr, reason = "a person started it by hand")]
fn main() -> ExitCode {
    #[cfg(feature = "native")]
    cells::run_cells_of_another();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let served = match arguments.as_slice() {
        [] => cells::serve(),
        [mode, folder] if mode == "--cells" => cells::cells(Path::new(folder)),
        _ => {
            eprintln!(
                "usage: spaceevo-native [--cells FOLDER]\nA worker of the `spaceevo` session: it reads orders from standard input."
            );
            return ExitCode::from(2);
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
