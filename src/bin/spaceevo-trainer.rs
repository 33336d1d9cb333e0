//! The binary `spaceevo-trainer`: the only one that links libtorch. A session starts it and speaks to it over standard streams.

#[path = "../torch/mod.rs"]
mod torch;

#[allow(clippy::print_stderr, reason = "a person started it by hand")]
fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    let threads = match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, None, None) => Some(1),
        (Some("--threads"), Some(count), None) => count.parse::<u16>().ok().filter(|&count| count > 0),
        _ => None,
    };
    let Some(threads) = threads else {
        eprintln!(
            "usage: spaceevo-trainer [--threads N]\nA worker of the `spaceevo` session: it reads orders from standard input."
        );
        return std::process::ExitCode::from(2);
    };
    torch::serve(threads);
    std::process::ExitCode::SUCCESS
}
