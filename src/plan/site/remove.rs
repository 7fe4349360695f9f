//! Taking a site away: what lets it in goes, its data only with consent.

use std::path::PathBuf;

use crate::database::login::Block;
use crate::facts::site::SiteFacts;
use crate::plan::{Plan, Refusal, Step};
use crate::settings::{Identifier, SiteSettings};
use crate::site::Places;

use super::{Comment, SiteStep};

/// How much of a site is to go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Where the database is written to first: pg_dump, and the file.
    pub export: Option<(PathBuf, PathBuf)>,
    /// The database goes too.
    pub destroy: bool,
}

/// The steps that take a site away, as far as there is something of it.
///
/// # Errors
/// [`Refusal::Blocked`] where the database is another site's.
pub fn removal_plan(
    facts: &SiteFacts,
    site: &SiteSettings,
    places: &Places,
    removal: &Removal,
) -> Result<Plan, Refusal> {
    // What is noted on the database is newer than what our records say of one of that name.
    let is_ours = match facts.catalog.comment.as_deref().and_then(Comment::parse) {
        Some(comment) => comment.domain == site.domain.as_str(),
        None => facts.records.made_database,
    };
    let has_database = facts.database.database.is_some();
    if has_database && !is_ours {
        return Err(Refusal::Blocked {
            fact: format!("the database {} is not that of {}", site.name, site.domain),
            hint: "pgvector-setup site list".into(),
        });
    }
    let mut plan = Plan::default();
    let steps = &mut plan.steps;
    if let Some((program, file)) = removal.export.as_ref().filter(|_| has_database) {
        steps.push(Step::Site(SiteStep::ExportDatabase {
            database: site.name.clone(),
            file: file.clone(),
            argv: vec![
                program.display().to_string(),
                "--format=custom".into(),
                site.name.to_string(),
            ],
        }));
    }
    let own = (site.unit(), places.drop_in.clone());
    let own = (facts.files.has_drop_in && facts.files.unit_taken_by.is_none()).then_some(own);
    for (unit, path) in own.into_iter().chain(facts.files.former_units.clone()) {
        steps.push(Step::Site(SiteStep::DisconnectUnit { unit, path }));
    }
    // Of a site that is gone already, no role is left: one of that name is somebody else's.
    let is_role_ours = has_database || facts.records.made_roles;
    let in_use = facts.files.environment.as_ref();
    let is_alternate_ours = facts.records.made_alternate
        || in_use.is_some_and(|file| file.login.as_ref() == Some(&site.alternate()));
    let logins = [
        (
            site.alternate(),
            facts.catalog.alternate.filter(|_| is_alternate_ours),
        ),
        (site.name.clone(), facts.catalog.runtime),
    ];
    withdraw(facts, site, &logins.each_ref().map(|(login, _)| login), steps);
    if has_database && removal.destroy {
        steps.push(Step::Site(SiteStep::DropDatabase {
            database: site.name.clone(),
            sql: format!("DROP DATABASE {} WITH (FORCE)", site.name.quoted()),
        }));
    }
    let remains = has_database && !removal.destroy;
    for (login, _) in logins.iter().filter(|(_, role)| role.is_some() && is_role_ours) {
        steps.push(drop_role(site, login, remains));
    }
    if facts.database.role.is_some() && is_role_ours && !remains {
        steps.push(drop_role(site, &site.database.role, false));
    }
    let files = &facts.files;
    let mut paths = Vec::new();
    let held = [
        (files.environment.is_some(), &places.environment),
        (files.has_previous, &places.previous),
        (files.has_previous, &places.previous_drop_in),
        (files.prepared.is_some(), &places.prepared),
        (files.record.is_some(), &places.record),
    ];
    paths.extend(
        held.iter()
            .filter(|(is_there, _)| *is_there)
            .map(|(_, path)| (*path).clone()),
    );
    if !paths.is_empty() {
        steps.push(Step::Site(SiteStep::RemoveFiles { paths }));
    }
    if remains {
        plan.notes.push(format!(
            "the database {0} stays with all that is in it: pgvector-setup site remove --domain {1} --destroy-data {0} takes it too",
            site.name, site.domain
        ));
    }
    Ok(plan)
}

/// The lines of ours that let these logins in.
fn withdraw(facts: &SiteFacts, site: &SiteSettings, logins: &[&Identifier], steps: &mut Vec<Step>) {
    let Some(login) = &facts.database.login else {
        return;
    };
    for role in logins {
        let plain = Block::new(&site.name, role, true, &[]);
        let own = login.own_block(&plain);
        // Lines that somebody changed are somebody's.
        if let Some(own) = own.filter(|own| **own == plain || login.recorded.contains(own)) {
            steps.push(Step::Site(SiteStep::WithdrawLogin {
                database: site.name.clone(),
                role: (*role).clone(),
                file: login.file.clone(),
                owner: login.owner.clone(),
                lines: own.lines.clone(),
            }));
        }
    }
}

fn drop_role(site: &SiteSettings, role: &Identifier, remains: bool) -> Step {
    let name = role.quoted();
    let mut sql = Vec::new();
    if remains {
        // What it was granted in the database, and what it would be granted of tables to come.
        sql.push(format!("DROP OWNED BY {name}"));
    }
    sql.push(format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {}",
        crate::database::sql::literal(role.as_str())
    ));
    sql.push(format!("DROP ROLE {name}"));
    Step::Site(SiteStep::DropRole {
        role: role.clone(),
        database: remains.then(|| site.name.clone()),
        sql,
    })
}
