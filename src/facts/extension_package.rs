//! Whose package pgvector's files are, and whether a newer one is a live candidate.

use std::path::Path;

use super::apt::{self, AptFacts};
use super::brew::{self, BrewFacts};
use super::bundle;
use super::clusters::Cluster;
use super::dnf::{self, DnfFacts};
use super::embedded::EmbeddedFacts;
use super::manager::Manager;
use super::privilege::Elevation;
use super::provider::{Provider, provider};
use super::system::SystemFacts;
use crate::error::Result;
use crate::facts::cluster::ClusterFacts;
use crate::host::Host;
use crate::plan::upgrade::{BrewPackage, DnfPackage, ExtensionPackage};
use crate::settings::Settings;

/// Of the operating system's server that is meant. Asks its package manager what an upgrade of this one package would do.
///
/// # Errors
/// [`crate::host::HostError`] when the package manager does not answer within its deadline (apt 30 s, dnf 60 s, brew 120 s).
pub async fn of_system(host: &Host, facts: &SystemFacts, settings: &Settings) -> Result<ExtensionPackage> {
    let Some(cluster) = facts.chosen_cluster(settings) else {
        return Ok(ExtensionPackage::Unknown);
    };
    match (facts.manager, &facts.apt, &facts.dnf, &facts.brew) {
        (Some(Manager::Apt), Some(apt), _, _) => of_apt(host, apt, cluster.major).await,
        (Some(Manager::Dnf), _, Some(dnf), _) => of_dnf(host, dnf, facts.elevation, &cluster).await,
        (Some(Manager::Brew), _, _, Some(brew)) if provider(&cluster) == Provider::Brew => {
            of_brew(host, brew, cluster.major).await
        }
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

async fn of_dnf(
    host: &Host,
    dnf: &DnfFacts,
    elevation: Elevation,
    cluster: &Cluster,
) -> Result<ExtensionPackage> {
    let Provider::Rpm(name) = provider(cluster) else {
        return Ok(ExtensionPackage::Unknown);
    };
    let name = match cluster.answer.given() {
        Some(answer) if !answer.library_directory.as_os_str().is_empty() => {
            match dnf::owner_of_library(host, &answer.library_directory).await? {
                Some(owner) => owner,
                None => return Ok(ExtensionPackage::Unknown),
            }
        }
        _ => name,
    };
    let Some(installed) = dnf.installed(&name) else {
        return Ok(ExtensionPackage::Unknown);
    };
    // Another user's dnf has a cache of its own, which nobody filled.
    if elevation == Elevation::None {
        return Ok(ExtensionPackage::ByHand {
            command: format!("sudo dnf upgrade {name}"),
            installed: Some(installed.version.clone()),
            name,
        });
    }
    let offered = dnf.offered(&name).cloned();
    let simulation = match &offered {
        Some(offered) if offered.version != installed.version => {
            Some(dnf::simulate_upgrade(host, elevation, &name).await?)
        }
        _ => None,
    };
    let excluded = dnf.excluded.iter().find(|package| package.name == name);
    Ok(ExtensionPackage::Dnf(Box::new(DnfPackage {
        installed: installed.version.clone(),
        excluded: excluded.map(|package| package.version.clone()),
        offered,
        simulation,
        has_unread: !dnf.unread.is_empty(),
        metadata_age: dnf::metadata_age(host),
        holder: dnf.lock_holder.as_ref().map(ToString::to_string),
        name,
    })))
}

async fn of_brew(host: &Host, brew: &BrewFacts, major: u16) -> Result<ExtensionPackage> {
    if !brew.is_ours {
        return Ok(ExtensionPackage::ByHand {
            name: brew::EXTENSION.to_owned(),
            installed: None,
            command: format!(
                "sudo -u {} -H {} upgrade {}",
                brew.owner,
                brew.program.display(),
                brew::EXTENSION
            ),
        });
    }
    if !brew.has_keg(brew::EXTENSION) {
        return Ok(ExtensionPackage::Unknown);
    }
    let names = [brew::EXTENSION.to_owned(), brew::server_formula(major)];
    let mut formulae = brew::ask_formulae(host, &brew.program, &names).await?;
    let Some(place) = formulae
        .iter()
        .position(|formula| formula.name == brew::EXTENSION)
    else {
        return Ok(ExtensionPackage::Unknown);
    };
    let extension = formulae.remove(place);
    // Only what is compiled brings anything along: the servers that it is built against.
    if !extension.is_bottled {
        let is_asked = |name: &String| formulae.iter().any(|formula| formula.name == *name);
        let others = extension.build_dependencies.iter();
        let others: Vec<String> = others
            .filter(|name| brew.has_keg(name) && !is_asked(name))
            .cloned()
            .collect();
        formulae.extend(brew::ask_formulae(host, &brew.program, &others).await?);
    }
    Ok(ExtensionPackage::Brew(Box::new(BrewPackage {
        program: brew.program.clone(),
        extension,
        major,
        others: formulae,
    })))
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
