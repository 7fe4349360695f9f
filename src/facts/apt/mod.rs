//! What apt and dpkg know: candidates, how old the package lists are, whether dpkg is in order, who holds a lock.

mod architecture;
mod dpkg;
mod locks;
mod pgdg;
mod policy;
mod simulation;
mod sources;
mod unchecked;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use architecture::rust_architecture;
pub use dpkg::{Broken, FORMAT as DPKG_FORMAT, broken_packages, has_journal};
pub use locks::{LockHolder, holder_of, lock_holder};
pub use pgdg::{FINGERPRINT, KEYRINGS, KeyOrigin, PgdgFacts, SOURCES, SigningKey};
pub use policy::{Offer, PackagePolicy, parse as parse_policy};
pub use simulation::{Simulated, Simulation, parse as parse_simulation};
pub use sources::{AptSource, parse as parse_sources};
pub use unchecked::{Unchecked, read as read_unchecked, unchecked};

use crate::host::{Command, Host, HostError};
use crate::settings::PackageSettings;

/// PostgreSQL majors that pgvector supports, and those that are near enough to be packaged while this is in use.
pub const MAJORS: std::ops::RangeInclusive<u16> = 13..=20;

/// Longest that one probe may take. apt builds its cache first, which takes a second here and many on a small machine.
const PROBE_DEADLINE: Duration = Duration::from_secs(30);

/// Where apt keeps what it read of the repositories.
pub const LISTS: &str = "/var/lib/apt/lists";

/// The state of apt and dpkg on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct AptFacts {
    /// What dpkg installs packages for, in its own words: `amd64`. A kernel may be of another one.
    pub architecture: String,
    /// What is among apt's sources, and is not switched off.
    pub sources: Vec<AptSource>,
    /// Settings that switch signature checks off for every source, each with its file.
    pub unchecked_settings: Vec<(PathBuf, String)>,
    pub pgdg: PgdgFacts,
    /// What `apt-cache policy` says of every `postgresql-NN` and `postgresql-NN-pgvector` that it knows.
    pub policies: Vec<PackagePolicy>,
    /// Seconds since the package lists were last asked for; `None` where there are none.
    pub lists_age: Option<u64>,
    /// What an interrupted dpkg left half done.
    pub interrupted: Interrupted,
    /// The process that holds one of the package manager's locks.
    pub lock_holder: Option<LockHolder>,
    /// What installing the wanted packages would do; `None` where it was not asked.
    pub simulation: Option<Simulation>,
}

/// What an interrupted dpkg left.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Interrupted {
    pub packages: Vec<Broken>,
    /// Notes that dpkg has not yet taken over into its list of packages; apt-get refuses to do anything meanwhile.
    pub journal: bool,
}

impl Interrupted {
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && !self.journal
    }

    /// The packages that have to be installed again before dpkg goes on with them.
    pub fn must_reinstall(&self) -> impl Iterator<Item = &Broken> {
        self.packages.iter().filter(|broken| broken.must_reinstall)
    }
}

/// What dpkg was not done with, in words: packages, or its journal.
impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.packages.is_empty() {
            return write!(formatter, "what {} holds", dpkg::JOURNAL);
        }
        let names: Vec<&str> = self
            .packages
            .iter()
            .map(|broken| broken.package.as_str())
            .collect();
        formatter.write_str(&names.join(", "))
    }
}

impl AptFacts {
    pub fn policy(&self, package: &str) -> Option<&PackagePolicy> {
        self.policies.iter().find(|policy| policy.name == package)
    }
}

/// The package of the server of one major, as Debian, Ubuntu and PGDG name it.
pub fn server_package(major: u16) -> String {
    format!("postgresql-{major}")
}

/// The package of pgvector for one major, as Debian, Ubuntu and PGDG name it.
pub fn extension_package(major: u16) -> String {
    format!("postgresql-{major}-pgvector")
}

