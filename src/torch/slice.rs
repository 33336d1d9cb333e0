//! Which channels of an elastic weight a configuration uses.

use spaceevo::graph::Channels;
use tch::Tensor;

use super::place;

/// How to take the channels `part` out of `whole`; `None` if they do not fit.
pub fn slice(part: &Channels, whole: &Channels) -> Option<Slice> {
    let indices = part.within(whole)?;
    let leading = indices.iter().enumerate().all(|(at, &index)| at as i64 == index);
    Some(match (indices.len() == whole.count(), leading) {
        (true, _) => Slice::All,
        (false, true) => Slice::First(indices.len() as i64),
        (false, false) => Slice::Pick(Tensor::from_slice(&indices).to_device(place::here())),
    })
}

/// A slice along one dimension.
#[derive(Debug)]
pub enum Slice {
    /// Everything.
    All,
    /// The first so many.
    First(i64),
    /// These.
    Pick(Tensor),
}

impl Slice {
    /// The slice of `tensor` along `dim`.
    pub fn of(&self, tensor: &Tensor, dim: i64) -> Tensor {
        match self {
            Slice::All => tensor.shallow_clone(),
            Slice::First(count) => tensor.narrow(dim, 0, *count),
            Slice::Pick(indices) => tensor.index_select(dim, indices),
        }
    }

    /// Writes `part` to the places of this slice in the vector `whole`.
    pub fn write(&self, whole: &Tensor, part: &Tensor) {
        match self {
            Slice::All | Slice::First(_) => self.of(whole, 0).copy_(part),
            Slice::Pick(indices) => {
                let _ = whole.shallow_clone().index_copy_(0, indices, part);
            }
        }
    }

    /// The same slice.
    pub fn shallow_clone(&self) -> Self {
        match self {
            Slice::All => Slice::All,
            Slice::First(count) => Slice::First(*count),
            Slice::Pick(indices) => Slice::Pick(indices.shallow_clone()),
        }
    }
}
