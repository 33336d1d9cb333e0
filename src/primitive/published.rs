//! Weights from elsewhere: published files read into the lab's names, teachers that use them, teachers that are TorchScript.

use std::collections::BTreeMap;
use std::path::Path;

use rhai::plugin::*;
use rhai::{Engine, Map};

use super::cross::{Answer, Cross};
use super::dataset::{data_of, default_data};
use super::host::Host;
use super::network::{FixedNetwork, NetworkPlan};
use super::options::Options;
use crate::base::{Fault, Result, hash_hex, readable, write_atomic};
use crate::frame::Table;
use crate::graph::{Difference, Network, Unlike, dims, load_published};
use crate::lab::Detail;
use crate::train::{Job, NetworkTap, ScriptShapes, Teacher, TeacherForm, TeacherNet, WeightsRef};

/// Differences that a message shows.
const SHOWN: usize = 8;
/// Folder of the lab for weights that were read.
const KIND: &str = "weights";
/// Ends of the names of TorchScript files.
const SCRIPTS: [&str; 3] = ["pt", "pth", "ts"];

#[export_module]
mod published_functions {
    /// Published weights of a network, from a safetensors file, under the lab's names.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// let read = network("resnet18").import_weights("resnet18.safetensors");
    /// network("resnet18").export_onnx("resnet18.onnx", #{ precision: "fp32", weights: read.file });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn import_weights(context: NativeCallContext, network: FixedNetwork, file: &str) -> Answer<Map> {
        import_weights_with(context, network, file, Map::new())
    }

    /// Published weights of a network, from a safetensors file, under the lab's names.
    ///
    /// Tensors may have the names of torchvision or of timm (`network.published` shows them), or the lab's own. Gives a map of `file`,
    /// in the lab, for `export_onnx` and `teacher`, and `differences`, a table of what is missing, left over or of wrong shape.
    ///
    /// Options: `strict` (true): whether any difference is an error; otherwise what fits is taken.
    ///
    /// # Example
    ///
    /// ```rhai
    /// network("resnet18").import_weights("no_such.safetensors", #{ strict: false }) //> fails file::io
    /// ```
    #[rhai_fn(name = "import_weights", return_raw)]
    pub fn import_weights_with(context: NativeCallContext, network: FixedNetwork, file: &str, given: Map) -> Answer<Map> {
        let host = Host::of(&context)?;
        let options = Options::new("import_weights", given, &["strict"]).cross()?;
        let strict = options.flag("strict").cross()?.unwrap_or(true);
        let (weights, differences) = import(&host, &network.net, file, strict).cross()?;
        let table = table_of(&differences).cross()?;
        let file = weights.path.display().to_string();
        Ok(Map::from([("file".into(), file.into()), ("differences".into(), Dynamic::from(table))]))
    }
}

fn table_of(differences: &[Difference]) -> Result<Table> {
    let shapes = |shape: fn(&Difference) -> Option<&Vec<usize>>| {
        differences.iter().map(move |one| shape(one).map_or_else(String::new, |shape| dims(shape)))
    };
    Table::builder()
        .text("difference", differences.iter().map(|one| one.unlike.words().to_owned()))
        .text("tensor", differences.iter().map(|one| one.tensor.clone()))
        .text("layer", differences.iter().map(|one| one.layer.clone().unwrap_or_default()))
        .text("found", shapes(|one| one.found.as_ref()))
        .text("needed", shapes(|one| one.needed.as_ref()))
        .build()
}

/// The weights of `network` among those in `file`, kept in the lab under the hash of their numbers, and what did not fit;
/// with `strict` that is an error.
fn import(host: &Host, network: &Network, file: &str, strict: bool) -> Result<(WeightsRef, Vec<Difference>)> {
    let path = readable(Path::new(file));
    host.running.reads(&path);
    let import = network.import(&load_published(&path)?);
    if strict && !import.differences.is_empty() {
        return Err(unlike(file, network, &import.differences));
    }
    let bytes = import.weights.to_bytes()?;
    let (lab, key) = (host.lab()?, hash_hex(&bytes));
    let at = lab.artifact(KIND, &key)?.join("weights.safetensors");
    if lab.result(KIND, &key)?.is_none() {
        write_atomic(&at, &bytes)?;
        let result = BTreeMap::from([("network", network.name.as_str()), ("file", file)]);
        let detail = Detail { label: format!("weights of {}", network.name), ..Detail::default() };
        lab.keep_result(KIND, &key, &result, &detail)?;
    }
    Ok((WeightsRef { job: key, path: at }, import.differences))
}

/// The fault of a file that does not fit a network.
fn unlike<'a>(file: &str, network: &Network, differences: impl IntoIterator<Item = &'a Difference>) -> Fault {
    let differences: Vec<_> = differences.into_iter().collect();
    let mut message = format!("`{file}` does not fit network `{}`\n", network.name);
    differences.iter().take(SHOWN).for_each(|one| message.push_str(&format!("  {one}\n")));
    if differences.len() > SHOWN {
        message.push_str(&format!("  and {} more\n", differences.len() - SHOWN));
    }
    let help = "check the network's name and `classes`; `strict: false` takes what fits, and `import_weights` lists the rest";
    Fault::new("weights::unlike", message.trim_end(), help)
}

