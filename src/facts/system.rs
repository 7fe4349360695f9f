//! Everything that the plan of target `system` depends on, gathered at once.

use std::path::Path;

use super::apt::{self, AptFacts, AptSource};
use super::brew::{self, BrewFacts};
use super::clusters::{self, Cluster};
use super::dnf::{self, DnfFacts};
use super::manager::{self, Manager};
use super::meant::{MeantCluster, meant};
use super::os::{self, OperatingSystem};
use super::overlay::OverlayFacts;
use super::packages;
use super::privilege::{self, Elevation};
use super::running;
use crate::error::Result;
use crate::host::Host;
use crate::settings::Settings;

/// The operating system, its package manager and its PostgreSQL clusters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SystemFacts {
    pub os: OperatingSystem,
    /// Login name of the user who runs this program.
    pub user: String,
    pub elevation: Elevation,
    /// What the packages are managed by; `None` where this program knows no way.
    pub manager: Option<Manager>,
    /// `None` where apt is not the manager.
    pub apt: Option<AptFacts>,
    /// `None` where dnf is not the manager.
    pub dnf: Option<DnfFacts>,
    /// `None` where Homebrew is not the manager.
    pub brew: Option<BrewFacts>,
    pub clusters: Vec<Cluster>,
    /// `NN/name` of every cluster whose configuration or data is on disk.
    pub cluster_remains: Vec<String>,
    /// pgvector's files by PostgreSQL major, with the version that `CREATE EXTENSION` would make, whoever put them there.
    pub extension_files: Vec<(u16, String)>,
    /// Whether systemd is the init of this machine.
    pub systemd: bool,
    /// Whether installing a server makes its first cluster (`create_main_cluster` of postgresql-common).
    pub makes_main_cluster: bool,
    /// Whether PGDG, PostgreSQL's own repository, is among apt's sources.
    pub pgdg_configured: bool,
    /// Whether a Docker or podman client is here, as an alternative to name.
    pub docker: bool,
    /// Whether an installation of ours did not come to its end; the caller knows it from the receipt.
    pub unfinished_installation: bool,
    /// Whether the receipt says that our database was made in a server that we did not make.
    pub has_adopted: bool,
    /// Where pgvector can be unpacked for one server alone.
    pub overlay: OverlayFacts,
}

impl SystemFacts {
    /// The cluster that the database steps go to: there and unambiguous; pgvector's files may still be missing.
    pub fn chosen_cluster(&self, settings: &Settings) -> Option<Cluster> {
        match meant(&self.clusters, settings) {
            MeantCluster::One(cluster) => Some(cluster),
            _ => None,
        }
    }
}

/// Reads the machine. Several children run at once; each has its own deadline of at most 30 s.
///
/// # Errors
/// [`crate::host::HostError`] when a probe that is there does not answer; [`super::FactsError`] when its answer is
/// not understood.
pub async fn gather(host: &Host, settings: &Settings) -> Result<SystemFacts> {
    let os = os::operating_system(host)?;
    let elevation = privilege::elevation(host).await;
    let manager = manager::detect(host, &os, elevation, &settings.packages);
    let mut facts = SystemFacts {
        os,
        user: host.account().name.clone(),
        elevation,
        manager,
        apt: None,
        dnf: None,
        brew: None,
        clusters: Vec::new(),
        cluster_remains: Vec::new(),
        extension_files: Vec::new(),
        // sd_booted(3)
        systemd: host.is_directory(Path::new("/run/systemd/system")),
        makes_main_cluster: true,
        pgdg_configured: false,
        docker: ["docker", "podman"].iter().any(|name| host.which(name).is_some()),
        unfinished_installation: false,
        has_adopted: false,
        overlay: OverlayFacts::default(),
    };
    match manager {
        Some(Manager::Apt) => gather_apt(host, settings, &mut facts).await?,
        Some(Manager::Brew) => gather_brew(host, settings, &mut facts).await?,
        Some(Manager::Dnf) => gather_dnf(host, settings, &mut facts).await?,
        None => {
            let listed = std::mem::take(&mut facts.clusters);
            facts.clusters = running::complete(host, settings, elevation, listed, |_| true).await;
        }
    }
    facts.overlay = OverlayFacts::gather(host, settings, &facts)?;
    Ok(facts)
}

