//! The operating system's PostgreSQL by Homebrew.
//!
//! The server decides: the one that runs keeps its major, and pgvector has to be built for it. Its formula serves two majors
//! and brings no server.

mod alternatives;
mod commands;
#[cfg(test)]
mod tests;

pub use commands::{compiles, upgrade};

use crate::facts::brew::{BrewFacts, DEFAULT_PORT, EXTENSION, major_of, server_formula};
use crate::facts::clusters::Cluster;
use crate::facts::meant::{MeantCluster, meant};
use crate::facts::system::SystemFacts;
use crate::plan::system::alternatives::{no_manager, none_on_port, several};
use crate::plan::system::candidates::{Candidate, Seen, choose};
use crate::plan::{Plan, Refusal};
use crate::settings::{Settings, Source};

/// Plans the way from the machine as it is to a running server that has pgvector's files.
///
/// # Errors
/// A [`Refusal`]; nothing was changed.
pub fn server_plan(facts: &SystemFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let Some(brew) = &facts.brew else {
        return Err(no_manager(facts));
    };
    if !brew.is_ours {
        return Err(alternatives::not_ours(facts, brew));
    }
    match meant(&facts.clusters, settings) {
        MeantCluster::One(cluster) => existing_server(facts, brew, &cluster, settings),
        MeantCluster::None => new_server(facts, brew, settings),
        MeantCluster::Several(clusters) => Err(several(&clusters)),
        MeantCluster::NoneOnPort(port) => Err(none_on_port(facts, port)),
    }
}

fn existing_server(
    facts: &SystemFacts,
    brew: &BrewFacts,
    cluster: &Cluster,
    settings: &Settings,
) -> Result<Plan, Refusal> {
    let major = cluster.major;
    // A server that runs knows best what it finds.
    let seen = cluster.answer.given().map(|answer| answer.pgvector.as_deref());
    let mut candidates = candidates(brew);
    if let Some(Some(version)) = seen {
        candidates.retain(|candidate| candidate.major != major);
        candidates.push(candidate(major, version, "", Seen::Here));
    }
    let choice = choose(&candidates, Some(major), settings);
    let mut plan = Plan {
        notes: choice.notes,
        ..Plan::default()
    };
    plan.notes.push(format!(
        "adopts the server that is there: {cluster}; only its own database is added to it"
    ));
    if choice.chosen.is_none() {
        return Err(alternatives::not_served(facts, brew, &cluster.to_string(), major));
    }
    match seen {
        Some(Some(_)) => {}
        Some(None) if brew.has_files(major) => return Err(alternatives::not_seen(brew, cluster)),
        _ => extension_steps(facts, brew, major, &mut plan)?,
    }
    if !cluster.is_online() {
        start_steps(facts, brew, major, cluster.port, &mut plan)?;
    }
    Ok(plan)
}

fn new_server(facts: &SystemFacts, brew: &BrewFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let choice = choose(&candidates(brew), settings.postgres_major, settings);
    let mut plan = Plan {
        notes: choice.notes,
        ..Plan::default()
    };
    let Some(major) = choice.chosen.map(|candidate| candidate.major) else {
        return Err(alternatives::no_candidate(facts, brew, settings));
    };
    let formula = server_formula(major);
    if let Some(keg) = brew.server_kegs.iter().find(|keg| keg.major == major) {
        // A keg without data: its formula's own script did not come to its end.
        return Err(alternatives::not_initialised(brew, keg));
    }
    let remains = brew.remains.iter().find(|remains| remains.major == major);
    let port = remains.map_or(DEFAULT_PORT, |remains| remains.port);
    // Before anything is installed: a server that cannot be started is of no use.
    let mut started = Plan::default();
    start_steps(facts, brew, major, port, &mut started)?;
    let brings = &brew.missing_dependencies;
    // Also a server that is only needed to compile the extension makes itself data.
    let installed = brings.iter().map(|formula| &formula.name).chain([&formula]);
    let made = installed.filter(|name| makes_data(brew, name)).cloned().collect();
    plan.steps.push(commands::install(brew, &formula, brings, made));
    plan.notes.extend(commands::notes(brew, &formula));
    extension_steps(facts, brew, major, &mut plan)?;
    plan.notes.extend(started.notes);
    plan.steps.extend(started.steps);
    let data = brew.prefix.join("var").join(&formula);
    plan.notes.push(match remains {
        Some(_) => format!("{formula} goes on with the data that is in {}", data.display()),
        None => format!(
            "{formula} makes its own data directory {}; until its pg_hba.conf is changed it lets every user of this \
             machine in as anybody, without a password",
            data.display()
        ),
    });
    Ok(plan)
}

