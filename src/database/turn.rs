//! One run at a time for one database and one role of a server that is not ours alone: of two replicas that set up the same
//! database, neither sees the other's files, so the server holds the locks.

use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::migrate::{MigrateError, lock};
use super::{DatabaseError, Endpoint, Login, connect, remote};
use crate::settings::{Identifier, Settings};

/// The letters `pgvr` and `pgvd`; each goes with a digest of the name.
const ROLE: i32 = 0x7067_7672;
const DATABASE: i32 = 0x7067_7664;
const PAUSE: Duration = Duration::from_millis(250);

/// Held until it is dropped: the lock is the session's.
#[derive(Debug)]
pub struct Turn {
    _session: PgConnection,
}

/// Takes the turn within `patience`; `told` is called if another run has it. Asked again and again, as migrations do: a
/// session that waits inside the server would hold up a concurrent index build.
///
/// # Errors
/// [`MigrateError::Locked`] with the server process that has it.
pub async fn take(
    endpoint: &Endpoint,
    login: &Login,
    maintenance: &str,
    settings: &Settings,
    patience: Duration,
    told: impl Fn(&str),
) -> Result<Turn, MigrateError> {
    let mut session = meeting_place(endpoint, login, maintenance).await?;
    let began = Instant::now();
    // Every run takes them in this order, so that no two wait for each other.
    for (kind, name) in [(ROLE, &settings.role), (DATABASE, &settings.database)] {
        let key = (kind, digest(name));
        let mut is_told = false;
        while !lock::try_acquire(&mut session, key).await? {
            let holder = lock::holder(&mut session, key).await?;
            if began.elapsed() >= patience {
                return Err(MigrateError::Locked { holder });
            }
            if !std::mem::replace(&mut is_told, true) {
                let process =
                    holder.map_or_else(String::new, |process| format!(" (server process {process})"));
                told(&format!("another run that sets up {name} to end{process}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Turn { _session: session })
}

fn digest(name: &Identifier) -> i32 {
    let digest = Sha256::digest(name.as_str().as_bytes());
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Advisory locks are kept apart by database, so all runs have to meet in one, whichever they set up.
async fn meeting_place(
    endpoint: &Endpoint,
    login: &Login,
    maintenance: &str,
) -> Result<PgConnection, DatabaseError> {
    match connect(endpoint, login, remote::FALLBACK).await {
        Err(DatabaseError::ServerLogin { .. }) if maintenance != remote::FALLBACK => {
            connect(endpoint, login, maintenance).await
        }
        outcome => outcome,
    }
}
