//! The queue's table: who takes which rows, and what becomes of them. Every statement is short and waits for no writer.
//!
//! A row that is taken is leased: nobody else takes it until its time is over, and if its worker is killed it comes back then. A worker
//! that is still at it renews the lease.

use std::time::Duration;

use sqlx::{PgConnection, Row as _};

use crate::database::DatabaseError;
use crate::database::migrate::qualified_queue_table;
use crate::database::sql::composed;
use crate::embedding::EmbeddingError;
use crate::embedding::rows::{TextRow, text_row};
use crate::embedding::subject::{Subject, begin};

/// A row of the queue that is leased to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claimed {
    pub key: String,
    /// Grows when the row is changed.
    pub generation: i64,
    /// Times that it was taken, this one included.
    pub attempts: i32,
}

/// What becomes of a row that stays in the queue.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict<'a> {
    /// It is tried again after this time; the attempt does not count, because it was not the row's fault.
    Later(Duration),
    /// It is tried again after this time.
    Again(Duration, &'a str),
    /// Nobody takes it any more until it is changed.
    Parked(&'a str),
}

/// Leases rows that are due, those that have waited longest first, and passes over what others hold.
pub(super) async fn claim(
    connection: &mut PgConnection,
    subject: &Subject,
    most: u32,
    lease: Duration,
) -> Result<Vec<Claimed>, EmbeddingError> {
    let purpose = "take rows from the queue";
    let sql = format!(
        "UPDATE {queue} AS queue
            SET due_at = clock_timestamp() + $2 * interval '1 second', attempts = queue.attempts + 1
           FROM (SELECT key FROM {queue} WHERE NOT is_parked AND due_at <= clock_timestamp()
                  ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS due
          WHERE queue.key = due.key RETURNING queue.key, queue.generation, queue.attempts",
        queue = qualified_queue_table(&subject.table)
    );
    let mut transaction = begin(connection).await?;
    let rows = sqlx::query(composed(sql))
        .persistent(false)
        .bind(i64::from(most))
        .bind(lease.as_secs_f64())
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let claimed = |row: &sqlx::postgres::PgRow| Claimed {
        key: row.get("key"),
        generation: row.get("generation"),
        attempts: row.get("attempts"),
    };
    Ok(rows.iter().map(claimed).collect())
}

/// Leases rows for as long again, but for those that were changed since they were taken.
pub(super) async fn renew(
    connection: &mut PgConnection,
    subject: &Subject,
    claimed: &[Claimed],
    lease: Duration,
) -> Result<(), EmbeddingError> {
    let statement = format!(
        "UPDATE {} AS queue SET due_at = clock_timestamp() + $3 * interval '1 second'
           FROM ours WHERE queue.key = ours.key",
        qualified_queue_table(&subject.table)
    );
    on_ours(connection, subject, claimed, &statement, |query| {
        query.bind(lease.as_secs_f64())
    })
    .await
}

/// The text of the rows that are still there.
pub(super) async fn texts(
    connection: &mut PgConnection,
    subject: &Subject,
    claimed: &[Claimed],
) -> Result<Vec<TextRow>, EmbeddingError> {
    let purpose = "read the text of rows";
    let key = subject.table.key.quoted();
    let sql = format!(
        "SELECT t.{key}::text AS key, {text} AS text
           FROM unnest($1::text[]) AS given (key) JOIN {table} AS t ON t.{key} = {given}",
        text = subject.text_sql(),
        table = subject.table.qualified(),
        given = subject.key_sql("given.key"),
    );
    let mut transaction = begin(connection).await?;
    let rows = sqlx::query(composed(sql))
        .persistent(false)
        .bind(keys(claimed))
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(rows.iter().map(text_row).collect())
}

/// Takes rows out that were not changed since they were taken; the others are due already.
pub(super) async fn finish(
    connection: &mut PgConnection,
    subject: &Subject,
    done: &[Claimed],
) -> Result<(), EmbeddingError> {
    let statement = format!(
        "DELETE FROM {} AS queue USING ours WHERE queue.key = ours.key",
        qualified_queue_table(&subject.table)
    );
    on_ours(connection, subject, done, &statement, |query| query).await
}

/// Says what becomes of rows that were taken and not changed since.
pub(super) async fn keep(
    connection: &mut PgConnection,
    subject: &Subject,
    kept: &[Claimed],
    verdict: Verdict<'_>,
) -> Result<(), EmbeddingError> {
    let (delay, reason, is_parked, counted) = match verdict {
        Verdict::Later(delay) => (delay, None, false, 0),
        Verdict::Again(delay, reason) => (delay, Some(reason), false, 1),
        Verdict::Parked(reason) => (Duration::ZERO, Some(reason), true, 1),
    };
    let statement = format!(
        "UPDATE {} AS queue
            SET due_at = clock_timestamp() + $3 * interval '1 second', is_parked = $4,
                reason = coalesce($5, queue.reason), attempts = queue.attempts - 1 + $6
           FROM ours WHERE queue.key = ours.key",
        qualified_queue_table(&subject.table)
    );
    on_ours(connection, subject, kept, &statement, |query| {
        query
            .bind(delay.as_secs_f64())
            .bind(is_parked)
            .bind(reason.map(str::to_owned))
            .bind(counted)
    })
    .await
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Runs a statement on the rows `ours`: those of `claimed` that are as they were taken, and that nobody is changing now.
async fn on_ours(
    connection: &mut PgConnection,
    subject: &Subject,
    claimed: &[Claimed],
    statement: &str,
    bind: impl FnOnce(Query<'_>) -> Query<'_>,
) -> Result<(), EmbeddingError> {
    if claimed.is_empty() {
        return Ok(());
    }
    let purpose = "change rows of the queue that were taken";
    let sql = format!(
        "WITH ours AS (
             SELECT queue.key FROM {queue} AS queue
               JOIN ROWS FROM (unnest($1::text[]), unnest($2::int8[])) AS given (key, generation)
                 ON queue.key = given.key AND queue.generation = given.generation
                FOR UPDATE OF queue SKIP LOCKED
         ) {statement}",
        queue = qualified_queue_table(&subject.table)
    );
    let generations: Vec<i64> = claimed.iter().map(|claimed| claimed.generation).collect();
    let mut transaction = begin(connection).await?;
    let query = sqlx::query(composed(sql))
        .persistent(false)
        .bind(keys(claimed))
        .bind(generations);
    bind(query)
        .execute(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(())
}

fn keys(claimed: &[Claimed]) -> Vec<String> {
    claimed.iter().map(|claimed| claimed.key.clone()).collect()
}
