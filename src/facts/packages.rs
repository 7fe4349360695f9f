//! Which server is meant, and which packages it lacks: a choice by what was seen, and by the evidence table only where
//! nothing could be asked.

use super::apt::{self, Offer, PackagePolicy};
use super::clusters::Cluster;
use super::meant::{MeantCluster, meant};
use super::provider::{Provider, provider};
use super::system::SystemFacts;
use crate::evidence;
use crate::plan::system::candidates::{self, Candidate, Choice, Seen};
use crate::settings::{Settings, Source};

/// What the facts and the settings leave as the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerChoice {
    /// A cluster that is there; `missing` are packages to install for it, as apt-get takes them: `name` or `name=version`.
    Existing { cluster: Cluster, missing: Vec<String> },
    /// No cluster is there: a major that can be had with pgvector.
    New { major: u16, missing: Vec<String> },
    /// What is wanted is in PGDG, whose lists have to be read first; it is added where it is not among the sources.
    Pgdg { major: u16, cluster: Option<Cluster> },
    /// There are no package lists yet, and they may change the choice.
    Unread,
    /// More than one cluster could be meant.
    Several(Vec<Cluster>),
    /// `--port` names a port that no cluster has.
    NoClusterOnPort(u16),
    /// The cluster that is meant has a major for which there is no pgvector.
    NoExtension { cluster: Cluster },
    /// No repository has a server together with pgvector.
    NoCandidate,
}

impl ServerChoice {
    /// Packages that would have to be installed.
    pub fn missing(&self) -> &[String] {
        match self {
            Self::Existing { missing, .. } | Self::New { missing, .. } => missing,
            _ => &[],
        }
    }
}

/// Chooses: a cluster that is there before a new one; `--port` and `--pg` narrow.
pub fn choose(facts: &SystemFacts, settings: &Settings) -> ServerChoice {
    match meant(&facts.clusters, settings) {
        MeantCluster::One(cluster) => existing_server(facts, settings, cluster),
        MeantCluster::Several(clusters) => ServerChoice::Several(clusters),
        MeantCluster::NoneOnPort(port) => ServerChoice::NoClusterOnPort(port),
        MeantCluster::None => new_server(facts, settings),
    }
}

/// Every pgvector that was seen, and which of them is the safest that serves what is meant.
pub fn seen(facts: &SystemFacts, settings: &Settings) -> Choice {
    match meant(&facts.clusters, settings) {
        MeantCluster::One(cluster) => candidates::choose(&all(facts), Some(cluster.major), settings),
        _ => candidates::choose(&with_server(facts), settings.postgres_major, settings),
    }
}

fn existing_server(facts: &SystemFacts, settings: &Settings, cluster: Cluster) -> ServerChoice {
    let major = cluster.major;
    let is_seen = cluster
        .answer
        .given()
        .is_some_and(|answer| answer.pgvector.is_some());
    if is_seen || !matches!(provider(&cluster), Provider::Apt(_)) {
        let missing = Vec::new();
        return ServerChoice::Existing { cluster, missing };
    }
    let Some(chosen) = seen(facts, settings).chosen else {
        return if lists_decide(facts, settings) {
            ServerChoice::Unread
        } else {
            ServerChoice::NoExtension { cluster }
        };
    };
    match chosen.seen {
        Seen::Here => ServerChoice::Existing {
            cluster,
            missing: Vec::new(),
        },
        _ if lists_decide(facts, settings) => ServerChoice::Unread,
        Seen::Live => ServerChoice::Existing {
            cluster,
            missing: vec![extension_word(facts, &chosen)],
        },
        Seen::Table => ServerChoice::Pgdg {
            major,
            cluster: Some(cluster),
        },
    }
}

