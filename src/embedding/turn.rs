//! One backfill of a column at a time, so that no row is paid for twice.
//!
//! The lock is a transaction's, not a session's: it holds behind a pooler too, and ends with the process.

use sqlx::PgConnection;

use super::EmbeddingError;
use crate::database::DatabaseError;
use crate::database::migrate::lock;
use crate::settings::VectorTable;

/// The letters `pgve`; it goes with a digest of the column's name.
const BACKFILL: i32 = 0x7067_7665;

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    session: PgConnection,
}

impl Turn {
    /// # Errors
    /// [`EmbeddingError::Filling`] with the server process of the other backfill.
    pub async fn take(mut session: PgConnection, table: &VectorTable) -> Result<Self, EmbeddingError> {
        let failed = || DatabaseError::statement("take the turn to fill this column");
        sqlx::raw_sql("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
            .execute(&mut session)
            .await
            .map_err(failed())?;
        let key = (BACKFILL, digest(table));
        let is_ours: bool = sqlx::query_scalar("SELECT pg_catalog.pg_try_advisory_xact_lock($1, $2)")
            .persistent(false)
            .bind(key.0)
            .bind(key.1)
            .fetch_one(&mut session)
            .await
            .map_err(failed())?;
        if is_ours {
            return Ok(Self { session });
        }
        Err(EmbeddingError::Filling {
            holder: lock::holder(&mut session, key).await?,
        })
    }

    /// Sees that the lock is still held, and keeps its connection from looking idle to what is in between.
    ///
    /// # Errors
    /// [`EmbeddingError::Database`] where its connection is lost, and the lock with it.
    pub async fn keep(&mut self) -> Result<(), EmbeddingError> {
        sqlx::raw_sql("SELECT")
            .execute(&mut self.session)
            .await
            .map_err(DatabaseError::statement("keep the turn to fill this column"))?;
        Ok(())
    }
}

fn digest(table: &VectorTable) -> i32 {
    let name = format!("{}\0{}\0{}", table.schema, table.table, table.column);
    let digest = super::subject::text_digest(&name);
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}
