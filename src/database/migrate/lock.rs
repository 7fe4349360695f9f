//! One migration run at a time in a database.
//!
//! The lock is polled: a session that blocks in `pg_advisory_lock` holds a snapshot, and the holder's
//! `CREATE INDEX CONCURRENTLY` would wait for that for ever (deadlock, 40P01, and an INVALID index).

use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::MigrateError;
use crate::database::DatabaseError;

/// Names an advisory lock of one database.
pub type Key = (i32, i32);

/// The letters `pgvs` and `migr`.
const KEY: Key = (0x7067_7673, 0x6d69_6772);
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the session lock of migrations within 5 s.
///
/// # Errors
/// [`MigrateError::Locked`] with the holder's process id.
pub(super) async fn acquire(connection: &mut PgConnection) -> Result<(), MigrateError> {
    acquire_key(connection, KEY).await
}

/// Takes a session lock within 5 s: as long as a server may take to notice that a run was killed.
///
/// # Errors
/// [`MigrateError::Locked`] with the holder's process id.
pub async fn acquire_key(connection: &mut PgConnection, key: Key) -> Result<(), MigrateError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if try_acquire(connection, key).await? {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(MigrateError::Locked {
                holder: holder(connection, key).await?,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the session has the lock now.
pub async fn try_acquire(connection: &mut PgConnection, key: Key) -> Result<bool, DatabaseError> {
    sqlx::query_scalar("SELECT pg_catalog.pg_try_advisory_lock($1, $2)")
        .bind(key.0)
        .bind(key.1)
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("take the lock"))
}

/// Gives the lock of migrations back; a session that ends does so too.
pub(super) async fn release(connection: &mut PgConnection) -> Result<(), MigrateError> {
    release_key(connection, KEY).await
}

/// Gives a session lock back.
///
/// # Errors
/// [`DatabaseError::Statement`].
pub async fn release_key(connection: &mut PgConnection, key: Key) -> Result<(), MigrateError> {
    sqlx::query("SELECT pg_catalog.pg_advisory_unlock($1, $2)")
        .bind(key.0)
        .bind(key.1)
        .execute(connection)
        .await
        .map_err(DatabaseError::statement("give the lock back"))?;
    Ok(())
}

/// The server process that has the lock.
pub async fn holder(connection: &mut PgConnection, key: Key) -> Result<Option<i32>, DatabaseError> {
    sqlx::query_scalar(
        "SELECT l.pid
           FROM pg_catalog.pg_locks l
           JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
            AND l.classid::pg_catalog.int8 = $1 AND l.objid::pg_catalog.int8 = $2",
    )
    // An oid has no sign.
    .bind(i64::from(key.0.cast_unsigned()))
    .bind(i64::from(key.1.cast_unsigned()))
    .fetch_optional(connection)
    .await
    .map_err(DatabaseError::statement("see who holds the lock"))
}
