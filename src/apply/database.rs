//! The database steps. The server's catalog is the truth of each; the receipt only says that it was us.

use sqlx::{Connection as _, Executor as _, PgConnection};

use super::engine::{Engine, Server};
use super::{Application, Outcome};
use crate::database::index::BuildProgress;
use crate::database::migrate::{Limits, MigrationState, Migrator};
use crate::database::sql::{composed, literal};
use crate::database::{DatabaseError, connect, credentials, scram, sqlstate};
use crate::error::Result;
use crate::health::advisories::Version;
use crate::health::{VerifyOptions, verify as measure};
use crate::settings::{Identifier, Settings};

/// `duplicate_object`, `duplicate_database`, and what their catalogs' own unique indexes say when the backend of a client
/// that was killed is at the same work: that one has committed by then.
const THERE_ALREADY: [&str; 3] = ["42710", "42P04", "23505"];

pub(super) fn is_there_already(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| THERE_ALREADY.contains(&code.as_str()))
}

pub(super) fn server<'a>(engine: &'a Engine<'_>) -> &'a Server {
    engine
        .server
        .as_ref()
        .expect("the server plan comes before the database plan")
}

pub(super) async fn administrator(engine: &Engine<'_>, database: &str) -> Result<PgConnection> {
    let server = server(engine);
    Ok(connect(&server.endpoint, &server.administrator, database).await?)
}

pub(super) async fn create_role(engine: &Engine<'_>, role: &Identifier) -> Result<Outcome> {
    let verifier = verifier(engine, role)?;
    let sql = format!(
        "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}",
        role.quoted(),
        literal(&verifier)
    );
    let mut connection = administrator(engine, &server(engine).maintenance).await?;
    match connection.execute(composed(sql)).await {
        Ok(_) => {}
        Err(error) if is_there_already(&error) => {
            return Ok(Outcome::AlreadyThere);
        }
        Err(error) => return Err(DatabaseError::statement(format!("create the role {role}"))(error).into()),
    }
    let object: String = sqlx::query_scalar("SELECT oid::text FROM pg_roles WHERE rolname = $1")
        .bind(role.as_str())
        .fetch_one(&mut connection)
        .await
        .map_err(DatabaseError::statement("read the new role"))?;
    Ok(Outcome::Changed { object: Some(object) })
}

pub(super) async fn set_password(engine: &Engine<'_>, role: &Identifier) -> Result<Outcome> {
    let verifier = verifier(engine, role)?;
    let sql = format!("ALTER ROLE {} PASSWORD {}", role.quoted(), literal(&verifier));
    let mut connection = administrator(engine, &server(engine).maintenance).await?;
    let purpose = format!("set the password of the role {role}");
    let set = connection.execute(composed(sql)).await;
    set.map_err(DatabaseError::statement(purpose))?;
    Ok(Outcome::Changed { object: None })
}

/// What the server is told of the password in the credentials file.
fn verifier(engine: &Engine<'_>, role: &Identifier) -> Result<String> {
    let file = &engine.layout.credentials;
    let text = engine.host.read_text(file)?.unwrap_or_default();
    let password = credentials::password(&text, role).ok_or_else(|| DatabaseError::Login {
        code: "28P01".into(),
        message: format!("{} holds no password for the role {role}", file.display()),
    })?;
    let verifier = scram::verifier(&password).map_err(|error| DatabaseError::Login {
        code: String::new(),
        message: error.to_string(),
    })?;
    Ok(verifier)
}

pub(super) async fn grant_membership(engine: &Engine<'_>, sql: &str) -> Result<Outcome> {
    let mut connection = administrator(engine, &server(engine).maintenance).await?;
    let granted = connection.execute(composed(sql)).await;
    granted.map_err(DatabaseError::statement(format!("run: {sql}")))?;
    Ok(Outcome::Changed { object: None })
}

pub(super) async fn create_database(
    engine: &Engine<'_>,
    database: &Identifier,
    sql: &str,
) -> Result<Outcome> {
    let mut connection = administrator(engine, server(engine).beside(database)).await?;
    match connection.execute(composed(sql)).await {
        Ok(_) => {}
        Err(error) if is_there_already(&error) => {
            return Ok(Outcome::AlreadyThere);
        }
        Err(error) => {
            return Err(DatabaseError::statement(format!("create the database {database}"))(error).into());
        }
    }
    let object: String = sqlx::query_scalar("SELECT oid::text FROM pg_database WHERE datname = $1")
        .bind(database.as_str())
        .fetch_one(&mut connection)
        .await
        .map_err(DatabaseError::statement("read the new database"))?;
    Ok(Outcome::Changed { object: Some(object) })
}

/// Runs a step's statements in one transaction: all of them happened, or none.
pub(super) async fn run_statements(
    engine: &Engine<'_>,
    database: &Identifier,
    statements: &[String],
) -> Result<Outcome> {
    let mut connection = administrator(engine, database.as_str()).await?;
    let mut transaction = connection
        .begin()
        .await
        .map_err(DatabaseError::statement("begin a transaction"))?;
    for sql in statements {
        let purpose = format!("run: {sql}");
        transaction
            .execute(composed(sql))
            .await
            .map_err(DatabaseError::statement(purpose))?;
    }
    transaction
        .commit()
        .await
        .map_err(DatabaseError::statement("commit"))?;
    Ok(Outcome::Changed { object: None })
}

pub(super) async fn migrate(engine: &Engine<'_>, database: &Identifier, version: i32) -> Result<Outcome> {
    let server = server(engine);
    let mut connection = administrator(engine, database.as_str()).await?;
    let progress = |build| engine.progress.builds(&build);
    let migrator = migrator(engine.settings, server, &progress);
    let statuses = migrator.up(&mut connection, Some(version)).await?;
    let state = statuses
        .into_iter()
        .find(|status| status.version == version)
        .map(|status| status.state);
    Ok(match state {
        Some(MigrationState::Adopted) => Outcome::AlreadyThere,
        Some(MigrationState::Deferred { reason } | MigrationState::Skipped { reason }) => {
            Outcome::Skipped { why: reason }
        }
        _ => Outcome::Changed { object: None },
    })
}

/// The migrations of these settings on this server.
pub fn migrator<'a>(
    settings: &'a Settings,
    server: &'a Server,
    progress: &'a (dyn Fn(BuildProgress) + Sync),
) -> Migrator<'a> {
    Migrator {
        table: &settings.table,
        owner: &settings.role,
        endpoint: &server.endpoint,
        login: &server.administrator,
        database: settings.database.as_str(),
        limits: Limits {
            budget: server.budget,
            ..Limits::default()
        },
        progress,
    }
}

pub(super) async fn verify(engine: &mut Engine<'_>) -> Result<Outcome> {
    let way = Application::new(engine.host, engine.settings, engine.layout, server(engine))?;
    let (mut connection, version) = way.connect().await?;
    let parallel_build = version.is_some_and(Version::parallel_build_is_safe);
    let options = VerifyOptions {
        parallel_build,
        ..VerifyOptions::default()
    };
    let verification = measure(&mut connection, &engine.settings.table, &options).await?;
    let outcome = if verification.passed {
        Outcome::Skipped {
            why: "measures, and leaves nothing behind".into(),
        }
    } else {
        Outcome::Failed {
            error: verification.problems.join("; "),
        }
    };
    engine.verification = Some(verification);
    Ok(outcome)
}
