//! Rows out of the table: each time in a short transaction of its own.

use sqlx::{PgConnection, Row as _};

use super::EmbeddingError;
use super::subject::{Subject, begin};
use crate::database::DatabaseError;
use crate::database::sql::composed;
use crate::settings::VectorTable;

/// A row that is to get a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextRow {
    /// As the server prints it.
    pub key: String,
    pub text: String,
}

impl TextRow {
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// How many rows there are, and what is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Coverage {
    pub total: u64,
    pub embedded: u64,
}

impl Coverage {
    /// In percent; a table without rows is covered.
    pub fn share(&self) -> f64 {
        if self.total == 0 {
            return 100.0;
        }
        100.0 * self.embedded as f64 / self.total as f64
    }
}

/// Of the rows without a vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Missing {
    pub rows: u64,
    /// Of these, rows without text.
    pub empty: u64,
    /// Characters of text of all of them.
    pub characters: u64,
}

/// Counts by reading the table, not its vectors.
///
/// # Errors
/// [`EmbeddingError::Database`].
pub async fn coverage(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Coverage, EmbeddingError> {
    let sql = format!(
        "SELECT count(*) AS total, count({}) AS embedded FROM {}",
        table.column.quoted(),
        table.qualified()
    );
    let row = fetch_one(connection, &sql, "count the rows").await?;
    Ok(Coverage {
        total: unsigned(row.get("total")),
        embedded: unsigned(row.get("embedded")),
    })
}

/// Reads the text of every row without a vector, in the server.
pub(super) async fn missing(
    connection: &mut PgConnection,
    subject: &Subject,
) -> Result<Missing, EmbeddingError> {
    let sql = format!(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE text !~ '\\S') AS empty,
                coalesce(sum(length(text)), 0)::int8 AS characters
           FROM (SELECT {} AS text FROM {} AS t WHERE t.{} IS NULL) AS missing",
        subject.text_sql(),
        subject.table.qualified(),
        subject.table.column.quoted()
    );
    let row = fetch_one(connection, &sql, "count the rows without a vector").await?;
    Ok(Missing {
        rows: unsigned(row.get("rows")),
        empty: unsigned(row.get("empty")),
        characters: unsigned(row.get("characters")),
    })
}

async fn fetch_one(
    connection: &mut PgConnection,
    sql: &str,
    purpose: &str,
) -> Result<sqlx::postgres::PgRow, EmbeddingError> {
    let mut transaction = begin(connection).await?;
    // A large table takes its time.
    sqlx::raw_sql("SET LOCAL statement_timeout = '600s'")
        .execute(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let row = sqlx::query(composed(sql))
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(row)
}

fn unsigned(count: i64) -> u64 {
    count.unsigned_abs()
}

/// The next rows without a vector by key, after the key `after`.
pub(super) async fn page(
    connection: &mut PgConnection,
    subject: &Subject,
    after: Option<&str>,
    most: u32,
) -> Result<Vec<TextRow>, EmbeddingError> {
    let purpose = "read rows without a vector";
    let key = subject.table.key.quoted();
    let begins = match after {
        Some(_) => format!("t.{key} > {}", subject.key_sql("$2::text")),
        None => format!("t.{key} IS NOT NULL AND $2::text IS NULL"),
    };
    let sql = format!(
        "SELECT t.{key}::text AS key, {text} AS text FROM {table} AS t
          WHERE t.{column} IS NULL AND {begins} ORDER BY t.{key} LIMIT $1",
        text = subject.text_sql(),
        table = subject.table.qualified(),
        column = subject.table.column.quoted()
    );
    let mut transaction = begin(connection).await?;
    let rows = sqlx::query(composed(sql))
        .persistent(false)
        .bind(i64::from(most))
        .bind(after)
        .fetch_all(&mut *transaction)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(rows.iter().map(text_row).collect())
}

pub(super) fn text_row(row: &sqlx::postgres::PgRow) -> TextRow {
    TextRow {
        key: row.get("key"),
        text: row.get("text"),
    }
}
