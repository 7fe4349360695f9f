//! One run at a time for one database and one role of a server that is not ours alone, and for the rules of a server: of two replicas
//! that set up the same database, neither sees the other's files, so the server holds the locks.

use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::migrate::{MigrateError, lock};
use super::{DatabaseError, Endpoint, Login, connect, remote};
use crate::settings::{Identifier, Settings};

/// The letters `pgvr` and `pgvd`; each goes with a digest of the name.
const ROLE: i32 = 0x7067_7672;
const DATABASE: i32 = 0x7067_7664;
/// The letters `pgvs` and `hbac`.
const RULES: lock::Key = (0x7067_7673, 0x6862_6163);
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
    let deadline = Instant::now() + patience;
    // Every run takes them in this order, so that no two wait for each other.
    for (kind, name) in [(ROLE, &settings.role), (DATABASE, &settings.database)] {
        let other = format!("another run that sets up {name}");
        wait(&mut session, (kind, digest(name)), &other, deadline, &told).await?;
    }
    Ok(Turn { _session: session })
}

/// Takes the turn to change the rules of a server within `patience`; the session has it until it ends. Runs that share a server need
/// not share a directory, so that a file of ours could not keep them apart. Every session has to be in the same database.
///
/// # Errors
/// As [`take`].
pub async fn take_rules(
    session: &mut PgConnection,
    patience: Duration,
    told: impl Fn(&str),
) -> Result<(), MigrateError> {
    let other = "another run that changes who is let in";
    wait(session, RULES, other, Instant::now() + patience, &told).await
}

async fn wait(
    session: &mut PgConnection,
    key: lock::Key,
    other: &str,
    deadline: Instant,
    told: &impl Fn(&str),
) -> Result<(), MigrateError> {
    let mut is_told = false;
    while !lock::try_acquire(session, key).await? {
        let holder = lock::holder(session, key).await?;
        if Instant::now() >= deadline {
            return Err(MigrateError::Locked { holder });
        }
        if !std::mem::replace(&mut is_told, true) {
            let process = holder.map_or_else(String::new, |process| format!(" (server process {process})"));
            told(&format!("{other} to end{process}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
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
