//! The operating system's PostgreSQL by apt.

mod alternatives;
pub(super) mod commands;
mod repository;
#[cfg(test)]
mod tests;

pub use commands::{refresh_index, settle_journal, upgrade_package};
pub use repository::{instead as instead_of_repository, lists_prefix};

use crate::facts::apt::{AptFacts, Broken, Interrupted, Offer, Simulation, server_package, unchecked};
use crate::facts::clusters::ClusterStatus;
use crate::facts::packages::{ServerChoice, choose, seen};
use crate::facts::system::SystemFacts;
use crate::plan::system::candidates::defects;
use crate::plan::{Package, Plan, Refusal, Step};
use crate::settings::{Settings, Source};

/// Package lists older than this are asked for again before anything is installed from them.
const LISTS_MAXIMUM_AGE: u64 = 60 * 60;

/// Plans the way from the machine as it is to a running server that has pgvector's files.
///
/// # Errors
/// A [`Refusal`]; nothing was changed, and its alternatives are commands that work on this machine.
pub fn server_plan(facts: &SystemFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let nothing = AptFacts::default();
    let apt = facts.apt.as_ref().unwrap_or(&nothing);
    let choice = choose(facts, settings);
    let mut plan = Plan::default();
    plan.notes.extend(notes(facts, apt, settings));
    match &choice {
        ServerChoice::Existing { cluster, missing } => {
            plan.notes.push(format!(
                "adopts the cluster that is there: {cluster}; only its own database is added to it"
            ));
            plan.steps
                .extend(package_steps(facts, apt, cluster.major, missing, settings)?);
            if cluster.status == ClusterStatus::Down {
                plan.steps
                    .push(commands::start_cluster(facts, cluster.major, &cluster.name));
            }
        }
        ServerChoice::New { major, missing } => {
            plan.steps
                .extend(package_steps(facts, apt, *major, missing, settings)?);
            plan.steps.extend(first_cluster_steps(facts, *major, missing));
        }
        ServerChoice::Pgdg { major, cluster } => {
            if let Some(cluster) = cluster {
                plan.notes.push(format!(
                    "adopts the cluster that is there: {cluster}; only its own database is added to it"
                ));
            }
            refuse_interrupted(apt)?;
            if !facts.pgdg_configured {
                let reason = reason(facts, settings, *major);
                let (step, notes) = repository::add(facts, apt, settings, &reason)?;
                plan.steps.push(step);
                plan.notes.extend(notes);
            }
            plan.steps.push(commands::refresh_index(settings.lock_timeout));
            plan.notes
                .push("the packages are chosen when the lists of PGDG are there".to_owned());
        }
        ServerChoice::Unread => {
            plan.steps.push(commands::refresh_index(settings.lock_timeout));
            plan.notes.push(
                "there are no package lists yet: the packages are chosen when they are there".to_owned(),
            );
        }
        refused => return Err(alternatives::refusal(facts, settings, refused)),
    }
    Ok(plan)
}

/// Candidates with their verdicts, and what of apt's state bears on the plan.
fn notes(facts: &SystemFacts, apt: &AptFacts, settings: &Settings) -> Vec<String> {
    let seen = seen(facts, settings);
    let mut notes = seen.notes;
    let is_affected = seen
        .chosen
        .as_ref()
        .is_none_or(|chosen| !defects(&chosen.version).is_empty());
    if is_affected
        && settings.packages.source.is_none()
        && let Some(obstacle) = repository::obstacle(facts)
    {
        notes.push(obstacle);
    }
    if let Some(holder) = &apt.lock_holder {
        notes.push(format!(
            "the package manager is in use: {holder}; its end is waited for"
        ));
    }
    let upgraded = apt
        .simulation
        .as_ref()
        .map_or(&[][..], |simulation| &simulation.upgraded);
    if !upgraded.is_empty() {
        notes.push(format!(
            "apt upgrades {} with them, which rollback leaves",
            upgraded.join(", ")
        ));
    }
    notes.extend(unchecked(apt).iter().map(ToString::to_string));
    notes
}

