//! The values that one block takes from its operator's choice lists.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Named values in the order of the operator's lists, for example `kernel 3, expand 6`.
/// Equal by bits, so it can be a key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Choices(Vec<(Arc<str>, f64)>);

impl Choices {
    /// Adds a value at the end.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, value: f64) -> Self {
        self.push(name.into(), value);
        self
    }

    /// Adds a value at the end.
    pub fn push(&mut self, name: Arc<str>, value: f64) {
        // Adding zero turns -0 into 0: the two must not be different keys.
        self.0.push((name, value + 0.0));
    }

    /// The value of `name`, if the operator has such a list.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(own, _)| &**own == name).map(|(_, value)| *value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the operator has no lists.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces the value at `index`.
    pub(super) fn set(&mut self, index: usize, value: f64) {
        self.0[index].1 = value + 0.0;
    }

    /// The value at `index`.
    pub(super) fn at(&self, index: usize) -> f64 {
        self.0[index].1
    }
}

impl PartialEq for Choices {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.0 == b.0 && a.1.to_bits() == b.1.to_bits())
    }
}

impl Eq for Choices {}

impl Hash for Choices {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, value) in &self.0 {
            name.hash(state);
            value.to_bits().hash(state);
        }
    }
}

impl std::fmt::Display for Choices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{name} {value}")?;
        }
        Ok(())
    }
}
