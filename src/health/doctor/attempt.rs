//! Statements that may fail: the failure is what the check wants to know, and the transaction goes on.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use crate::database::DatabaseError;
use crate::database::sql::composed;

/// Why the server refused a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub sqlstate: String,
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({})", self.message, self.sqlstate)
    }
}

/// What could be observed.
pub type Observed<T> = Result<T, Failure>;

/// Runs statements in one round trip behind a savepoint, and gives their rows' first columns as text.
///
/// # Errors
/// The outer error is a lost connection, the inner one the server's refusal.
pub async fn attempt(
    connection: &mut PgConnection,
    purpose: &str,
    statements: &str,
) -> Result<Observed<Vec<String>>, DatabaseError> {
    let guarded = format!("SAVEPOINT attempt; {statements}; RELEASE SAVEPOINT attempt");
    let refused = match sqlx::raw_sql(composed(guarded)).fetch_all(&mut *connection).await {
        Ok(rows) => return texts(&rows).map(Ok).map_err(DatabaseError::statement(purpose)),
        Err(sqlx::Error::Database(refused)) => refused,
        Err(lost) => return Err(DatabaseError::statement(purpose)(lost)),
    };
    sqlx::raw_sql("ROLLBACK TO SAVEPOINT attempt")
        .execute(connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(Err(Failure {
        sqlstate: refused.code().unwrap_or_default().into_owned(),
        message: refused.message().to_owned(),
    }))
}

fn texts(rows: &[PgRow]) -> Result<Vec<String>, sqlx::Error> {
    rows.iter()
        .map(|row| {
            row.try_get_unchecked::<Option<String>, _>(0)
                .map(Option::unwrap_or_default)
        })
        .collect()
}
