//! refinery's traits on a sqlx connection: one driver, and one place where a migration runs with its history row.

use std::collections::BTreeMap;
use std::time::Duration;

use refinery::{Migration, Runner, Target};
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use sqlx::{PgConnection, Row as _};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::MigrateError;
use super::history::qualified_history;
use super::lock_wait::Change;
use super::record::{comment, definition, details};
use super::script::Script;
use crate::database::DatabaseError;
use crate::database::index::{Build, clear_intent};
use crate::database::sql::composed;
use crate::settings::{Identifier, VectorTable};

/// How the next migration's object comes to be.
#[derive(Debug)]
pub(super) enum Carriage<'a> {
    /// It is there: only the history row is written. `made` when an earlier run of ours made it.
    Adopt { made: bool },
    /// By SQL in one transaction with the history row: `statement`, or the migration's own.
    Run {
        role: Option<&'a Identifier>,
        purpose: &'static str,
        statement: Option<String>,
    },
    /// Outside a transaction; the history row follows when the index is proven valid.
    Build(Build<'a>),
}

impl<'a> Carriage<'a> {
    pub fn run(role: Option<&'a Identifier>, purpose: &'static str) -> Self {
        Self::Run {
            role,
            purpose,
            statement: None,
        }
    }
}

/// One migration about to be run by refinery.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub connection: &'a mut PgConnection,
    pub table: &'a VectorTable,
    pub script: &'a Script,
    pub carriage: Carriage<'a>,
    /// Statements that the migration's object needs beside it, as the session's own role.
    pub beside: Vec<String>,
    /// Kept with the history row for the down script.
    pub effects: BTreeMap<String, String>,
    pub patience: Duration,
    /// What failed on our side of the traits, as it was.
    pub failure: Option<MigrateError>,
}

/// Stands for the error that [`Session::failure`] keeps; refinery would box it out of reach.
#[derive(Debug, thiserror::Error)]
#[error("see Session::failure")]
pub(super) struct Kept;

impl Session<'_> {
    /// Has refinery verify the whole history again and run this one migration.
    pub async fn run(&mut self, migrations: &[Migration]) -> Result<(), MigrateError> {
        let mut runner = Runner::new(migrations).set_target(Target::Version(self.script.version));
        runner.set_migration_table_name(qualified_history(self.table));
        let outcome = runner.run_async(self).await;
        match (self.failure.take(), outcome) {
            (Some(failure), _) => Err(failure),
            (None, Err(source)) => Err(MigrateError::Refinery { source }),
            (None, Ok(_)) => Ok(()),
        }
    }

    async fn carry_out(&mut self, sql: &str, history_row: &str) -> Result<(), MigrateError> {
        let made = !matches!(self.carriage, Carriage::Adopt { made: false });
        let mut statements = Vec::new();
        let mut record = self.beside.clone();
        let (mut role, mut purpose) = (None, "record the migration");
        match &self.carriage {
            Carriage::Adopt { made: false } => {}
            Carriage::Adopt { made: true } => record.push(clear_intent(self.table)),
            Carriage::Run {
                role: runs_as,
                purpose: what_for,
                statement,
            } => {
                statements.push(statement.as_deref().unwrap_or(sql).to_owned());
                (role, purpose) = (*runs_as, *what_for);
            }
            Carriage::Build(build) => {
                build.run(self.connection).await?;
                record.push(clear_intent(self.table));
            }
        }
        record.push(history_row.to_owned());
        record.push(details(self.table, self.script, made, &self.effects));
        let change = Change {
            purpose,
            role,
            statements: &statements,
            record: &record,
            relation: &self.table.qualified(),
            patience: self.patience,
        };
        change.run(self.connection).await
    }

    async fn prepare(&mut self, create_table: &str) -> Result<(), MigrateError> {
        let history = qualified_history(self.table);
        let record = [create_table.to_owned(), comment(self.table)];
        let change = Change {
            purpose: "make the migration history",
            role: None,
            statements: &[],
            record: &record,
            relation: &history,
            patience: self.patience,
        };
        change.run(self.connection).await
    }

    fn keep<T>(&mut self, outcome: Result<T, MigrateError>) -> Result<T, Kept> {
        outcome.map_err(|failure| {
            self.failure = Some(failure);
            Kept
        })
    }
}

impl AsyncTransaction for Session<'_> {
    type Error = Kept;

    /// refinery gives either one statement, which makes its table, or a migration and its history row.
    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        mut queries: T,
    ) -> Result<usize, Kept> {
        let outcome = match (queries.next(), queries.next()) {
            (Some(migration), Some(history_row)) => self.carry_out(migration, history_row).await.map(|()| 2),
            (Some(create_table), None) => self.prepare(create_table).await.map(|()| 1),
            (None, _) => Ok(0),
        };
        self.keep(outcome)
    }
}

impl AsyncQuery<Vec<Migration>> for Session<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Kept> {
        let rows = sqlx::raw_sql(composed(query))
            .fetch_all(&mut *self.connection)
            .await;
        let rows = self.keep(
            rows.map_err(DatabaseError::statement("read the migration history"))
                .map_err(MigrateError::from),
        )?;
        let migrations = rows.iter().map(migration).collect();
        self.keep(migrations)
    }
}

fn migration(row: &sqlx::postgres::PgRow) -> Result<Migration, MigrateError> {
    let unreadable = |detail: String| MigrateError::History { detail };
    let text = |column: &str| {
        row.try_get::<String, _>(column)
            .map_err(|error| unreadable(error.to_string()))
    };
    let applied_on = OffsetDateTime::parse(&text("applied_on")?, &Rfc3339)
        .map_err(|error| unreadable(format!("applied_on: {error}")))?;
    let checksum = text("checksum")?
        .parse()
        .map_err(|error| unreadable(format!("checksum: {error}")))?;
    let version = row
        .try_get("version")
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(Migration::applied(version, text("name")?, applied_on, checksum))
}

impl AsyncMigrate for Session<'_> {
    fn assert_migrations_table_query(migration_table_name: &str) -> String {
        definition(migration_table_name)
    }
}
