//! Rows into the table, batch by batch, each in one transaction with the note of how far it reaches.
//!
//! The commits of batches do not wait for the disk: what a crash of the server would lose of them, it loses rows and note
//! together. The state that says that all is there is committed after them, and waits.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::mpsc::Receiver;

use super::copying::copy_in;
use super::policy::Policies;
use super::reading::{Batch, Ended, Message};
use super::staged;
use super::target::Target;
use super::{ImportError, progress};
use crate::apply::interrupt;
use crate::database::sql::composed;
use crate::database::{DatabaseError, sqlstate};

const UNIQUE_VIOLATION: &str = "23505";
const LOAD: &str = "load rows";

const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = '60s';
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
const RESET_ROLE: &str = "RESET ROLE";

/// How far a load is.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    pub passed: u64,
    pub total: u64,
    pub elapsed: Duration,
    /// For what is left, from the rate so far.
    pub remaining: Option<Duration>,
}

/// One load of one collection.
pub struct Load<'a> {
    pub target: &'a Target,
    /// Row of the progress table.
    pub import: i64,
    pub policies: &'a Policies,
    /// Rows may be there already, so they are looked for before they are written.
    pub is_staged: bool,
    /// Records that an earlier run has passed, and all that there are.
    pub begun_at: u64,
    pub total: u64,
    pub report: &'a (dyn Fn(Loaded) + Sync),
}

impl Load<'_> {
    /// Takes batches until there are no more; gives back the end of the pass and how many rows were written.
    ///
    /// # Errors
    /// What the source says, [`ImportError::Existing`], [`ImportError::Interrupted`], what the server says. Batches before it stay.
    pub async fn run(
        &mut self,
        connection: &mut PgConnection,
        batches: &mut Receiver<Result<Message, ImportError>>,
    ) -> Result<(Ended, u64), ImportError> {
        let (start, mut written) = (Instant::now(), 0);
        loop {
            match next(batches).await? {
                Message::Batch(batch) => {
                    written += self.write(connection, &batch).await?;
                    (self.report)(self.loaded(batch.passed, start.elapsed()));
                }
                Message::End(ended) => {
                    let advance = progress::advance(self.import, ended.passed, 0, &ended.digest.total());
                    run(connection, advance, LOAD).await?;
                    return Ok((ended, written));
                }
            }
        }
    }

    async fn write(&mut self, connection: &mut PgConnection, batch: &Batch) -> Result<u64, ImportError> {
        if !self.is_staged {
            begin(connection, self.target).await?;
            let columns = self.target.columns();
            let statement = format!(
                "COPY {} ({columns}) FROM STDIN (FORMAT binary)",
                self.target.table.qualified()
            );
            match copy_in(connection, &statement, &batch.tuples).await {
                Ok(_) => {}
                Err(error) if sqlstate(&error).as_deref() == Some(UNIQUE_VIOLATION) => self.is_staged = true,
                Err(error) => return Err(failed(connection, LOAD, error).await),
            }
            if !self.is_staged {
                self.commit(connection, batch, batch.rows).await?;
                return Ok(batch.rows);
            }
            rollback(connection).await?;
        }
        let written = staged::write(connection, self, batch).await;
        match written {
            Ok(written) => {
                self.commit(connection, batch, written).await?;
                Ok(written)
            }
            Err(error) => {
                // The failure is what counts; a connection that is gone has rolled back too.
                let _ = rollback(connection).await;
                Err(error)
            }
        }
    }

    /// Notes how far the rows reach, as the administrator, and commits: one round trip, in which the server has nothing to do.
    async fn commit(
        &self,
        connection: &mut PgConnection,
        batch: &Batch,
        written: u64,
    ) -> Result<(), ImportError> {
        let advance = progress::advance(self.import, batch.passed, written, &batch.digest);
        run(
            connection,
            format!("{RESET_ROLE}; {advance}; COMMIT"),
            "commit rows and how far they reach",
        )
        .await
    }

    fn loaded(&self, passed: u64, elapsed: Duration) -> Loaded {
        let done = passed.saturating_sub(self.begun_at);
        let left = self.total.saturating_sub(passed);
        Loaded {
            passed,
            total: self.total,
            elapsed,
            remaining: (done > 0).then(|| elapsed.mul_f64(left as f64 / done as f64)),
        }
    }
}

/// The next of a pass.
///
/// # Errors
/// What the pass ended with; [`ImportError::Interrupted`] when a stop is asked for.
pub async fn next(batches: &mut Receiver<Result<Message, ImportError>>) -> Result<Message, ImportError> {
    if let Some(exit) = interrupt::requested() {
        return Err(ImportError::Interrupted { exit });
    }
    tokio::select! {
        message = batches.recv() => message.unwrap_or(Err(ImportError::Reader)),
        exit = interrupt::wait() => Err(ImportError::Interrupted { exit }),
    }
}

/// Opens the transaction of a batch as the table's owner, in one round trip.
pub async fn begin(connection: &mut PgConnection, target: &Target) -> Result<(), ImportError> {
    let role = as_owner(target);
    run(connection, format!("{BEGIN}; {role}"), LOAD).await
}

pub async fn begin_as_administrator(connection: &mut PgConnection) -> Result<(), ImportError> {
    run(connection, BEGIN, LOAD).await
}

pub async fn set_role(connection: &mut PgConnection, target: &Target) -> Result<(), ImportError> {
    run(connection, as_owner(target), "become the table's owner").await
}

pub async fn reset_role(connection: &mut PgConnection) -> Result<(), ImportError> {
    run(connection, RESET_ROLE, LOAD).await
}

pub async fn rollback(connection: &mut PgConnection) -> Result<(), ImportError> {
    run(connection, "ROLLBACK", LOAD).await
}

fn as_owner(target: &Target) -> String {
    format!("SET LOCAL ROLE {}", target.owner.quoted())
}

async fn run(
    connection: &mut PgConnection,
    sql: impl Into<String>,
    purpose: &'static str,
) -> Result<(), ImportError> {
    sqlx::raw_sql(composed(sql))
        .execute(connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(())
}

async fn failed(connection: &mut PgConnection, purpose: &str, error: sqlx::Error) -> ImportError {
    let _ = rollback(connection).await;
    DatabaseError::statement(purpose)(error).into()
}
