//! What the reader should know before agreeing: every candidate that was seen, with its verdict.

use crate::facts::apt::{self, PackagePolicy};
use crate::facts::packages::ServerChoice;
use crate::facts::system::SystemFacts;
use crate::health::advisories::{Advisory, Scope, Version, advisories};

/// One note for each pgvector that is installed or can be had, newest major first, and what follows from the chosen one.
pub fn candidates(facts: &SystemFacts, choice: &ServerChoice) -> Vec<String> {
    let chosen = match choice {
        ServerChoice::Existing { cluster, .. } | ServerChoice::NoExtension { cluster } => Some(cluster.major),
        ServerChoice::New { major, .. } => Some(*major),
        _ => None,
    };
    let mut notes = Vec::new();
    for major in apt::MAJORS.rev() {
        let Some((version, place)) = seen(facts, major) else {
            continue;
        };
        let defects = defects(&version);
        let verdict = match (chosen == Some(major), defects.is_empty()) {
            (true, true) => "chosen".to_owned(),
            (true, false) => format!("chosen, there is no other; {defects}"),
            (false, true) => "not chosen".to_owned(),
            (false, false) => format!("not chosen; {defects}"),
        };
        notes.push(format!(
            "pgvector {version} for PostgreSQL {major} ({place}): {verdict}"
        ));
        let is_safe = Version::parse(&version).is_none_or(Version::parallel_build_is_safe);
        if chosen == Some(major) && !is_safe {
            notes.push(format!(
                "indexes are built with max_parallel_maintenance_workers = 0, because a parallel build is not safe \
                 with pgvector {version}"
            ));
        }
    }
    if let Some(holder) = facts.apt.as_ref().and_then(|apt| apt.lock_holder.as_ref()) {
        notes.push(format!(
            "the package manager is in use: {holder}; its end is waited for"
        ));
    }
    notes
}

/// Version and place of the pgvector that one major has or would get.
fn seen(facts: &SystemFacts, major: u16) -> Option<(String, String)> {
    let files = facts.extension_files.iter().find(|(found, _)| *found == major);
    if let Some((_, version)) = files {
        return Some((version.clone(), "on this machine".to_owned()));
    }
    let policy = facts.apt.as_ref()?.policy(&apt::extension_package(major))?;
    let PackagePolicy {
        candidate: Some(version),
        origin,
        ..
    } = policy
    else {
        return None;
    };
    Some((version.clone(), origin.clone()))
}

fn defects(version: &str) -> String {
    let Some(version) = Version::parse(version) else {
        return String::new();
    };
    let concerns_us =
        |advisory: &&&Advisory| advisory.scope != Scope::Ivfflat32Bit || cfg!(target_pointer_width = "32");
    let advisories = advisories(version);
    let ids: Vec<&str> = advisories
        .iter()
        .filter(concerns_us)
        .map(|advisory| advisory.id.as_str())
        .collect();
    if ids.is_empty() {
        return String::new();
    }
    format!("affected by {}", ids.join(", "))
}