/// Why a repository is added.
fn reason(facts: &SystemFacts, settings: &Settings, major: u16) -> String {
    if settings.packages.source == Some(Source::Pgdg) {
        return "--source pgdg asks for it".to_owned();
    }
    let mut distribution = settings.clone();
    distribution.packages.source = Some(Source::Distro);
    distribution.postgres_major = settings.postgres_major;
    let own = seen(facts, &distribution).chosen;
    match own {
        Some(own) => format!(
            "pgvector {} of {} is affected by {}",
            own.version,
            own.origin,
            defects(&own.version).join(", ")
        ),
        None => format!(
            "the repositories of {} have no pgvector for PostgreSQL {major}",
            crate::plan::system::alternatives::name(facts)
        ),
    }
}

fn refuse_interrupted(apt: &AptFacts) -> Result<(), Refusal> {
    if apt.interrupted.is_empty() {
        return Ok(());
    }
    Err(Refusal::Blocked {
        fact: format!("dpkg was interrupted before it was done with {}", apt.interrupted),
        hint: repair_by_hand(&apt.interrupted),
    })
}

/// What a person types. dpkg takes its journal over first, whatever becomes of the packages after it.
fn repair_by_hand(interrupted: &Interrupted) -> String {
    const CONFIGURE: &str = "sudo dpkg --configure -a";
    let broken: Vec<&str> = interrupted
        .must_reinstall()
        .map(|broken| broken.package.as_str())
        .collect();
    if broken.is_empty() {
        return CONFIGURE.to_owned();
    }
    let reinstall = format!("sudo apt-get install --reinstall {}", broken.join(" "));
    if interrupted.journal {
        format!("{CONFIGURE}; {reinstall}")
    } else {
        reinstall
    }
}

/// Finishes what an installation of ours began; a plan never does this for anybody else's. dpkg itself finishes what it
/// had unpacked; what it had not goes by apt-get, which has the archive and afterwards lets dpkg finish the others.
fn repair(apt: &AptFacts, lock_timeout: u16) -> Vec<Step> {
    let packages: Vec<Package> = apt
        .interrupted
        .must_reinstall()
        .map(|broken| broken_package(apt, broken))
        .collect();
    if packages.is_empty() {
        return vec![commands::configure_packages()];
    }
    let mut steps = Vec::new();
    if apt.interrupted.journal {
        steps.push(commands::settle_journal());
    }
    if apt.lists_age.is_none() {
        steps.push(commands::refresh_index(lock_timeout));
    }
    // A version was chosen for the server and for pgvector alone, and is only asked for while a repository has it.
    let word = |package: &Package| match package.origin.is_empty() {
        true => package.name.clone(),
        false => format!("{}={}", package.name, package.version),
    };
    let words: Vec<String> = packages.iter().map(word).collect();
    steps.push(commands::reinstall(&words, packages, lock_timeout));
    steps
}

fn broken_package(apt: &AptFacts, broken: &Broken) -> Package {
    let name = broken.package.split(':').next().unwrap_or_default();
    let is_it = |offer: &&Offer| offer.version == broken.version;
    let offer = apt
        .policy(name)
        .and_then(|policy| policy.offers.iter().find(is_it));
    Package {
        name: broken.package.clone(),
        version: broken.version.clone(),
        origin: offer.map(|offer| offer.origin.clone()).unwrap_or_default(),
    }
}

fn package_steps(
    facts: &SystemFacts,
    apt: &AptFacts,
    major: u16,
    missing: &[String],
    settings: &Settings,
) -> Result<Vec<Step>, Refusal> {
    if !apt.interrupted.is_empty() && (facts.unfinished_installation || !missing.is_empty()) {
        if facts.unfinished_installation {
            return Ok(repair(apt, settings.lock_timeout));
        }
        refuse_interrupted(apt)?;
    }
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    if apt.lists_age.is_none_or(|age| age > LISTS_MAXIMUM_AGE) {
        steps.push(commands::refresh_index(settings.lock_timeout));
    }
    let packages = match &apt.simulation {
        Some(simulation) => harmless(simulation)?,
        None => missing.iter().map(|word| unsimulated(apt, word)).collect(),
    };
    steps.push(commands::install(
        missing,
        packages,
        clusters_made(facts, major, missing),
        settings.lock_timeout,
    ));
    Ok(steps)
}

