//! Runs the steps of target `system` that are dnf's, each by the command line that the plan showed.

mod failure;
mod removal;
mod repository;

use std::time::{Duration, Instant};

pub use failure::{Cause, RpmError};
pub use removal::undo;
pub use repository::add_repository;

use super::apt::{PackageError, Waits};
use super::{ApplyError, Outcome};
use crate::error::Result;
use crate::facts::dnf::lock_holder;
use crate::host::{Command, Host, HostError, Output, Privilege};
use crate::plan::Step;

/// A package manager that is cut off leaves half a machine, so only one that hangs for good is.
const PACKAGES_DEADLINE: Duration = Duration::from_secs(60 * 60);
const REFRESH_DEADLINE: Duration = Duration::from_secs(10 * 60);
const CLUSTER_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// How long another dnf is waited for by what takes a step back: it may be installing a whole upgrade.
const LOCK_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// `lock_timeout`: how long another program is waited for that holds dnf's lock.
///
/// # Errors
/// [`RpmError`] where dnf or rpm failed, [`HostError`] where another program did.
pub async fn run_step(host: &Host, step: &Step, lock_timeout: Duration, waits: Waits<'_>) -> Result<Outcome> {
    if matches!(
        step,
        Step::RefreshPackageIndex { .. }
            | Step::DisableModule { .. }
            | Step::InstallPackages { .. }
            | Step::UpgradePackage { .. }
    ) {
        wait_for_lock(host, lock_timeout, waits).await?;
    }
    match step {
        Step::RefreshPackageIndex { argv, .. } => {
            run_dnf(host, argv, "read the repositories", REFRESH_DEADLINE, waits).await?;
        }
        Step::DisableModule { argv, .. } => {
            run_dnf(host, argv, "switch the module off", REFRESH_DEADLINE, waits).await?;
        }
        Step::InstallPackages { argv, .. } => {
            run_dnf(host, argv, "install the packages", PACKAGES_DEADLINE, waits).await?;
        }
        Step::UpgradePackage { argv, .. } => {
            run_dnf(host, argv, "upgrade the package", PACKAGES_DEADLINE, waits).await?;
        }
        Step::CreateSystemCluster { argv, .. } => {
            host.run(&command(argv, "create the cluster", CLUSTER_DEADLINE))
                .await?;
        }
        Step::StartService { argv, .. } => {
            host.run(&command(argv, "start the server", CLUSTER_DEADLINE))
                .await?;
        }
        _ => {}
    }
    Ok(Outcome::Changed { object: None })
}

/// Runs dnf or rpm once nobody else does.
async fn run_dnf(
    host: &Host,
    argv: &[String],
    purpose: &str,
    deadline: Duration,
    waits: Waits<'_>,
) -> Result<Output> {
    wait_for_lock(host, LOCK_DEADLINE, waits).await?;
    match host.run(&command(argv, purpose, deadline)).await {
        Ok(output) => Ok(output),
        Err(HostError::Failed { command, output, .. }) => {
            Err(ApplyError::Rpm(RpmError::from_output(command, &output)).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// dnf would wait for ever, and say so to nobody.
async fn wait_for_lock(host: &Host, longest: Duration, waits: Waits<'_>) -> Result<(), ApplyError> {
    const INTERVAL: Duration = Duration::from_millis(200);
    let end = Instant::now() + longest;
    let mut told = None;
    while let Some(holder) = lock_holder(host) {
        if Instant::now() >= end {
            return Err(ApplyError::Packages(PackageError::Busy {
                holder: holder.to_string(),
                seconds: longest.as_secs(),
            }));
        }
        if told != Some(holder.pid) {
            waits(&format!(
                "waiting up to {} s for the package manager: {holder}",
                longest.as_secs()
            ));
            told = Some(holder.pid);
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}

/// The command of a step: its argv, as root.
fn command(argv: &[String], purpose: &str, deadline: Duration) -> Command {
    let (program, arguments) = argv
        .split_first()
        .map_or(("", [].as_slice()), |(program, rest)| (program, rest));
    Command::new(program, purpose)
        .arguments(arguments)
        .privilege(Privilege::Root)
        .deadline(deadline)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
