//! The embedded target: from nothing to a private server that runs.

mod source;
mod steps;

use super::{Plan, Refusal};
use source::choose;
use steps::{create_user, directories, initialize, service_owner, start};

use crate::facts::cluster::{Cluster, ClusterFacts};
use crate::facts::embedded::EmbeddedFacts;
use crate::facts::layout::SERVICE_USER;
use crate::settings::Settings;

/// A new cluster with its first write-ahead log takes about 80 MB; the bundle unpacked about 50 MB.
const SPACE_NEEDED: u64 = 300 * 1024 * 1024;

/// The steps to a running server of ours.
///
/// # Errors
/// A [`Refusal`] when there is no PostgreSQL to be had, when the place cannot be written, or when what is there differs.
pub fn server_plan(facts: &EmbeddedFacts, settings: &Settings) -> Result<Plan, Refusal> {
    match &facts.cluster {
        ClusterFacts::Unusable { why } => Err(Refusal::Blocked {
            fact: format!("the data directory cannot be used: {why}"),
            hint: format!(
                "use another instance (pgvector-setup up --instance {}-2) or move it away",
                settings.instance
            ),
        }),
        ClusterFacts::Present(cluster) => {
            same_as_wanted(cluster, facts, settings)?;
            if cluster.running.is_some() {
                Ok(Plan::default())
            } else {
                start_plan(cluster, facts, settings)
            }
        }
        ClusterFacts::Absent => new_cluster_plan(facts, settings),
    }
}

fn same_as_wanted(cluster: &Cluster, facts: &EmbeddedFacts, settings: &Settings) -> Result<(), Refusal> {
    let mut differences = Vec::new();
    if let Some(wanted) = settings.postgres_major.filter(|wanted| *wanted != cluster.major) {
        differences.push(format!(
            "PostgreSQL major: {} there, {wanted} wanted",
            cluster.major
        ));
    }
    if let Some(wanted) = settings.port.filter(|wanted| *wanted != cluster.port) {
        differences.push(format!("port: {} there, {wanted} wanted", cluster.port));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Refusal::Differs {
        what: format!("the cluster {}", facts.layout.data.display()),
        differences,
        hint: format!(
            "pgvector-setup up --instance {}-2 (another cluster beside it)",
            settings.instance
        ),
    })
}

fn start_plan(cluster: &Cluster, facts: &EmbeddedFacts, settings: &Settings) -> Result<Plan, Refusal> {
    starts_as_its_owner(cluster, facts)?;
    let mut plan = Plan::default();
    let (binaries, fetching) = choose(facts, Some(cluster.major), &mut plan)?;
    if !facts.wanted_port_is_free {
        return Err(port_taken(cluster.port, settings));
    }
    directories(facts, &cluster.socket_directory, !fetching.is_empty(), &mut plan);
    plan.steps.extend(fetching);
    let owner = service_owner(facts);
    plan.steps.push(start(
        facts,
        &binaries,
        cluster.port,
        &cluster.socket_directory,
        owner,
    ));
    Ok(plan)
}

/// The server refuses a data directory that is not its own user's, and root may not be that user.
fn starts_as_its_owner(cluster: &Cluster, facts: &EmbeddedFacts) -> Result<(), Refusal> {
    if facts.account.uid != 0 {
        return Ok(());
    }
    let blocked = |fact, hint| Err(Refusal::Blocked { fact, hint });
    let data = facts.layout.data.display();
    match &facts.service_account {
        Some(account) if account.uid == cluster.owner => Ok(()),
        Some(account) => blocked(
            format!(
                "the cluster {data} belongs to user id {}, and root starts servers as {}",
                cluster.owner, account.name
            ),
            "run pgvector-setup up as the user that owns the cluster".into(),
        ),
        None => blocked(
            format!("the system user {SERVICE_USER}, whose cluster {data} was, is gone"),
            format!(
                "useradd --system --user-group --uid {} --no-create-home --shell /usr/sbin/nologin {SERVICE_USER}",
                cluster.owner
            ),
        ),
    }
}

fn new_cluster_plan(facts: &EmbeddedFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let place = facts.existing_ancestor.display();
    if !facts.writable {
        return Err(Refusal::Blocked {
            fact: format!("{place} cannot be written by {}", facts.account.name),
            hint: "pgvector-setup up --directory DIR (a directory that you can write)".into(),
        });
    }
    if let Some(free) = facts.free_bytes.filter(|free| *free < SPACE_NEEDED) {
        return Err(Refusal::Blocked {
            fact: format!(
                "{place} has {} MB free; a new cluster needs {} MB",
                free >> 20,
                SPACE_NEEDED >> 20
            ),
            hint: "pgvector-setup up --directory DIR (on a file system with more room)".into(),
        });
    }
    if facts.account.name.is_empty() {
        return Err(Refusal::Blocked {
            fact: format!(
                "user id {} has no entry in /etc/passwd, and PostgreSQL needs one",
                facts.account.uid
            ),
            hint: "run as a user that has a name".into(),
        });
    }
    let port = match (settings.port, facts.free_port) {
        (Some(port), _) if !facts.wanted_port_is_free => return Err(port_taken(port, settings)),
        (Some(port), _) | (None, Some(port)) => port,
        (None, None) => {
            return Err(Refusal::Blocked {
                fact: "every port that was tried on 127.0.0.1 is taken".into(),
                hint: "pgvector-setup up --port N".into(),
            });
        }
    };
    let mut plan = Plan::default();
    let (binaries, fetching) = choose(facts, settings.postgres_major, &mut plan)?;
    if facts.account.uid == 0 && facts.service_account.is_none() {
        plan.steps.push(create_user(facts)?);
    }
    directories(
        facts,
        &facts.layout.socket_directory,
        !fetching.is_empty(),
        &mut plan,
    );
    plan.steps.extend(fetching);
    let owner = service_owner(facts);
    plan.steps
        .push(initialize(facts, settings, &binaries, port, owner.clone()));
    plan.steps.push(start(
        facts,
        &binaries,
        port,
        &facts.layout.socket_directory,
        owner,
    ));
    Ok(plan)
}

fn port_taken(port: u16, settings: &Settings) -> Refusal {
    Refusal::Blocked {
        fact: format!("port {port} on loopback is taken by another program"),
        hint: match settings.port {
            Some(_) => "pgvector-setup up --port N (a free one), or leave --port out".into(),
            None => format!("see who has it: ss -ltnp 'sport = :{port}'"),
        },
    }
}

#[cfg(test)]
mod tests;
