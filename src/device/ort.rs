//! ONNX Runtime on this machine, loaded at run time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{Tensor, TensorRef, ValueType};
use rand::RngExt;

use super::{Device, DeviceFault, Elapsed, Fingerprint, Runner};
use crate::base::{Result, Seed};
use crate::graph::Graph;
use crate::onnx::{self, Int8Weights, Precision};

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
        Self::prepared(bytes, threads, label, needs_exact(Int8Weights::default()))
    }

    fn prepared(bytes: &[u8], threads: usize, label: &str, exact: bool) -> Result<Self> {
        let refused = |error: String| DeviceFault::ModelRefused { label: label.into(), reason: error };
        let mut builder = builder(threads, exact)?;
        let session = builder.commit_from_memory(bytes).map_err(|error| refused(error.to_string()))?;
        Ok(Self { session, label: label.into() })
    }

    /// The shape of its first input; sizes that the model leaves open are 1.
    pub fn input_shape(&self) -> Vec<usize> {
        let shape = self.session.inputs().first().and_then(|input| match input.dtype() {
            ValueType::Tensor { shape, .. } => Some(shape.iter().map(|&size| size.max(1) as usize).collect()),
            _ => None,
        });
        shape.unwrap_or_default()
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

/// How ONNX Runtime is to run networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrtOptions {
    /// Threads inside one run. With one the time is that of the thread itself, so that other programs on the machine
    /// disturb it less; with several it is wall time.
    pub threads: usize,
    /// How INT8 weights are written.
    pub weights: Int8Weights,
}

impl Default for OrtOptions {
    fn default() -> Self {
        Self { threads: 1, weights: Int8Weights::default() }
    }
}

/// ONNX Runtime on this machine as a stopwatch.
#[derive(Debug, Clone)]
pub struct OrtDevice {
    fingerprint: Fingerprint,
    options: OrtOptions,
}

impl OrtDevice {
    /// With these options.
    pub fn new(options: OrtOptions) -> Result<Self> {
        let mut words = vec!["all optimisations"];
        if needs_exact(options.weights) {
            words.push("exact 8-bit products");
        }
        if options.weights.per_tensor {
            words.push("one weight scale a layer");
        }
        if options.weights.seven_bits {
            words.push("7-bit weights");
        }
        let fingerprint = Fingerprint {
            device: "ort".into(),
            runtime: runtime_version()?,
            cpu: processor(),
            threads: options.threads,
            clock: if options.threads == 1 { "cpu" } else { "wall" }.into(),
            options: words.join(", "),
            instructions: instructions().into(),
            governor: governor(),
        };
        Ok(Self { fingerprint, options })
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
        let weights = onnx::weights_for_structure(graph);
        Ok(onnx::structure_key(&onnx::lower_model(graph, &weights, precision, 1, self.options.weights)?))
    }

    fn load(&self, graph: &Graph, precision: Precision) -> Result<Box<dyn Runner>> {
        let bytes = timing_model(graph, precision, self.options.weights)?;
        self.load_file(&bytes)
    }

    fn load_file(&self, bytes: &[u8]) -> Result<Box<dyn Runner>> {
        let session = OrtSession::prepared(bytes, self.options.threads, "model", needs_exact(self.options.weights))?;
        let shape = session.input_shape();
        let mut rng = TIMING_SEED.child("input").rng();
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|_| rng.random_range(-2.0..2.0)).collect();
        let input = Tensor::from_array((shape, values));
        let input = input.map_err(|error| DeviceFault::RunFailed { label: "model".into(), reason: error.to_string() })?;
        Ok(Box::new(Loaded { session, input, by_thread: self.options.threads == 1 }))
    }

    fn warning(&self) -> Option<String> {
        let slow = self.fingerprint.instructions == "none" && !self.options.weights.seven_bits;
        slow.then(|| {
            "this processor has no VNNI instructions: exact 8-bit products take it longer, and its INT8 figures say little \
             about processors that have them; `weight_bits: 7` needs no such care"
                .into()
        })
    }
}

