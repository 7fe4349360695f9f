//! One `REINDEX INDEX CONCURRENTLY`, with what an interrupted one left behind cleared away first.

use std::time::{Duration, Instant};

use sqlx::{PgConnection, Row as _};

use super::build::{TIDY_DEADLINE, is_short_of_shared_memory, settle, unsettle};
use super::leftover::drop_index;
use super::progress::cancel;
use super::{Sizing, Watch};
use crate::database::DatabaseError;
use crate::database::migrate::MigrateError;
use crate::database::sql::composed;
use crate::settings::Identifier;

/// Longest that a server process of a run of ours that is gone may take to end.
const END_DEADLINE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// A vector index that is there, and how it is to be built anew beside itself.
#[derive(Debug)]
pub struct Rebuild<'a> {
    pub schema: &'a Identifier,
    pub table: &'a Identifier,
    pub index: &'a Identifier,
    /// The index as it was seen: one with another oid has been rebuilt since.
    pub oid: i64,
    pub statement: &'a str,
    pub sizing: Sizing,
    pub watch: Watch<'a>,
}

impl Rebuild<'_> {
    /// Rebuilds the index and proves it valid; `false` where somebody did so since it was seen, or dropped it.
    ///
    /// # Errors
    /// [`MigrateError::Building`], [`MigrateError::Blocked`], [`MigrateError::Invalid`], or what the server said. What is
    /// INVALID then is dropped, now or by the next run.
    pub async fn run(&self, connection: &mut PgConnection) -> Result<bool, MigrateError> {
        self.end_abandoned(connection).await?;
        self.drop_transient(connection, self.watch.patience).await?;
        if self
            .find(connection)
            .await?
            .is_none_or(|(oid, _)| oid != self.oid)
        {
            return Ok(false);
        }
        let mut built = self.attempt(connection, self.sizing.workers).await;
        if self.sizing.workers > 0 && built.as_ref().is_err_and(is_short_of_shared_memory) {
            self.drop_transient(connection, self.watch.patience).await?;
            self.watch
                .report_too_little_shared_memory(self.sizing.memory_kilobytes);
            built = self.attempt(connection, 0).await;
        }
        if built.is_err() {
            // The failure is what counts; what cannot be dropped now, the next run drops first.
            let _ = self.drop_transient(connection, TIDY_DEADLINE).await;
            built?;
        }
        match self.find(connection).await? {
            Some((_, true)) => Ok(true),
            _ => Err(MigrateError::Invalid {
                index: self.index.to_string(),
            }),
        }
    }

    async fn attempt(&self, connection: &mut PgConnection, workers: u16) -> Result<(), MigrateError> {
        let observer = self.watch.connect().await?;
        let builder: i32 = sqlx::query_scalar("SELECT pg_catalog.pg_backend_pid()")
            .fetch_one(&mut *connection)
            .await
            .map_err(DatabaseError::statement("prepare the rebuild"))?;
        settle(connection, self.sizing.memory_kilobytes, workers).await?;
        let outcome = self.watched(connection, observer, builder).await;
        let reset = unsettle(connection).await;
        outcome?;
        reset
    }

    /// Rebuilds while the observer looks on, and ends it when it has waited too long for somebody else.
    async fn watched(
        &self,
        connection: &mut PgConnection,
        observer: PgConnection,
        builder: i32,
    ) -> Result<(), MigrateError> {
        let mut build = std::pin::pin!(sqlx::raw_sql(composed(self.statement)).execute(connection));
        let failed = |error| MigrateError::from(DatabaseError::statement("rebuild the index")(error));
        let seen = tokio::select! {
            built = &mut build => return built.map(|_| ()).map_err(failed),
            seen = self.watch.run(observer, builder) => seen,
        };
        // A watcher that lost its connection is no reason to stop.
        let Ok((mut observer, blocker)) = seen else {
            return build.await.map(|_| ()).map_err(failed);
        };
        cancel(&mut observer, builder).await?;
        build.await.map(|_| ()).map_err(|_| MigrateError::Blocked {
            purpose: "rebuild the index".to_owned(),
            blocker,
        })
    }

    /// The index of this name: its oid, and whether searches use it.
    async fn find(&self, connection: &mut PgConnection) -> Result<Option<(i64, bool)>, MigrateError> {
        let row = sqlx::query(
            "SELECT ic.oid::int8 AS oid, i.indisvalid AND i.indisready AND i.indislive AS valid
               FROM pg_catalog.pg_index i
               JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
               JOIN pg_catalog.pg_namespace n ON n.oid = ic.relnamespace
              WHERE n.nspname = $1 AND ic.relname = $2",
        )
        .bind(self.schema.as_str())
        .bind(self.index.as_str())
        .fetch_optional(connection)
        .await
        .map_err(DatabaseError::statement("look at the index"))?;
        Ok(row.map(|row| (row.get("oid"), row.get("valid"))))
    }

    /// Ends a rebuild of ours whose client is gone. The caller holds the lock of the installation, so none is alive.
    async fn end_abandoned(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        let deadline = Instant::now() + END_DEADLINE;
        loop {
            let running = sqlx::query(
                "SELECT p.pid, coalesce(a.query, '') AS query,
                        coalesce(a.application_name = 'pgvector-setup', false) AS ours
                   FROM pg_catalog.pg_stat_progress_create_index p
                   JOIN pg_catalog.pg_class c ON c.oid = p.relid
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid
                  WHERE p.datname = pg_catalog.current_database() AND p.pid <> pg_catalog.pg_backend_pid()
                    AND n.nspname = $1 AND c.relname = $2
                  LIMIT 1",
            )
            .bind(self.schema.as_str())
            .bind(self.table.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(DatabaseError::statement("look for a running index build"))?;
            let Some(row) = running else { return Ok(()) };
            if !row.get::<bool, _>("ours") || Instant::now() >= deadline {
                return Err(MigrateError::Building {
                    index: self.index.to_string(),
                    pid: row.get("pid"),
                    query: row.get("query"),
                });
            }
            sqlx::query("SELECT pg_catalog.pg_terminate_backend($1)")
                .bind(row.get::<i32, _>("pid"))
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::statement("end an abandoned index build"))?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Drops the INVALID copies that an interrupted `REINDEX CONCURRENTLY` of this index left behind.
    async fn drop_transient(
        &self,
        connection: &mut PgConnection,
        patience: Duration,
    ) -> Result<(), MigrateError> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT ic.relname::text
               FROM pg_catalog.pg_index i
               JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
               JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = $1 AND c.relname = $2 AND NOT i.indisvalid
                AND pg_catalog.regexp_replace(ic.relname, '_cc(new|old)[0-9]*$', '') = $3 AND ic.relname <> $3
              ORDER BY 1",
        )
        .bind(self.schema.as_str())
        .bind(self.table.as_str())
        .bind(self.index.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(DatabaseError::statement(
            "look for what an interrupted rebuild left",
        ))?;
        let relation = format!("{}.{}", self.schema.quoted(), self.table.quoted());
        for name in names {
            let quoted = name.replace('"', "\"\"");
            let statement = format!(
                "DROP INDEX CONCURRENTLY IF EXISTS {}.\"{quoted}\"",
                self.schema.quoted()
            );
            drop_index(connection, &relation, &statement, None, patience).await?;
        }
        Ok(())
    }
}
