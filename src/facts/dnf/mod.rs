//! Facts x dnf and rpm: what is installed, what can be had, and what stands in the way.

mod clusters;
mod locks;
mod module;
mod query;
mod repositories;
mod simulation;
mod upgrade;

use std::path::Path;
use std::time::Duration;

pub use clusters::{
    HOME, Unit, data_directory, gather as gather_clusters, major_of, remains as cluster_remains, units,
};
pub use locks::lock_holder;
pub use module::{FILE as MODULE_FILE, ModuleState};
pub use query::{Offered, parse as parse_query};
pub use repositories::{DIRECTORY as REPOSITORY_DIRECTORY, Repository, parse as parse_repositories};
pub use simulation::{Simulation, parse as parse_simulation};
pub use upgrade::{metadata_age, owner_of_library, simulate_upgrade};

use super::apt::LockHolder;
use super::privilege::Elevation;
use crate::host::{Command, Host, HostError, Privilege};

/// dnf starts slowly and reads all its metadata each time.
const PROBE_DEADLINE: Duration = Duration::from_secs(60);

pub const DNF: &str = "/usr/bin/dnf";

/// The state of dnf and rpm on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DnfFacts {
    /// Installed packages of PostgreSQL and pgvector.
    pub installed: Vec<Offered>,
    /// Servers and pgvector that the repositories which were read offer; dnf's excludes and module filter applied.
    pub offered: Vec<Offered>,
    /// What they would offer without dnf's excludes.
    pub excluded: Vec<Offered>,
    pub repositories: Vec<Repository>,
    /// Enabled repositories that were never read.
    pub unread: Vec<String>,
    /// The module `postgresql` of EL 8 and 9.
    pub module: ModuleState,
    /// Names in systemd's directories that begin with `postgresql`.
    pub unit_files: Vec<String>,
    /// Units of them that start with the machine.
    pub enabled_units: Vec<String>,
    pub lock_holder: Option<LockHolder>,
    /// What installing the wanted packages would do; `None` where it was not asked.
    pub simulation: Option<Simulation>,
    /// The key given for a mirror by `--pgdg-key`, or what is wrong with it.
    pub given_key: Option<Result<GivenKey, String>>,
}

/// A key file of the user's.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GivenKey {
    pub fingerprint: String,
    pub armored: String,
}

impl DnfFacts {
    pub fn installed(&self, name: &str) -> Option<&Offered> {
        self.installed.iter().find(|package| package.name == name)
    }

    pub fn offered(&self, name: &str) -> Option<&Offered> {
        self.offered.iter().find(|package| package.name == name)
    }

    /// PGDG's repository for one major, whoever configured it.
    pub fn pgdg_repository(&self, major: u16) -> Option<&Repository> {
        self.repositories
            .iter()
            .find(|repository| repository.serves_pgdg(major))
    }
}

/// Asks rpm and dnf, without a simulation and without network: dnf answers from what it read before.
///
/// # Errors
/// [`HostError`] when a program that is there does not answer within 60 s.
pub async fn gather(
    host: &Host,
    elevation: Elevation,
    packages: &crate::settings::PackageSettings,
) -> Result<DnfFacts, HostError> {
    let holder_before = lock_holder(host);
    let repositories = repositories::gather(host);
    let has_excludes = repositories::has_excludes(host);
    let installed = Command::new("/usr/bin/rpm", "ask rpm what is installed of PostgreSQL")
        .arguments([
            "--query",
            "--all",
            "--queryformat",
            query::INSTALLED,
            "postgresql*",
            "pgvector*",
        ])
        .deadline(PROBE_DEADLINE);
    let (installed, offered, unfiltered) =
        tokio::join!(host.run(&installed), offered(host, elevation, &[]), async {
            match has_excludes {
                true => offered(host, elevation, &["--disableexcludes=all"]).await,
                false => Ok(Vec::new()),
            }
        });
    let (offered, unfiltered) = (offered?, unfiltered?);
    let excluded = unfiltered
        .into_iter()
        .filter(|package| !offered.contains(package))
        .collect();
    Ok(DnfFacts {
        installed: query::parse(&installed?.stdout),
        unread: unread(host, &repositories),
        offered,
        excluded,
        repositories,
        module: module::gather(host),
        unit_files: postgresql_units(host, "/usr/lib/systemd/system"),
        enabled_units: postgresql_units(host, "/etc/systemd/system/multi-user.target.wants"),
        lock_holder: lock_holder(host).or(holder_before),
        simulation: None,
        given_key: packages.pgdg_key.as_deref().map(|path| given_key(host, path)),
    })
}

