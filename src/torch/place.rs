//! What this process computes with, and the place of a thread among it.

use std::cell::Cell;
use std::sync::OnceLock;

use tch::Device;

/// All that the process computes with, once it is prepared.
static ALL: OnceLock<Vec<Device>> = OnceLock::new();

thread_local! {
    static HERE: Cell<Option<Device>> = const { Cell::new(None) };
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
