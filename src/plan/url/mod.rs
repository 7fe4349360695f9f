//! Target `url`: what a server that is not ours must be and must let us do. Pure; every refusal comes before any write.

mod provider;

pub use provider::not_packaged;

use super::{Plan, Refusal, Step};
use crate::database::facts::DatabaseFacts;
use crate::database::remote::{Pooling, Provider, RemoteFacts, Rights};
use crate::settings::{Authentication, Identifier, Settings};

/// Oldest PostgreSQL that pgvector's current versions support.
const OLDEST_SERVER: i32 = 130_000;

/// Sessions at once: one works, one watches an index build, one asks, one holds our turn.
const SESSIONS: i64 = 4;

/// No steps: the server is there. What it says of itself becomes notes, or a refusal.
pub fn server_plan(facts: &RemoteFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let blocked = |fact: String, hint: String| Err(Refusal::Blocked { fact, hint });
    let address = &facts.address;
    refuse_pooler(facts)?;
    if facts.version < OLDEST_SERVER {
        return blocked(
            format!(
                "{address} is PostgreSQL {}; pgvector needs 13 or later",
                facts.version / 10_000
            ),
            "upgrade that server, or take another: pgvector-setup up --target embedded".into(),
        );
    }
    if facts.is_in_recovery {
        return blocked(
            format!("{address} is a standby and takes no writes"),
            match &facts.primary {
                Some(primary) => format!("give the URL of its primary, which it knows as {primary}"),
                None => "give the URL of its primary".into(),
            },
        );
    }
    if facts.is_read_only {
        return blocked(
            format!("transactions of {} at {address} are read-only", facts.user),
            format!(
                "ALTER ROLE {0} RESET default_transaction_read_only; or ALTER SYSTEM RESET default_transaction_read_only (a full disk at a provider sets it too); or unset PGOPTIONS",
                quoted(&facts.user)
            ),
        );
    }
    if let Some(left) = facts.connections_left.filter(|left| *left < SESSIONS) {
        return blocked(
            format!(
                "{} may open {} more sessions at {address}, and {SESSIONS} are needed",
                facts.user,
                left.max(0)
            ),
            format!("ALTER ROLE {} CONNECTION LIMIT 10", quoted(&facts.user)),
        );
    }
    let mut plan = Plan::default();
    if let Some(url) = &settings.server_url {
        plan.notes.extend(url.notes.iter().cloned());
    }
    plan.notes.push(format!(
        "server: {address}, {}, PostgreSQL {}.{}, {}",
        facts.provider.name(),
        facts.version / 10_000,
        facts.version % 10_000,
        facts.greeting.tls.as_deref().unwrap_or("no TLS")
    ));
    if facts.greeting.authentication == Authentication::None {
        plan.notes.push(format!(
            "{address} lets {} in without a password or any other proof",
            facts.user
        ));
    }
    Ok(plan)
}

/// For what needs a session of its own.
///
/// # Errors
/// [`Refusal::Blocked`] where a pooler hands out sessions by less.
pub fn refuse_pooler(facts: &RemoteFacts) -> Result<(), Refusal> {
    let unit = match facts.pooling {
        Pooling::Direct => return Ok(()),
        Pooling::Transaction => "transaction",
        Pooling::Statement => "statement",
    };
    Err(Refusal::Blocked {
        fact: format!(
            "{} is a connection pooler that hands out server connections by the {unit}; locks and settings of a session do not last there",
            facts.address
        ),
        hint: "connect directly to the server, or to a port of the pooler in session mode".into(),
    })
}

/// The grant without which a user who is no superuser cannot make objects for the application's role.
pub fn membership(facts: &DatabaseFacts, settings: &Settings, plan: &mut Plan) {
    let Some(rights) = &facts.rights else { return };
    if rights.is_superuser || settings.application_is_the_user() || rights.may_become_role == Some(true) {
        return;
    }
    let Ok(member) = Identifier::new(rights.user.clone()) else {
        return;
    };
    // Since PostgreSQL 16 whoever creates a role may let itself become it, but does not by default.
    let options = if facts.server.version >= 160_000 {
        " WITH INHERIT TRUE, SET TRUE"
    } else {
        ""
    };
    plan.steps.push(Step::GrantMembership {
        sql: format!("GRANT {} TO {}{options}", settings.role.quoted(), member.quoted()),
        role: settings.role.clone(),
        member,
    });
}

