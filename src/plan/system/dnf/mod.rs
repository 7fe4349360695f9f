//! The operating system's PostgreSQL by dnf.
//!
//! Two layouts that never mix: the distribution's `postgresql-server` with `pgvector`, and PGDG's `postgresqlNN-server` with
//! `pgvector_NN` in `/usr/pgsql-NN`. A server that is there decides which.

mod alternatives;
mod candidates;
mod commands;
mod pgdg;
#[cfg(test)]
mod tests;

pub use commands::{refresh_again, upgrade};

use crate::facts::clusters::Cluster;
use crate::facts::dnf::{DnfFacts, Simulation};
use crate::facts::meant::{MeantCluster, meant};
use crate::facts::provider::{Provider, provider};
use crate::facts::system::SystemFacts;
use crate::plan::system::alternatives::{no_manager, none_on_port, several};
use crate::plan::system::candidates::{Candidate, Choice, Seen, choose};
use crate::plan::{Package, Plan, Refusal};
use crate::settings::{Settings, Source};

/// Plans the way from the machine as it is to a running server that has pgvector's files.
///
/// # Errors
/// A [`Refusal`]; nothing was changed.
pub fn server_plan(facts: &SystemFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let Some(dnf) = &facts.dnf else {
        return Err(no_manager(facts));
    };
    alternatives::refuse_unsupported(facts)?;
    match meant(&facts.clusters, settings) {
        MeantCluster::One(cluster) => existing_server(facts, dnf, &cluster, settings),
        MeantCluster::None => new_server(facts, dnf, settings),
        MeantCluster::Several(clusters) => Err(several(&clusters)),
        MeantCluster::NoneOnPort(port) => Err(none_on_port(facts, port)),
    }
}

/// The packages that would have to be installed and can be had: what a simulation is asked for.
pub fn missing_packages(facts: &SystemFacts, settings: &Settings) -> Vec<String> {
    let Some(dnf) = &facts.dnf else {
        return Vec::new();
    };
    let choice = match meant(&facts.clusters, settings) {
        MeantCluster::One(cluster) => choice_for(facts, dnf, &cluster, settings),
        MeantCluster::None => choose(&candidates::all(facts, dnf), settings.postgres_major, settings),
        _ => Choice::default(),
    };
    match choice.chosen {
        Some(chosen) if chosen.seen != Seen::Table => missing(dnf, &chosen),
        _ => Vec::new(),
    }
}

/// Of server and pgvector of one candidate, those that rpm does not have.
fn missing(dnf: &DnfFacts, chosen: &Candidate) -> Vec<String> {
    let (server, extension) = candidates::packages(chosen);
    let wanted = match chosen.seen {
        Seen::Here => vec![server],
        _ => vec![server, extension],
    };
    wanted
        .into_iter()
        .filter(|name| dnf.installed(name).is_none())
        .collect()
}

/// Only packages of the layout that the server has would be seen by it.
fn choice_for(facts: &SystemFacts, dnf: &DnfFacts, cluster: &Cluster, settings: &Settings) -> Choice {
    // A server that is down says nothing; its unit does.
    let is_pgdg = match provider(cluster) {
        Provider::Rpm(package) => package != "pgvector",
        _ => cluster.name.starts_with("postgresql-"),
    };
    let source = if is_pgdg { Source::Pgdg } else { Source::Distro };
    let mut all = candidates::all(facts, dnf);
    all.retain(|candidate| candidate.source == source);
    choose(&all, Some(cluster.major), settings)
}

fn existing_server(
    facts: &SystemFacts,
    dnf: &DnfFacts,
    cluster: &Cluster,
    settings: &Settings,
) -> Result<Plan, Refusal> {
    let choice = choice_for(facts, dnf, cluster, settings);
    let mut plan = Plan {
        notes: choice.notes,
        ..Plan::default()
    };
    plan.notes.push(format!(
        "adopts the cluster that is there: {cluster}; only its own database is added to it"
    ));
    let Some(chosen) = choice.chosen else {
        return Err(alternatives::not_for(facts, dnf, cluster));
    };
    package_steps(facts, dnf, &chosen, settings, &mut plan)?;
    if !cluster.is_online() {
        alternatives::refuse_without_systemd(facts)?;
        plan.steps
            .push(commands::start(dnf, cluster.major, &cluster.name));
    }
    Ok(plan)
}

