//! Every pgvector that this machine has or could have, in both layouts.

use super::pgdg;
use crate::evidence;
use crate::facts::dnf::{DnfFacts, major_of, units};
use crate::facts::system::SystemFacts;
use crate::plan::system::candidates::{Candidate, Seen};
use crate::settings::Source;

/// What is here, what is offered, and what the evidence table knows of repositories that were not read.
pub fn all(facts: &SystemFacts, dnf: &DnfFacts) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = here(facts, dnf);
    for candidate in offered(dnf) {
        let is_here = |other: &&Candidate| other.major == candidate.major && other.source == candidate.source;
        if found.iter().find(is_here).is_none() {
            found.push(candidate);
        }
    }
    let is_unread = |candidate: &Candidate| match candidate.source {
        Source::Pgdg if !pgdg::can_be_trusted(facts, dnf, candidate.major) => false,
        Source::Pgdg => dnf
            .pgdg_repository(candidate.major)
            .is_none_or(|repository| !repository.is_enabled || dnf.unread.contains(&repository.id)),
        Source::Distro => {
            let mut others = dnf
                .repositories
                .iter()
                .filter(|repository| !repository.id.starts_with("pgdg"));
            others.any(|repository| dnf.unread.contains(&repository.id))
        }
        Source::Brew => false,
    };
    let known: Vec<Candidate> = evidence::known(&facts.os)
        .into_iter()
        .filter(|candidate| {
            let is_found =
                |other: &Candidate| other.major == candidate.major && other.source == candidate.source;
            is_unread(candidate) && !found.iter().any(is_found)
        })
        .collect();
    found.extend(known);
    found
}

fn here(facts: &SystemFacts, dnf: &DnfFacts) -> Vec<Candidate> {
    let candidate = |(major, version): &(u16, String)| {
        let is_pgdg = units(dnf)
            .iter()
            .any(|unit| unit.major == *major && unit.name != "postgresql");
        Candidate {
            major: *major,
            version: version.clone(),
            source: if is_pgdg { Source::Pgdg } else { Source::Distro },
            origin: String::new(),
            seen: Seen::Here,
        }
    };
    facts.extension_files.iter().map(candidate).collect()
}

/// An extension counts with its server: both are offered, or the server is installed.
fn offered(dnf: &DnfFacts) -> Vec<Candidate> {
    let server = |name: &str| dnf.installed(name).or_else(|| dnf.offered(name));
    let candidates = dnf.offered.iter().filter_map(|package| {
        let (major, source) = match package.name.as_str() {
            "pgvector" => (major_of(&server("postgresql-server")?.version)?, Source::Distro),
            name => {
                let major: u16 = name.strip_prefix("pgvector_")?.parse().ok()?;
                server(&format!("postgresql{major}-server"))?;
                (major, Source::Pgdg)
            }
        };
        Some(Candidate {
            major,
            version: package.version.clone(),
            source,
            origin: package.repository.clone(),
            seen: Seen::Live,
        })
    });
    candidates.collect()
}

/// The packages of server and pgvector.
pub fn packages(candidate: &Candidate) -> (String, String) {
    let major = candidate.major;
    match candidate.source {
        Source::Pgdg => (format!("postgresql{major}-server"), format!("pgvector_{major}")),
        _ => ("postgresql-server".to_owned(), "pgvector".to_owned()),
    }
}

/// The unit of the server, without `.service`; by it the cluster is named.
pub fn unit(candidate: &Candidate) -> String {
    match candidate.source {
        Source::Pgdg => format!("postgresql-{}", candidate.major),
        _ => "postgresql".to_owned(),
    }
}
