//! What a site has in the server: roles, rights, a note, and the proof.

use sqlx::Executor as _;

use super::CHANGED;
use super::files::known_password;
use crate::apply::Outcome;
use crate::apply::application::extension_version;
use crate::apply::database::{administrator, is_there_already, server};
use crate::apply::engine::Engine;
use crate::database::sql::{composed, literal};
use crate::database::{DatabaseError, Login, connect, scram, sqlstate};
use crate::error::Result;
use crate::health::advisories::Version;
use crate::health::{VerifyOptions, verify as measure};
use crate::settings::Identifier;

const UNDEFINED_OBJECT: &str = "42704";

/// Runs statements that belong to the whole server, each for itself.
pub(super) async fn run(engine: &Engine<'_>, purpose: &str, statements: &[&String]) -> Result<Outcome> {
    let mut connection = administrator(engine, &server(engine).maintenance).await?;
    for sql in statements {
        let ran = connection.execute(composed(sql.as_str())).await;
        ran.map_err(DatabaseError::statement(purpose))?;
    }
    Ok(CHANGED)
}

pub(super) async fn create_owner(engine: &Engine<'_>, role: &Identifier, sql: &str) -> Result<Outcome> {
    let mut connection = administrator(engine, &server(engine).maintenance).await?;
    match connection.execute(composed(sql)).await {
        Ok(_) => Ok(CHANGED),
        Err(error) if is_there_already(&error) => Ok(Outcome::AlreadyThere),
        Err(error) => Err(DatabaseError::statement(format!("create the role {role}"))(error).into()),
    }
}

/// The statements as they were shown, the first with the verifier that belongs to the password on disk. The server never sees
/// the password itself.
pub(super) async fn enable_login(
    engine: &Engine<'_>,
    database: &Identifier,
    login: &Identifier,
    shown: &[String],
) -> Result<Outcome> {
    let password = known_password(engine, login)?.ok_or_else(|| DatabaseError::Login {
        code: "28P01".into(),
        message: format!("there is no password for the role {login}"),
    })?;
    let verifier = scram::verifier(&password).map_err(|error| DatabaseError::Login {
        code: String::new(),
        message: error.to_string(),
    })?;
    let name = login.quoted();
    let attributes = format!(
        "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}",
        literal(&verifier)
    );
    let purpose = || DatabaseError::statement(format!("let the role {login} log in"));
    let mut connection = administrator(engine, database.as_str()).await?;
    let created = connection
        .execute(composed(format!("CREATE ROLE {name} {attributes}")))
        .await;
    match created {
        Ok(_) => {}
        Err(error) if is_there_already(&error) => {
            let altered = connection
                .execute(composed(format!("ALTER ROLE {name} {attributes}")))
                .await;
            altered.map_err(purpose())?;
        }
        Err(error) => return Err(purpose()(error).into()),
    }
    // The first of those that were shown is the one that has just run.
    for sql in shown.iter().skip(1) {
        connection
            .execute(composed(sql.as_str()))
            .await
            .map_err(purpose())?;
    }
    Ok(CHANGED)
}

/// As the application does it: by the password that it will have, over the way that it will take.
pub(super) async fn prove(engine: &mut Engine<'_>, login: &Identifier) -> Result<Outcome> {
    let password = known_password(engine, login)?.ok_or_else(|| DatabaseError::Login {
        code: "28P01".into(),
        message: format!("there is no password for the role {login}"),
    })?;
    let way = Login::Application {
        role: login.clone(),
        password,
    };
    let database = engine.settings.database.as_str();
    let mut connection = connect(&server(engine).application, &way, database).await?;
    let version = extension_version(&mut connection).await?;
    let options = VerifyOptions {
        parallel_build: version.is_some_and(Version::parallel_build_is_safe),
        ..VerifyOptions::default()
    };
    let verification = measure(&mut connection, &engine.settings.table, &options).await?;
    let problems = verification.problems.join("; ");
    let passed = verification.passed;
    engine.verification = Some(verification);
    if passed {
        return Ok(Outcome::Skipped {
            why: "measures, and leaves nothing behind".into(),
        });
    }
    Err(crate::apply::ApplyError::Unproven {
        login: login.to_string(),
        problems,
    }
    .into())
}

/// With everything that it owns or was granted in `database`; what it has elsewhere is not ours, and keeps it.
pub(super) async fn drop_role(
    engine: &Engine<'_>,
    role: &Identifier,
    database: Option<&Identifier>,
    sql: &[String],
) -> Result<Outcome> {
    let place = database.map_or(server(engine).maintenance.as_str(), Identifier::as_str);
    let mut connection = administrator(engine, place).await?;
    for statement in sql {
        match connection.execute(composed(statement.as_str())).await {
            Ok(_) => {}
            Err(error) if sqlstate(&error).as_deref() == Some(UNDEFINED_OBJECT) => {
                return Ok(Outcome::AlreadyThere);
            }
            Err(error) => return Err(DatabaseError::statement(format!("drop the role {role}"))(error).into()),
        }
    }
    Ok(CHANGED)
}
