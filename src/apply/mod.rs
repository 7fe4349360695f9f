//! Plan x Host -> Receipt: the only module that changes the machine.

pub mod apt;
pub mod brew;
mod bundle;
mod checkpoint;
mod cluster;
pub mod database;
pub mod dnf;
pub mod docker;
mod engine;
mod error;
pub mod first_run;
pub mod interrupt;
mod login;
mod machine;
mod overlay;
pub mod packages;
mod progress;
pub mod project;
pub mod receipt;
pub mod relay;
pub mod replace;
mod undo;
mod unfinished;
mod upgrade;

pub use cluster::{prove_identity, stop as stop_cluster};
pub use engine::{Engine, Server};
pub use error::ApplyError;
pub use progress::{Progress, Silent};
pub use receipt::{Made, Outcome, Receipt, Record};
pub use undo::{undo, undo_some};
pub use unfinished::Unfinished;
pub use upgrade::receipted;
