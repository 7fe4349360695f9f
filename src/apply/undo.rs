//! Undoing: each entry of the receipt is taken back and marked, so that an undo that is cut off goes on where it was.

use std::path::Path;
use std::time::Duration;

use sqlx::Executor as _;

use super::apt::remove_repository;
use super::engine::Engine;
use super::{checkpoint, cluster, docker, first_run, login, network, overlay, packages};
use crate::database::migrate::{Descent, Limits, Migrator};
use crate::database::sql::composed;
use crate::database::{DatabaseError, connect, sqlstate};
use crate::error::Result;
use crate::host::{Command, Privilege};
use crate::plan::{Undo, UndoStep};
use crate::settings::Identifier;

const STILL_IN_USE: [&str; 2] = ["2BP01", "55006"];

/// Takes the steps back in order; what stays is returned with its reason. Once nothing stays, the receipt goes too, with
/// the directories that held it.
pub async fn undo(engine: &mut Engine<'_>, steps: &[UndoStep]) -> Result<Vec<String>> {
    let kept = undo_some(engine, steps).await?;
    checkpoint::reached();
    if kept.is_empty() {
        let directories: Vec<&Path> = steps.iter().filter_map(directory).collect();
        let layout = engine.layout;
        engine.host.remove_file(&layout.start_log)?;
        for path in directories
            .iter()
            .filter(|path| !layout.instance.starts_with(path))
        {
            engine.host.remove_empty_directory(path);
        }
        first_run::remove_directory(engine.host, layout, &directories)?;
    }
    Ok(kept)
}

/// Directories go last, when nothing is left in them.
fn directory(step: &UndoStep) -> Option<&Path> {
    match &step.undo {
        Undo::RemoveEmptyDirectory { path } => Some(path),
        _ => None,
    }
}

/// Takes some of the steps back and keeps the receipt, which is about the others; what stays is returned with its reason.
pub async fn undo_some(engine: &mut Engine<'_>, steps: &[UndoStep]) -> Result<Vec<String>> {
    let (mut kept, mut is_searched) = (Vec::new(), false);
    for step in steps.iter().filter(|step| directory(step).is_none()) {
        let is_kept = matches!(step.undo, Undo::Keep { .. });
        if let Some(title) = step.undo.title().filter(|_| !is_kept) {
            engine.progress.undoes(&title);
        }
        checkpoint::reached();
        let reason = match &step.undo {
            // Settings are taken back before what they lead to.
            Undo::RemoveUnpacked { path } if is_searched => {
                Some(format!("{}: the server may still look there", path.display()))
            }
            undo => take_back(engine, undo).await?,
        };
        is_searched |= reason.is_some() && matches!(step.undo, Undo::RestoreParameters { .. });
        checkpoint::reached();
        match reason {
            Some(reason) => kept.push(reason),
            None => engine.receipt.undone(step.sequence)?,
        }
    }
    Ok(kept)
}

