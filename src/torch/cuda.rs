//! Cards: libtorch's part for CUDA is not linked. It is loaded when somebody asks for a card, so that the build and the other
//! machines need nothing of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use spaceevo::base::Result;
use spaceevo::worker::Processor;
use tch::{Cuda, Device};

use super::fault::TrainFault;

/// Names the folder with `libtorch_cuda.so`.
const VARIABLE: &str = "LIBTORCH_CUDA";
/// What holds the code for cards.
const LIBRARY: &str = "libtorch_cuda.so";
/// The version of libtorch that this was built with.
const VERSION: Option<&str> = option_env!("SPACEEVO_LIBTORCH");

/// `processors` as libtorch names them, each of them usable.
///
/// # Errors
/// `train::cuda` if a card is among them and there is no such card, no driver, or no libtorch for it.
pub fn devices(processors: &[Processor]) -> Result<Vec<Device>> {
    let mut devices = Vec::with_capacity(processors.len());
    for &processor in processors {
        devices.push(match processor {
            Processor::Cpu => Device::Cpu,
            Processor::Cuda(at) => card(processor, at)?,
        });
    }
    Ok(devices)
}

fn card(processor: Processor, at: usize) -> Result<Device> {
    let refused = |why: String, help: String| TrainFault::Cuda { processor, why, help };
    // Before anything else asks libtorch for cards: it looks once.
    load(processor)?;
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if count == 0 {
        let help = "`nvidia-smi` shows whether driver and card are there; the driver must be one for CUDA 13".to_owned();
        return Err(refused("this machine has no card that CUDA can use".into(), help).into());
    }
    if at >= count {
        let last = Processor::Cuda(count - 1);
        return Err(refused(format!("this machine has {count}"), format!("the last one is \"{last}\"")).into());
    }
    Ok(Device::Cuda(at))
}

/// Loads libtorch's part for cards, once.
fn load(processor: Processor) -> Result<()> {
    static LOADED: OnceLock<()> = OnceLock::new();
    if LOADED.get().is_some() {
        return Ok(());
    }
    let version = VERSION.unwrap_or("of the same version");
    let help = || {
        format!(
            "`./x setup --cuda` fetches it (2.5 GB); or set {VARIABLE} to the folder `torch/lib` of a PyTorch {version} with CUDA"
        )
    };
    let refused = |why: String| TrainFault::Cuda { processor, why, help: help() };
    let named = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let file = match &named {
        Some(folder) => folder.join(LIBRARY),
        // Without a folder the system looks where it looks for any library.
        None => fetched().map_or_else(|| LIBRARY.into(), |folder| folder.join(LIBRARY)),
    };
    if let Some(folder) = &named
        && !file.is_file()
    {
        return Err(refused(format!("{VARIABLE} is `{}`, where there is no {LIBRARY}", folder.display())).into());
    }
    if let (Some(found), Some(wanted)) = (version_of(&file), VERSION)
        && found != wanted
    {
        return Err(refused(format!("`{}` is of PyTorch {found}, this trainer needs {wanted}", file.display())).into());
    }
    #[allow(unsafe_code, reason = "it runs the initialisers of a library: that of libtorch, which this program is linked with")]
    // SAFETY: libtorch_cuda registers itself with the libtorch of its own version, which is loaded.
    let opened = unsafe { Library::open(Some(OsString::from(&file)), RTLD_NOW | RTLD_GLOBAL) };
    match opened {
        Ok(library) => {
            // It stays: libtorch holds pointers into it.
            let _ = library.into_raw();
            LOADED.get_or_init(|| ());
            Ok(())
        }
        Err(error) => {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Err(refused(format!("libtorch's part for it does not load: {why}")).into())
        }
    }
}

/// Where `./x setup --cuda` of this checkout puts it.
fn fetched() -> Option<PathBuf> {
    let folder = Path::new(option_env!("SPACEEVO_CUDA_FOLDER")?).join("torch/lib");
    folder.join(LIBRARY).is_file().then_some(folder)
}

/// The version of the PyTorch whose `torch/lib` holds `file`, if that can be told.
fn version_of(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file.parent()?.parent()?.join("version.py")).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("__version__ ="))?;
    let version = line.trim().trim_matches(['\'', '"']);
    Some(version.split('+').next()?.to_owned())
}
