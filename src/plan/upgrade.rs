//! `upgrade`: the package, then the extension in every database, then the indexes that lived under a version that can
//! damage them. The server's major never moves, and versions never go down.

mod brew;
mod dnf;
mod names;
mod package;
mod rebuilds;
#[cfg(test)]
mod tests;

pub use brew::BrewPackage;
pub use dnf::DnfPackage;
pub use names::new_names;
pub use package::ExtensionPackage;
pub use rebuilds::{Owed, Receipted};

use super::{Plan, Refusal, Step};
use crate::database::index::Budget;
use crate::database::versions::{DatabaseState, DatabaseVersions, Installed, ServerVersions};
use crate::health::advisories::Version;
use crate::plan::system::candidates::defects;
use crate::settings::{Identifier, Settings};

/// Everything that the plan of an upgrade depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct UpgradeFacts {
    pub server: ServerVersions,
    pub package: ExtensionPackage,
    /// What earlier upgrades of ours began, by the receipt.
    pub receipted: Receipted,
    pub budget: Budget,
}

/// Two plans: the package comes first, and the facts are gathered again after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgrade {
    pub package: Plan,
    pub databases: Plan,
}

/// Plans an upgrade. Databases are planned for the version that the package step will bring.
///
/// # Errors
/// [`Refusal::Blocked`] before anything is changed: a standby, a package manager that would do more than this one
/// package, functions of the user's that a newer version would collide with.
pub fn upgrade_plan(facts: &UpgradeFacts, settings: &Settings) -> Result<Upgrade, Refusal> {
    let server = &facts.server;
    if server.is_in_recovery {
        return blocked(
            "the server is a standby: its databases are upgraded on the primary",
            "upgrade the package here by the package manager, then run this on the primary",
        );
    }
    let package = package::plan(&facts.package, settings)?;
    let coming = package.pgvector_to_come().map(str::to_owned);
    let mut databases = Plan {
        notes: unseen(&server.databases),
        ..Plan::default()
    };
    let users: Vec<(&DatabaseVersions, &Installed)> = server
        .databases
        .iter()
        .filter_map(|database| Some((database, database.installed()?)))
        .collect();
    let Some(target) = coming.clone().or_else(|| server.offered.clone()) else {
        return match users.as_slice() {
            [] => {
                let note = "neither the server nor a database has pgvector".to_owned();
                databases.notes.push(note);
                Ok(Upgrade { package, databases })
            }
            users => blocked(
                &format!(
                    "the server has no files of pgvector, and {} use it",
                    listed(users.iter().map(|(database, _)| database.name.as_str()))
                ),
                "pgvector-setup up",
            ),
        };
    };
    let is_preloaded = server
        .preloaded_by
        .iter()
        .any(|setting| setting == "shared_preload_libraries");
    if is_preloaded && (coming.is_some() || server.is_older_than_library) {
        databases.notes.push(format!(
            "vector is in shared_preload_libraries, so every session runs the library that the server loaded when it \
             started: restart the server, then run pgvector-setup upgrade for the databases ({target})"
        ));
        return Ok(Upgrade { package, databases });
    }
    refuse_strangers(&users, &target)?;
    for (database, installed) in &users {
        match extension_step(database, installed, &target, coming.is_some(), facts) {
            Ok(step) => databases.steps.extend(step),
            Err(note) => databases.notes.push(note),
        }
    }
    let (steps, notes) = rebuilds::plan(&users, &target, facts);
    databases.steps.extend(steps);
    databases.notes.extend(notes);
    let defects = defects(&target);
    if !defects.is_empty() && !users.is_empty() {
        databases.notes.push(format!(
            "pgvector {target} is the newest that can be had here; it is affected by {}",
            defects.join(", ")
        ));
    }
    Ok(Upgrade { package, databases })
}

/// The step for one database, or a note why it has none although its version is another.
fn extension_step(
    database: &DatabaseVersions,
    installed: &Installed,
    target: &str,
    is_to_come: bool,
    facts: &UpgradeFacts,
) -> Result<Option<Step>, String> {
    let DatabaseVersions { name, .. } = database;
    let from = &installed.version;
    if from == target {
        return Ok(None);
    }
    if Version::parse(from) > Version::parse(target) {
        return Err(format!(
            "database {name} has version {from} of the extension, and the server's files are of {target}: a version \
             cannot go down; install {from} or later"
        ));
    }
    // Before the package is there, nobody can ask the server for the way to its version.
    if !is_to_come && !installed.is_updatable {
        return Err(format!(
            "database {name}: the server's files have no way from version {from} to {target}"
        ));
    }
    let Ok(identifier) = Identifier::new(name) else {
        return Err(format!("the name of database {name:?} cannot be typed"));
    };
    Ok(Some(Step::UpgradeExtension {
        database: identifier,
        from: from.clone(),
        to: target.to_owned(),
        // A statement that takes no parameters; a version is letters, digits, dots and dashes, but is quoted all the same.
        sql: format!(
            "ALTER EXTENSION vector UPDATE TO {}",
            crate::database::sql::literal(target)
        ),
        rebuild: rebuilds::owed_after(installed, target)
            .into_iter()
            .chain(facts.receipted.owed_in(name))
            .collect(),
    }))
}

/// pgvector#539: `CREATE FUNCTION` of the update fails where the user has one of that name.
fn refuse_strangers(users: &[(&DatabaseVersions, &Installed)], target: &str) -> Result<(), Refusal> {
    let mut found = Vec::new();
    for (database, installed) in users {
        for name in names::clashes(&installed.version, target, &installed.strangers) {
            found.push((
                format!("{}.{name} in database {}", installed.schema, database.name),
                format!("{}.{name}", installed.schema),
            ));
        }
    }
    let Some((_, first)) = found.first() else {
        return Ok(());
    };
    let kind = if first.ends_with(')') { "FUNCTION" } else { "TYPE" };
    let hint = format!("rename it, or move it to another schema: ALTER {kind} {first} SET SCHEMA …");
    let all = found
        .iter()
        .map(|(shown, _)| shown.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    blocked(
        &format!("pgvector {target} brings what is there already and not pgvector's: {all}"),
        &hint,
    )
}

/// Databases that could not be looked into.
fn unseen(databases: &[DatabaseVersions]) -> Vec<String> {
    databases
        .iter()
        .filter_map(|database| match &database.state {
            DatabaseState::Closed => Some(format!(
                "database {} allows no connections, so its extension was not looked at",
                database.name
            )),
            DatabaseState::Unreadable(why) => Some(format!(
                "database {} could not be looked into: {why}",
                database.name
            )),
            DatabaseState::Without | DatabaseState::Installed(_) => None,
        })
        .collect()
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn blocked<T>(fact: &str, hint: &str) -> Result<T, Refusal> {
    Err(Refusal::Blocked {
        fact: fact.to_owned(),
        hint: hint.to_owned(),
    })
}