async fn gather_dnf(host: &Host, settings: &Settings, facts: &mut SystemFacts) -> Result<()> {
    let mut dnf = dnf::gather(host, facts.elevation, &settings.packages).await?;
    let listed = dnf::gather_clusters(host, &dnf, facts.elevation).await?;
    facts.clusters = running::complete(host, settings, facts.elevation, listed, |_| true).await;
    facts.cluster_remains = dnf::cluster_remains(host, &dnf, facts.elevation).await?;
    facts.extension_files = dnf::extension_files(host, &dnf);
    facts.pgdg_configured = dnf
        .repositories
        .iter()
        .any(|repository| repository.id.starts_with("pgdg"));
    facts.dnf = Some(dnf.clone());
    let missing = crate::plan::system::dnf_packages(facts, settings);
    if !missing.is_empty() && facts.elevation != Elevation::None {
        dnf.simulation = Some(dnf::simulate(host, facts.elevation, &missing).await?);
        facts.dnf = Some(dnf);
    }
    Ok(())
}

async fn gather_brew(host: &Host, settings: &Settings, facts: &mut SystemFacts) -> Result<()> {
    let Some(mut brew) = brew::gather(host).await? else {
        return Ok(());
    };
    let listed = brew.clusters(&facts.user, settings);
    // brew works for one user, so what runs as another is meant only where its port is named.
    let is_ours = |cluster: &Cluster| cluster.owner == facts.user || settings.port == Some(cluster.port);
    facts.clusters = running::complete(host, settings, facts.elevation, listed, is_ours).await;
    facts.extension_files = brew.extension_files.clone();
    let meant = meant(&facts.clusters, settings);
    let is_complete = |cluster: &Cluster| match cluster.answer.given() {
        Some(answer) => answer.pgvector.is_some(),
        None => cluster.is_online() && brew.has_files(cluster.major),
    };
    let nothing_is_missing = matches!(&meant, MeantCluster::One(cluster) if is_complete(cluster));
    if nothing_is_missing || !brew.is_ours {
        facts.brew = Some(brew);
        return Ok(());
    }
    brew::describe(host, &mut brew).await?;
    let missing = match meant {
        MeantCluster::One(_) => brew.missing(None),
        MeantCluster::None => brew.missing(brew.newest_served(settings.postgres_major)),
        _ => Vec::new(),
    };
    if !missing.is_empty() {
        brew.missing_dependencies = brew::missing_dependencies(host, &brew, &missing).await?;
    }
    facts.brew = Some(brew);
    Ok(())
}

async fn gather_apt(host: &Host, settings: &Settings, facts: &mut SystemFacts) -> Result<()> {
    let (apt, clusters) = tokio::join!(apt::gather(host, &settings.packages), clusters::gather(host));
    facts.apt = apt?;
    facts.clusters = running::complete(host, settings, facts.elevation, clusters?, |_| true).await;
    facts.cluster_remains = clusters::remains(host);
    facts.extension_files = extension_files(host);
    facts.makes_main_cluster = makes_main_cluster(host)?;
    if let Some(apt) = &facts.apt {
        facts.pgdg_configured = apt.sources.iter().any(AptSource::is_pgdg);
        // A kernel of 64 bits may carry a system of 32.
        if let Some(architecture) = apt::rust_architecture(&apt.architecture) {
            facts.os.architecture = architecture.to_owned();
        }
    }
    let missing = packages::choose(facts, settings).missing().to_vec();
    // Who may not install needs no simulation to be told so, and is told sooner.
    if !missing.is_empty() && facts.elevation != Elevation::None {
        let simulation = apt::simulate(host, &missing).await?;
        if let Some(apt) = &mut facts.apt {
            apt.simulation = Some(simulation);
        }
    }
    Ok(())
}

/// `default_version` of every `vector.control` in Debian's layout.
fn extension_files(host: &Host) -> Vec<(u16, String)> {
    let control = |major: u16| {
        let path = format!("/usr/share/postgresql/{major}/extension/vector.control");
        let text = host.read_text(Path::new(&path)).ok().flatten()?;
        Some((major, default_version(&text)?))
    };
    apt::MAJORS.filter_map(control).collect()
}

/// The version that `CREATE EXTENSION` makes, in the text of an extension's control file.
pub(super) fn default_version(control: &str) -> Option<String> {
    let version = control
        .lines()
        .find_map(|line| line.strip_prefix("default_version"))?;
    let version = version.trim_matches(|character: char| "=' \t".contains(character));
    Some(version.to_owned())
}

fn makes_main_cluster(host: &Host) -> Result<bool> {
    let text = host.read_text(Path::new("/etc/postgresql-common/createcluster.conf"))?;
    let setting = text.unwrap_or_default();
    let value = setting
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| name.trim() == "create_main_cluster")
        .map(|(_, value)| value.trim().trim_matches('\'').to_lowercase())
        .next_back();
    Ok(!matches!(value.as_deref(), Some("false" | "off" | "no" | "0")))
}
