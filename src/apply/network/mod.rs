//! Opening a server of the operating system to other machines: our own file of its settings, seen by the server before it
//! matters, and taken back where the server does not serve as it was told.
//!
//! The certificate is read by a reload, and shown on loopback, before anything is interrupted: a server that cannot use it
//! goes on with its old one, and is never restarted for it.

mod error;
mod proof;
mod restart;

use std::path::Path;

use sqlx::PgConnection;

pub use error::NetworkError;

use self::restart::LogMark;
use super::engine::{Engine, Server};
use super::{ApplyError, Outcome, checkpoint, login};
use crate::database::{DatabaseError, connect};
use crate::error::{Error, Result};
use crate::facts::network::NAMES;
use crate::host::{Host, Replacement};
use crate::plan::{Step, Undo};
use crate::settings::Identifier;

/// What was tried, and how far it came.
struct Attempt<'a> {
    engine: &'a Engine<'a>,
    server: &'a Server,
    step: &'a Step,
    is_restarted: bool,
}

/// Why a server is not served as it was to be.
enum Failure {
    Problem(String),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub(super) async fn listen(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let (Step::Listen { cluster, log, .. }, Some(server)) = (step, &engine.server) else {
        return Ok(Outcome::Skipped {
            why: "there is no server".into(),
        });
    };
    let mark = LogMark::now(engine.host, log);
    let mut attempt = Attempt {
        engine,
        server,
        step,
        is_restarted: false,
    };
    let Err(failure) = attempt.run().await else {
        return Ok(Outcome::Changed { object: None });
    };
    let said = mark.complaints(engine.host).await;
    let problem = match failure {
        Failure::Problem(problem) => problem,
        Failure::Error(error) => error.to_string(),
    };
    checkpoint::reached();
    let (cluster, log) = (cluster.clone(), log.clone());
    let error = match attempt.take_back().await {
        Ok(()) => NetworkError::TakenBack {
            cluster,
            problem,
            said,
            log,
        },
        Err(error) => NetworkError::Down {
            cluster,
            problem,
            said,
            log,
            since: error.to_string(),
        },
    };
    Err(ApplyError::from(error).into())
}

impl Attempt<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let Step::Listen {
            addresses,
            certificate,
            file,
            owner,
            content,
            previous,
            restart,
            interrupts,
            is_let_in,
            ..
        } = self.step
        else {
            return Ok(());
        };
        let (engine, server) = (self.engine, self.server);
        write(engine.host, file, owner, previous.as_deref(), Some(content)).await?;
        checkpoint::reached();
        let mut connection = administrator(server).await?;
        refuse(not_taken(&mut connection, file).await?)?;
        login::reload(server, &mut connection).await?;
        drop(connection);
        refuse(proof::certificate_on_loopback(engine, server, certificate).await)?;
        checkpoint::reached();
        if *interrupts {
            self.is_restarted = true;
            restart::restart(engine, server, restart).await?;
            checkpoint::reached();
        }
        refuse(proof::sockets(engine, server, addresses))?;
        refuse(proof::certificate_everywhere(engine, server, addresses, certificate).await)?;
        if *is_let_in {
            refuse(proof::access(engine, server, &engine.settings.database, &engine.settings.role).await)?;
        }
        Ok(())
    }

    /// Puts back what was there, and has the server run on it.
    async fn take_back(&self) -> Result<()> {
        let Step::Listen { restart, .. } = self.step else {
            return Ok(());
        };
        restore_settings(self.engine.host, self.step).await?;
        checkpoint::reached();
        if self.is_restarted {
            return restart::restart(self.engine, self.server, restart).await;
        }
        login::reload(self.server, &mut administrator(self.server).await?).await
    }
}

fn refuse(problem: Option<String>) -> Result<(), Failure> {
    problem.map_or(Ok(()), |problem| Err(Failure::Problem(problem)))
}

