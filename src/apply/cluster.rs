//! The embedded cluster: made beside its place and renamed when good; started, and proven to be ours before any write.

use std::path::Path;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::{ApplyError, Outcome, Progress, checkpoint, machine};
use crate::database::index::Budget;
use crate::database::{Endpoint, Login, connect};
use crate::error::Result;
use crate::facts::cluster::{self, Cluster, ClusterFacts};
use crate::host::{Command, Host, interrupt, kill, process_is_alive, processes_with_arguments, terminate};
use crate::plan::Step;

const INITDB_DEADLINE: Duration = Duration::from_secs(300);
/// A server that was killed replays its log first; this is the longest that we wait for it.
const START_DEADLINE: Duration = Duration::from_secs(300);
const STOP_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
/// After a start takes this long, whoever watches is told that the server is recovering.
const SLOW_START: Duration = Duration::from_secs(3);

/// What begins so in the instance's directory is no cluster, or none any more (facts::embedded).
const PARTIAL: &str = "data.partial";

/// Peer authentication by this map lets the cluster's own operating system user, and root, in as the administrator.
const PEER_MAP: &str = "pgvector_setup";

pub(super) async fn initialize(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let Step::InitializeCluster {
        data,
        partial,
        leftovers,
        ..
    } = step
    else {
        unreachable!()
    };
    let host = engine.host;
    for leftover in leftovers {
        remove_partial(host, leftover).await?;
    }
    let filled = fill(engine, step).await;
    if let Err(error) = filled.and_then(|()| Ok(host.rename(partial, data)?)) {
        // Half a cluster takes room and helps nobody; a run that is killed here leaves it to the next.
        let _ = remove_partial(host, partial).await;
        return Err(error);
    }
    match cluster::gather(host, engine.layout)? {
        ClusterFacts::Present(cluster) => Ok(Outcome::Changed {
            object: Some(cluster.system_identifier.to_string()),
        }),
        _ => Err(ApplyError::NotReady {
            seconds: 0,
            said: ": initdb left no whole cluster".into(),
            log: data.clone(),
        }
        .into()),
    }
}

/// Makes the whole cluster, configured, beside its place.
async fn fill(engine: &Engine<'_>, step: &Step) -> Result<()> {
    let Step::InitializeCluster {
        partial,
        argv,
        configuration,
        owner,
        ..
    } = step
    else {
        unreachable!()
    };
    let host = engine.host;
    let account = machine::service_account(engine, owner.as_deref());
    let account = account.as_ref();
    host.create_directory(partial, 0o700, account)?;
    let command = Command::new(&argv[0], "initialise the cluster")
        .arguments(&argv[1..])
        .account(account.cloned())
        .deadline(INITDB_DEADLINE);
    host.run(&command).await?;
    let ident = ident(&account.unwrap_or(host.account()).name);
    host.append(&partial.join("postgresql.conf"), configuration.as_bytes())?;
    host.write_file(&partial.join("pg_hba.conf"), HBA.as_bytes(), 0o600, account)?;
    host.append(&partial.join("pg_ident.conf"), ident.as_bytes())?;
    Ok(())
}

/// Only loopback and the private socket, and never without proof of who connects.
const HBA: &str = "# pgvector-setup: the administrator by its operating system user, everybody else by password\n\
                   local all postgres peer map=pgvector_setup\n\
                   local all all scram-sha-256\n\
                   host all all 127.0.0.1/32 scram-sha-256\n";

fn ident(server_user: &str) -> String {
    let mut users = vec![server_user];
    if server_user != "root" {
        users.push("root");
    }
    users
        .iter()
        .map(|user| format!("{PEER_MAP} \"{}\" postgres\n", user.replace('"', "\"\"")))
        .collect()
}

