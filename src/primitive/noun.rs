//! Nouns: the lab's types under the names that users know them by.

use std::any::Any;

use rhai::Engine;

/// Before the name of a noun in the name of the function that marks it.
pub const MARK: &str = "noun$";

/// Declares types.
pub trait Nouns {
    /// Declares `T` as `name`, in messages and in the catalogue. The catalogue sees types of parameters only by their
    /// identity and as written in Rust, so a function that no script can call ties that identity to the name.
    fn noun<T: Any + Clone + Send + Sync>(&mut self, name: &str) -> &mut Self;
}

impl Nouns for Engine {
    fn noun<T: Any + Clone + Send + Sync>(&mut self, name: &str) -> &mut Self {
        self.register_type_with_name::<T>(name).register_fn(format!("{MARK}{name}"), |_: T| ())
    }
}
