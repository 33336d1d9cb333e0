//! The trainer: the only binary that links libtorch.

fn main() {}
