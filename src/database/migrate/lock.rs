//! One migration run at a time in a database.
//!
//! The lock is polled: a session that blocks in `pg_advisory_lock` holds a snapshot, and the holder's
//! `CREATE INDEX CONCURRENTLY` would wait for that for ever (deadlock, 40P01, and an INVALID index).

use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::MigrateError;
use crate::database::DatabaseError;

/// The letters `pgvs` and `migr`.
const KEY: (i32, i32) = (0x7067_7673, 0x6d69_6772);
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the session lock within 5 s.
///
/// # Errors
/// [`MigrateError::Locked`] with the holder's process id.
pub(super) async fn acquire(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let taken: bool = sqlx::query_scalar("SELECT pg_catalog.pg_try_advisory_lock($1, $2)")
            .bind(KEY.0)
            .bind(KEY.1)
            .fetch_one(&mut *connection)
            .await
            .map_err(DatabaseError::statement("take the migration lock"))?;
        if taken {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(MigrateError::Locked {
                holder: holder(connection).await?,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Gives the lock back; a session that ends does so too.
pub(super) async fn release(connection: &mut PgConnection) -> Result<(), MigrateError> {
    sqlx::query("SELECT pg_catalog.pg_advisory_unlock($1, $2)")
        .bind(KEY.0)
        .bind(KEY.1)
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("give the migration lock back"))?;
    Ok(())
}

async fn holder(connection: &mut PgConnection) -> Result<Option<i32>, MigrateError> {
    Ok(sqlx::query_scalar(
        "SELECT l.pid
           FROM pg_catalog.pg_locks l
           JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
            AND l.classid::pg_catalog.int8 = $1 AND l.objid::pg_catalog.int8 = $2",
    )
    .bind(i64::from(KEY.0))
    .bind(i64::from(KEY.1))
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("see who holds the migration lock"))?)
}