fn new_server(facts: &SystemFacts, settings: &Settings) -> ServerChoice {
    let chosen = seen(facts, settings).chosen;
    if chosen.as_ref().is_none_or(|chosen| chosen.seen != Seen::Here) && lists_decide(facts, settings) {
        return ServerChoice::Unread;
    }
    let Some(chosen) = chosen else {
        return ServerChoice::NoCandidate;
    };
    let (major, cluster) = (chosen.major, None);
    if chosen.seen == Seen::Table {
        return ServerChoice::Pgdg { major, cluster };
    }
    let is_missing = |name: &str| policy(facts, name).is_none_or(|policy| policy.installed.is_none());
    let mut missing = Vec::new();
    if is_missing(&apt::server_package(major)) {
        missing.push(server_word(facts, settings, major));
    }
    // Files that are there without a package are somebody's own build, which a package would overwrite.
    if chosen.seen == Seen::Live && is_missing(&apt::extension_package(major)) {
        missing.push(extension_word(facts, &chosen));
    }
    ServerChoice::New { major, missing }
}

/// Where there are no lists, what they would say goes before what the table says; but not where the distribution is known
/// to have nothing, or is not asked for.
fn lists_decide(facts: &SystemFacts, settings: &Settings) -> bool {
    facts.apt.as_ref().is_none_or(|apt| apt.lists_age.is_none())
        && (facts.pgdg_configured
            || (settings.packages.source != Some(Source::Pgdg) && !evidence::distribution_lacks(&facts.os)))
}

/// Candidates of every kind: here, live, and from the table for what could not be asked.
fn all(facts: &SystemFacts) -> Vec<Candidate> {
    let here = facts.extension_files.iter().map(|(major, version)| Candidate {
        major: *major,
        version: version.clone(),
        source: Source::Distro,
        origin: "this machine".to_owned(),
        seen: Seen::Here,
    });
    let mut candidates: Vec<Candidate> = here.collect();
    for major in apt::MAJORS.rev() {
        candidates.extend(offered(facts, major));
    }
    let Some(apt) = &facts.apt else {
        return candidates;
    };
    if !apt.pgdg.is_read && evidence::pgdg_suite(&facts.os).is_some() {
        candidates.extend(evidence::known_from(&facts.os, Source::Pgdg));
    }
    if apt.lists_age.is_none() {
        candidates.extend(evidence::known_from(&facts.os, Source::Distro));
    }
    candidates
}

/// Those of a major whose server can be had too.
fn with_server(facts: &SystemFacts) -> Vec<Candidate> {
    let mut candidates = all(facts);
    candidates.retain(|candidate| {
        let server = policy(facts, &apt::server_package(candidate.major));
        candidate.seen == Seen::Table
            || server.is_some_and(|server| server.candidate.is_some() || server.installed.is_some())
    });
    candidates
}

/// The newest version of each source for one major.
fn offered(facts: &SystemFacts, major: u16) -> Vec<Candidate> {
    let offers = policy(facts, &apt::extension_package(major)).map_or(&[][..], |policy| &policy.offers);
    let newest = |source: Source| offers.iter().find(|offer| source_of(offer) == source);
    [Source::Pgdg, Source::Distro]
        .into_iter()
        .filter_map(|source| {
            let offer = newest(source)?;
            Some(Candidate {
                major,
                version: offer.version.clone(),
                source,
                origin: offer.origin.clone(),
                seen: Seen::Live,
            })
        })
        .collect()
}

fn source_of(offer: &Offer) -> Source {
    if offer.is_pgdg() {
        Source::Pgdg
    } else {
        Source::Distro
    }
}

/// The version is named only where apt would choose another one.
fn extension_word(facts: &SystemFacts, chosen: &Candidate) -> String {
    word(facts, apt::extension_package(chosen.major), Some(&chosen.version))
}

/// A source that was asked for gives the server too, where it has one.
fn server_word(facts: &SystemFacts, settings: &Settings, major: u16) -> String {
    let name = apt::server_package(major);
    let wanted = settings.packages.source.and_then(|source| {
        let offers = &policy(facts, &name)?.offers;
        let offer = offers.iter().find(|offer| source_of(offer) == source)?;
        Some(offer.version.clone())
    });
    word(facts, name, wanted.as_deref())
}

fn word(facts: &SystemFacts, name: String, version: Option<&str>) -> String {
    let candidate = policy(facts, &name).and_then(|policy| policy.candidate.as_deref());
    match version {
        Some(version) if candidate != Some(version) => format!("{name}={version}"),
        _ => name,
    }
}

fn policy<'a>(facts: &'a SystemFacts, package: &str) -> Option<&'a PackagePolicy> {
    facts.apt.as_ref()?.policy(package)
}
