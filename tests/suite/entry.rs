//! The entry script `x`: what it refuses, and that a setup survives a broken download.
//! Setup runs in a folder of its own, against a small package index made here; nothing leaves this machine.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WHEEL: &str = "onnxruntime-1.26.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl";

/// `x` in a folder of its own, where it would set up afresh but for LIBTORCH.
fn copy_of_x(sha256: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut script = fs::read_to_string(format!("{ROOT}/x")).unwrap();
    if let Some(sha256) = sha256 {
        let line = script.lines().find(|line| line.starts_with("onnxruntime_wheel=")).expect("x pins ONNX Runtime");
        let pinned = line.rsplit(' ').next().unwrap().trim_end_matches('"').to_string();
        assert_eq!(pinned.len(), 64, "{line}");
        script = script.replace(&pinned, sha256);
    }
    let path = folder.path().join("x");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(format!("{ROOT}/Cargo.toml"), folder.path().join("Cargo.toml")).unwrap();
    folder
}

/// `x` of `folder`, to be run with no settings of pip but the given index.
fn x(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(folder.join("x"));
    let libtorch = std::env::var("LIBTORCH").unwrap_or(format!("{ROOT}/.native/libtorch"));
    command.env("LIBTORCH", libtorch);
    command.args(arguments).env_remove("ORT_DYLIB_PATH").env("PIP_CONFIG_FILE", "/dev/null").env("PIP_NO_INDEX", "1");
    for name in ["PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn refused(command: &mut Command, message: &str) {
    let output = command.output().unwrap();
    let told = told(&output);
    assert!(!output.status.success(), "{told}");
    assert!(told.contains(message), "{message:?} is not in {told:?}");
}

#[test]
fn help_names_every_command() {
    let output = x(Path::new(ROOT), &["help"]).output().unwrap();
    assert!(output.status.success());
    for command in ["setup", "run", "repl", "kernel", "test", "bench", "docs", "jupyter-env"] {
        assert!(told(&output).contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn what_cannot_be_done_is_said_in_one_sentence() {
    let folder = copy_of_x(None);
    let at = folder.path();
    refused(&mut x(at, &["dance"]), "no command is called dance");
    refused(&mut x(at, &["run"]), "which script?");
    refused(&mut x(at, &["bench", "nothing"]), "no bench is called nothing");
    refused(x(at, &["setup"]).env("CXX", "no-such-compiler"), "a C++ compiler is missing (`no-such-compiler`)");
    refused(x(at, &["setup"]).env("LIBTORCH", at), "has no lib/libtorch_cpu.so");
    refused(x(at, &["setup"]).env("ORT_DYLIB_PATH", at.join("x")), "is no ONNX Runtime library");

    let other = at.join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("uname"), "#!/bin/sh\n[ \"$1\" = -s ] && echo Darwin || echo arm64\n").unwrap();
    fs::set_permissions(other.join("uname"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", other.display(), std::env::var("PATH").unwrap());
    refused(x(at, &["setup"]).env("PATH", path), "only Linux on x86-64 is supported, this is Darwin arm64");
    assert!(!at.join(".native").exists());
}

/// A wheel that holds what `x` takes for ONNX Runtime 1.26, with ballast, so that it can be cut in the middle.
fn wheel(folder: &Path) -> Option<Vec<u8>> {
    let member = folder.join("onnxruntime/capi/libonnxruntime.so.1.26.0");
    fs::create_dir_all(member.parent().unwrap()).unwrap();
    let ballast: Vec<u8> = (0..1_000_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(&member, [b"VERS_1.26.0\0", ballast.as_slice()].concat()).unwrap();
    let packed = Command::new("python3").args(["-m", "zipfile", "-c", WHEEL, "onnxruntime"]).current_dir(folder).output().ok()?;
    packed.status.success().then(|| fs::read(folder.join(WHEEL)).unwrap())
}

/// A package index with one wheel, whose first transfer ends in the middle. Its address, and the byte at which
/// each transfer began.
fn index(wheel: Vec<u8>) -> (String, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let starts = Arc::new(Mutex::new(Vec::new()));
    let seen = starts.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &wheel, &seen);
        }
    });
    (address, starts)
}

fn answer(mut stream: TcpStream, wheel: &[u8], starts: &Mutex<Vec<usize>>) {
    let lines: Vec<String> = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let Some(request) = lines.first() else { return };
    let head = |status: &str, kind: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let reply = if request.contains(".whl") {
        let range =
            lines.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
        let mut starts = starts.lock().unwrap();
        starts.push(range.unwrap_or(0));
        let rest = &wheel[range.unwrap_or(0)..];
        let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
        let sent = if starts.len() == 1 { rest.len() / 2 } else { rest.len() };
        [head(status, "application/octet-stream", rest.len()).as_bytes(), &rest[..sent]].concat()
    } else {
        let page = format!("<!DOCTYPE html><html><body><a href=\"/files/{WHEEL}\">{WHEEL}</a></body></html>");
        [head("200 OK", "text/html", page.len()), page].concat().into_bytes()
    };
    // The client may have gone, which is its own affair.
    stream.write_all(&reply).ok();
}

#[test]
fn setup_goes_on_where_a_download_broke_off() {
    let made = tempfile::tempdir().unwrap();
    let Some(wheel) = wheel(made.path()) else { return println!("skipped: there is no python3 to pack a wheel with") };
    let sha256: String = Sha256::digest(&wheel).iter().map(|byte| format!("{byte:02x}")).collect();
    let size = wheel.len();
    let (address, starts) = index(wheel);
    let folder = copy_of_x(Some(&sha256));
    let setup =
        || x(folder.path(), &["setup"]).env_remove("PIP_NO_INDEX").env("PIP_INDEX_URL", format!("{address}/simple")).output();

    let first = setup().unwrap();
    let said = told(&first);
    assert!(first.status.success(), "{said}");
    assert!(said.contains("18 MB to download"), "the size is named: {said}");
    let begun = starts.lock().unwrap().clone();
    assert_eq!(begun.len(), 2, "{begun:?}: {said}");
    assert!(begun[0] == 0 && begun[1] > size / 4 && begun[1] <= size / 2, "{begun:?} of {size}: {said}");
    let library = fs::read(folder.path().join(".native/onnxruntime/libonnxruntime.so")).unwrap();
    assert!(library.starts_with(b"VERS_1.26.0\0") && library.len() == 4_000_012);
    assert!(!folder.path().join(".native/downloads").exists(), "nothing is left behind");

    let second = setup().unwrap();
    assert!(told(&second).contains("ONNX Runtime 1.26.0: in place"), "{}", told(&second));
    assert_eq!(starts.lock().unwrap().len(), 2, "nothing is fetched twice");
}

#[test]
fn a_wheel_with_the_wrong_sum_is_not_installed() {
    let made = tempfile::tempdir().unwrap();
    if wheel(made.path()).is_none() {
        return println!("skipped: there is no python3 to pack a wheel with");
    }
    let folder = copy_of_x(None);
    refused(x(folder.path(), &["setup"]).env("PIP_FIND_LINKS", made.path()), "has the wrong SHA-256 and was deleted");
    assert!(!folder.path().join(".native/onnxruntime").exists());
}
