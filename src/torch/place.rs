//! What this process computes with, and the place of a thread among it.

use std::cell::Cell;
use std::sync::OnceLock;

use spaceevo::base::Result;
use spaceevo::worker::Processor;

use tch::Device;

use super::cuda;

/// All that the process computes with, once it is prepared.
static ALL: OnceLock<Vec<Device>> = OnceLock::new();

thread_local! {
    static HERE: Cell<Option<Device>> = const { Cell::new(None) };
}

/// From now on the process computes with `processors`; the first call counts.
///
/// # Errors
/// `train::cuda` if one of them cannot be used.
pub fn set(processors: &[Processor]) -> Result<()> {
    let devices = cuda::devices(processors)?;
    if !devices.is_empty() {
        ALL.get_or_init(|| devices);
    }
    Ok(())
}

/// All that the process computes with; at least one.
pub fn all() -> &'static [Device] {
    ALL.get().map_or(&[Device::Cpu], Vec::as_slice)
}

/// Where tensors of this thread lie: the first of [`all`], unless it was said otherwise.
pub fn here() -> Device {
    HERE.get().unwrap_or(all()[0])
}

/// Does `work` in this thread with tensors on `device`.
pub fn on<T>(device: Device, work: impl FnOnce() -> T) -> T {
    let before = HERE.replace(Some(device));
    let done = work();
    HERE.set(before);
    done
}