/// `Some` says what stays and why.
async fn take_back(engine: &mut Engine<'_>, undo: &Undo) -> Result<Option<String>> {
    let host = engine.host;
    match undo {
        Undo::Nothing => {}
        Undo::Keep { what, why } => return Ok(Some(format!("{what}: {why}"))),
        Undo::MigrateDown { .. } => migrate_down(engine, undo).await?,
        Undo::DropSchema {
            database,
            role,
            schema,
        } => return drop_schema(engine, database, role, schema).await,
        Undo::Revoke { database, role } => revoke(engine, database, role).await?,
        Undo::WithdrawLogin {
            database,
            role,
            file,
            owner,
            versions,
        } => return login::withdraw(engine, database, role, file, owner, versions).await,
        Undo::StopListening { .. } => return network::stop_listening(engine, undo).await,
        Undo::RevokeMembership { role, member } => revoke_membership(engine, role, member).await?,
        Undo::DropDatabase { database, oid } => {
            let sql = format!("DROP DATABASE IF EXISTS {}", database.quoted());
            return drop_if_ours(engine, "pg_database", "datname", database, oid.as_deref(), &sql).await;
        }
        Undo::DropRole { role, oid } => {
            let sql = format!("DROP ROLE IF EXISTS {}", role.quoted());
            return drop_if_ours(engine, "pg_roles", "rolname", role, oid.as_deref(), &sql).await;
        }
        Undo::RemoveFile { path } => host.remove_file(path)?,
        Undo::StopCluster { data, log } => {
            cluster::stop(host, data, log, engine.progress).await?;
            host.remove_file(log)?;
        }
        Undo::DestroyCluster { data } => {
            cluster::stop(host, data, &engine.layout.start_log, engine.progress).await?;
            cluster::destroy(host, data, &engine.layout.instance).await?;
        }
        Undo::RestoreParameters { parameters } => {
            return overlay::restore_parameters(engine, parameters).await;
        }
        Undo::RemoveProject {
            directory,
            files,
            secrets,
            destroy,
        } => return docker::remove_files(host, directory, files, secrets, *destroy),
        Undo::RemoveContainers {
            engine: program,
            project,
            before,
            destroy,
        } => {
            return docker::remove_containers(host, program, project, before, *destroy, engine.progress)
                .await;
        }
        Undo::RemoveImage {
            engine: program,
            image,
        } => return docker::remove_image(host, program, image).await,
        Undo::RemoveDirectory { path } | Undo::RemoveUnpacked { path } => host.remove_directory(path)?,
        Undo::RemoveEmptyDirectory { path } => {
            host.remove_empty_directory(path);
        }
        Undo::RemoveUser { name } => {
            // userdel(8): 6 is "no such user", 8 "the user is logged in", which means that processes of its own run.
            let Some(userdel) = host.which("userdel") else {
                return Ok(Some(format!("the system user {name}: there is no userdel")));
            };
            let command = Command::new(userdel, "remove the system user")
                .argument(name)
                .accept([6, 8])
                .privilege(Privilege::Root);
            if host.run(&command.deadline(Duration::from_secs(30))).await?.code == 8 {
                return Ok(Some(format!("the system user {name}: other processes run as it")));
            }
        }
        Undo::RemoveRepository {
            files,
            directories,
            lists,
            ..
        } => return remove_repository(host, files, directories, lists).await,
        Undo::RemoveRpmRepository { .. }
        | Undo::ResetModule { .. }
        | Undo::DisableService { .. }
        | Undo::DropSystemCluster { .. }
        | Undo::StopSystemCluster { .. }
        | Undo::RemovePackages { .. } => {
            return packages::undo(host, undo, engine.progress).await;
        }
    }
    Ok(None)
}

async fn migrate_down(engine: &Engine<'_>, undo: &Undo) -> Result<()> {
    let Undo::MigrateDown {
        database,
        table,
        owner,
        destroy,
        to,
        ..
    } = undo
    else {
        return Ok(());
    };
    let Some(server) = &engine.server else {
        return Ok(());
    };
    let mut connection = connect(&server.endpoint, &server.administrator, database.as_str()).await?;
    let progress = |_| {};
    let migrator = Migrator {
        table,
        owner,
        endpoint: &server.endpoint,
        login: &server.administrator,
        database: database.as_str(),
        limits: Limits::default(),
        progress: &progress,
    };
    let all = [table.column.clone(), table.table.clone()];
    let consent: &[Identifier] = if *destroy { &all } else { &[] };
    migrator
        .down(
            &mut connection,
            *to,
            &Descent {
                consent,
                export: None,
            },
        )
        .await?;
    Ok(())
}