/// The packages that a simulation would add, when adding is all that it would do.
fn harmless(simulation: &Simulation) -> Result<Vec<Package>, Refusal> {
    let blocked = |fact: String, hint: &str| {
        let hint = hint.to_owned();
        Err(Refusal::Blocked { fact, hint })
    };
    let Simulation {
        new,
        upgraded,
        removed,
        downgraded,
        refused,
    } = simulation;
    if !refused.is_empty() {
        return blocked(
            format!("apt cannot install the packages: {refused}"),
            "apt-mark showhold",
        );
    }
    if !removed.is_empty() {
        return blocked(
            format!("apt would remove {} to install the packages", removed.join(", ")),
            "see what is in the way: apt-get --simulate install --no-install-recommends with the same packages",
        );
    }
    if !downgraded.is_empty() {
        return blocked(
            format!("apt would install an older version of {}", downgraded.join(", ")),
            "see which source pins it: apt-cache policy",
        );
    }
    let servers: Vec<&str> = upgraded
        .iter()
        .map(String::as_str)
        .filter(|name| is_server(name))
        .collect();
    if !servers.is_empty() {
        return blocked(
            format!("apt would also upgrade and restart {}", servers.join(", ")),
            "upgrade it at a time of your choice, then run this again: sudo apt-get install --only-upgrade \
             with that package",
        );
    }
    Ok(new.clone())
}

/// `postgresql-17` and the like: the packages whose upgrade restarts a server.
fn is_server(package: &str) -> bool {
    package
        .strip_prefix("postgresql-")
        .is_some_and(|rest| rest.parse::<u16>().is_ok())
}

/// What is known of a package before a simulation: its candidate.
fn unsimulated(apt: &AptFacts, word: &str) -> Package {
    let (name, version) = word
        .split_once('=')
        .map_or((word, None), |(name, version)| (name, Some(version)));
    let policy = apt.policy(name);
    let candidate = || policy.and_then(|policy| policy.candidate.clone());
    let offer = policy.and_then(|policy| {
        let is_meant = |offer: &&Offer| version == Some(offer.version.as_str());
        policy.offers.iter().find(is_meant)
    });
    Package {
        name: name.to_owned(),
        version: version.map(str::to_owned).or_else(candidate).unwrap_or_default(),
        origin: offer
            .map(|offer| offer.origin.clone())
            .or_else(|| policy.map(|policy| policy.origin.clone()))
            .unwrap_or_default(),
    }
}

/// Whether the server of this major is among the words for apt-get, with or without its version.
fn installs_server(missing: &[String], major: u16) -> bool {
    let package = server_package(major);
    missing
        .iter()
        .any(|word| word.split('=').next() == Some(package.as_str()))
}

/// The clusters that installing a server makes: `main` of its major, unless one is on disk from before.
fn clusters_made(facts: &SystemFacts, major: u16, missing: &[String]) -> Vec<String> {
    let prefix = format!("{major}/");
    let has_remains = facts
        .cluster_remains
        .iter()
        .any(|cluster| cluster.starts_with(&prefix));
    let installs_server = installs_server(missing, major);
    if installs_server && facts.makes_main_cluster && !has_remains {
        vec![format!("{major}/main")]
    } else {
        Vec::new()
    }
}

/// What comes after the packages where no cluster is there: the packages make and start one themselves, unless they
/// are there already or are configured not to.
fn first_cluster_steps(facts: &SystemFacts, major: u16, missing: &[String]) -> Vec<Step> {
    let will_be_made = installs_server(missing, major) && facts.makes_main_cluster;
    if facts.apt.as_ref().is_some_and(|apt| !apt.interrupted.is_empty()) {
        return Vec::new();
    }
    match (will_be_made, facts.systemd) {
        (true, true) => Vec::new(),
        // Without an init system the packages make their cluster and leave it down.
        (true, false) => vec![commands::start_cluster(facts, major, "main")],
        (false, _) => vec![
            commands::create_cluster(major),
            commands::start_cluster(facts, major, "main"),
        ],
    }
}
