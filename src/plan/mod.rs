//! Facts x Settings -> Plan: pure functions, one file a backend. Nothing here can reach the machine.

pub mod database;
pub mod docker;
pub mod embedded;
pub mod network;
pub mod project;
mod refusal;
#[cfg(test)]
pub(crate) mod sample;
mod show;
pub mod site;
mod sql;
mod step;
pub mod system;
mod undo;
pub mod upgrade;
pub mod url;

pub use refusal::Refusal;
pub use show::plan_text;
pub use sql::{plan_sql, whole_sql};
pub use step::{Package, Parameter, Plan, ProjectFile, ProjectSecret, RepositoryFile, RpmKey, Step};
pub use undo::{DataFacts, Undo, UndoStep, data_name, undo_plan};
