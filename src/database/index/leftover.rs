//! What an earlier build left behind: a server process that still builds, and an INVALID index.

use std::time::{Duration, Instant};

use sqlx::{PgConnection, Row as _};

use super::build::as_role;
use super::indexes;
use crate::database::migrate::{MigrateError, blocker};
use crate::database::sql::composed;
use crate::database::{DatabaseError, sqlstate};
use crate::settings::{Identifier, VectorTable};

/// Longest that a server process may take to end after it was told to.
const END_DEADLINE: Duration = Duration::from_secs(10);
/// SQLSTATE of a statement that `statement_timeout` ended.
const QUERY_CANCELED: &str = "57014";
const PAUSE: Duration = Duration::from_millis(50);

/// Ends a build of ours whose client is gone, then drops the INVALID index under our name, if there is one.
///
/// The caller holds the migration lock, so no living run of ours builds this index.
///
/// # Errors
/// [`MigrateError::Building`] when somebody else builds an index of this name, or ours does not end within 10 s;
/// [`MigrateError::Blocked`] when the drop waited longer than `patience` for other transactions.
pub(super) async fn clean(
    connection: &mut PgConnection,
    table: &VectorTable,
    role: Option<&Identifier>,
    patience: Duration,
) -> Result<(), MigrateError> {
    end_abandoned_build(connection, table).await?;
    drop_invalid(connection, table, role, patience).await
}

/// Ends a build of ours whose client is gone.
///
/// # Errors
/// [`MigrateError::Building`] when somebody else builds an index of this name, or ours does not end within 10 s.
pub async fn end_abandoned_build(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<(), MigrateError> {
    let deadline = Instant::now() + END_DEADLINE;
    while let Some(running) = running_build(connection, table).await? {
        if !running.ours || Instant::now() >= deadline {
            return Err(MigrateError::Building {
                index: table.index_name().to_string(),
                pid: running.pid,
                query: running.query,
            });
        }
        sqlx::query("SELECT pg_catalog.pg_terminate_backend($1)")
            .bind(running.pid)
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::statement("end an abandoned index build"))?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Drops the index under our name if it is INVALID; a valid one is never touched.
pub(super) async fn drop_invalid(
    connection: &mut PgConnection,
    table: &VectorTable,
    role: Option<&Identifier>,
    patience: Duration,
) -> Result<(), MigrateError> {
    let name = table.index_name();
    let found = indexes(connection, table).await?;
    if !found
        .iter()
        .any(|index| index.name == name.as_str() && !index.valid)
    {
        return Ok(());
    }
    let statement = format!(
        "DROP INDEX CONCURRENTLY IF EXISTS {}.{}",
        table.schema.quoted(),
        name.quoted()
    );
    drop_concurrently(connection, table, &statement, role, patience).await
}

/// Runs a `DROP INDEX CONCURRENTLY`, which waits for every transaction that has used the table.
///
/// # Errors
/// [`MigrateError::Blocked`] after `patience`. The index may be INVALID then; running it again goes on.
pub async fn drop_concurrently(
    connection: &mut PgConnection,
    table: &VectorTable,
    statement: &str,
    role: Option<&Identifier>,
    patience: Duration,
) -> Result<(), MigrateError> {
    drop_index(connection, &table.qualified(), statement, role, patience).await
}

/// As [`drop_concurrently`], from a relation as SQL names it.
pub async fn drop_index(
    connection: &mut PgConnection,
    relation: &str,
    statement: &str,
    role: Option<&Identifier>,
    patience: Duration,
) -> Result<(), MigrateError> {
    let purpose = "drop the index";
    let limit = format!(
        "SET lock_timeout = 0; SET statement_timeout = {}",
        patience.as_millis()
    );
    sqlx::raw_sql(composed(limit))
        .execute(&mut *connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let outcome = as_role(connection, role, statement).await;
    sqlx::raw_sql("RESET lock_timeout; RESET statement_timeout")
        .execute(&mut *connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    match outcome {
        Err(error) if sqlstate(&error).as_deref() == Some(QUERY_CANCELED) => Err(MigrateError::Blocked {
            purpose: purpose.to_owned(),
            blocker: blocker(connection, relation).await,
        }),
        outcome => Ok(outcome.map_err(DatabaseError::statement(purpose))?),
    }
}

struct RunningBuild {
    pid: i32,
    query: String,
    ours: bool,
}

async fn running_build(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Option<RunningBuild>, MigrateError> {
    let row = sqlx::query(
        "SELECT p.pid, coalesce(a.query, '') AS query, coalesce(a.application_name = 'pgvector-setup', false) AS ours
           FROM pg_catalog.pg_stat_progress_create_index p
           JOIN pg_catalog.pg_class ic ON ic.oid = p.index_relid
           JOIN pg_catalog.pg_namespace n ON n.oid = ic.relnamespace
           LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid
          WHERE p.datname = pg_catalog.current_database() AND p.pid <> pg_catalog.pg_backend_pid()
            AND n.nspname = $1 AND ic.relname = $2
          LIMIT 1",
    )
    .bind(table.schema.as_str())
    .bind(table.index_name().as_str())
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("look for a running index build"))?;
    Ok(row.map(|row| RunningBuild {
        pid: row.get("pid"),
        query: row.get("query"),
        ours: row.get("ours"),
    }))
}
