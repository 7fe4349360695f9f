//! A server that is already there: pgvector for *that* server, by the package that its own directories belong to.
//!
//! What a package manager lists and serves is left to that manager's plan; here is what differs: servers that nobody
//! packaged, users who may not install packages, and a server that does not see what was installed.

mod overlay;
mod refusals;
#[cfg(test)]
mod tests;

use super::alternatives::several;
use crate::facts::answer::{Answer, ServerAnswer};
use crate::facts::clusters::{Cluster, ClusterStatus, Origin};
use crate::facts::meant::{MeantCluster, meant};
use crate::facts::overlay::FIRST_MAJOR;
use crate::facts::privilege::Elevation;
use crate::facts::provider::{Provider, provider};
use crate::facts::system::SystemFacts;
use crate::plan::{Plan, Refusal};
use crate::settings::Settings;

/// The plan for a server that is there, or `None` where the package manager's own plan has the word.
pub fn server_plan(facts: &SystemFacts, settings: &Settings) -> Option<Result<Plan, Refusal>> {
    match meant(&facts.clusters, settings) {
        MeantCluster::Several(clusters) => Some(Err(several(&clusters))),
        MeantCluster::One(cluster) if cluster.status == ClusterStatus::Online => {
            running_server(facts, settings, &cluster)
        }
        // A second server is not what a stopped first one needs.
        MeantCluster::None if facts.has_adopted => Some(Err(refusals::stopped())),
        _ => None,
    }
}

/// The servers of other people, which are not meant unless they are named.
pub fn left_alone(facts: &SystemFacts, settings: &Settings) -> Option<String> {
    let others = facts.clusters.iter().filter(|cluster| cluster.is_anothers);
    let others: Vec<String> = others.map(Cluster::description).collect();
    (settings.port.is_none() && !others.is_empty()).then(|| {
        format!(
            "left alone, because they are other people's (--port names one): {}",
            others.join("; ")
        )
    })
}

fn running_server(
    facts: &SystemFacts,
    settings: &Settings,
    cluster: &Cluster,
) -> Option<Result<Plan, Refusal>> {
    let is_managed = cluster.origin != Origin::Other;
    let answer = match &cluster.answer {
        Answer::Given(answer) => answer,
        _ if is_managed => return None,
        Answer::NotAsked => return Some(Err(refusals::not_permitted(facts, cluster))),
        Answer::Refused(why) => return Some(Err(refusals::not_let_in(facts, cluster, why))),
    };
    if !answer.is_superuser {
        return Some(Err(refusals::no_superuser(facts, cluster, answer)));
    }
    if answer.pgvector.is_some() {
        return (!is_managed).then(|| Ok(adopted(cluster, answer)));
    }
    match provider(cluster) {
        Provider::Apt(package) if is_installed(facts, cluster, &package) => {
            Some(Err(refusals::not_seen(cluster, answer, &package)))
        }
        Provider::Apt(_) if !searches_its_own_directory(answer) => {
            Some(Err(refusals::looks_elsewhere(cluster, answer)))
        }
        Provider::Apt(package) if facts.elevation == Elevation::None => Some(unpacked(
            facts,
            settings,
            cluster,
            answer,
            &package,
            refusals::no_root_before_18(facts, cluster, &package),
        )),
        Provider::Apt(_) | Provider::Rpm(_) | Provider::Brew => None,
        Provider::OtherPackage(_) | Provider::Nobody => Some(unpacked(
            facts,
            settings,
            cluster,
            answer,
            &crate::facts::apt::extension_package(cluster.major),
            refusals::nobody_packages_it(facts, cluster, answer),
        )),
    }
}

/// Nothing to install: the server has pgvector.
fn adopted(cluster: &Cluster, answer: &ServerAnswer) -> Plan {
    let version = answer.pgvector.as_deref().unwrap_or_default();
    Plan {
        steps: Vec::new(),
        notes: vec![
            format!(
                "adopts the server that is there: {cluster}; only the database is added to it, or what is missing in it"
            ),
            format!("it offers pgvector {version}"),
        ],
    }
}

/// The overlay where it can be had, else the refusal.
fn unpacked(
    facts: &SystemFacts,
    settings: &Settings,
    cluster: &Cluster,
    answer: &ServerAnswer,
    package: &str,
    too_old: Refusal,
) -> Result<Plan, Refusal> {
    if cluster.major < FIRST_MAJOR {
        return Err(too_old);
    }
    // What we unpack for ourselves is not for other users to read.
    if facts.user != cluster.owner && facts.elevation != Elevation::Root {
        return Err(refusals::overlay_of_another(settings, cluster));
    }
    let policy = facts.apt.as_ref().and_then(|apt| apt.policy(package));
    let Some((policy, version)) =
        policy.and_then(|policy| policy.candidate.as_ref().map(|version| (policy, version)))
    else {
        return Err(refusals::no_package_to_unpack(facts, cluster, answer, package));
    };
    overlay::plan(facts, cluster, answer, policy, version)
}

/// By dpkg's word, or because the files are where Debian's server of this major looks for them.
fn is_installed(facts: &SystemFacts, cluster: &Cluster, package: &str) -> bool {
    let by_dpkg = facts
        .apt
        .as_ref()
        .and_then(|apt| apt.policy(package))
        .is_some_and(|policy| policy.installed.is_some());
    by_dpkg
        || facts
            .extension_files
            .iter()
            .any(|(major, _)| *major == cluster.major)
}

/// Whether the directories that packages write to are among those that the server searches.
fn searches_its_own_directory(answer: &ServerAnswer) -> bool {
    let control = answer
        .search_paths
        .iter()
        .find(|path| path.name == overlay::CONTROL_PATH);
    control.is_none_or(|path| path.value.split(':').any(|place| place == "$system"))
}
