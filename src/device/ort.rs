//! ONNX Runtime on this machine, loaded at run time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use cpu_time::ThreadTime;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{Tensor, TensorRef};
use rand::RngExt;

use super::{Device, DeviceFault, Fingerprint, Runner};
use crate::base::{Result, Seed};
use crate::graph::Graph;
use crate::onnx::{self, Precision};

/// Where `./x setup` lays the library, below the project's folder.
const LIBRARY: &str = ".native/onnxruntime/libonnxruntime.so";

/// Loads the library once for the whole process: `ORT_DYLIB_PATH`, else [`LIBRARY`] in a folder above this
/// program or above the current folder. Returns where it was found.
pub fn load_runtime() -> Result<&'static Path> {
    static LOADED: OnceLock<PathBuf> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());
    let _alone = LOADING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(path) = LOADED.get() {
        return Ok(path);
    }
    let path = find_runtime()?;
    let unusable = |reason: String| DeviceFault::RuntimeUnusable { path: path.display().to_string(), reason };
    ort::init_from(&path).map_err(|error| unusable(error.to_string()))?.with_name("spaceevo").with_telemetry(false).commit();
    Ok(LOADED.get_or_init(|| path))
}

fn find_runtime() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        return std::path::absolute(&given).map_err(|error| {
            DeviceFault::RuntimeUnusable { path: given.to_string_lossy().into_owned(), reason: error.to_string() }.into()
        });
    }
    let starts = [std::env::current_exe().ok(), std::env::current_dir().ok()];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|folder| folder.join(LIBRARY))
        .find(|path| path.exists())
        .ok_or_else(|| DeviceFault::NoRuntime { library: LIBRARY }.into())
}

/// Version of the loaded runtime, for example `ONNX Runtime 1.26.0`.
pub fn runtime_version() -> Result<String> {
    load_runtime()?;
    // The build information names the release branch and the commit; a development build has no branch of a release.
    let info = ort::info();
    let part = |key: &str| info.split([',', ' ']).find_map(|word| word.strip_prefix(key));
    Ok(match part("git-branch=rel-") {
        Some(version) => format!("ONNX Runtime {version}"),
        None => format!("ONNX Runtime, commit {}", part("git-commit-id=").unwrap_or("unknown")),
    })
}

/// A model loaded into ONNX Runtime, with all graph optimisation on.
#[derive(Debug)]
pub struct OrtSession {
    session: Session,
    label: String,
}

impl OrtSession {
    /// Loads a model file's bytes for `threads` threads; with one thread it runs in the caller's.
    pub fn load(bytes: &[u8], threads: usize) -> Result<Self> {
        Self::labelled(bytes, threads, "model")
    }

    /// [`OrtSession::load`] with a name for messages.
    pub fn labelled(bytes: &[u8], threads: usize, label: &str) -> Result<Self> {
        let refused = |error: String| DeviceFault::ModelRefused { label: label.into(), reason: error };
        let mut builder = builder(threads)?;
        let session = builder.commit_from_memory(bytes).map_err(|error| refused(error.to_string()))?;
        Ok(Self { session, label: label.into() })
    }

    /// Runs it on `input`, whose shape is `shape`; returns the values of its output in order.
    pub fn run(&mut self, input: &[f32], shape: &[usize]) -> Result<Vec<f32>> {
        let label = self.label.clone();
        let failed = |error: ort::Error| DeviceFault::RunFailed { label: label.clone(), reason: error.to_string() };
        let input = TensorRef::from_array_view((shape, input)).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        let (_, values) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        Ok(values.to_vec())
    }
}

/// ONNX Runtime on this machine as a stopwatch.
#[derive(Debug, Clone)]
pub struct OrtDevice {
    fingerprint: Fingerprint,
}

impl OrtDevice {
    /// With `threads` threads inside one run. With one thread the time is that of the thread itself, so that other
    /// programs on the machine disturb it less; with several it is wall time.
    pub fn new(threads: usize) -> Result<Self> {
        let fingerprint = Fingerprint {
            device: "ort".into(),
            runtime: runtime_version()?,
            cpu: processor(),
            threads,
            clock: if threads == 1 { "cpu" } else { "wall" }.into(),
            options: if has_dot_product() { "all optimisations" } else { "all optimisations, exact 8-bit products" }.into(),
        };
        Ok(Self { fingerprint })
    }
}