/// Whether the connecting user may do what the plan says.
///
/// # Errors
/// [`Refusal::Rights`] with what is lacking and who can mend it, [`Refusal::NotOffered`] for a provider's list.
pub fn permitted(facts: &DatabaseFacts, settings: &Settings, plan: &Plan) -> Result<(), Refusal> {
    let Some(rights) = &facts.rights else {
        return Ok(());
    };
    let creates_extension = needs_extension(facts, plan);
    if creates_extension && !rights.is_listed() {
        return Err(provider::not_listed(rights));
    }
    let lacks = lacks(facts, rights, settings, plan);
    let extension_lacks = creates_extension && !rights.creates_extension();
    if lacks.is_empty() && !extension_lacks {
        return Ok(());
    }
    let mut needs: Vec<String> = lacks.iter().map(|lack| lack.need.clone()).collect();
    let mut steps: Vec<String> = lacks.into_iter().map(|lack| lack.step).collect();
    if extension_lacks {
        needs.push("create the extension vector, which needs a superuser".to_owned());
        steps.extend(provider::extension_steps(rights, settings));
    }
    steps.push(
        "pgvector-setup plan --sql prints all of it; when it is done, the same command goes on".to_owned(),
    );
    Err(Refusal::Rights {
        who: format!("{} ({})", rights.user, rights.provider.name()),
        needs,
        steps,
    })
}

/// What needs somebody with more rights than the connecting user, and the words for it.
struct Lack {
    need: String,
    step: String,
}

fn lacks(facts: &DatabaseFacts, rights: &Rights, settings: &Settings, plan: &Plan) -> Vec<Lack> {
    let (user, role, database) = (
        quoted(&rights.user),
        settings.role.quoted(),
        settings.database.quoted(),
    );
    let has = |wanted: fn(&Step) -> bool| plan.steps.iter().any(wanted);
    let mut lacks = Vec::new();
    if has(|step| matches!(step, Step::CreateRole { .. })) && !rights.creates_roles {
        lacks.push(Lack {
            need: format!("create the role {role}"),
            step: format!(
                "CREATE ROLE {role} LOGIN; then its password: \\password {role}; or leave out --role"
            ),
        });
    }
    let sets_password = has(|step| matches!(step, Step::SetPassword { .. }));
    if sets_password && !(rights.creates_roles && rights.administers_role.unwrap_or(true)) {
        lacks.push(Lack {
            need: format!("change the password of {role}"),
            step: format!(
                "\\password {role} in psql as its administrator; or leave out --role-password-file"
            ),
        });
    }
    let grants = has(|step| matches!(step, Step::GrantMembership { .. }));
    let may_grant = rights.administers_role.unwrap_or(rights.creates_roles);
    if grants && !may_grant {
        lacks.push(Lack {
            need: format!("act as {role}"),
            step: format!("GRANT {role} TO {user}"),
        });
    }
    if facts.database.is_none() && !rights.creates_databases {
        lacks.push(Lack {
            need: format!("create the database {database}"),
            step: format!("CREATE DATABASE {database} OWNER {user}"),
        });
    }
    let writes = has(|step| matches!(step, Step::CreateSchema { .. } | Step::Migrate { .. }));
    if writes && rights.creates_schemas == Some(false) {
        lacks.push(Lack {
            need: format!("create schemas in the database {database}"),
            step: format!("GRANT CREATE ON DATABASE {database} TO {user}"),
        });
    }
    lacks
}

fn needs_extension(facts: &DatabaseFacts, plan: &Plan) -> bool {
    let is_there = facts
        .inside
        .as_ref()
        .is_some_and(|inside| inside.table.extension.is_some());
    !is_there
        && plan
            .steps
            .iter()
            .any(|step| matches!(step, Step::Migrate { version: 1, .. }))
}

fn quoted(name: &str) -> String {
    Identifier::new(name).map_or_else(|_| name.to_owned(), |name| name.quoted())
}

/// Whether this provider lets somebody else than a superuser do it.
fn has_administrators(provider: Provider) -> bool {
    provider.administrators().is_some()
}

#[cfg(test)]
mod tests;
