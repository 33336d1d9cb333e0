//! Teachers that are TorchScript files: whatever program wrote them, they return the features of their stages in a row.

use std::path::{Path, PathBuf};

use spaceevo::base::{Fault, Result};
use spaceevo::train::ScriptShapes;
use tch::{CModule, IValue, Kind, Tensor, no_grad_guard};

use super::place;

/// A TorchScript file, ready to run.
pub struct Script {
    module: CModule,
    file: PathBuf,
}

impl Script {
    /// Loads `file`, to be evaluated.
    pub fn load(file: &Path) -> Result<Self> {
        let loaded = CModule::load_on_device(file, place::here()).and_then(|mut module| module.f_set_eval().map(|()| module));
        let module = loaded.map_err(|error| {
            fault(
                file,
                &format!("is not TorchScript: {}", first_line(&error)),
                "write it in Python with `torch.jit.script(net).save(\"x.pt\")` or `torch.jit.trace`; a file of `torch.save` will not do",
            )
        })?;
        Ok(Self { module, file: file.into() })
    }

    /// All features of images `x`, `[N, C, H, W]`.
    pub fn features(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let _guard = no_grad_guard();
        // A script may use views that need the usual layout.
        let given = self.module.forward_is(&[IValue::Tensor(x.contiguous())]).map_err(|error| {
            let what = format!("cannot run on images {:?}: {}", x.size(), first_line(&error));
            fault(&self.file, &what, "it must take a batch of images [N, C, H, W]; check `channels` and `resolution`")
        })?;
        tensors(given).ok_or_else(|| {
            let help = "let its `forward` return a tuple or a list of the features of all stages, in order";
            fault(&self.file, "does not return a tuple or list of tensors", help)
        })
    }

    /// The feature at place `at` among `maps`.
    pub fn at(&self, maps: &[Tensor], at: usize) -> Result<Tensor> {
        maps.get(at).map(Tensor::shallow_clone).ok_or_else(|| {
            fault(
                &self.file,
                &format!("returns {} features now", maps.len()),
                "it is not the file it was: name it anew in `teacher`",
            )
        })
    }
}

/// Runs the job: `[C, H, W]` of every feature.
pub fn shapes(job: &ScriptShapes) -> Result<Vec<[i64; 3]>> {
    let script = Script::load(&job.script.path)?;
    let side = job.resolution as i64;
    let maps = script.features(&Tensor::zeros([1, job.channels as i64, side, side], (Kind::Float, place::here())))?;
    let shape = |(at, map): (usize, &Tensor)| {
        let size = map.size();
        match (size.as_slice(), map.kind()) {
            (&[1, c, h, w], Kind::Float) => Ok([c, h, w]),
            (size, kind) => {
                let what = format!("returns {size:?} of {kind:?} as feature {at}, not maps [N, C, H, W] of floats");
                Err(fault(&script.file, &what, "return the maps at the ends of its stages"))
            }
        }
    };
    maps.iter().enumerate().map(shape).collect()
}

/// The tensors of a tuple or list.
fn tensors(value: IValue) -> Option<Vec<Tensor>> {
    match value {
        IValue::TensorList(tensors) => Some(tensors),
        IValue::Tuple(values) | IValue::GenericList(values) => {
            let tensor = |value| if let IValue::Tensor(tensor) = value { Some(tensor) } else { None };
            values.into_iter().map(tensor).collect()
        }
        _ => None,
    }
}

fn fault(file: &Path, what: &str, help: &str) -> Fault {
    Fault::new("teacher::script", format!("`{}` {what}", file.display()), help)
}

/// What libtorch says, without its own call stack.
fn first_line(error: &tch::TchError) -> String {
    error.to_string().lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}