/// Drops the object if it is still the one that we made: a successor of the same name has another oid.
async fn drop_if_ours(
    engine: &Engine<'_>,
    catalog: &str,
    column: &str,
    name: &Identifier,
    oid: Option<&str>,
    sql: &str,
) -> Result<Option<String>> {
    let Some(server) = &engine.server else {
        return Ok(Some(format!("{name}: the server does not run")));
    };
    let beside = server.beside(name);
    let mut connection = connect(&server.endpoint, &server.administrator, beside).await?;
    let there: Option<String> = sqlx::query_scalar(composed(format!(
        "SELECT oid::text FROM pg_catalog.{catalog} WHERE {column} = $1"
    )))
    .bind(name.as_str())
    .fetch_optional(&mut connection)
    .await
    .map_err(DatabaseError::statement("read the catalog"))?;
    let Some(there) = there else { return Ok(None) };
    if oid.is_some_and(|oid| oid != there) {
        return Ok(Some(format!("{name}: somebody else made it anew since")));
    }
    match connection.execute(composed(sql)).await {
        Ok(_) => Ok(None),
        Err(error) if sqlstate(&error).is_some_and(|code| STILL_IN_USE.contains(&code.as_str())) => {
            let message = error
                .as_database_error()
                .map(|error| error.message().to_owned())
                .unwrap_or_default();
            Ok(Some(format!("{name}: {message}")))
        }
        Err(error) => Err(DatabaseError::statement(format!("run: {sql}"))(error).into()),
    }
}

async fn revoke(engine: &Engine<'_>, database: &Identifier, role: &Identifier) -> Result<()> {
    let Some(server) = &engine.server else {
        return Ok(());
    };
    let mut connection = connect(&server.endpoint, &server.administrator, &server.maintenance).await?;
    let sql = format!(
        "REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM {}",
        database.quoted(),
        role.quoted()
    );
    let revoked = connection.execute(composed(&*sql)).await;
    revoked.map_err(DatabaseError::statement(format!("run: {sql}")))?;
    Ok(())
}

async fn revoke_membership(engine: &Engine<'_>, role: &Identifier, member: &Identifier) -> Result<()> {
    let Some(server) = &engine.server else {
        return Ok(());
    };
    let mut connection = connect(&server.endpoint, &server.administrator, &server.maintenance).await?;
    let sql = format!("REVOKE {} FROM {}", role.quoted(), member.quoted());
    match connection.execute(composed(&*sql)).await {
        Ok(_) => Ok(()),
        // The role is gone, and what was granted of it too.
        Err(error) if sqlstate(&error).as_deref() == Some("42704") => Ok(()),
        Err(error) => Err(DatabaseError::statement(format!("run: {sql}"))(error).into()),
    }
}

async fn drop_schema(
    engine: &Engine<'_>,
    database: &Identifier,
    role: &Identifier,
    schema: &Identifier,
) -> Result<Option<String>> {
    let Some(server) = &engine.server else {
        return Ok(Some(format!("{schema}: the server does not run")));
    };
    let mut connection = connect(&server.endpoint, &server.administrator, database.as_str()).await?;
    let mut statements = Vec::new();
    // The search path of the user whom the URL names was never ours.
    if !engine.settings.application_is_the_user() {
        statements.push(format!(
            "ALTER ROLE {} IN DATABASE {} RESET search_path",
            role.quoted(),
            database.quoted()
        ));
    }
    if schema.as_str() != "public" {
        statements.push(format!("DROP SCHEMA IF EXISTS {}", schema.quoted()));
    }
    for sql in statements {
        match connection.execute(composed(&*sql)).await {
            Ok(_) => {}
            Err(error) if sqlstate(&error).is_some_and(|code| STILL_IN_USE.contains(&code.as_str())) => {
                return Ok(Some(format!("schema {schema}: other objects are in it")));
            }
            Err(error) if sqlstate(&error).as_deref() == Some("42704") => {}
            Err(error) => return Err(DatabaseError::statement(format!("run: {sql}"))(error).into()),
        }
    }
    Ok(None)
}
