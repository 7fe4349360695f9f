//! Refusals of apt's plan, each with what does work on this machine.

use super::LISTS_MAXIMUM_AGE;
use super::commands::refresh_index;
use crate::facts::packages::ServerChoice;
use crate::facts::system::SystemFacts;
use crate::plan::Refusal;
use crate::plan::system::alternatives::{name, none_on_port, several, without_root};
use crate::plan::system::shown;
use crate::settings::{DEFAULT_LOCK_TIMEOUT, Settings};

/// Releases whose own archive is known to hold no pgvector. Only asked while there are no package lists: where there
/// are, they decide.
const RELEASES_WITHOUT: [&str; 7] = [
    "buster", "bullseye", "bookworm", "bionic", "focal", "jammy", "daedalus",
];

/// Whether asking the repositories is worth it.
pub fn may_have_pgvector(facts: &SystemFacts) -> bool {
    facts.pgdg_configured || !RELEASES_WITHOUT.contains(&facts.os.base_codename.as_str())
}

/// Why this choice is none.
pub fn refusal(facts: &SystemFacts, settings: &Settings, choice: &ServerChoice) -> Refusal {
    match choice {
        ServerChoice::Several(clusters) => several(clusters),
        ServerChoice::NoClusterOnPort(port) => none_on_port(facts, *port),
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

fn without_candidate(facts: &SystemFacts) -> Vec<String> {
    let mut alternatives = without_root(facts);
    let lists_age = facts.apt.as_ref().and_then(|apt| apt.lists_age);
    if may_have_pgvector(facts) && lists_age.is_none_or(|age| age > LISTS_MAXIMUM_AGE) {
        alternatives.push(format!("sudo {}", shown(&refresh_index(DEFAULT_LOCK_TIMEOUT))));
    }
    alternatives
}
