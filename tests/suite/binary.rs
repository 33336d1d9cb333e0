//! The built binaries as files: the session stays light.

use std::{path::Path, process::Command};

/// The shared libraries that a binary asks for, with those that they ask for; none where there is no `ldd`.
fn libraries(binary: &str) -> Option<Vec<String>> {
    let listed = Command::new("ldd").arg(binary).output().ok()?;
    assert!(listed.status.success(), "ldd {binary}: {}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).unwrap();
    Some(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_string).collect())
}

#[test]
fn the_session_does_not_link_libtorch() {
    let session = env!("CARGO_BIN_EXE_spaceevo");
    assert!(Path::new(session).is_file());
    let Some(libraries) = libraries(session) else {
        println!("skipped: there is no `ldd` here to list the libraries of {session}");
        return;
    };
    assert!(libraries.iter().any(|name| name.starts_with("libc.so")), "ldd listed {libraries:?}");
    let heavy: Vec<_> =
        libraries.iter().filter(|name| ["torch", "c10", "onnxruntime"].iter().any(|part| name.contains(part))).collect();
    assert!(
        heavy.is_empty(),
        "`spaceevo` links {heavy:?}, which costs half a second at each start: leave what needs it to the trainer or load it on demand"
    );
}
