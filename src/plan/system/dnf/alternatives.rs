//! Refusals of dnf's plan, each with what does work on this machine, and what a reader should know of the repositories.

use super::candidates::unit;
use super::pgdg::{el_major, key_problem};
use crate::facts::clusters::Cluster;
use crate::facts::dnf::DnfFacts;
use crate::facts::system::SystemFacts;
use crate::plan::Refusal;
use crate::plan::system::alternatives::{name, without_root};
use crate::plan::system::candidates::Candidate;
use crate::settings::{Settings, Source};

/// Oldest EL with dnf and with packages of a PostgreSQL that pgvector serves.
const OLDEST_EL: u16 = 8;

pub fn refuse_unsupported(facts: &SystemFacts) -> Result<(), Refusal> {
    let unavailable = |fact: String| {
        Err(Refusal::Unavailable {
            fact,
            alternatives: without_root(facts),
        })
    };
    if facts.os.id == "amzn" {
        return unavailable(format!(
            "{} has no package of pgvector, and PGDG has no repository for it",
            name(facts)
        ));
    }
    let is_old = el_major(facts).parse().is_ok_and(|major: u16| major < OLDEST_EL);
    if facts.os.id != "fedora" && is_old {
        return unavailable(format!(
            "{} is too old: no repository has pgvector for it any more",
            name(facts)
        ));
    }
    Ok(())
}

/// RPM packages start their server by systemd alone.
pub fn refuse_without_systemd(facts: &SystemFacts) -> Result<(), Refusal> {
    if facts.systemd {
        return Ok(());
    }
    Err(Refusal::Unavailable {
        fact: "the packages' server is a service of systemd, which does not run here".to_owned(),
        alternatives: without_root(facts),
    })
}

/// A new cluster listens on 5432, and the setup commands know no other port.
pub fn refuse_taken_port(facts: &SystemFacts, chosen: &Candidate) -> Result<(), Refusal> {
    let Some(other) = facts.clusters.iter().find(|cluster| cluster.port == 5432) else {
        return Ok(());
    };
    Err(Refusal::Blocked {
        fact: format!(
            "{} would listen on port 5432, which the cluster {other} has",
            unit(chosen)
        ),
        hint: format!(
            "use that one: pgvector-setup up --target system --pg {}",
            other.major
        ),
    })
}

/// Whether data of a server that was removed is where the new one has its own.
///
/// # Errors
/// [`Refusal::Blocked`] when it is of another major, which the new server could not read.
pub fn has_data(facts: &SystemFacts, major: u16, unit: &str) -> Result<bool, Refusal> {
    let mut remains = facts.cluster_remains.iter();
    let Some(found) = remains.find_map(|cluster| cluster.strip_suffix(&format!("/{unit}"))) else {
        return Ok(false);
    };
    if found == major.to_string() {
        return Ok(true);
    }
    Err(Refusal::Blocked {
        fact: format!(
            "the data directory of {unit} holds data of PostgreSQL {found}, which PostgreSQL {major} cannot read"
        ),
        hint: "dump it with its own server or upgrade it with pg_upgrade, and move it away; or: pgvector-setup up \
               --target embedded"
            .to_owned(),
    })
}

pub fn not_for(facts: &SystemFacts, dnf: &DnfFacts, cluster: &Cluster) -> Refusal {
    let names = match cluster.name.strip_prefix("postgresql-") {
        Some(major) => format!("pgvector_{major}"),
        None => "pgvector".to_owned(),
    };
    excluded(dnf, &names).unwrap_or_else(|| Refusal::Unavailable {
        fact: format!(
            "the repositories of this machine have no {names}, the pgvector for the cluster {cluster}"
        ),
        alternatives: without_root(facts),
    })
}

pub fn no_candidate(facts: &SystemFacts, dnf: &DnfFacts, settings: &Settings) -> Refusal {
    let is_extension = |name: &&str| name.starts_with("pgvector");
    let mut names = dnf.excluded.iter().map(|package| package.name.as_str());
    if let Some(refusal) = names.find(is_extension).and_then(|name| excluded(dnf, name)) {
        return refusal;
    }
    let is_pgdg = settings.packages.source == Some(Source::Pgdg);
    if let Some(refusal) = key_problem(facts, dnf).filter(|_| is_pgdg) {
        return refusal;
    }
    let what = match (settings.postgres_major, settings.packages.source) {
        (Some(major), _) => format!("no PostgreSQL {major} with pgvector"),
        (None, Some(Source::Pgdg)) => "no pgvector from PGDG".to_owned(),
        (None, _) => "no pgvector".to_owned(),
    };
    Refusal::Unavailable {
        fact: format!("the repositories for {} have {what}", name(facts)),
        alternatives: without_root(facts),
    }
}

/// What dnf is told to leave out, and where.
fn excluded(dnf: &DnfFacts, name: &str) -> Option<Refusal> {
    let package = dnf.excluded.iter().find(|package| package.name == name)?;
    let by_repository = dnf
        .repositories
        .iter()
        .find(|repository| repository.id == package.repository && !repository.excludes.is_empty());
    let file = match by_repository {
        Some(repository) => repository.file.display().to_string(),
        None => "/etc/dnf/dnf.conf".to_owned(),
    };
    Some(Refusal::Blocked {
        fact: format!(
            "dnf is told to leave {name} out, which the repository {} has: excludepkgs in {file}",
            package.repository
        ),
        hint: format!("take it out of the excludepkgs line: sudoedit {file}"),
    })
}

/// PGDG builds for the newest minor release; a machine behind it may lack libraries: `PGDG.rhel9.8` on 9.6.
pub fn minor_mismatch(facts: &SystemFacts, chosen: &Candidate) -> Option<String> {
    let built_for = chosen.version.split("PGDG.rhel").nth(1)?;
    let is_behind = facts.os.version_id.contains('.') && built_for != facts.os.version_id;
    is_behind.then(|| {
        format!(
            "the packages are built on EL {built_for}, and this machine is {}",
            facts.os.version_id
        )
    })
}

/// Repositories whose packages nobody checks, whoever set them up.
pub fn unchecked_repositories(dnf: &DnfFacts) -> Vec<String> {
    let is_unchecked = |repository: &&crate::facts::dnf::Repository| {
        repository.is_enabled && repository.checks_packages == Some(false)
    };
    let note = |repository: &crate::facts::dnf::Repository| {
        format!(
            "the repository {} is used without checking signatures; repair: gpgcheck=1 and its gpgkey in {}",
            repository.id,
            repository.file.display()
        )
    };
    dnf.repositories.iter().filter(is_unchecked).map(note).collect()
}
