//! What things cost beside time: files, memory of a process that runs them, energy.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::device::Stopwatch;
use super::host::Host;
use super::measure::{Thing, thing_of};
use super::options::Options;
use crate::base::{Fault, Quiet, Result, readable, write_atomic};
use crate::device::{DeviceFault, Energy, POWERCAP, PeakMemory, run_for_memory, timing_model};
use crate::onnx::{Int8Weights, Precision};

/// How often a waiting session looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes in a megabyte.
const MB: f64 = 1e6;

#[export_module]
mod footprint_functions {
    /// Size of the model file and memory of a process that runs it, in FP32 and INT8, measured here.
    ///
    /// A map, in megabytes: `fp32_file_mb`, `int8_file_mb`; `fp32_peak_mb`, `int8_peak_mb`: the most resident memory of a process that loads and runs it in ONNX Runtime;
    /// `fp32_added_mb`, `int8_added_mb`: by how much that is more than the same process without a model. The property `memory` has what the layers need, computed.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let net = hyperspace("pocket").plain("inverted_residual").largest;
    /// let cost = footprint(net);
    /// cost.int8_file_mb < cost.fp32_file_mb
    /// ```
    #[rhai_fn(return_raw)]
    pub fn footprint(context: NativeCallContext, what: Dynamic) -> Answer<Map> {
        let host = Host::of(&context)?;
        thing_of("footprint", &what).and_then(|thing| measured(&host, &thing)).cross()
    }

    /// Memory that this process needs to load and run an ONNX file: a map of `before_mb` and `peak_mb`.
    ///
    /// What it loaded earlier counts too; `footprint` asks a process of its own.
    ///
    /// # Example
    ///
    /// ```rhai
    /// model_memory("gone.onnx") //> fails file::io
    /// ```
    #[rhai_fn(return_raw)]
    pub fn model_memory(path: &str) -> Answer<Map> {
        let found = run_for_memory(Path::new(path)).cross()?;
        Ok(Map::from([
            ("before_mb".into(), (found.before_bytes as f64 / MB).into()),
            ("peak_mb".into(), (found.peak_bytes as f64 / MB).into()),
        ]))
    }

    /// Writes a thing as an ONNX file, with weights that exist only for timing: what `measure` runs.
    ///
    /// Options: `precision` ("int8"): or "fp32".
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// write_timing_model(block("inverted_residual", #{ cin: 64, hw: 28 }), "block.onnx", #{ precision: "fp32" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write_timing_model(what: Dynamic, path: &str, given: Map) -> Answer<()> {
        written(&what, Path::new(path), given).cross()
    }

    /// Times of runs of an ONNX file by a device's clock, in milliseconds, as an array.
    ///
    /// One more run comes first. Nothing is interleaved, rejected or kept: `measure` does better by a thing of the lab.
    ///
    /// Options: `runs` (10).
    ///
    /// # Example
    ///
    /// ```rhai
    /// time_model("gone.onnx", device("ort"), #{}) //> fails file::io
    /// ```
    #[rhai_fn(return_raw)]
    pub fn time_model(context: NativeCallContext, path: &str, device: Stopwatch, given: Map) -> Answer<rhai::Array> {
        let host = Host::of(&context)?;
        times(&host, Path::new(path), &device, given).cross()
    }

    /// Energy of one run in FP32 and INT8, by the processor's own counters.
    #[rhai_fn(return_raw)]
    pub fn energy(context: NativeCallContext, what: Dynamic, device: Stopwatch) -> Answer<Map> {
        energy_with(context, what, device, Map::new())
    }

    /// Energy of one run in FP32 and INT8, by the processor's own counters.
    ///
    /// A map: `fp32_mj`, `int8_mj`: millijoules a run, all of the processor's; `idle_w`: watts while nothing runs here. Fails with `device::no_energy`
    /// where there are no counters (most virtual machines), or only the administrator may read them.
    ///
    /// Options: `seconds` (2): how long each is run.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// energy(hyperspace("pocket").plain("inverted_residual").largest, device("ort"), #{ seconds: 5 }).int8_mj
    /// ```
    #[rhai_fn(name = "energy", return_raw)]
    pub fn energy_with(context: NativeCallContext, what: Dynamic, device: Stopwatch, given: Map) -> Answer<Map> {
        let host = Host::of(&context)?;
        thing_of("energy", &what).and_then(|thing| used(&host, &thing, &device, given)).cross()
    }
}

fn measured(host: &Host, thing: &Thing) -> Result<Map> {
    let folder = tempfile::tempdir().map_err(|error| Fault::file("create", &std::env::temp_dir(), &error))?;
    let mut map = Map::new();
    for precision in [Precision::Fp32, Precision::Int8] {
        let file = folder.path().join("model.onnx");
        let bytes = timing_model(&thing.graph, precision, Int8Weights::default())?;
        std::fs::write(&file, &bytes).map_err(|error| Fault::file("write", &file, &error))?;
        let found = in_own_process(host, &thing.name, &file, folder.path())?;
        let added = found.peak_bytes.saturating_sub(found.before_bytes);
        map.insert(format!("{precision}_file_mb").into(), (bytes.len() as f64 / MB).into());
        map.insert(format!("{precision}_peak_mb").into(), (found.peak_bytes as f64 / MB).into());
        map.insert(format!("{precision}_added_mb").into(), (added as f64 / MB).into());
    }
    Ok(map)
}

