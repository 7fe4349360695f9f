//! The database steps, the same on every target: role, database, schema, migrations, proof.

mod login;

pub(super) use login::steps as login_steps;

use std::path::Path;

use super::{Plan, Refusal, Step};
use crate::database::facts::{DatabaseFacts, GivenPassword, InsideFacts};
use crate::database::migrate::{self, History, MigrationState};
use crate::error::Result;
use crate::settings::{Index, MAXIMUM_INDEXED_HALFVEC, MAXIMUM_INDEXED_VECTOR, Settings};

/// Oldest PostgreSQL that pgvector's current versions support.
const OLDEST_SERVER: i32 = 130_000;

/// The steps that are missing, and the proof when there are any.
///
/// # Errors
/// [`Refusal`] or a migration's refusal, before any DDL.
pub fn database_plan(facts: &DatabaseFacts, settings: &Settings, credentials: &Path) -> Result<Plan> {
    refuse_unusable(facts, settings)?;
    refuse_role(facts, settings)?;
    let mut plan = Plan::default();
    dimension_notes(settings, &mut plan);
    let nothing = InsideFacts::default();
    let inside = facts.inside.as_ref().unwrap_or(&nothing);
    let mut login = Plan::default();
    login::steps(facts, settings, &mut login)?;
    let is_let_in = login.is_empty() && login::is_let_in(facts, settings);
    super::network::steps(facts, settings, is_let_in, &mut plan)?;
    role(facts, settings, credentials, &mut plan);
    super::url::membership(facts, settings, &mut plan);
    database(facts, settings, &mut plan);
    open_to_all(inside, facts, settings, &mut plan);
    plan.notes.append(&mut login.notes);
    plan.steps.append(&mut login.steps);
    schema(inside, facts, settings, &mut plan)?;
    migrations(inside, settings, &mut plan)?;
    if !plan.is_empty() || facts.unfinished.proof {
        let (database, dimensions) = (settings.database.clone(), settings.table.dimensions.count());
        plan.steps.push(Step::Verify {
            database,
            dimensions,
            rows: crate::health::suited_rows(settings.table.dimensions),
        });
    }
    Ok(plan)
}

pub(super) fn refuse_unusable(facts: &DatabaseFacts, settings: &Settings) -> Result<(), Refusal> {
    let server = &facts.server;
    let blocked = |fact: String, hint: &str| {
        Err(Refusal::Blocked {
            fact,
            hint: hint.to_owned(),
        })
    };
    if server.version == 0 {
        return Ok(());
    }
    if server.version < OLDEST_SERVER {
        return blocked(
            format!(
                "this server is PostgreSQL {}; pgvector needs 13 or later",
                server.version / 10_000
            ),
            "pgvector-setup up --target embedded",
        );
    }
    let is_installed = |inside: &InsideFacts| inside.table.extension.is_some();
    let is_missing = server.available_pgvector.is_none() && !facts.inside.as_ref().is_some_and(is_installed);
    if let Some(rights) = facts.rights.as_ref().filter(|_| is_missing) {
        return Err(super::url::not_packaged(rights, server.version));
    }
    if is_missing {
        return blocked(
            "this server has no pgvector to load".into(),
            "pgvector-setup stop, then: pgvector-setup up",
        );
    }
    if server.is_in_recovery {
        return blocked(
            "this server is a standby and takes no writes".into(),
            "run against its primary",
        );
    }
    if server.is_read_only {
        return blocked(
            "this server is set to read-only transactions".into(),
            "ALTER SYSTEM RESET default_transaction_read_only",
        );
    }
    let Some(database) = &facts.database else {
        return Ok(());
    };
    if !database.allows_connections {
        return blocked(
            format!("the database {} allows no connections", settings.database),
            "pgvector-setup up --database OTHER",
        );
    }
    if database.encoding != "UTF8" {
        return blocked(
            format!(
                "the database {} is encoded in {}, and UTF8 is needed",
                settings.database, database.encoding
            ),
            "pgvector-setup up --database OTHER",
        );
    }
    Ok(())
}

