//! The store's own search on the real table, as an application asks it.

use sqlx::PgConnection;

use super::attempt::{Failure, Observed};
use crate::database::{DatabaseError, sqlstate};
use crate::error::Explain as _;
use crate::settings::VectorTable;
use crate::store::{StoreError, Trial, trial};

/// `None` where no row has a vector.
///
/// # Errors
/// The outer error is a lost connection, the inner one why the table cannot be searched: by SQLSTATE, or by a code of ours.
pub async fn search(
    connection: &mut PgConnection,
    table: &VectorTable,
) -> Result<Observed<Option<Trial>>, DatabaseError> {
    let error = match trial(connection, table).await {
        Ok(trial) => return Ok(Ok(trial)),
        Err(error) => error,
    };
    let message = error.to_string();
    let sqlstate = match error {
        StoreError::Database(DatabaseError::Statement { purpose, source }) => match sqlstate(&source) {
            Some(state) => state,
            None => return Err(DatabaseError::Statement { purpose, source }),
        },
        error => error.code().to_owned(),
    };
    Ok(Err(Failure { sqlstate, message }))
}