/// As root where that can be: another user's dnf has a cache of its own, which nobody filled.
fn dnf(elevation: Elevation, purpose: &str) -> Command {
    let privilege = match elevation {
        Elevation::None => Privilege::None,
        _ => Privilege::Root,
    };
    Command::new(DNF, purpose)
        .argument("--cacheonly")
        .privilege(privilege)
        .deadline(PROBE_DEADLINE)
}

async fn offered(host: &Host, elevation: Elevation, options: &[&str]) -> Result<Vec<Offered>, HostError> {
    let command = dnf(elevation, "ask dnf which packages there are")
        .arguments([
            "--quiet",
            "repoquery",
            "--latest-limit=1",
            "--queryformat",
            query::OFFERED,
        ])
        .arguments(options.iter().copied())
        .arguments(query::NAMES)
        // 1 is also "there is no cache yet" (dnf(8)).
        .accept([1]);
    Ok(query::parse(&host.run(&command).await?.stdout))
}

/// Asks dnf what installing `packages` would do. Nothing is changed: it answers no to its own question.
pub async fn simulate(
    host: &Host,
    elevation: Elevation,
    packages: &[String],
) -> Result<Simulation, HostError> {
    let command = dnf(elevation, "ask dnf what the installation would do")
        .arguments(["install", "--assumeno", "--setopt=install_weak_deps=False"])
        .arguments(packages)
        // dnf(8): 1 for what it could not do, and for the no.
        .accept([1]);
    let output = host.run(&command).await?;
    Ok(simulation::parse(&output.stdout, &output.stderr))
}

/// dnf 4 keeps what it read of each repository in `/var/cache/dnf/ID-DIGEST`, dnf 5 in `/var/cache/libdnf5`.
const CACHES: [&str; 2] = ["/var/cache/dnf", "/var/cache/libdnf5"];

fn unread(host: &Host, repositories: &[Repository]) -> Vec<String> {
    let caches: Vec<String> = CACHES
        .iter()
        .flat_map(|directory| {
            let names = host.list(Path::new(directory)).into_iter();
            names.filter(|name| host.exists(&Path::new(directory).join(name).join("repodata/repomd.xml")))
        })
        .collect();
    let is_read = |id: &str| {
        caches.iter().any(|name| {
            name.strip_prefix(id)
                .is_some_and(|rest| rest.starts_with('-') && !rest[1..].contains('-'))
        })
    };
    let enabled = repositories.iter().filter(|repository| repository.is_enabled);
    enabled
        .map(|repository| repository.id.clone())
        .filter(|id| !is_read(id))
        .collect()
}

fn postgresql_units(host: &Host, directory: &str) -> Vec<String> {
    let mut names = host.list(Path::new(directory));
    names.retain(|name| name.starts_with("postgresql"));
    names
}

fn given_key(host: &Host, path: &Path) -> Result<GivenKey, String> {
    let bytes = host.read(path).map_err(|error| error.to_string())?;
    let keys = super::openpgp::parse(&bytes).map_err(|problem| format!("{} {problem}", path.display()))?;
    match keys.fingerprints.as_slice() {
        [fingerprint] => Ok(GivenKey {
            fingerprint: fingerprint.clone(),
            armored: keys.armored,
        }),
        several => Err(format!(
            "{} holds {} keys; a mirror signs with one",
            path.display(),
            several.len()
        )),
    }
}

/// `default_version` of `vector.control` in each layout.
pub fn extension_files(host: &Host, dnf: &DnfFacts) -> Vec<(u16, String)> {
    let control = |unit: Unit| {
        let path = match unit.name.strip_prefix("postgresql-") {
            Some(major) => format!("/usr/pgsql-{major}/share/extension/vector.control"),
            None => "/usr/share/pgsql/extension/vector.control".to_owned(),
        };
        let text = host.read_text(Path::new(&path)).ok().flatten()?;
        Some((unit.major, super::system::default_version(&text)?))
    };
    units(dnf).into_iter().filter_map(control).collect()
}
