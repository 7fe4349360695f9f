//! One build outside a transaction, from the note before it to the proof after it.

use std::time::Duration;

use sqlx::PgConnection;

use super::intent::write_intent;
use super::leftover::{clean, drop_invalid};
use super::progress::cancel;
use super::{Definition, Sizing, Watch, indexes};
use crate::database::migrate::MigrateError;
use crate::database::sql::composed;
use crate::database::{DatabaseError, sqlstate};
use crate::settings::{Identifier, VectorTable};

/// The server asks itself whether the client is still there (PostgreSQL 14 and later).
const CONNECTION_CHECK_VERSION: u32 = 140_000;
/// Longest that tidying up after a failed build may take.
pub(super) const TIDY_DEADLINE: Duration = Duration::from_secs(5);
/// A parallel build takes all its memory from /dev/shm at once, and containers often have 64 MB of that.
const NO_SHARED_MEMORY: &str = "53100";

/// An index to be built, and how.
#[derive(Debug)]
pub struct Build<'a> {
    pub table: &'a VectorTable,
    /// What must be there afterwards.
    pub wanted: Definition,
    pub statement: String,
    /// Runs the statement; `None` for the session's own role.
    pub role: Option<&'a Identifier>,
    pub sizing: Sizing,
    pub watch: Watch<'a>,
}

impl Build<'_> {
    /// Builds the index and proves it valid. After a failure what is INVALID is dropped, now or by the next run.
    ///
    /// # Errors
    /// [`MigrateError::Building`], [`MigrateError::Blocked`], [`MigrateError::Invalid`], or what the server said.
    pub async fn run(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        clean(connection, self.table, self.role, self.watch.patience).await?;
        write_intent(connection, self.table, &self.statement).await?;
        let mut built = self.attempt(connection, self.sizing.workers).await;
        if self.sizing.workers > 0 && built.as_ref().is_err_and(is_short_of_shared_memory) {
            drop_invalid(connection, self.table, self.role, self.watch.patience).await?;
            self.watch
                .report_too_little_shared_memory(self.sizing.memory_kilobytes);
            built = self.attempt(connection, 0).await;
        }
        if built.is_err() {
            // The failure is what counts; what cannot be dropped now, the next run drops first.
            let _ = drop_invalid(connection, self.table, self.role, TIDY_DEADLINE).await;
            return built;
        }
        self.prove(connection).await
    }

    async fn attempt(&self, connection: &mut PgConnection, workers: u16) -> Result<(), MigrateError> {
        let observer = self.watch.connect().await?;
        let builder: i32 = sqlx::query_scalar("SELECT pg_catalog.pg_backend_pid()")
            .fetch_one(&mut *connection)
            .await
            .map_err(DatabaseError::statement("prepare the index build"))?;
        settle(connection, self.sizing.memory_kilobytes, workers).await?;
        let outcome = self.watched(connection, observer, builder).await;
        let reset = unsettle(connection).await;
        outcome?;
        reset
    }

    /// Builds while the observer looks on, and ends the build when it has waited too long.
    async fn watched(
        &self,
        connection: &mut PgConnection,
        observer: PgConnection,
        builder: i32,
    ) -> Result<(), MigrateError> {
        let mut build = std::pin::pin!(as_role(connection, self.role, &self.statement));
        let failed = |error| MigrateError::from(DatabaseError::statement("build the index")(error));
        let seen = tokio::select! {
            built = &mut build => return built.map_err(failed),
            seen = self.watch.run(observer, builder) => seen,
        };
        // A watcher that lost its connection is no reason to stop the build.
        let Ok((mut observer, blocker)) = seen else {
            return build.await.map_err(failed);
        };
        cancel(&mut observer, builder).await?;
        build.await.map_err(|_| MigrateError::Blocked {
            purpose: "build the index".to_owned(),
            blocker,
        })
    }

    /// What the catalog says counts, not that the statement came back.
    async fn prove(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        let name = self.table.index_name();
        let found = indexes(connection, self.table).await?;
        let proven = found.iter().any(|index| {
            index.name == name.as_str()
                && index.valid
                && index.plain
                && index.definition.differences(&self.wanted).is_empty()
        });
        if proven {
            return Ok(());
        }
        Err(MigrateError::Invalid {
            index: name.to_string(),
        })
    }
}

/// `CONCURRENTLY` waits by design, and a timeout that ends it leaves an INVALID index: none is in force.
/// Parallel workers are refused to a table below `min_parallel_table_scan_size`, and TOAST does not count there.
pub(super) async fn settle(
    connection: &mut PgConnection,
    memory_kilobytes: u64,
    workers: u16,
) -> Result<(), MigrateError> {
    let mut sql = format!(
        "SET lock_timeout = 0; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
         SET maintenance_work_mem = {memory_kilobytes}; SET max_parallel_maintenance_workers = {workers};
         SET min_parallel_table_scan_size = 0;"
    );
    if connection
        .server_version_num()
        .is_some_and(|version| version >= CONNECTION_CHECK_VERSION)
    {
        sql.push_str("SET client_connection_check_interval = '500ms';");
    }
    sqlx::raw_sql(composed(sql))
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("prepare the index build"))?;
    Ok(())
}

pub(super) async fn unsettle(connection: &mut PgConnection) -> Result<(), MigrateError> {
    sqlx::raw_sql(
        "RESET lock_timeout; RESET statement_timeout; RESET idle_in_transaction_session_timeout;
         RESET maintenance_work_mem; RESET max_parallel_maintenance_workers; RESET min_parallel_table_scan_size;",
    )
    .execute(connection)
    .await
    .map_err(DatabaseError::statement("end the index build"))?;
    Ok(())
}

/// Runs one statement that cannot be in a transaction as another role.
pub(super) async fn as_role(
    connection: &mut PgConnection,
    role: Option<&Identifier>,
    statement: &str,
) -> Result<(), sqlx::Error> {
    let Some(role) = role else {
        sqlx::raw_sql(composed(statement)).execute(connection).await?;
        return Ok(());
    };
    sqlx::raw_sql(composed(format!("SET ROLE {}", role.quoted())))
        .execute(&mut *connection)
        .await?;
    let outcome = sqlx::raw_sql(composed(statement)).execute(&mut *connection).await;
    sqlx::raw_sql("RESET ROLE").execute(connection).await?;
    outcome.map(|_| ())
}

pub(super) fn is_short_of_shared_memory(error: &MigrateError) -> bool {
    matches!(error, MigrateError::Database(DatabaseError::Statement { source, .. })
        if sqlstate(source).as_deref() == Some(NO_SHARED_MEMORY))
}