/// Whether installing a formula makes a data directory: a server's does, where there is none.
fn makes_data(brew: &BrewFacts, formula: &str) -> bool {
    let has_remains = |major| brew.remains.iter().any(|remains| remains.major == major);
    major_of(formula).is_some_and(|major| !has_remains(major))
}

/// What there is of pgvector: where servers look for it, and what its formula would bring for which majors.
fn candidates(brew: &BrewFacts) -> Vec<Candidate> {
    let here = brew.extension_files.iter();
    let mut found: Vec<Candidate> = here
        .map(|(major, version)| candidate(*major, version, "", Seen::Here))
        .collect();
    let Some(extension) = brew
        .extension
        .as_ref()
        .filter(|formula| formula.disabled.is_none())
    else {
        return found;
    };
    // The version that a keg has stays; its files that are not linked are still no newer ones.
    let version = extension.installed.last().unwrap_or(&extension.stable);
    let live = brew.majors().into_iter().filter(|major| !brew.has_files(*major));
    found.extend(live.map(|major| candidate(major, version, &extension.tap, Seen::Live)));
    found
}

fn candidate(major: u16, version: &str, origin: &str, seen: Seen) -> Candidate {
    Candidate {
        major,
        version: version.to_owned(),
        source: Source::Brew,
        origin: origin.to_owned(),
        seen,
    }
}

/// Installs the extension where its files are missing.
fn extension_steps(
    facts: &SystemFacts,
    brew: &BrewFacts,
    major: u16,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    if brew.has_files(major) {
        return Ok(());
    }
    if brew.has_keg(EXTENSION) {
        let is_linked = brew
            .extension
            .as_ref()
            .is_some_and(|extension| extension.is_linked);
        return match brew.served_by_keg.contains(&major) {
            // The server says where it looks once it runs.
            true if is_linked => Ok(()),
            true => Err(alternatives::not_linked(brew)),
            false => {
                let server = format!("PostgreSQL {major}");
                Err(alternatives::not_served(facts, brew, &server, major))
            }
        };
    }
    if brew.served().is_empty() {
        plan.notes.push(format!(
            "the formula {EXTENSION} does not say which PostgreSQL majors it serves; whether it serves {major} is seen \
             when it is installed"
        ));
    }
    // What is missing comes with whichever is first.
    let brings = match plan.steps.is_empty() {
        true => brew.missing_dependencies.as_slice(),
        false => &[],
    };
    plan.steps
        .push(commands::install(brew, EXTENSION, brings, Vec::new()));
    plan.notes.extend(commands::notes(brew, EXTENSION));
    Ok(())
}

fn start_steps(
    facts: &SystemFacts,
    brew: &BrewFacts,
    major: u16,
    port: u16,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    if let Some(why) = &brew.service_obstacle {
        return Err(alternatives::no_services(facts, brew, major, why));
    }
    if brew.taken_ports.contains(&port) {
        return Err(alternatives::port_taken(facts, brew, major, port));
    }
    let formula = server_formula(major);
    let failed = |service: &&crate::facts::brew::Service| {
        service.name == formula && service.status.as_deref() == Some("error")
    };
    if brew.services.iter().any(|service| failed(&service)) {
        plan.notes.push(format!(
            "the service {formula} ended with an error when it was last started; its log is {}",
            brew.log(&formula).display()
        ));
    }
    plan.steps.push(commands::start(brew, &formula));
    Ok(())
}