/// The program of this package: this process, or what stands beside it.
fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    if here.file_stem().is_some_and(|name| name == "spaceevo") {
        return here;
    }
    let beside = here.ancestors().skip(1).take(2).map(|folder| folder.join("spaceevo"));
    beside.clone().find(|path| path.is_file()).or_else(|| beside.into_iter().next()).unwrap_or(here)
}

/// Asks a fresh process what it needs for the model `file`.
fn in_own_process(host: &Host, label: &str, file: &Path, lab: &Path) -> Result<PeakMemory> {
    let failed = |reason: String| Fault::from(DeviceFault::Child { label: label.into(), reason });
    let path = serde_json::to_string(&file.display().to_string()).unwrap_or_default();
    let code = format!("let m = model_memory({path}); [m.before_mb, m.peak_mb]");
    let mut command = Command::new(program());
    command.arg("--quiet").arg("--lab").arg(lab.join("lab")).arg("--json").arg("-e").arg(code);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(format!("`{}`: {error}", program().display())))?;
    while child.try_wait().map_err(|error| failed(error.to_string()))?.is_none() {
        if let Err(fault) = host.cancel.check() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(fault);
        }
        std::thread::sleep(LOOK);
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(failed(told.lines().next().unwrap_or("it said nothing").to_string()));
    }
    let found: Result<(f64, f64), _> = serde_json::from_slice(&output.stdout);
    let (before, peak) = found.map_err(|error| failed(format!("its answer is not understood: {error}")))?;
    Ok(PeakMemory { before_bytes: (before * MB) as u64, peak_bytes: (peak * MB) as u64 })
}

fn written(what: &Dynamic, path: &Path, given: Map) -> Result<()> {
    let options = Options::new("write_timing_model", given, &["precision"])?;
    let precision = match options.text("precision")?.as_deref() {
        None | Some("int8") => Precision::Int8,
        Some("fp32") => Precision::Fp32,
        Some(_) => return Err(options.refuse("precision", "there is no such format", "write \"int8\" or \"fp32\"")),
    };
    write_atomic(path, &timing_model(&thing_of("write_timing_model", what)?.graph, precision, Int8Weights::default())?)
}

fn times(host: &Host, path: &Path, device: &Stopwatch, given: Map) -> Result<rhai::Array> {
    let options = Options::new("time_model", given, &["runs"])?;
    let runs = options.count("runs", 1)?.unwrap_or(10);
    let bytes = std::fs::read(readable(path)).map_err(|error| Fault::file("read", path, &error))?;
    let Stopwatch::Timed(device) = device else {
        return Err(Fault::new("device::no_files", "a `table` runs no files", "use `device(\"ort\")`"));
    };
    let mut runner = device.load_file(&bytes)?;
    runner.run()?;
    let mut times = rhai::Array::new();
    for _ in 0..runs {
        host.cancel.check()?;
        times.push(runner.run()?.ms.into());
    }
    Ok(times)
}

fn used(host: &Host, thing: &Thing, device: &Stopwatch, given: Map) -> Result<Map> {
    let options = Options::new("energy", given, &["seconds"])?;
    let seconds = Duration::from_secs_f64(options.positive("seconds")?.unwrap_or(2.0).min(600.0));
    let counters = Energy::open(Path::new(POWERCAP))?;
    let Stopwatch::Timed(device) = device else {
        return Err(Fault::new("device::no_energy", "a `table` runs nothing", "use `device(\"ort\")`"));
    };
    let quiet = Quiet::hold(&host.progress(), &host.cancel)?;
    let (from, began) = (counters.now()?, Instant::now());
    while began.elapsed() < seconds {
        host.cancel.check()?;
        std::thread::sleep(LOOK.min(seconds));
    }
    let idle_w = counters.joules(&from, &counters.now()?) / began.elapsed().as_secs_f64();
    let mut map = Map::from([("idle_w".into(), idle_w.into())]);
    for &precision in device.precisions() {
        let mut runner = device.load(&thing.graph, precision)?;
        runner.run()?;
        let (from, began, mut runs) = (counters.now()?, Instant::now(), 0_u32);
        while began.elapsed() < seconds {
            host.cancel.check()?;
            runner.run()?;
            runs += 1;
        }
        let joules = counters.joules(&from, &counters.now()?);
        map.insert(format!("{precision}_mj").into(), (1e3 * joules / f64::from(runs)).into());
    }
    drop(quiet);
    Ok(map)
}

/// Declares costs beside time.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(footprint_functions).into());
}
