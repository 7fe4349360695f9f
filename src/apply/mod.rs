//! Plan x Host -> Receipt: the only module that changes the machine.

mod error;

pub use error::ApplyError;