/// The application's role, where it is there already.
fn refuse_role(facts: &DatabaseFacts, settings: &Settings) -> Result<(), Refusal> {
    if let Some(role) = facts
        .role
        .as_ref()
        .filter(|role| role.is_superuser || !role.can_log_in)
    {
        let why = if role.is_superuser {
            "is a superuser, and an application must not be"
        } else {
            "may not log in"
        };
        return Err(Refusal::Blocked {
            fact: format!("the role {} {why}", settings.role),
            hint: if settings.application_is_the_user() {
                "pgvector-setup up --role vectors (makes a role for the application)"
            } else {
                "pgvector-setup up --role OTHER"
            }
            .into(),
        });
    }
    Ok(())
}

pub(super) fn dimension_notes(settings: &Settings, plan: &mut Plan) {
    let dimensions = settings.table.dimensions.count();
    if settings.table.index == Index::None {
        plan.notes
            .push("no index, as asked: every search reads every row and is exact".into());
    } else if dimensions > MAXIMUM_INDEXED_HALFVEC {
        plan.notes.push(format!(
            "{dimensions} dimensions cannot be indexed (pgvector's limit is {MAXIMUM_INDEXED_HALFVEC}): stored without index, searches are exact"
        ));
    } else if dimensions > MAXIMUM_INDEXED_VECTOR {
        plan.notes.push(format!(
            "{dimensions} dimensions are stored as halfvec (16-bit floats): pgvector indexes vector only up to {MAXIMUM_INDEXED_VECTOR}"
        ));
    }
}

fn role(facts: &DatabaseFacts, settings: &Settings, credentials: &Path, plan: &mut Plan) {
    let role = settings.role.clone();
    if settings.application_is_the_user() {
        return;
    }
    let given = facts.role_password.zip(settings.role_password_file.clone());
    let is_kept = given
        .as_ref()
        .map_or(facts.credentials_exist, |(given, _)| given.is_kept);
    if facts.role.is_some() && given.is_none() {
        if !is_kept {
            plan.notes.push(format!(
                "the role {role} is there already: its password is left as it is"
            ));
        }
        return;
    }
    if !is_kept {
        plan.steps.push(Step::WriteCredentials {
            path: credentials.to_owned(),
            role: role.clone(),
            from: settings.role_password_file.clone(),
        });
    }
    if facts.role.is_some() {
        // What the file says is what the application comes with, so the server follows it.
        if let Some((
            GivenPassword {
                lets_in: Some(false), ..
            },
            from,
        )) = given
        {
            let sql = format!("ALTER ROLE {} PASSWORD 'SCRAM-SHA-256$…'", role.quoted());
            plan.steps.push(Step::SetPassword { role, from, sql });
        }
        return;
    }
    let sql = format!(
        "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$…'",
        role.quoted()
    );
    plan.steps.push(Step::CreateRole { role, sql });
}

pub(super) fn database(facts: &DatabaseFacts, settings: &Settings, plan: &mut Plan) {
    let database = settings.database.clone();
    let (name, role) = (database.quoted(), settings.role.quoted());
    let grant = format!("GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {role}");
    if facts.database.is_none() {
        // Elsewhere the locale may not be there; then the server's own is taken.
        let locale = match &facts.rights {
            Some(rights) if !rights.has_utf8_locale => "",
            _ => " LOCALE 'C.UTF-8'",
        };
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'{locale}");
        plan.steps.push(Step::CreateDatabase {
            database: database.clone(),
            sql,
        });
    }
    if facts.database.is_none() || facts.unfinished.restriction {
        let sql = vec![
            format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
            grant,
        ];
        plan.steps.push(Step::RestrictDatabase {
            database,
            role: Some(settings.role.clone()),
            sql,
        });
    } else if facts
        .database
        .as_ref()
        .is_some_and(|entry| entry.role_may_connect != Some(true))
    {
        plan.steps.push(Step::RestrictDatabase {
            role: Some(settings.role.clone()),
            database,
            sql: vec![grant],
        });
    }
}

/// A run of ours that was cut off right after it made the database, and whose records are lost, leaves it open to every role. So
/// does somebody who made it for us: nothing tells these apart, and what may be somebody's is not changed.
fn open_to_all(inside: &InsideFacts, facts: &DatabaseFacts, settings: &Settings, plan: &mut Plan) {
    let is_open = facts
        .database
        .as_ref()
        .is_some_and(|database| database.has_default_rights);
    let is_first_run = inside.history == History::default();
    if facts.rights.is_some() && is_open && is_first_run && !facts.unfinished.restriction {
        plan.notes.push(format!(
            "every role may connect to the database {0}, which is there already; if it is the application's alone: REVOKE ALL ON DATABASE {0} FROM PUBLIC",
            settings.database.quoted()
        ));
    }
}

