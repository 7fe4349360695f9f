//! How the queue of a table is, for a person.

use sqlx::{PgConnection, Row as _};

use crate::database::DatabaseError;
use crate::database::migrate::{has_companion, qualified_queue_table, queue_table};
use crate::database::sql::composed;
use crate::embedding::EmbeddingError;
use crate::embedding::subject::begin;
use crate::settings::VectorTable;

/// How the queue is.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct QueueStatus {
    pub waiting: u64,
    pub parked: u64,
    /// How long the oldest of those that wait has waited.
    pub oldest_seconds: Option<f64>,
    /// The first of those that are parked.
    pub reasons: Vec<ParkedRow>,
}

/// A row that nobody takes any more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ParkedRow {
    pub key: String,
    pub reason: String,
}

/// `None` where the table is not watched.
///
/// # Errors
/// [`EmbeddingError::Database`].
pub async fn status(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Option<QueueStatus>, EmbeddingError> {
    let purpose = "look at the queue";
    if !is_watched(connection, table).await? {
        return Ok(None);
    }
    let queue = qualified_queue_table(table);
    let sql = format!(
        "SELECT count(*) FILTER (WHERE NOT is_parked) AS waiting, count(*) FILTER (WHERE is_parked) AS parked,
                extract(epoch FROM clock_timestamp() - min(queued_at) FILTER (WHERE NOT is_parked))::float8 AS oldest
           FROM {queue}"
    );
    let mut transaction = begin(connection).await?;
    let counts = sqlx::query(composed(sql))
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let sql = format!(
        "SELECT key, coalesce(reason, '') AS reason FROM {queue} WHERE is_parked ORDER BY queued_at, key LIMIT 20"
    );
    let parked = sqlx::query(composed(sql))
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(Some(QueueStatus {
        waiting: counts.get::<i64, _>("waiting").unsigned_abs(),
        parked: counts.get::<i64, _>("parked").unsigned_abs(),
        oldest_seconds: counts.get("oldest"),
        reasons: parked
            .iter()
            .map(|row| ParkedRow {
                key: row.get("key"),
                reason: row.get("reason"),
            })
            .collect(),
    }))
}

async fn is_watched(connection: &mut PgConnection, table: &VectorTable) -> Result<bool, EmbeddingError> {
    Ok(has_companion(connection, &queue_table(table)).await?)
}
