//! pgvector for one server alone: its signed package unpacked beside the system, and the server's own settings.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::{Executor as _, PgConnection};

use super::apt::{PackageError, Waits};
use super::engine::{Engine, Server};
use super::patience::{self, Patience};
use super::{ApplyError, Outcome, Progress, checkpoint};
use crate::database::sql::{composed, literal};
use crate::database::{DatabaseError, connect};
use crate::error::Result;
use crate::host::{Command, Host, HostError};
use crate::plan::{Parameter, Step};

const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(10 * 60);
const UNPACK_DEADLINE: Duration = Duration::from_secs(60);

/// Longest that a server may take to read its configuration again.
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// apt checks the package against its repository's signature; dpkg-deb unpacks it, and runs nothing of it.
pub(super) async fn unpack(
    host: &Host,
    argv: &[String],
    directory: &Path,
    patience: Patience,
    progress: &dyn Progress,
) -> Result<Outcome> {
    if host.exists(directory) {
        return Ok(Outcome::AlreadyThere);
    }
    let parent = directory.parent().unwrap_or(Path::new("/"));
    host.clear_partials(parent, None);
    let partial = host.partial_beside(directory);
    let waits = |what: &str| progress.waits(what);
    let unpacked = fill(host, argv, &partial, patience, &waits)
        .await
        .and_then(|tree| {
            checkpoint::reached();
            host.sync_file_system(&tree)?;
            Ok(host.rename(&tree, directory)?)
        });
    host.remove_directory(&partial)?;
    unpacked.map(|()| Outcome::Changed { object: None })
}

/// The package in `partial`, and its files in `partial/tree`.
async fn fill(
    host: &Host,
    argv: &[String],
    partial: &Path,
    patience: Patience,
    waits: Waits<'_>,
) -> Result<PathBuf> {
    host.create_directory(partial, 0o755, None)?;
    let download = Command::new(&argv[0], "fetch pgvector's package")
        .arguments(&argv[1..])
        .directory(partial)
        .deadline(DOWNLOAD_DEADLINE);
    let attempt = async || match host.run(&download).await {
        Ok(_) => Ok(()),
        Err(HostError::Failed { command, output, .. }) => {
            Err(ApplyError::Packages(PackageError::from_output(command, &output)).into())
        }
        Err(error) => Err(error.into()),
    };
    // It takes no lock of apt's.
    patience::run(host, patience, |_| None, waits, attempt).await?;
    let package = host.list(partial).into_iter().find(|name| name.ends_with(".deb"));
    let package = package.ok_or_else(|| ApplyError::Archive {
        path: partial.to_owned(),
        problem: "apt-get download left no package in it".to_owned(),
    })?;
    let tree = partial.join("tree");
    host.create_directory(&tree, 0o755, None)?;
    let extract = Command::new("/usr/bin/dpkg-deb", "unpack pgvector's package")
        .argument("--extract")
        .arguments([partial.join(package), tree.clone()])
        .deadline(UNPACK_DEADLINE);
    host.run(&extract).await?;
    Ok(tree)
}

/// Changes the settings and waits until the server offers pgvector; then it loads the library once, in a session that ends.
pub(super) async fn set_parameters(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let (
        Step::SetParameters {
            system_identifier,
            parameters,
            sql,
            ..
        },
        Some(server),
    ) = (step, &engine.server)
    else {
        return Ok(Outcome::Skipped {
            why: "there is no server to set them on".into(),
        });
    };
    let mut connection = administrator(server).await?;
    prove(&mut connection, server, system_identifier).await?;
    for statement in sql {
        run(&mut connection, statement).await?;
        checkpoint::reached();
    }
    let began = Instant::now();
    // A session keeps what it began with until it looks at its own messages again; a new one has what is new.
    while !offers_pgvector(&mut administrator(server).await?).await? {
        if began.elapsed() > RELOAD_DEADLINE {
            return Err(unseen(server, parameters).into());
        }
        tokio::time::sleep(POLL).await;
    }
    run(&mut administrator(server).await?, "LOAD 'vector'").await?;
    Ok(Outcome::Changed { object: None })
}

/// Gives each setting its old value back that still has ours; `Some` names those that somebody changed since.
pub(super) async fn restore_parameters(
    engine: &Engine<'_>,
    parameters: &[Parameter],
) -> Result<Option<String>> {
    let names = || {
        let names: Vec<&str> = parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        names.join(" and ")
    };
    let Some(server) = &engine.server else {
        return Ok(Some(format!("{}: the server does not run", names())));
    };
    let mut connection = administrator(server).await?;
    let mut changed = Vec::new();
    for parameter in parameters {
        let there = altered(&mut connection, &parameter.name).await?;
        if there == parameter.previous {
            continue;
        }
        if there.as_ref() != Some(&parameter.value) {
            changed.push(parameter.name.as_str());
            continue;
        }
        let sql = match &parameter.previous {
            Some(value) => format!("ALTER SYSTEM SET {} = {}", parameter.name, literal(value)),
            None => format!("ALTER SYSTEM RESET {}", parameter.name),
        };
        run(&mut connection, &sql).await?;
        checkpoint::reached();
    }
    run(&mut connection, "SELECT pg_catalog.pg_reload_conf()").await?;
    Ok((!changed.is_empty()).then(|| format!("{}: somebody changed it since", changed.join(" and "))))
}

async fn administrator(server: &Server) -> Result<PgConnection> {
    Ok(connect(&server.endpoint, &server.administrator, "postgres").await?)
}

async fn prove(connection: &mut PgConnection, server: &Server, expected: &str) -> Result<()> {
    let found: String = sqlx::query_scalar("SELECT system_identifier::text FROM pg_control_system()")
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::statement("ask the server who it is"))?;
    if found == expected {
        return Ok(());
    }
    Err(ApplyError::Identity {
        port: server.endpoint.port(),
        difference: format!("system identifier {found}, the plan was for {expected}"),
    }
    .into())
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<()> {
    let purpose = format!("run: {sql}");
    connection
        .execute(composed(sql))
        .await
        .map_err(DatabaseError::statement(purpose))?;
    Ok(())
}

async fn offers_pgvector(connection: &mut PgConnection) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')";
    let found = sqlx::query_scalar(SQL).fetch_one(connection).await;
    Ok(found.map_err(DatabaseError::statement("look for pgvector"))?)
}

/// What `postgresql.auto.conf` has for a setting now; its last line counts.
async fn altered(connection: &mut PgConnection, name: &str) -> Result<Option<String>> {
    const SQL: &str = "SELECT setting FROM pg_file_settings WHERE name = $1 \
        AND sourcefile LIKE '%/postgresql.auto.conf' ORDER BY seqno DESC LIMIT 1";
    let found = sqlx::query_scalar(SQL)
        .bind(name)
        .fetch_optional(connection)
        .await;
    Ok(found.map_err(DatabaseError::statement("read the server's configuration"))?)
}

fn unseen(server: &Server, parameters: &[Parameter]) -> ApplyError {
    let places: Vec<&str> = parameters
        .iter()
        .map(|parameter| parameter.value.as_str())
        .collect();
    ApplyError::Unseen {
        port: server.endpoint.port(),
        places: places.join(", "),
    }
}