pub(super) fn schema(
    inside: &InsideFacts,
    facts: &DatabaseFacts,
    settings: &Settings,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    let table = &settings.table;
    let (schema, extension_schema) = (table.schema.quoted(), table.extension_schema.quoted());
    let mut sql = Vec::new();
    // A database that we made comes with a schema public, which is not ours until we are let in.
    let is_new = facts.inside.is_none() || facts.unfinished.schema;
    match &inside.schema_owner {
        _ if table.schema.as_str() == "public" && is_new => {
            sql.push(format!(
                "GRANT USAGE, CREATE ON SCHEMA public TO {}",
                settings.role.quoted()
            ));
        }
        None => sql.push(format!(
            "CREATE SCHEMA {schema} AUTHORIZATION {}",
            settings.role.quoted()
        )),
        Some(owner)
            if owner != settings.role.as_str() && !inside.role_may_create && inside.table.table.is_none() =>
        {
            return Err(Refusal::Differs {
                what: format!("the schema {}", table.schema),
                differences: vec![format!(
                    "it belongs to {owner}, and {} may not create tables in it",
                    settings.role
                )],
                hint: format!(
                    "pgvector-setup up --schema {} (a schema of its own), or --role {owner}",
                    settings.role
                ),
            });
        }
        Some(_) => {}
    }
    if table.extension_schema.as_str() != "public"
        && !inside.extension_schema_exists
        && table.extension_schema != table.schema
    {
        sql.push(format!("CREATE SCHEMA {extension_schema}"));
        sql.push(format!(
            "GRANT USAGE ON SCHEMA {extension_schema} TO {}",
            settings.role.quoted()
        ));
    }
    let sets_path = inside.schema_owner.is_none() || facts.unfinished.schema;
    if settings.application_is_the_user() {
        // The user's own settings are not ours to change, and by default its own schema is found already.
        let is_found = [settings.role.as_str(), "public"].contains(&table.schema.as_str());
        if sets_path && !(is_found && table.extension_schema.as_str() == "public") {
            plan.notes.push(format!(
                "the search path of {} is left as it is: name the table as {}, and the type as {extension_schema}.vector",
                settings.role,
                table.qualified()
            ));
        }
    } else if sets_path {
        // Applications then find both the table and the vector type by their bare names.
        sql.push(format!(
            "ALTER ROLE {} IN DATABASE {} SET search_path = {schema}, {extension_schema}",
            settings.role.quoted(),
            settings.database.quoted()
        ));
    }
    if !sql.is_empty() {
        plan.steps.push(Step::CreateSchema {
            database: settings.database.clone(),
            schema: table.schema.clone(),
            role: settings.role.clone(),
            sql,
        });
    }
    Ok(())
}

pub(super) fn migrations(inside: &InsideFacts, settings: &Settings, plan: &mut Plan) -> Result<()> {
    let owner = inside.table.table.as_ref().map(|table| table.owner.as_str());
    if let Some(owner) = owner.filter(|owner| *owner != settings.role.as_str()) {
        return Err(Refusal::Differs {
            what: format!("the table {}.{}", settings.table.schema, settings.table.table),
            differences: vec![format!("it belongs to {owner}, not to {}", settings.role)],
            hint: format!("pgvector-setup up --role {owner}"),
        }
        .into());
    }
    for migration in migrate::pending(&settings.table, &inside.history, &inside.table)? {
        match migration.state {
            MigrationState::Pending { .. } => plan.steps.push(Step::Migrate {
                database: settings.database.clone(),
                table: settings.table.clone(),
                owner: settings.role.clone(),
                version: migration.version,
                name: migration.name,
                sql: migration.sql,
                concurrent: migration.concurrent,
            }),
            MigrationState::Deferred { reason } => plan.notes.push(format!("the index waits: {reason}")),
            MigrationState::Applied | MigrationState::Adopted | MigrationState::Skipped { .. } => {}
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
