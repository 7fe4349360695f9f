//! Target `system`: the operating system's PostgreSQL, by its package manager.
//!
//! A plan reaches as far as the facts do. After a refreshed index or an installation the facts are gathered again, and
//! the next plan starts from what is there then; the plan is done when it is empty.

mod adopt;
mod alternatives;
mod apt;
pub(super) mod brew;
pub mod candidates;
pub(super) mod dnf;

pub use apt::{instead_of_repository, lists_prefix, refresh_index, settle_journal, upgrade_package};
pub use dnf::missing_packages as dnf_packages;

use super::{Plan, Refusal, Step};
use crate::facts::manager::Manager;
use crate::facts::privilege::Elevation;
use crate::facts::system::SystemFacts;
use crate::host::{Privilege, quote_word};
use crate::settings::Settings;

/// Plans the way from the machine as it is to a running server that has pgvector's files.
///
/// # Errors
/// A [`Refusal`]; nothing was changed, and its alternatives are commands that work on this machine.
pub fn server_plan(facts: &SystemFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let adopted = adopt::server_plan(facts, settings);
    let mut plan = adopted.unwrap_or_else(|| match facts.manager {
        Some(Manager::Apt) => apt::server_plan(facts, settings),
        Some(Manager::Dnf) => dnf::server_plan(facts, settings),
        Some(Manager::Brew) => brew::server_plan(facts, settings),
        None => Err(alternatives::no_manager(facts)),
    })?;
    plan.notes.extend(adopt::left_alone(facts, settings));
    Ok(plan)
}

/// Refuses a plan that this user cannot carry out: its steps need root, or to act as the owner of the cluster.
/// Viewing a plan needs neither.
///
/// # Errors
/// [`Refusal::Privilege`] with every step that needs what is not there.
pub fn permitted(facts: &SystemFacts, settings: &Settings, plan: &Plan) -> Result<(), Refusal> {
    if facts.elevation != Elevation::None {
        return Ok(());
    }
    let needs_root = |step: &&Step| step.privilege() == Privilege::Root;
    let mut steps: Vec<String> = plan.steps.iter().filter(needs_root).map(shown).collect();
    let chosen = facts.chosen_cluster(settings);
    let owner = chosen.map_or_else(|| default_owner(facts), |cluster| cluster.owner);
    if facts.user != owner {
        steps.push(format!(
            "act as {owner}, the owner of the cluster, to make the role and the database"
        ));
    }
    if steps.is_empty() {
        return Ok(());
    }
    Err(Refusal::Privilege {
        steps,
        alternatives: alternatives::without_root(facts),
    })
}

/// Who will own a server that is not there yet.
fn default_owner(facts: &SystemFacts) -> String {
    match facts.manager {
        Some(Manager::Brew) => facts.user.clone(),
        _ => "postgres".to_owned(),
    }
}

/// One step as a person would type it, for a refusal.
fn shown(step: &Step) -> String {
    if step.argv().is_empty() {
        return step.title();
    }
    let words: Vec<String> = step.argv().iter().map(|word| quote_word(word)).collect();
    words.join(" ")
}
