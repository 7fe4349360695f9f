//! Whether a session is ours alone. Advisory locks, `SET` and `CREATE INDEX CONCURRENTLY` need that it is.
//!
//! The server's process that serves us tells: one that serves another session of ours at the same time, or that changes
//! between two statements, is shared.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::database::{DatabaseError, Endpoint, Login, connect, sqlstate};

/// A pool of one server connection never answers the second session.
const DEADLINE: Duration = Duration::from_secs(5);

/// `protocol_violation`: what a pooler says to `BEGIN` where it shares by the statement.
const NO_TRANSACTION: [&str; 2] = ["08P01", "0A000"];

/// What stands between us and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Nothing, or a pooler that gives each session a server connection of its own.
    Direct,
    Transaction,
    Statement,
}

pub(super) async fn pooling(
    connection: &mut PgConnection,
    endpoint: &Endpoint,
    login: &Login,
    database: &str,
) -> Result<Pooling, DatabaseError> {
    let before = process(connection).await?;
    let mut other = connect(endpoint, login, database).await?;
    match other.execute("BEGIN READ ONLY").await {
        Ok(_) => {}
        Err(error) if sqlstate(&error).is_some_and(|code| NO_TRANSACTION.contains(&code.as_str())) => {
            return Ok(Pooling::Statement);
        }
        Err(error) => return Err(DatabaseError::statement("begin a transaction")(error)),
    }
    // While the transaction is open, its server connection is nobody else's.
    let held = process(&mut other).await?;
    let after = if held == before {
        None
    } else {
        tokio::time::timeout(DEADLINE, process(connection))
            .await
            .ok()
            .transpose()?
    };
    let ended = other.execute("ROLLBACK").await;
    ended.map_err(DatabaseError::statement("end a transaction"))?;
    let _ = other.close().await;
    Ok(match after {
        Some(after) if after == before => Pooling::Direct,
        _ => Pooling::Transaction,
    })
}

async fn process(connection: &mut PgConnection) -> Result<i32, DatabaseError> {
    // In one message: between two, a pooler may change the process.
    let row = sqlx::raw_sql("SELECT pg_catalog.pg_backend_pid()")
        .fetch_one(connection)
        .await;
    row.and_then(|row| row.try_get(0))
        .map_err(DatabaseError::statement("ask which server process this is"))
}