/// Weights that exist only for timing are always the same ones.
const TIMING_SEED: Seed = Seed(1);

/// The model file that is timed for `graph`.
pub fn timing_model(graph: &Graph, precision: Precision, weights: Int8Weights) -> Result<Vec<u8>> {
    onnx::lower_as(graph, &onnx::weights_for_timing(graph, TIMING_SEED), precision, 1, weights)
}

struct Loaded {
    session: OrtSession,
    input: Tensor<f32>,
    by_thread: bool,
}

impl Runner for Loaded {
    fn run(&mut self) -> Result<Elapsed> {
        let failed = |error: &dyn std::fmt::Display| DeviceFault::RunFailed { label: "model".into(), reason: error.to_string() };
        let inputs = [(&self.input).into()];
        let inputs: &[SessionInputValue<'_>] = &inputs;
        let wall = Instant::now();
        let thread = ThreadTime::try_now().map_err(|error| failed(&error))?;
        let outputs = self.session.session.run(inputs);
        let thread = thread.try_elapsed().map_err(|error| failed(&error))?;
        let wall = wall.elapsed();
        outputs.map_err(|error| failed(&error))?;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        Ok(Elapsed { ms: if self.by_thread { ms(thread) } else { ms(wall) }, wall_ms: ms(wall) })
    }
}

/// The processor's name, as the operating system tells it.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.unwrap_or(std::env::consts::ARCH).to_string()
}

/// How the system sets the clock of the first core; empty where it does not say.
fn governor() -> String {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").unwrap_or_default();
    text.trim().to_string()
}

/// The nodes that ONNX Runtime really runs for a model, after its graph optimisation, as (operator, name).
/// A float `Conv` or `Add` among them in an INT8 model of a relu network means that fusion was missed.
pub fn optimised_ops(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    onnx::operators(&optimised(bytes)?)
}

/// The model file that ONNX Runtime makes of a model by its graph optimisation.
pub fn optimised(bytes: &[u8]) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().map_err(|error| crate::base::Fault::file("create", &std::env::temp_dir(), &error))?;
    let path = folder.path().join("optimised.onnx");
    let refused = |error: String| DeviceFault::ModelRefused { label: "model".into(), reason: error };
    let builder = builder(1, needs_exact(Int8Weights::default()))?;
    let mut builder = builder.with_optimized_model_path(&path).map_err(|error| refused(error.to_string()))?;
    builder.commit_from_memory(bytes).map_err(|error| refused(error.to_string()))?;
    std::fs::read(&path).map_err(|error| crate::base::Fault::file("read", &path, &error))
}

fn builder(threads: usize, exact: bool) -> Result<SessionBuilder> {
    let path = load_runtime()?;
    let attempt = || -> ort::Result<SessionBuilder> {
        let builder = Session::builder()?
            .with_intra_threads(threads.max(1))?
            .with_inter_threads(1)?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_log_level(ort::logging::LogLevel::Error)?;
        Ok(if exact { builder.with_config_entry("session.x64quantprecision", "1")? } else { builder })
    };
    attempt().map_err(|error| DeviceFault::RuntimeUnusable { path: path.display().to_string(), reason: error.to_string() }.into())
}

/// Whether the runtime must take care that products of unsigned and signed bytes do not saturate at 16 bits, as they do
/// without the dot-product instructions. Sums of two products of 7-bit weights fit.
fn needs_exact(weights: Int8Weights) -> bool {
    cfg!(target_arch = "x86_64") && instructions() == "none" && !weights.seven_bits
}

/// The instructions of this processor that multiply and sum bytes.
pub fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512vnni") {
            return "avx512_vnni";
        }
        if is_x86_feature_detected!("avxvnni") { "avx_vnni" } else { "none" }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        "native"
    }
}
