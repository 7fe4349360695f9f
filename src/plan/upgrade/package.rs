//! The package that holds pgvector's files, and the step that replaces it by a newer one.

use super::brew::{self, BrewPackage};
use super::dnf::{self, DnfPackage};
use crate::facts::apt::{PackagePolicy, Simulation};
use crate::plan::system::{refresh_index, upgrade_package};
use crate::plan::{Package, Plan, Refusal};
use crate::settings::Settings;

/// Package lists older than this are asked for again, in seconds.
pub(super) const LISTS_MAXIMUM_AGE: u64 = 60 * 60;

/// Whose pgvector's files are.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionPackage {
    /// Nobody's that could be asked.
    #[default]
    Unknown,
    /// The portable bundle's, of the version that this program pins.
    Bundle { version: String },
    /// A package of apt's.
    Apt {
        policy: Box<PackagePolicy>,
        /// What upgrading it would do; `None` where its candidate is what is installed.
        simulation: Option<Simulation>,
        /// Seconds since the package lists were read; `None` where there are none.
        lists_age: Option<u64>,
        /// The program that holds apt's locks.
        holder: Option<String>,
    },
    /// A package of rpm's.
    Dnf(Box<DnfPackage>),
    /// A formula of Homebrew's.
    Brew(Box<BrewPackage>),
    /// A package that this user cannot upgrade; `command` can be typed.
    ByHand {
        name: String,
        installed: Option<String>,
        command: String,
    },
}

impl ExtensionPackage {
    /// What is installed, as its manager says: `postgresql-18-pgvector 0.8.7-1`.
    pub fn installed(&self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::Bundle { version } => Some(format!("the portable bundle's pgvector {version}")),
            Self::Apt { policy, .. } => {
                let installed = policy.installed.as_ref()?;
                Some(format!("{} {installed}", policy.name))
            }
            Self::Dnf(package) => Some(format!("{} {}", package.name, package.installed)),
            Self::Brew(package) => package.installed(),
            Self::ByHand { name, installed, .. } => Some(format!("{name} {}", installed.as_ref()?)),
        }
    }
}

/// The steps that bring a newer package; none where there is none newer.
pub(super) fn plan(package: &ExtensionPackage, settings: &Settings) -> Result<Plan, Refusal> {
    let mut plan = Plan::default();
    match package {
        ExtensionPackage::Unknown => plan.notes.push(
            "pgvector's files belong to no package that is known here: a newer version comes the way they came".into(),
        ),
        ExtensionPackage::Bundle { version } => plan.notes.push(format!(
            "the portable bundle that this version of pgvector-setup pins has pgvector {version}"
        )),
        ExtensionPackage::ByHand { command, .. } => plan
            .notes
            .push(format!("a newer package is brought by: {command}")),
        ExtensionPackage::Dnf(package) => return dnf::plan(package),
        ExtensionPackage::Brew(package) => return brew::plan(package),
        ExtensionPackage::Apt {
            policy,
            simulation,
            lists_age,
            holder,
        } => {
            plan.notes.extend(holder.as_deref().map(waits_for));
            if lists_age.is_none_or(|age| age > LISTS_MAXIMUM_AGE) {
                plan.steps.push(refresh_index(settings.lock_timeout));
                plan.notes
                    .push(ASKED_ANEW.into());
            }
            if let Some(simulation) = simulation
                && does_nothing_else(simulation, &policy.name)?
            {
                let new = Package {
                    name: policy.name.clone(),
                    version: policy.candidate.clone().unwrap_or_default(),
                    origin: policy.origin.clone(),
                };
                let from = policy.installed.clone().unwrap_or_default();
                plan.steps
                    .push(upgrade_package(new, from, settings.lock_timeout));
            }
        }
    }
    Ok(plan)
}

pub(super) const ASKED_ANEW: &str =
    "whether a newer package can be had is read from package lists that are asked for anew";

pub(super) fn waits_for(holder: &str) -> String {
    format!("the package manager is in use: {holder}; its end is waited for")
}

/// Whether the package itself would get a newer version, and nothing else would change.
fn does_nothing_else(simulation: &Simulation, name: &str) -> Result<bool, Refusal> {
    let Simulation {
        new,
        upgraded,
        removed,
        downgraded,
        refused,
    } = simulation;
    let refuse = |fact: String, hint: String| Err(Refusal::Blocked { fact, hint });
    if !refused.is_empty() {
        return refuse(
            format!("apt cannot upgrade {name}: {refused}"),
            "apt-mark showhold".into(),
        );
    }
    if downgraded.iter().any(|package| package == name) {
        // An older version is pinned: that is no upgrade.
        return Ok(false);
    }
    if !downgraded.is_empty() {
        return refuse(
            format!("apt would install an older version of {}", downgraded.join(", ")),
            "see which source pins it: apt-cache policy".into(),
        );
    }
    let by_hand = format!("see what it would do: apt-get --simulate install --only-upgrade {name}");
    if !removed.is_empty() {
        return refuse(
            format!("apt would remove {} to upgrade {name}", removed.join(", ")),
            by_hand,
        );
    }
    let others: Vec<&str> = upgraded
        .iter()
        .map(String::as_str)
        .filter(|package| *package != name)
        .collect();
    if let Some(server) = others.iter().find(|package| is_server(package)) {
        return refuse(
            format!(
                "the newer {name} comes with a newer {server}, whose upgrade restarts the running server"
            ),
            format!(
                "upgrade the server at a time of your choice, then run this again: \
                 sudo apt-get install --only-upgrade {server}"
            ),
        );
    }
    let more: Vec<&str> = new
        .iter()
        .map(|package| package.name.as_str())
        .chain(others)
        .collect();
    if !more.is_empty() {
        return refuse(
            format!("the newer {name} comes with other packages: {}", more.join(", ")),
            by_hand,
        );
    }
    Ok(upgraded.iter().any(|package| package == name))
}

/// `postgresql-17` and the like: the packages whose upgrade restarts a server.
fn is_server(package: &str) -> bool {
    package
        .strip_prefix("postgresql-")
        .is_some_and(|rest| rest.parse::<u16>().is_ok())
}