/// Takes back a [`Step::Listen`] of a run that was killed while it restarted the server, which has been down since; it ran
/// before that step, so it is started here and by no step of its own. Where it does not start, the plan's own start says why.
///
/// # Errors
/// [`HostError`](crate::host::HostError) where our file cannot be written.
pub async fn recover(host: &Host, step: &Step) -> Result<()> {
    restore_settings(host, step).await?;
    checkpoint::reached();
    if let Step::Listen { restart, .. } = step
        && let Err(error) = restart::run(host, restart).await
    {
        tracing::warn!(%error, "the server was not started again");
    }
    Ok(())
}

/// Has our file be again what it was before the step.
async fn restore_settings(host: &Host, step: &Step) -> Result<()> {
    let Step::Listen {
        file,
        owner,
        content,
        previous,
        ..
    } = step
    else {
        return Ok(());
    };
    write(host, file, owner, Some(content), previous.as_deref()).await
}

async fn write(
    host: &Host,
    file: &Path,
    owner: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<()> {
    let account = host.account_named(owner);
    let account = account.ok_or_else(|| crate::facts::FactsError::Unreadable {
        what: "/etc/passwd".to_owned(),
        detail: format!("there is no user {owner}"),
    })?;
    let replacement = Replacement::new(file, before.map(str::as_bytes), after.map(str::as_bytes));
    Ok(host.replace_file_as(&account, replacement).await?)
}

async fn administrator(server: &Server) -> Result<PgConnection> {
    Ok(connect(&server.endpoint, &server.administrator, "postgres").await?)
}

/// The server's own view of its files, which it reads anew each time it is asked. That an address waits for a restart counts
/// as an error there, and is none.
async fn not_taken(connection: &mut PgConnection, file: &Path) -> Result<Option<String>> {
    const ERROR: &str = "SELECT format('%s, line %s: %s', sourcefile, sourceline, error) FROM pg_file_settings \
        WHERE sourcefile = $1 AND error IS NOT NULL AND name <> 'listen_addresses' LIMIT 1";
    const LAST: &str = "SELECT DISTINCT ON (name) name, sourcefile, sourceline FROM pg_file_settings \
        WHERE name = ANY($1) ORDER BY name, seqno DESC";
    let failed = || DatabaseError::statement("see what the server makes of its settings");
    let path = file.to_string_lossy().into_owned();
    let error: Option<String> = sqlx::query_scalar(ERROR)
        .bind(&path)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed())?;
    if error.is_some() {
        return Ok(error);
    }
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let last: Vec<(String, String, i32)> = sqlx::query_as(LAST)
        .bind(&names)
        .fetch_all(connection)
        .await
        .map_err(failed())?;
    let overridden = last.iter().find(|(_, source, _)| *source != path);
    if let Some((name, source, line)) = overridden {
        return Ok(Some(format!(
            "{name} in {source}, line {line}, goes before {path}"
        )));
    }
    Ok((last.len() != NAMES.len()).then(|| format!("the server does not read {path}")))
}

/// Removes our file, and restarts a server that still listens as that said. `Some` says what stays and why.
pub(super) async fn stop_listening(engine: &Engine<'_>, undo: &Undo) -> Result<Option<String>> {
    let Undo::StopListening {
        file,
        owner,
        versions,
        restart,
        ..
    } = undo
    else {
        return Ok(None);
    };
    let there = engine.host.read_text(file)?;
    if let Some(there) = &there {
        if !versions.contains(there) {
            return Ok(Some(format!("{}: somebody changed it since", file.display())));
        }
        write(engine.host, file, owner, Some(there), None).await?;
        checkpoint::reached();
    }
    let Some(server) = &engine.server else {
        return Ok(None);
    };
    login::reload(server, &mut administrator(server).await?).await?;
    const IS_OWED: &str = "SELECT pending_restart FROM pg_settings WHERE name = 'listen_addresses'";
    let is_owed: bool = sqlx::query_scalar(IS_OWED)
        .fetch_one(&mut administrator(server).await?)
        .await
        .map_err(DatabaseError::statement(
            "see whether the server has to be restarted",
        ))?;
    if is_owed {
        restart::restart(engine, server, restart).await?;
    }
    Ok(None)
}

/// How the role is let in over the network, after its lines were read.
pub(super) async fn access(
    engine: &Engine<'_>,
    server: &Server,
    database: &Identifier,
    role: &Identifier,
) -> Option<String> {
    proof::access(engine, server, database, role).await
}