impl Device for OrtDevice {
    fn name(&self) -> &str {
        &self.fingerprint.device
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn precisions(&self) -> &[Precision] {
        &[Precision::Fp32, Precision::Int8]
    }

    fn structure_key(&self, graph: &Graph, precision: Precision) -> Result<String> {
        let weights = onnx::weights_for_timing(graph, TIMING_SEED);
        Ok(onnx::structure_key(&onnx::lower_model(graph, &weights, precision, 1)?))
    }

    fn load(&self, graph: &Graph, precision: Precision) -> Result<Box<dyn Runner>> {
        let bytes = onnx::lower(graph, &onnx::weights_for_timing(graph, TIMING_SEED), precision, 1)?;
        let session = OrtSession::load(&bytes, self.fingerprint.threads)?;
        let shape = graph.input_shape();
        let mut rng = TIMING_SEED.child("input").rng();
        let values: Vec<f32> = (0..shape.elements()).map(|_| rng.random_range(-2.0..2.0)).collect();
        let input = Tensor::from_array(([1, shape.c(), shape.h, shape.w], values));
        let input = input.map_err(|error| DeviceFault::RunFailed { label: "model".into(), reason: error.to_string() })?;
        Ok(Box::new(Loaded { session, input, by_thread: self.fingerprint.threads == 1 }))
    }
}

/// Weights that exist only for timing are always the same ones.
const TIMING_SEED: Seed = Seed(1);

struct Loaded {
    session: OrtSession,
    input: Tensor<f32>,
    by_thread: bool,
}

impl Runner for Loaded {
    fn run_ms(&mut self) -> Result<f64> {
        let failed = |error: &dyn std::fmt::Display| DeviceFault::RunFailed { label: "model".into(), reason: error.to_string() };
        let inputs = [(&self.input).into()];
        let inputs: &[SessionInputValue<'_>] = &inputs;
        let elapsed = if self.by_thread {
            let began = ThreadTime::try_now().map_err(|error| failed(&error))?;
            let outputs = self.session.session.run(inputs);
            let elapsed = began.try_elapsed().map_err(|error| failed(&error))?;
            outputs.map_err(|error| failed(&error))?;
            elapsed
        } else {
            let began = Instant::now();
            let outputs = self.session.session.run(inputs);
            let elapsed = began.elapsed();
            outputs.map_err(|error| failed(&error))?;
            elapsed
        };
        Ok(elapsed.as_secs_f64() * 1e3)
    }
}

/// The processor's name, as the operating system tells it.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.unwrap_or(std::env::consts::ARCH).to_string()
}

/// The nodes that ONNX Runtime really runs for a model, after its graph optimisation, as (operator, name).
/// A float `Conv` or `Add` among them in an INT8 model of a relu network means that fusion was missed.
pub fn optimised_ops(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let folder = tempfile::tempdir().map_err(|error| crate::base::Fault::file("create", &std::env::temp_dir(), &error))?;
    let path = folder.path().join("optimised.onnx");
    let refused = |error: String| DeviceFault::ModelRefused { label: "model".into(), reason: error };
    let builder = builder(1)?;
    let mut builder = builder.with_optimized_model_path(&path).map_err(|error| refused(error.to_string()))?;
    builder.commit_from_memory(bytes).map_err(|error| refused(error.to_string()))?;
    let optimised = std::fs::read(&path).map_err(|error| crate::base::Fault::file("read", &path, &error))?;
    onnx::operators(&optimised)
}

fn builder(threads: usize) -> Result<SessionBuilder> {
    let path = load_runtime()?;
    let attempt = || -> ort::Result<SessionBuilder> {
        let builder = Session::builder()?
            .with_intra_threads(threads.max(1))?
            .with_inter_threads(1)?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_log_level(ort::logging::LogLevel::Error)?;
        // Without the dot-product instructions, products of unsigned and signed bytes would saturate at 16 bits.
        Ok(if has_dot_product() { builder } else { builder.with_config_entry("session.x64quantprecision", "1")? })
    };
    attempt().map_err(|error| DeviceFault::RuntimeUnusable { path: path.display().to_string(), reason: error.to_string() }.into())
}

/// Whether this processor multiplies and sums bytes exactly (VNNI, or not an x86 one).
fn has_dot_product() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        true
    }
}