/// Asks apt and dpkg, without a simulation. `None` where there is no apt.
///
/// # Errors
/// [`HostError`] when a program that is there does not answer within 30 s.
pub async fn gather(host: &Host, packages: &PackageSettings) -> Result<Option<AptFacts>, HostError> {
    let programs = (
        host.which("apt-cache"),
        host.which("dpkg-query"),
        host.which("apt-get"),
    );
    let (Some(apt_cache), Some(dpkg_query), Some(_)) = programs else {
        return Ok(None);
    };
    let names = MAJORS.flat_map(|major| [server_package(major), extension_package(major)]);
    let policy = Command::new(apt_cache, "ask apt which packages there are")
        .argument("policy")
        .arguments(names)
        .deadline(PROBE_DEADLINE);
    let status = Command::new(dpkg_query, "ask dpkg whether its packages are in order")
        .arguments(["--show", "--showformat", dpkg::FORMAT])
        .deadline(PROBE_DEADLINE);
    let architecture = Command::new("/usr/bin/dpkg", "ask dpkg for its architecture")
        .argument("--print-architecture")
        .deadline(PROBE_DEADLINE);
    let holder_before = lock_holder(host);
    let (policy, status, architecture) =
        tokio::join!(host.run(&policy), host.run(&status), host.run(&architecture));
    let mut interrupted = Interrupted {
        packages: dpkg::broken_packages(&status?.stdout),
        journal: dpkg::has_journal(host),
    };
    let lock_holder = lock_holder(host).or(holder_before);
    // What is half done while somebody is at it was not interrupted.
    if lock_holder.is_some() {
        interrupted = Interrupted::default();
    }
    let sources = sources::read(host);
    Ok(Some(AptFacts {
        architecture: architecture?.stdout.trim().to_owned(),
        unchecked_settings: sources::unchecked_settings(host),
        pgdg: pgdg::gather(host, packages),
        sources,
        policies: policy::parse(&policy?.stdout),
        lists_age: lists_age(host),
        interrupted,
        lock_holder,
        simulation: None,
    }))
}

/// Asks apt what installing `packages` would do. Nothing is locked or changed, and no privilege is needed.
pub async fn simulate(host: &Host, packages: &[String]) -> Result<Simulation, HostError> {
    let Some(apt_get) = host.which("apt-get") else {
        return Ok(Simulation::default());
    };
    let command = Command::new(apt_get, "ask apt what the installation would do")
        .arguments(["--simulate", "install", "--no-install-recommends"])
        .arguments(packages)
        // 100 is every refusal of apt-get(8): the text tells which.
        .accept([100])
        .deadline(PROBE_DEADLINE);
    let output = host.run(&command).await?;
    Ok(simulation::parse(&output.stdout, &output.stderr))
}

/// Asks apt what upgrading one package that is there would do, as the upgrade will be run: with `-y` a package on hold
/// is a refusal.
pub async fn simulate_upgrade(host: &Host, package: &str) -> Result<Simulation, HostError> {
    let Some(apt_get) = host.which("apt-get") else {
        return Ok(Simulation::default());
    };
    let command = Command::new(apt_get, "ask apt what the upgrade would do")
        .arguments([
            "--simulate",
            "install",
            "-y",
            "--only-upgrade",
            "--no-install-recommends",
        ])
        .argument(package)
        .accept([100])
        .deadline(PROBE_DEADLINE);
    let output = host.run(&command).await?;
    Ok(simulation::parse(&output.stdout, &output.stderr))
}

/// `lists/partial` is touched by every `apt-get update`, also by one that finds nothing new; the lists themselves
/// carry the archive's own times.
fn lists_age(host: &Host) -> Option<u64> {
    let directory = Path::new(LISTS);
    let is_index = |name: &String| name.contains("_Packages");
    if !host.list(directory).iter().any(is_index) {
        return None;
    }
    [directory.join("partial"), directory.to_owned()]
        .iter()
        .filter_map(|path| host.age(path))
        .min()
        .map(|age| age.as_secs())
}