/// A teacher that is a fixed network.
#[derive(Debug, Clone)]
pub(super) struct NetworkTeacher {
    name: String,
    plan: NetworkPlan,
    taps: Vec<NetworkTap>,
}

impl NetworkTeacher {
    /// Reads the option `taps` and builds the network once, so that mistakes show where they are made.
    pub fn new(name: &str, plan: &NetworkPlan, options: &Options) -> Result<Self> {
        let mut taps = Vec::new();
        for entry in options.array("taps")?.unwrap_or_default() {
            let entry = entry.try_cast::<Map>().ok_or_else(|| {
                options.refuse(
                    "taps",
                    "each must be a map",
                    "for example `#{ name: \"stage1\", from: \"stem\", to: \"stage1\" }`",
                )
            })?;
            let tap = Options::new("a tap of define_teacher", entry, &["name", "from", "to"])?;
            let text = |key: &str| tap.need::<ImmutableString>(key, "a text").map(String::from);
            taps.push(NetworkTap { name: text("name")?, from: text("from")?, to: text("to")? });
        }
        if taps.is_empty() {
            let help = "say which features the stages learn: `taps: [#{ name: \"stage1\", from: \"stage1\", to: \"stage2\" }]`";
            return Err(Fault::new("options::missing", format!("teacher `{name}` has no `taps`"), help));
        }
        let teacher = Self { name: name.into(), plan: plan.adapted(options)?, taps };
        let plain = Options::new("define_teacher", Map::new(), &[])?;
        teacher.cut(&teacher.plan.network(&plain)?.net)?;
        Ok(teacher)
    }

    fn cut(&self, network: &Network) -> Result<TeacherNet> {
        TeacherNet::of_network(&self.name, network, &self.taps)
    }

    /// Its network as `options` want it, and the weights that the option `weights` names.
    pub fn load(&self, host: &Host, options: &Options) -> Result<(TeacherNet, Option<WeightsRef>)> {
        let network = self.plan.network(options)?.net;
        let net = self.cut(&network)?;
        let Some(file) = options.text("weights")? else { return Ok((net, None)) };
        let (weights, differences) = import(host, &network, &file, options.flag("strict")?.unwrap_or(true))?;
        // Whatever else differs, features need all layers on the way to them.
        let (pool, _) = net.tapped()?;
        let on_the_way = |layer: &String| pool.weights.iter().any(|spec| spec.name == *layer);
        let lacking = |one: &&Difference| one.unlike != Unlike::LeftOver && one.layer.as_ref().is_some_and(on_the_way);
        if differences.iter().any(|one| lacking(&one)) {
            return Err(unlike(&file, &network, differences.iter().filter(lacking)));
        }
        if !differences.is_empty() {
            host.progress().say(&format!("teacher {}: {} tensors of {file} do not fit", self.name, differences.len()));
        }
        Ok((net, Some(weights)))
    }
}

/// Whether `name` is that of a TorchScript file.
pub(super) fn is_script(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| SCRIPTS.iter().any(|own| end.eq_ignore_ascii_case(own)))
}

/// The teacher in a TorchScript file.
pub(super) fn script_teacher(host: &Host, file: &str, given: Map) -> Result<Teacher> {
    let options = Options::new("teacher", given, &["taps", "data", "resolution", "channels"])?;
    let mut names = Vec::new();
    for name in options.need::<rhai::Array>("taps", "the names of the features that the file returns, in order")? {
        let name = name.into_string().map_err(|_| options.refuse("taps", "each must be a text", "write the names in quotes"))?;
        names.push(name);
    }
    let data = data_of(&options, || default_data(host))?;
    let (resolution, channels) = (options.count("resolution", 1)?.unwrap_or(224), options.count("channels", 1)?.unwrap_or(3));
    let path = readable(Path::new(file));
    host.running.reads(&path);
    let bytes = std::fs::read(&path).map_err(|error| Fault::file("read", &path, &error))?;
    let path = std::path::absolute(&path).map_err(|error| Fault::file("find", &path, &error))?;
    let script = WeightsRef { job: hash_hex(&bytes), path };
    let job = Job::ScriptShapes(ScriptShapes { script: script.clone(), channels, resolution });
    let shapes: Vec<[usize; 3]> = host.runner()?.run_one(job, &host.progress(), &host.cancel)?.result()?;
    let net = TeacherNet::of_script(file, resolution, &names, &shapes)?;
    Ok(Teacher { net, data, weights: script, form: TeacherForm::Script, trained: false, top1_pct: None })
}

/// Declares the import of weights.
pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(published_functions).into());
}
