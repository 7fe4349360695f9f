//! Refusals that any package manager's plan can come to, each with what does work on this machine.

use crate::facts::clusters::Cluster;
use crate::facts::system::SystemFacts;
use crate::plan::Refusal;

const EMBEDDED: &str = "pgvector-setup up --target embedded";

pub fn no_manager(facts: &SystemFacts) -> Refusal {
    Refusal::Unavailable {
        fact: format!(
            "target system works through apt, dnf or Homebrew, none of which {} has",
            name(facts)
        ),
        alternatives: without_root(facts),
    }
}

pub fn several(clusters: &[Cluster]) -> Refusal {
    let lines: String = clusters
        .iter()
        .map(|cluster| format!("\n  - {}", cluster.description()))
        .collect();
    Refusal::Blocked {
        fact: format!("{} servers could be meant:{lines}", clusters.len()),
        hint: format!(
            "name one by its port: pgvector-setup up --target system --port {}",
            clusters.first().map_or(5432, |cluster| cluster.port)
        ),
    }
}

pub fn none_on_port(facts: &SystemFacts, port: u16) -> Refusal {
    Refusal::Blocked {
        fact: format!(
            "no cluster of this machine has port {port}: {}",
            listed(&facts.clusters)
        ),
        hint: "leave --port away; a new cluster takes the first free port from 5432".to_owned(),
    }
}

/// What works here without root.
pub fn without_root(facts: &SystemFacts) -> Vec<String> {
    let mut alternatives = vec![EMBEDDED.to_owned()];
    if facts.docker {
        // The name without a value takes it from the environment, so that no password is typed into a command line.
        let docker = "docker run --detach --publish 127.0.0.1:5432:5432 --env POSTGRES_PASSWORD pgvector/pgvector:pg18";
        alternatives.push(docker.to_owned());
    }
    alternatives
}

pub fn name(facts: &SystemFacts) -> &str {
    match facts.os.pretty_name.as_str() {
        "" => "this machine",
        name => name,
    }
}

pub fn listed(clusters: &[Cluster]) -> String {
    if clusters.is_empty() {
        return "there is no cluster".to_owned();
    }
    let clusters: Vec<String> = clusters.iter().map(ToString::to_string).collect();
    clusters.join("; ")
}
