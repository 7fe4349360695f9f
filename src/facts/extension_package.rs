//! Whose package pgvector's files are, and whether a newer one is a live candidate.

use std::path::Path;

use super::apt::{self, AptFacts};
use super::brew;
use super::bundle;
use super::embedded::EmbeddedFacts;
use super::manager::Manager;
use super::system::SystemFacts;
use crate::error::Result;
use crate::facts::cluster::ClusterFacts;
use crate::host::Host;
use crate::plan::upgrade::ExtensionPackage;
use crate::settings::Settings;

/// Of the operating system's server that is meant. Asks apt what an upgrade of this one package would do.
///
/// # Errors
/// [`crate::host::HostError`] when apt does not answer within 30 s.
pub async fn of_system(host: &Host, facts: &SystemFacts, settings: &Settings) -> Result<ExtensionPackage> {
    let Some(cluster) = facts.chosen_cluster(settings) else {
        return Ok(ExtensionPackage::Unknown);
    };
    match (facts.manager, &facts.apt) {
        (Some(Manager::Apt), Some(apt)) => of_apt(host, apt, cluster.major).await,
        (Some(Manager::Brew), _) => Ok(ExtensionPackage::ByHand {
            name: brew::EXTENSION.to_owned(),
            installed: facts
                .brew
                .as_ref()
                .and_then(|brew| brew.extension.as_ref()?.installed.last().cloned()),
            command: format!("brew upgrade {}", brew::EXTENSION),
        }),
        (Some(Manager::Dnf), _) => Ok(ExtensionPackage::ByHand {
            name: format!("pgvector_{}", cluster.major),
            installed: None,
            command: format!("sudo dnf upgrade pgvector_{}", cluster.major),
        }),
        _ => Ok(ExtensionPackage::Unknown),
    }
}

async fn of_apt(host: &Host, apt: &AptFacts, major: u16) -> Result<ExtensionPackage> {
    let Some(policy) = apt
        .policy(&apt::extension_package(major))
        .filter(|policy| policy.installed.is_some())
    else {
        return Ok(ExtensionPackage::Unknown);
    };
    let simulation = if policy.candidate == policy.installed {
        None
    } else {
        Some(apt::simulate_upgrade(host, &policy.name).await?)
    };
    Ok(ExtensionPackage::Apt {
        policy: Box::new(policy.clone()),
        simulation,
        lists_age: apt.lists_age,
        holder: apt.lock_holder.as_ref().map(ToString::to_string),
    })
}

/// Of an embedded cluster: the bundle's, or the machine's own. `libraries` is where its server has its libraries.
pub fn of_embedded(facts: &EmbeddedFacts, libraries: Option<&str>) -> ExtensionPackage {
    let ClusterFacts::Present(cluster) = &facts.cluster else {
        return ExtensionPackage::Unknown;
    };
    let pinned = bundle::directory(&facts.layout, cluster.major);
    if libraries.is_some_and(|libraries| Path::new(libraries).starts_with(pinned)) {
        return ExtensionPackage::Bundle {
            version: bundle::PGVECTOR.to_owned(),
        };
    }
    ExtensionPackage::Unknown
}
