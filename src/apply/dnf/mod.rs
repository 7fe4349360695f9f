//! Runs the steps of target `system` that are dnf's, each by the command line that the plan showed.

mod failure;
mod removal;
mod repository;

use std::time::Duration;

pub use failure::{Cause, RpmError};
pub use removal::undo;
pub use repository::add_repository;

use super::apt::Waits;
use super::patience::{self, Patience};
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
const UNDO: Patience = Patience::with_locks_alone(Duration::from_secs(5 * 60));

/// # Errors
/// [`RpmError`] where dnf or rpm failed, [`HostError`] where another program did.
pub async fn run_step(host: &Host, step: &Step, patience: Patience, waits: Waits<'_>) -> Result<Outcome> {
    let run = async |argv: &[String], purpose: &str, deadline: Duration| {
        run_dnf(host, &command(argv, purpose, deadline), patience, waits).await
    };
    match step {
        Step::RefreshPackageIndex { argv, .. } => {
            run(argv, "read the repositories", REFRESH_DEADLINE).await?;
        }
        Step::DisableModule { argv, .. } => {
            run(argv, "switch the module off", REFRESH_DEADLINE).await?;
        }
        Step::InstallPackages { argv, .. } => {
            run(argv, "install the packages", PACKAGES_DEADLINE).await?;
        }
        Step::UpgradePackage { argv, .. } => {
            run(argv, "upgrade the package", PACKAGES_DEADLINE).await?;
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

/// Runs dnf or rpm once nobody else does: dnf would wait for ever, and say so to nobody.
async fn run_dnf(host: &Host, command: &Command, patience: Patience, waits: Waits<'_>) -> Result<Output> {
    let attempt = async || match host.run(command).await {
        Ok(output) => Ok(output),
        Err(HostError::Failed { command, output, .. }) => {
            Err(ApplyError::Rpm(RpmError::from_output(command, &output)).into())
        }
        Err(error) => Err(error.into()),
    };
    patience::run(host, patience, lock_holder, waits, attempt).await
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
