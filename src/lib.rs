//! pgvector-setup takes a machine from nothing to a *proven* pgvector database, and can undo what it did.
//!
//! The nouns and the pipeline (see `ARCHITECTURE.md` for the whole story):
//!
//! ```text
//! arguments + environment + file + answers -> Settings     cli, settings
//! Host -> Facts                                            facts: read-only probes
//! Facts x Settings -> Plan(Vec<Step>)                      plan: pure, no Host in scope
//! Plan x Host -> Receipt(Vec<{Step, Outcome}>)             apply
//! Receipt x Facts -> Plan                                  undo and resume are planning again
//! Receipt | Findings -> Report -> Ui                       one report, two renderers
//! ```
//!
//! Invariants, as absences: `plan` never sees a [`host::Host`]; `health::doctor` never writes; no password reaches an
//! argument list, an environment, a log, a receipt or JSON; no child runs through a shell.

pub mod apply;
pub mod cli;
pub mod database;
pub mod digest;
pub mod embedding;
pub mod error;
pub mod evidence;
pub mod facts;
pub mod health;
pub mod host;
pub mod import;
mod lanes;
pub mod pipeline;
pub mod plan;
pub mod render;
pub mod secret;
pub mod settings;
pub mod site;
pub mod store;

pub use error::{Error, Exit, Explain, Result};
