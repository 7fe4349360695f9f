//! Letting the application's role in: our lines in the server's own rules, seen to be read, or taken back.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::engine::{Engine, Server};
use super::network::{self, NetworkError};
use super::{Outcome, checkpoint};
use crate::apply::ApplyError;
use crate::database::login::{self, Block, without_block};
use crate::database::{DatabaseError, connect, turn};
use crate::error::Result;
use crate::host::Replacement;
use crate::plan::Step;
use crate::settings::Identifier;

/// Longest that others may take to change the rules before us.
const TURN: Duration = Duration::from_secs(30);
/// Longest that the server may take to read its rules again.
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);

pub(super) async fn allow(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let Step::AllowLogin {
        database,
        role,
        file,
        owner,
        lines,
        previous,
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    let Some(server) = &engine.server else {
        return Ok(Outcome::AlreadyThere);
    };
    let mut connection = in_turn(engine, server).await?;
    let before = read(&mut connection, file).await?;
    let block = Block { lines: lines.clone() };
    let earlier = [previous]
        .into_iter()
        .filter(|lines| !lines.is_empty())
        .map(|lines| Block { lines: lines.clone() });
    let earlier: Vec<Block> = earlier.chain([Block::new(database, role, true, &[])]).collect();
    let after = block
        .put_into(&before, &earlier)
        .map_err(|_| ApplyError::from(NetworkError::Changed { path: file.clone() }))?;
    if let Some(after) = &after {
        replace(engine, file, owner, &before, after).await?;
        if let Some(problem) = problem(&mut connection).await? {
            replace(engine, file, owner, after, &before).await?;
            return Err(ApplyError::LoginRules {
                path: file.clone(),
                problem,
            }
            .into());
        }
    }
    checkpoint::reached();
    let unmet = unmet(&mut connection, engine, (database, role), owner).await?;
    if unmet.is_none() {
        reload(server, &mut connection).await?;
    }
    let problem = match unmet {
        None if !engine.settings.network.allow.is_empty() => {
            network::access(engine, server, database, role).await
        }
        unmet => unmet,
    };
    let Some(problem) = problem else {
        return Ok(Outcome::Changed { object: None });
    };
    // Where a run that was cut off had written them, they are taken out as well: what is not proven does not stay.
    let (there, without) = match &after {
        Some(after) => (after.clone(), before),
        None => (before.clone(), without(&block, previous, &before)),
    };
    replace(engine, file, owner, &there, &without).await?;
    reload(server, &mut connection).await?;
    Err(ApplyError::from(NetworkError::NotLetIn {
        role: role.to_string(),
        problem,
        path: file.clone(),
    })
    .into())
}

/// The file with the lines of before in the place of `block`, or with none.
fn without(block: &Block, previous: &[String], file: &[u8]) -> Vec<u8> {
    let earlier = Block {
        lines: previous.to_vec(),
    };
    let changed = match previous {
        [] => without_block(std::slice::from_ref(block), file).ok(),
        _ => earlier.put_into(file, std::slice::from_ref(block)).ok().flatten(),
    };
    changed.unwrap_or_else(|| file.to_vec())
}

/// What a client of a network that was named would meet by the rules as the server now reads them, where that is not TLS and
/// SCRAM alone.
async fn unmet(
    connection: &mut PgConnection,
    engine: &Engine<'_>,
    (database, role): (&Identifier, &Identifier),
    owner: &str,
) -> Result<Option<String>> {
    let Some(facts) = login::gather(connection, owner).await? else {
        return Ok(None);
    };
    let mut networks = engine.settings.network.allow.iter();
    Ok(networks.find_map(|network| facts.problem_from(database, role, *network)))
}

/// A session of the administrator that alone changes the rules: sites that are deployed at the same time change the same file.
async fn in_turn(engine: &Engine<'_>, server: &Server) -> Result<PgConnection> {
    let mut session = connect(&server.endpoint, &server.administrator, "postgres").await?;
    turn::take_rules(&mut session, TURN, |what| engine.progress.waits(what)).await?;
    Ok(session)
}

/// `Some` says what stays and why.
pub(super) async fn withdraw(
    engine: &Engine<'_>,
    database: &Identifier,
    role: &Identifier,
    file: &Path,
    owner: &str,
    versions: &[Vec<String>],
) -> Result<Option<String>> {
    let Some(server) = &engine.server else {
        return Ok(Some(format!(
            "our lines in {}: the server does not run",
            file.display()
        )));
    };
    let mut connection = in_turn(engine, server).await?;
    let before = read(&mut connection, file).await?;
    let blocks = versions.iter().map(|lines| Block { lines: lines.clone() });
    let blocks: Vec<Block> = blocks.chain([Block::new(database, role, true, &[])]).collect();
    let Ok(after) = without_block(&blocks, &before) else {
        return Ok(Some(format!(
            "our lines in {}: somebody changed them since",
            file.display()
        )));
    };
    if after != before {
        replace(engine, file, owner, &before, &after).await?;
    }
    reload(server, &mut connection).await?;
    Ok(None)
}

/// Through the server, which may read its own files: we may not even enter its directory.
async fn read(connection: &mut PgConnection, file: &Path) -> Result<Vec<u8>> {
    let bytes = sqlx::query_scalar("SELECT pg_read_binary_file($1)")
        .bind(file.to_string_lossy().into_owned())
        .fetch_one(connection)
        .await;
    Ok(bytes.map_err(DatabaseError::statement("read who is let in"))?)
}

async fn replace(engine: &Engine<'_>, file: &Path, owner: &str, before: &[u8], after: &[u8]) -> Result<()> {
    let account = engine.host.account_named(owner);
    let account = account.ok_or_else(|| crate::facts::FactsError::Unreadable {
        what: "/etc/passwd".to_owned(),
        detail: format!("there is no user {owner}"),
    })?;
    let replacement = Replacement::new(file, Some(before), Some(after));
    Ok(engine.host.replace_file_as(&account, replacement).await?)
}

/// The first line that the server cannot read; it reads the file anew each time it is asked.
async fn problem(connection: &mut PgConnection) -> Result<Option<String>> {
    const SQL: &str = "SELECT format('line %s: %s', line_number, error) FROM pg_hba_file_rules \
        WHERE error IS NOT NULL LIMIT 1";
    let found = sqlx::query_scalar(SQL).fetch_optional(connection).await;
    Ok(found.map_err(DatabaseError::statement("check who is let in"))?)
}

/// The postmaster reads its files when it gets round to the signal: only a connection made after that shows the new time.
pub(super) async fn reload(server: &Server, connection: &mut PgConnection) -> Result<()> {
    const TIME: &str = "SELECT extract(epoch FROM pg_conf_load_time())::float8";
    const INTERVAL: Duration = Duration::from_millis(20);
    let failed = || DatabaseError::statement("have the server read its rules");
    let started: f64 = sqlx::query_scalar("SELECT extract(epoch FROM clock_timestamp())::float8")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let sent: bool = sqlx::query_scalar("SELECT pg_reload_conf()")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let end = Instant::now() + RELOAD_DEADLINE;
    while sent && Instant::now() < end {
        let mut fresh = connect(&server.endpoint, &server.administrator, "postgres").await?;
        let loaded: f64 = sqlx::query_scalar(TIME)
            .fetch_one(&mut fresh)
            .await
            .map_err(failed())?;
        if loaded >= started {
            return Ok(());
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Err(ApplyError::NotReloaded {
        seconds: RELOAD_DEADLINE.as_secs(),
    }
    .into())
}