pub(super) async fn start(engine: &mut Engine<'_>, step: &Step) -> Result<Outcome> {
    let Step::StartCluster {
        data,
        port,
        argv,
        owner,
        log,
        ..
    } = step
    else {
        unreachable!()
    };
    let host = engine.host;
    if cluster::running_postmaster(host, data)?.is_none() {
        let account = machine::service_account(engine, owner.as_deref());
        let command = Command::new(&argv[0], "start the server")
            .arguments(&argv[1..])
            .account(account);
        let started = Instant::now();
        let mut server = host.start_detached(&command, log)?;
        let mut is_told = false;
        while !cluster::is_ready(host, data) {
            // Where a run that was killed had begun to start the server, ours gives way to that one.
            if server.has_ended() && cluster::running_postmaster(host, data)?.is_none() {
                // A postmaster that was killed may still hold its shared memory for a moment; a second start is enough.
                if started.elapsed() > SLOW_START {
                    return Err(not_ready(host, started, data, log).into());
                }
                tokio::time::sleep(POLL * 20).await;
                server = host.start_detached(&command, log)?;
            }
            if started.elapsed() > START_DEADLINE {
                return Err(not_ready(host, started, data, log).into());
            }
            if started.elapsed() > SLOW_START && !is_told {
                engine
                    .progress
                    .waits("the server is still starting; after a crash it replays its log first");
                is_told = true;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    let ClusterFacts::Present(cluster) = cluster::gather(host, engine.layout)? else {
        return Err(ApplyError::Identity {
            port: *port,
            difference: "its data directory is gone".into(),
        }
        .into());
    };
    prove_identity(host, &cluster, data).await?;
    engine.server = Some(super::Server::embedded(host, &cluster));
    Ok(Outcome::Changed { object: None })
}

impl super::Server {
    /// How our own cluster is reached: the administrator by its private socket, applications by TCP on loopback.
    pub fn embedded(host: &Host, cluster: &Cluster) -> Self {
        Self {
            endpoint: Endpoint::Socket {
                directory: cluster.socket_directory.clone(),
                port: cluster.port,
            },
            administrator: Login::Administrator {
                role: "postgres".into(),
            },
            application: Endpoint::Tcp {
                host: "127.0.0.1".into(),
                port: cluster.port,
            },
            relay: None,
            maintenance: "postgres".into(),
            owner: None,
            service: None,
            budget: Some(Budget::of_machine(host.available_memory())),
        }
    }
}

/// Compares what the server that answers says of itself with the files that are ours. One that is starting is waited for.
///
/// # Errors
/// [`ApplyError::Identity`] when another server answers.
pub async fn prove_identity(host: &Host, cluster: &Cluster, data: &Path) -> Result<()> {
    let started = Instant::now();
    while !cluster::is_ready(host, data)
        && cluster::running_postmaster(host, data)?.is_some()
        && started.elapsed() < START_DEADLINE
    {
        tokio::time::sleep(POLL).await;
    }
    let server = super::Server::embedded(host, cluster);
    let mut connection = connect(&server.endpoint, &server.administrator, "postgres").await?;
    let row: (String, String) = sqlx::query_as(
        "SELECT system_identifier::text, current_setting('data_directory') FROM pg_control_system()",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(crate::database::DatabaseError::statement(
        "ask the server who it is",
    ))?;
    let (identifier, directory) = row;
    let difference = if identifier != cluster.system_identifier.to_string() {
        format!(
            "system identifier {identifier}, ours is {}",
            cluster.system_identifier
        )
    } else if Path::new(&directory) != data {
        format!("data directory {directory}, ours is {}", data.display())
    } else {
        return Ok(());
    };
    Err(ApplyError::Identity {
        port: cluster.port,
        difference,
    }
    .into())
}

/// Ends the server ("fast": sessions are ended, everything is written) and waits until it is gone.
pub async fn stop(host: &Host, data: &Path, log: &Path, progress: &dyn Progress) -> Result<Outcome> {
    let servers = postmasters(host, data)?;
    if servers.is_empty() {
        return Ok(Outcome::AlreadyThere);
    }
    let started = Instant::now();
    progress.waits("the server writes everything down and stops");
    // SIGINT is PostgreSQL's fast shutdown (pg_ctl's default mode).
    servers.iter().copied().for_each(interrupt);
    while servers.iter().copied().any(process_is_alive) || cluster::running_postmaster(host, data)?.is_some()
    {
        if started.elapsed() > STOP_DEADLINE {
            servers.iter().copied().for_each(terminate);
            return Err(ApplyError::NotReady {
                seconds: STOP_DEADLINE.as_secs(),
                said: ": it does not stop".into(),
                log: log.to_owned(),
            }
            .into());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(Outcome::Changed { object: None })
}

/// The running server, or one that a killed run started a moment ago and that has not written its `postmaster.pid` yet.
fn postmasters(host: &Host, data: &Path) -> Result<Vec<u32>> {
    if let Some(pid) = cluster::running_postmaster(host, data)? {
        return Ok(vec![pid]);
    }
    Ok(processes_with_arguments(["-D".as_ref(), data.as_os_str()]))
}

/// Removes a directory that was to become the cluster, with the initdb of a killed run that may still fill it.
pub(super) async fn remove_partial(host: &Host, partial: &Path) -> Result<()> {
    let started = Instant::now();
    let arguments = ["--pgdata".as_ref(), partial.as_os_str()];
    loop {
        processes_with_arguments(arguments).into_iter().for_each(kill);
        match host.remove_directory(partial) {
            // initdb's own child ends a moment after it.
            Err(error) if error.is_not_empty() && started.elapsed() < STOP_DEADLINE => {
                tokio::time::sleep(POLL).await;
            }
            Err(error) => return Err(error.into()),
            Ok(()) if processes_with_arguments(arguments).is_empty() => return Ok(()),
            Ok(()) => {}
        }
    }
}

/// Removes a stopped cluster: moved away first, so that what is at its place is whole or nothing.
pub(super) async fn destroy(host: &Host, data: &Path, instance: &Path) -> Result<()> {
    if host.exists(data) {
        let gone = instance.join(format!("{PARTIAL}-gone"));
        remove_partial(host, &gone).await?;
        host.rename(data, &gone)?;
        checkpoint::reached();
    }
    for name in host.list(instance) {
        if name.starts_with(PARTIAL) {
            remove_partial(host, &instance.join(name)).await?;
        }
    }
    Ok(())
}

fn not_ready(host: &Host, started: Instant, data: &Path, log: &Path) -> ApplyError {
    let mut said = host.read_text(log).ok().flatten().unwrap_or_default();
    let mut told_by = log.to_owned();
    for name in host.list(&data.join("log")) {
        let path = data.join("log").join(name);
        if let Some(text) = host
            .read_text(&path)
            .ok()
            .flatten()
            .filter(|text| text.contains("FATAL") || text.contains("PANIC"))
        {
            said.push_str(&text);
            told_by = path;
        }
    }
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("FATAL") || line.contains("PANIC") || line.contains("HINT"))
        .collect();
    let said = lines[lines.len().saturating_sub(4)..]
        .iter()
        .map(|line| format!("\n  | {line}"))
        .collect();
    ApplyError::NotReady {
        seconds: started.elapsed().as_secs(),
        said,
        log: told_by,
    }
}
