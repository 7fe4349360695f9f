//! Refusals of target `system`, each with what does work on this machine.

use super::LISTS_MAXIMUM_AGE;
use super::commands::{refresh_index, shown};
use crate::facts::os::Family;
use crate::facts::packages::ServerChoice;
use crate::facts::system::SystemFacts;
use crate::plan::Refusal;
use crate::settings::{DEFAULT_LOCK_TIMEOUT, Settings};

const EMBEDDED: &str = "pgvector-setup up --target embedded";

/// Releases whose own archive is known to hold no pgvector. Only asked while there are no package lists: where there
/// are, they decide.
const RELEASES_WITHOUT: [&str; 7] = [
    "buster", "bullseye", "bookworm", "bionic", "focal", "jammy", "daedalus",
];

/// Whether asking the repositories is worth it.
pub fn may_have_pgvector(facts: &SystemFacts) -> bool {
    facts.pgdg_configured || !RELEASES_WITHOUT.contains(&facts.os.base_codename.as_str())
}

pub fn no_apt(facts: &SystemFacts) -> Refusal {
    let fact = match facts.os.family {
        Family::Debian => format!("{} has no apt-get", name(facts)),
        _ => format!(
            "target system works through apt, which {} does not have",
            name(facts)
        ),
    };
    Refusal::Unavailable {
        fact,
        alternatives: without_root(facts),
    }
}

/// Why this choice is none.
pub fn refusal(facts: &SystemFacts, settings: &Settings, choice: &ServerChoice) -> Refusal {
    match choice {
        ServerChoice::Several(clusters) => Refusal::Blocked {
            fact: format!("{} clusters could be meant: {}", clusters.len(), listed(clusters)),
            hint: format!(
                "name one by its port: pgvector-setup up --target system --port {}",
                clusters.first().map_or(5432, |cluster| cluster.port)
            ),
        },
        ServerChoice::NoClusterOnPort(port) => Refusal::Blocked {
            fact: format!(
                "no cluster of this machine has port {port}: {}",
                listed(&facts.clusters)
            ),
            hint: "leave --port away; a new cluster takes the first free port from 5432".to_owned(),
        },
        ServerChoice::NoExtension { cluster } => Refusal::Unavailable {
            fact: format!(
                "the repositories of this machine have no pgvector for PostgreSQL {}, the major of cluster {cluster}",
                cluster.major
            ),
            alternatives: without_root(facts),
        },
        _ => Refusal::Unavailable {
            fact: match settings.postgres_major {
                Some(major) => format!(
                    "the repositories of {} have no PostgreSQL {major} with pgvector",
                    name(facts)
                ),
                None => format!("the repositories of {} have no pgvector", name(facts)),
            },
            alternatives: without_candidate(facts),
        },
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

fn without_candidate(facts: &SystemFacts) -> Vec<String> {
    let mut alternatives = without_root(facts);
    let lists_age = facts.apt.as_ref().and_then(|apt| apt.lists_age);
    if may_have_pgvector(facts) && lists_age.is_none_or(|age| age > LISTS_MAXIMUM_AGE) {
        alternatives.push(format!("sudo {}", shown(&refresh_index(DEFAULT_LOCK_TIMEOUT))));
    }
    alternatives
}

fn name(facts: &SystemFacts) -> &str {
    match facts.os.pretty_name.as_str() {
        "" => "this machine",
        name => name,
    }
}

fn listed(clusters: &[crate::facts::clusters::Cluster]) -> String {
    if clusters.is_empty() {
        return "there is no cluster".to_owned();
    }
    let clusters: Vec<String> = clusters.iter().map(ToString::to_string).collect();
    clusters.join("; ")
}
