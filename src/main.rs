//! The binary `spaceevo`: a prompt, a script runner, a checker of examples.

fn main() -> std::process::ExitCode {
    spaceevo::cli::main()
}
