//! Embedded migrations: refinery on a sqlx connection.
//!
//! [`pending()`] is pure and knows every refusal; [`Migrator::up`] carries out what it says, each migration together
//! with its history row; [`Migrator::down`] takes back what was made and leaves what was found.
//! refinery takes no lock and has no way down: both are here.

mod companions;
mod down;
mod drop_data;
mod drop_objects;
mod effects;
mod error;
mod export;
mod facts;
mod history;
pub(crate) mod lock;
mod lock_wait;
mod pending;
mod record;
mod refusal;
mod roles;
mod runner;
mod script;
mod up;
mod watch;

use std::fmt;
use std::time::Duration;

pub use companions::{has_companion, model_table, prepare_model_record, qualified_model_table};
pub use down::Descent;
pub use error::MigrateError;
pub use export::Export;
pub use facts::{ColumnFacts, ExistingTable, ExtensionFacts, TableFacts, TableKind, table_facts};
pub use history::{Applied, History, SETUP_SCHEMA, read_history};
pub use lock_wait::Blocker;
pub(super) use lock_wait::blocker;
pub use pending::{MigrationState, MigrationStatus, pending};
pub use record::{history_sql, record_sql};
pub use watch::{Watched, install_watch, qualified_queue_table, queue_table, remove_watch};

use super::index::{Budget, BuildProgress};
use super::{Endpoint, Login};
use crate::settings::{Identifier, VectorTable};

/// How long is waited for others, and what an index build may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a lock on the table, in tries of a second each.
    pub lock_wait: Duration,
    /// For other transactions to end, while an index is built or dropped concurrently.
    pub snapshot_wait: Duration,
    /// `None` where the server runs elsewhere or in a container: then its own settings are asked.
    pub budget: Option<Budget>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lock_wait: Duration::from_secs(60),
            snapshot_wait: Duration::from_secs(600),
            budget: Some(Budget::default()),
        }
    }
}

/// One table's migrations in one database. Its methods take an administrator's connection to that database.
#[derive(Clone, Copy)]
pub struct Migrator<'a> {
    pub table: &'a VectorTable,
    /// The application's role: owns what the migrations make.
    pub owner: &'a Identifier,
    /// With `login` and `database`: for the second connection, which watches an index build.
    pub endpoint: &'a Endpoint,
    pub login: &'a Login,
    pub database: &'a str,
    pub limits: Limits,
    /// Told how far an index build is, several times a second.
    pub progress: &'a (dyn Fn(BuildProgress) + Sync),
}

impl fmt::Debug for Migrator<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Migrator")
            .field("table", self.table)
            .field("owner", self.owner)
            .field("database", &self.database)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The whole way up as SQL text in order, for somebody who runs it by hand. Pure.
///
/// # Errors
/// [`MigrateError::Template`] when a template is broken, which the tests exclude.
pub fn sql(table: &VectorTable) -> Result<String, MigrateError> {
    let scripts = script::scripts(table)?;
    Ok(scripts
        .iter()
        .map(|script| format!("-- V{} {}\n{}\n", script.version, script.name, script.up))
        .collect::<Vec<_>>()
        .join("\n"))
}

fn check_version(version: i32) -> Result<(), MigrateError> {
    if (0..=script::INDEX).contains(&version) {
        return Ok(());
    }
    Err(MigrateError::Version {
        version,
        last: script::INDEX,
    })
}
