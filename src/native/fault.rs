//! What can go wrong with functions in Rust.
#![allow(missing_docs, reason = "the message of a variant names its fields")]

use miette::Diagnostic;
use thiserror::Error;

/// A fault of a native function.
#[derive(Debug, Error, Diagnostic)]
pub enum NativeFault {
    /// No compiler.
    #[error("there is no Rust compiler here: {reason}")]
    #[diagnostic(
        code(native::no_toolchain),
        help(
            "install Rust with rustup and a C compiler (`cc`), or name a compiler in the environment variable RUSTC; what was compiled before runs without"
        )
    )]
    NoToolchain { reason: String },
    /// The compiler refuses the code.
    #[error("the Rust code does not compile\n{report}\n")]
    #[diagnostic(code(native::compile), help("lines are counted from the first of the Rust code"))]
    Compile { report: String },
    /// There is not one function to call.
    #[error("{what}")]
    #[diagnostic(code(native::function), help("{help}"))]
    Function { what: String, help: String },
    /// A type that does not cross.
    #[error("{place} of `{function}` has a type that no value of a script is turned into")]
    #[diagnostic(code(native::signature), help("use {known}"))]
    Signature { function: String, place: String, known: String },
    /// The function panicked.
    #[error("`{function}` panicked{place}: {message}")]
    #[diagnostic(
        code(native::panic),
        help("lines are counted from the first of the Rust code; the session and other calls go on")
    )]
    Panic { function: String, place: String, message: String },
    /// The function returned an error.
    #[error("`{function}` failed{place}: {message}")]
    #[diagnostic(code(native::failed), help("the message is the function's own"))]
    Failed { function: String, place: String, message: String },
    /// The function ended the worker.
    #[error("`{function}` ended the process that it ran in ({how}){last}")]
    #[diagnostic(
        code(native::died),
        help(
            "an abort, a stack overflow or a wild pointer does this; the session goes on, and the next call starts a new process"
        )
    )]
    Died { function: String, how: String, last: String },
    /// A library that does not load.
    #[error("the compiled function `{function}` does not load: {reason}")]
    #[diagnostic(code(native::load), help("delete the folder `native` in the lab's folder: the function is then compiled anew"))]
    Load { function: String, reason: String },
    /// Arguments that do not fit.
    #[error("{what}")]
    #[diagnostic(code(native::arguments), help("`{signature}`"))]
    Arguments { what: String, signature: String },
}
