//! Which server is meant, and which packages it lacks: a choice by what was seen, not by a table of platforms.

use super::apt::{self, PackagePolicy};
use super::clusters::Cluster;
use super::meant::{MeantCluster, meant};
use super::provider::{Provider, provider};
use super::system::SystemFacts;
use crate::settings::Settings;

/// What the facts and the settings leave as the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerChoice {
    /// A cluster that is there; `missing` are packages to install for it.
    Existing { cluster: Cluster, missing: Vec<String> },
    /// No cluster is there: the newest major that can be had with pgvector.
    New { major: u16, missing: Vec<String> },
    /// More than one cluster could be meant.
    Several(Vec<Cluster>),
    /// `--port` names a port that no cluster has.
    NoClusterOnPort(u16),
    /// The cluster that is meant has a major for which there is no pgvector.
    NoExtension { cluster: Cluster },
    /// No repository of this machine has a server together with pgvector.
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

/// Chooses: a cluster that is there before a new one, the newest major before older ones; `--port` and `--pg` narrow.
pub fn choose(facts: &SystemFacts, settings: &Settings) -> ServerChoice {
    match meant(&facts.clusters, settings) {
        MeantCluster::One(cluster) => existing_server(facts, cluster),
        MeantCluster::Several(clusters) => ServerChoice::Several(clusters),
        MeantCluster::NoneOnPort(port) => ServerChoice::NoClusterOnPort(port),
        MeantCluster::None => new_server(facts, settings.postgres_major),
    }
}

fn existing_server(facts: &SystemFacts, cluster: Cluster) -> ServerChoice {
    let is_seen = cluster
        .answer
        .given()
        .is_some_and(|answer| answer.pgvector.is_some());
    let Provider::Apt(package) = provider(&cluster) else {
        let missing = Vec::new();
        return ServerChoice::Existing { cluster, missing };
    };
    if is_seen || has_extension_files(facts, cluster.major) {
        let missing = Vec::new();
        return ServerChoice::Existing { cluster, missing };
    }
    if policy(facts, &package).is_some_and(|policy| policy.candidate.is_some()) {
        let missing = vec![package];
        return ServerChoice::Existing { cluster, missing };
    }
    ServerChoice::NoExtension { cluster }
}

fn new_server(facts: &SystemFacts, wanted: Option<u16>) -> ServerChoice {
    let majors = apt::MAJORS
        .rev()
        .filter(|major| wanted.is_none_or(|wanted| wanted == *major));
    for major in majors {
        let server = apt::server_package(major);
        let mut wanted = vec![server];
        // Files that are there without a package are somebody's own build, which a package would overwrite.
        if !has_extension_files(facts, major) {
            wanted.push(apt::extension_package(major));
        }
        let policies: Vec<&PackagePolicy> = wanted.iter().filter_map(|name| policy(facts, name)).collect();
        let can_be_had = |policy: &&PackagePolicy| policy.candidate.is_some() || policy.installed.is_some();
        if policies.len() == wanted.len() && policies.iter().all(can_be_had) {
            let is_missing = |policy: &&PackagePolicy| policy.installed.is_none();
            let missing = policies.into_iter().filter(is_missing);
            let missing = missing.map(|policy| policy.name.clone()).collect();
            return ServerChoice::New { major, missing };
        }
    }
    ServerChoice::NoCandidate
}

fn has_extension_files(facts: &SystemFacts, major: u16) -> bool {
    facts.extension_files.iter().any(|(found, _)| *found == major)
}

fn policy<'a>(facts: &'a SystemFacts, package: &str) -> Option<&'a PackagePolicy> {
    facts.apt.as_ref()?.policy(package)
}
