//! Refusals of apt's plan, each with what does work on this machine.

use super::LISTS_MAXIMUM_AGE;
use super::commands::refresh_index;
use super::repository;
use crate::evidence;
use crate::facts::packages::{ServerChoice, seen};
use crate::facts::system::SystemFacts;
use crate::plan::Refusal;
use crate::plan::system::alternatives::{name, none_on_port, several, without_root};
use crate::plan::system::shown;
use crate::settings::{DEFAULT_LOCK_TIMEOUT, Settings, Source};

/// Why this choice is none.
pub fn refusal(facts: &SystemFacts, settings: &Settings, choice: &ServerChoice) -> Refusal {
    match choice {
        ServerChoice::Several(clusters) => several(clusters),
        ServerChoice::NoClusterOnPort(port) => none_on_port(facts, *port),
        ServerChoice::NoExtension { cluster } => Refusal::Unavailable {
            fact: fact(facts, settings, |from| {
                format!(
                    "{from} no pgvector for PostgreSQL {}, the major of cluster {cluster}",
                    cluster.major
                )
            }),
            alternatives: alternatives(facts, settings),
        },
        _ => Refusal::Unavailable {
            fact: fact(facts, settings, |from| match settings.postgres_major {
                Some(major) => format!("{from} no PostgreSQL {major} with pgvector"),
                None => format!("{from} no pgvector"),
            }),
            alternatives: alternatives(facts, settings),
        },
    }
}

/// What was looked through and did not have it, and why PGDG could not help.
fn fact(facts: &SystemFacts, settings: &Settings, lacks: impl Fn(&str) -> String) -> String {
    let obstacle = repository::obstacle(facts);
    let own = format!("the repositories of {} have", name(facts));
    match (settings.packages.source, obstacle) {
        (Some(Source::Pgdg), Some(obstacle)) => obstacle,
        (Some(Source::Pgdg), None) => lacks("PGDG has"),
        (None, Some(obstacle)) => format!("{}; {obstacle}", lacks(&own)),
        (None, None) if !facts.pgdg_configured => format!("{}, and neither has PGDG", lacks(&own)),
        _ => lacks(&own),
    }
}

/// Another source that has it, what needs no packages, and asking the repositories again.
fn alternatives(facts: &SystemFacts, settings: &Settings) -> Vec<String> {
    let mut alternatives = Vec::new();
    for (source, word) in [(Source::Distro, "distro"), (Source::Pgdg, "pgdg")] {
        let mut other = settings.clone();
        other.packages.source = Some(source);
        if settings.packages.source.is_some_and(|asked| asked != source)
            && seen(facts, &other).chosen.is_some()
        {
            alternatives.push(format!("pgvector-setup up --target system --source {word}"));
        }
    }
    alternatives.extend(without_root(facts));
    let lists_age = facts.apt.as_ref().and_then(|apt| apt.lists_age);
    let may_change = !evidence::distribution_lacks(&facts.os) || facts.pgdg_configured;
    if may_change && lists_age.is_none_or(|age| age > LISTS_MAXIMUM_AGE) {
        alternatives.push(format!("sudo {}", shown(&refresh_index(DEFAULT_LOCK_TIMEOUT))));
    }
    alternatives
}
