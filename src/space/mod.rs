//! What can be built: operators, elastic stages, hyperspaces, search spaces, subnets; drawing and encodings.
//!
//! A [`Hyperspace`] lists stages and [`Operator`]s; a [`SearchSpace`] picks one operator and one width
//! window for each searched stage; a [`Subnet`] is one network of it. An [`ElasticStage`] is a single stage
//! with its [`StageSample`]s, for training blocks and for look-up tables. Whatever is drawn takes a
//! generator; nothing here changes what it is asked about.

mod choices;
mod encoding;
mod fault;
mod hyperspace;
mod operator;
mod place;
mod search_space;
mod stage;
mod subnet;

pub use choices::Choices;
pub use fault::SpaceFault;
pub use hyperspace::{Hyperspace, MOST_CHOICES, Role, Stage};
pub use operator::{BIT_CHOICES, BlockConfig, BuildBlock, Operator};
pub use place::{BlockChoice, PlacedBlock, cost, join};
pub use search_space::SearchSpace;
pub use stage::{ElasticStage, StageSample};
pub use subnet::{MutationRates, Subnet};