fn new_server(facts: &SystemFacts, dnf: &DnfFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let choice = choose(&candidates::all(facts, dnf), settings.postgres_major, settings);
    let mut plan = Plan {
        notes: choice.notes,
        ..Plan::default()
    };
    let Some(chosen) = choice.chosen else {
        return Err(alternatives::no_candidate(facts, dnf, settings));
    };
    alternatives::refuse_without_systemd(facts)?;
    alternatives::refuse_taken_port(facts, &chosen)?;
    let unit = candidates::unit(&chosen);
    let has_data = alternatives::has_data(facts, chosen.major, &unit)?;
    let is_complete = package_steps(facts, dnf, &chosen, settings, &mut plan)?;
    if is_complete {
        if has_data {
            plan.notes.push(format!(
                "{unit} goes on with the data of PostgreSQL {} that is there from before",
                chosen.major
            ));
        } else {
            plan.steps.push(commands::initialize(chosen.major, &unit));
        }
        plan.steps.push(commands::start(dnf, chosen.major, &unit));
    }
    Ok(plan)
}

/// The steps to the packages of one candidate. `false` when it has to be looked at again in between, because a repository
/// is read first.
fn package_steps(
    facts: &SystemFacts,
    dnf: &DnfFacts,
    chosen: &Candidate,
    settings: &Settings,
    plan: &mut Plan,
) -> Result<bool, Refusal> {
    if let Some(holder) = &dnf.lock_holder {
        plan.notes.push(format!(
            "the package manager is in use: {holder}; its end is waited for"
        ));
    }
    plan.notes.extend(alternatives::unchecked_repositories(dnf));
    if chosen.seen == Seen::Table {
        match chosen.source {
            Source::Pgdg => pgdg::steps(facts, dnf, chosen.major, settings, plan)?,
            _ => plan.steps.push(commands::refresh()),
        }
        return Ok(false);
    }
    let names = missing(dnf, chosen);
    if names.is_empty() {
        return Ok(true);
    }
    if chosen.source == Source::Pgdg {
        pgdg::module_steps(facts, dnf, plan)?;
    }
    let packages = match &dnf.simulation {
        Some(simulation) => harmless(simulation, facts, chosen)?,
        None => names.iter().map(|name| unsimulated(dnf, name)).collect(),
    };
    plan.steps.push(commands::install(&names, packages));
    Ok(true)
}

/// The packages that a simulation would add, when adding is all that it would do.
fn harmless(
    simulation: &Simulation,
    facts: &SystemFacts,
    chosen: &Candidate,
) -> Result<Vec<Package>, Refusal> {
    let blocked = |fact: String, hint: String| Err(Refusal::Blocked { fact, hint });
    let Simulation {
        new,
        upgraded,
        removed,
        downgraded,
        refused,
    } = simulation;
    if !refused.is_empty() {
        let hint = match alternatives::minor_mismatch(facts, chosen) {
            Some(mismatch) => format!("{mismatch}; update this machine first: sudo dnf upgrade"),
            None => "see why: sudo dnf install --assumeno with the same packages".to_owned(),
        };
        return blocked(format!("dnf cannot install the packages: {refused}"), hint);
    }
    if !removed.is_empty() {
        return blocked(
            format!("dnf would remove {} to install the packages", removed.join(", ")),
            "see what is in the way: sudo dnf install --assumeno with the same packages".to_owned(),
        );
    }
    if !downgraded.is_empty() {
        return blocked(
            format!("dnf would install an older version of {}", downgraded.join(", ")),
            "see which repository has it: dnf repoquery --installed".to_owned(),
        );
    }
    let servers: Vec<&str> = upgraded
        .iter()
        .map(String::as_str)
        .filter(|name| is_server(name))
        .collect();
    if !servers.is_empty() {
        return blocked(
            format!(
                "dnf would also upgrade {}, a server that is there",
                servers.join(", ")
            ),
            format!(
                "upgrade it at a time of your choice, then run this again: sudo dnf upgrade {}",
                servers.join(" ")
            ),
        );
    }
    Ok(new.clone())
}

pub fn is_server(package: &str) -> bool {
    package.starts_with("postgresql") && package.ends_with("-server")
}

/// What is known of a package before a simulation: what is offered.
fn unsimulated(dnf: &DnfFacts, name: &str) -> Package {
    let offered = dnf.offered(name);
    Package {
        name: name.to_owned(),
        version: offered.map(|package| package.version.clone()).unwrap_or_default(),
        origin: offered
            .map(|package| package.repository.clone())
            .unwrap_or_default(),
    }
}
