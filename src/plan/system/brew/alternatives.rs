//! Refusals of Homebrew's plan, each with what does work on this machine.

use crate::facts::brew::{BrewFacts, DEFAULT_PORT, EXTENSION, ServerKeg, server_formula};
use crate::facts::clusters::Cluster;
use crate::facts::privilege::Elevation;
use crate::facts::system::SystemFacts;
use crate::plan::Refusal;
use crate::plan::system::alternatives::without_root;
use crate::settings::Settings;

const UP: &str = "pgvector-setup up --target system --source brew";

/// brew is another user's, or we are root: then nothing of it is started.
pub fn not_ours(facts: &SystemFacts, brew: &BrewFacts) -> Refusal {
    let (prefix, owner) = (brew.prefix.display(), &brew.owner);
    let fact = match facts.elevation {
        Elevation::Root => format!(
            "Homebrew in {prefix} belongs to {owner}, and brew never runs as root: what it installs would run with all rights"
        ),
        _ => format!(
            "Homebrew in {prefix} belongs to {owner}, and {} may not change it",
            facts.user
        ),
    };
    let as_owner = match owner.as_str() {
        "root" | "" => None,
        owner => Some(format!("sudo -u {owner} -H {UP}")),
    };
    Refusal::Unavailable {
        fact,
        alternatives: as_owner.into_iter().chain(without_root(facts)).collect(),
    }
}

/// The extension is not built for the major of the server that is meant.
pub fn not_served(facts: &SystemFacts, brew: &BrewFacts, server: &str, major: u16) -> Refusal {
    let served: Vec<String> = brew.served().iter().map(ToString::to_string).collect();
    let fact = match served.is_empty() {
        true => format!("Homebrew has no {EXTENSION} for {server}"),
        false => format!(
            "Homebrew's {EXTENSION} serves PostgreSQL {}, not {server}",
            served.join(" and ")
        ),
    };
    let mut alternatives = Vec::new();
    if let Some(newest) = brew.newest_served(None).filter(|newest| *newest != major) {
        alternatives.push(beside(brew, newest));
    }
    alternatives.extend(without_root(facts));
    Refusal::Unavailable { fact, alternatives }
}

/// A server of a served major beside the one that is there, which keeps its data; all want the same port.
fn beside(brew: &BrewFacts, major: u16) -> String {
    match brew.taken_ports.contains(&DEFAULT_PORT) {
        true => on_another_port(brew, major),
        false => format!("{UP} --pg {major}"),
    }
}

/// What a person types to have a major's server on a port of its own.
fn on_another_port(brew: &BrewFacts, major: u16) -> String {
    let formula = server_formula(major);
    let configuration = brew.prefix.join("var").join(&formula).join("postgresql.conf");
    let port = brew.free_port.unwrap_or(DEFAULT_PORT + 1);
    let install = match brew.has_keg(&formula) {
        true => String::new(),
        false => format!("{} install {formula} && ", brew.program.display()),
    };
    format!(
        "{install}echo 'port = {port}' >> {} && {UP} --pg {major}",
        configuration.display()
    )
}

/// The server of brew's that runs on a port.
fn holder(brew: &BrewFacts, port: u16) -> Option<String> {
    let mut running = brew.server_kegs.iter().filter(|keg| keg.is_running);
    running
        .find(|keg| keg.port == port)
        .map(|keg| server_formula(keg.major))
}

pub fn no_candidate(facts: &SystemFacts, brew: &BrewFacts, settings: &Settings) -> Refusal {
    let update = format!("{} update", brew.program.display());
    let fact = match (&brew.extension, settings.postgres_major) {
        (None, _) => format!("Homebrew here knows no formula {EXTENSION}"),
        (Some(extension), _) if extension.disabled.is_some() => format!(
            "Homebrew no longer installs {EXTENSION}: {}",
            extension.disabled.as_deref().unwrap_or_default()
        ),
        (Some(_), Some(major)) => return not_served(facts, brew, &format!("PostgreSQL {major}"), major),
        (Some(_), None) => format!("Homebrew here knows no server that its {EXTENSION} serves"),
    };
    Refusal::Unavailable {
        fact,
        alternatives: std::iter::once(update).chain(without_root(facts)).collect(),
    }
}

/// The formula's own script, which makes the data directory, did not come to its end.
pub fn not_initialised(brew: &BrewFacts, keg: &ServerKeg) -> Refusal {
    let formula = server_formula(keg.major);
    let data = keg.data_directory.display();
    Refusal::Blocked {
        fact: format!("{formula} is installed, but {data} holds no PG_VERSION: it was never initialised"),
        hint: format!(
            "{} postinstall {formula}\nhint: or by its own initdb: {} --locale=C.UTF-8 -E UTF-8 {data}",
            brew.program.display(),
            brew.client(keg.major, "initdb").display()
        ),
    }
}

pub fn not_linked(brew: &BrewFacts) -> Refusal {
    Refusal::Blocked {
        fact: format!("{EXTENSION} is installed, but not linked to where the server looks for it"),
        hint: format!("{} link {EXTENSION}", brew.program.display()),
    }
}

/// Everything is where the formula's server looks, and this one looks elsewhere.
pub fn not_seen(brew: &BrewFacts, cluster: &Cluster) -> Refusal {
    let looks = cluster
        .answer
        .given()
        .map(|answer| answer.share_directory.display());
    Refusal::Blocked {
        fact: format!(
            "{EXTENSION} is installed in {}, and {cluster} does not see it: it looks in {}",
            brew.prefix.display(),
            looks.map(|place| place.to_string()).unwrap_or_default()
        ),
        hint: format!(
            "see which programs it runs by: {} services info {} --json",
            brew.program.display(),
            cluster.identity()
        ),
    }
}

/// A server by hand works as well: what runs is adopted.
pub fn no_services(facts: &SystemFacts, brew: &BrewFacts, major: u16, why: &str) -> Refusal {
    let formula = server_formula(major);
    let mut by_hand = String::new();
    if !brew.has_keg(&formula) {
        by_hand = format!("{} install {formula} && ", brew.program.display());
    }
    by_hand.push_str(&format!(
        "{} -D {} -l {} start && {UP}",
        brew.client(major, "pg_ctl").display(),
        brew.prefix.join("var").join(&formula).display(),
        brew.log(&formula).display()
    ));
    let mut alternatives = Vec::new();
    if facts.systemd {
        alternatives.push(format!("sudo loginctl enable-linger {} && {UP}", facts.user));
    }
    alternatives.push(format!("without a service, by hand: {by_hand}"));
    alternatives.extend(without_root(facts));
    Refusal::Unavailable {
        fact: format!("brew services cannot start {formula}: {why}"),
        alternatives,
    }
}

pub fn port_taken(facts: &SystemFacts, brew: &BrewFacts, major: u16, port: u16) -> Refusal {
    let holder = holder(brew, port);
    let who = holder.clone().unwrap_or_else(|| "something else".to_owned());
    let look = format!("see what it is: lsof -nP -iTCP:{port} -sTCP:LISTEN");
    let mut alternatives = match &holder {
        Some(running) => vec![
            on_another_port(brew, major),
            format!(
                "{} services stop {running} && {UP} --pg {major}",
                brew.program.display()
            ),
        ],
        None => vec![look, on_another_port(brew, major)],
    };
    alternatives.extend(without_root(facts));
    Refusal::Unavailable {
        fact: format!(
            "{} would listen on port {port}, on which {who} listens already",
            server_formula(major)
        ),
        alternatives,
    }
}
