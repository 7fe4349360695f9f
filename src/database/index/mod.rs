//! The vector index: sizing, building, watching and repairing it.

mod build;
mod definition;
mod facts;
mod intent;
mod leftover;
mod progress;
mod rebuild;
mod server_budget;
mod sizing;

pub use build::Build;
pub use definition::Definition;
pub use facts::{IndexFacts, indexes};
pub use intent::{clear_intent, has_intent};
pub use leftover::{drop_concurrently, drop_index, end_abandoned_build};
pub use progress::{BuildProgress, Watch};
pub use rebuild::Rebuild;
pub use server_budget::server_budget;
pub use sizing::{Budget, Sizing, is_at_least, list_count, rows_needed, sizing, sizing_of};
