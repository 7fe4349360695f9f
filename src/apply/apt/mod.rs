//! Runs the steps of target `system`: apt, dpkg and postgresql-common, each by the command line that the plan showed.

mod failure;
mod removal;
mod repository;
mod validity;

use std::time::Duration;

pub use failure::{Cause, PackageError};
pub use removal::{drop_cluster, remove_packages, stop_cluster};
pub use repository::{add_repository, remove_repository};

pub use validity::Validity;

use super::ApplyError;
use super::patience::{self, Patience};
use crate::error::Result;
use crate::facts::apt::lock_holder;
use crate::host::{Command, Host, HostError, Output, Privilege};
use crate::plan::Step;
use crate::plan::system::refresh_index;

/// Told what is being waited for.
pub type Waits<'a> = &'a (dyn Fn(&str) + Sync);

/// No prompt, neither of debconf nor of the hooks that come with it.
const QUIET: [(&str, &str); 4] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("NEEDRESTART_MODE", "a"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("UCF_FORCE_CONFFOLD", "1"),
];

/// A package manager that is cut off leaves half a machine, so only one that hangs for good is.
const PACKAGES_DEADLINE: Duration = Duration::from_secs(60 * 60);
const UPDATE_DEADLINE: Duration = Duration::from_secs(10 * 60);
const CLUSTER_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// Does one step of a server plan of target `system`; steps of other targets are left alone.
///
/// # Errors
/// [`PackageError`] where apt or dpkg failed, [`HostError`] where another program did.
pub async fn run_step(host: &Host, step: &Step, patience: Patience, waits: Waits<'_>) -> Result<()> {
    match step {
        Step::RefreshPackageIndex { argv, .. } => {
            let refresh = command(argv, "refresh the package lists", UPDATE_DEADLINE);
            run_packages(host, &refresh, patience, waits).await?;
        }
        Step::InstallPackages { argv, .. }
        | Step::UpgradePackage { argv, .. }
        | Step::ReinstallPackages { argv, .. } => {
            install(host, argv, patience, waits).await?;
        }
        Step::ConfigurePackages { argv } => {
            let configure = command(argv, "finish the interrupted installation", PACKAGES_DEADLINE);
            run_packages(host, &configure, patience, waits).await?;
        }
        Step::SettleJournal { argv } => {
            let settle = command(argv, "settle dpkg's journal", UPDATE_DEADLINE);
            run_packages(host, &settle, patience, waits).await?;
        }
        Step::CreateSystemCluster { argv, .. } => {
            host.run(&command(argv, "create the cluster", CLUSTER_DEADLINE))
                .await?;
        }
        Step::StartService { argv, .. } => {
            // 2 is pg_ctlcluster's "already running" (pg_ctlcluster(1)); systemctl(1) gives 0 then.
            let start = command(argv, "start the cluster", CLUSTER_DEADLINE);
            let accepted = start.program.ends_with("pg_ctlcluster").then_some(2);
            host.run(&start.accept(accepted)).await?;
        }
        _ => {}
    }
    Ok(())
}

/// A mirror that has moved on since the lists were read is asked for new lists, once.
async fn install(host: &Host, argv: &[String], patience: Patience, waits: Waits<'_>) -> Result<()> {
    let install = command(argv, "install the packages", PACKAGES_DEADLINE);
    let first = run_packages(host, &install, patience, waits).await;
    let Err(crate::Error::Apply(ApplyError::Packages(error))) = &first else {
        return first;
    };
    let seconds = u16::try_from(patience.lock.as_secs()).unwrap_or(u16::MAX);
    let Step::RefreshPackageIndex { argv: refresh, .. } = refresh_index(seconds) else {
        return first;
    };
    if error.cause() != Some(Cause::NotFound) {
        return first;
    }
    waits("the repository no longer has a file of the package lists: reading them again");
    let refresh = command(&refresh, "refresh the package lists", UPDATE_DEADLINE);
    run_packages(host, &refresh, patience, waits).await?;
    run_packages(host, &install, patience, waits).await
}

/// Runs apt-get or dpkg once nobody else does. apt-get waits for dpkg's locks by itself (`DPkg::Lock::Timeout`), but not for
/// those of the package lists and of its downloads, and says nothing that could be shown; dpkg waits for none.
async fn run_packages(host: &Host, command: &Command, patience: Patience, waits: Waits<'_>) -> Result<()> {
    let attempt = async || match host.run(command).await {
        Ok(_) => Ok(()),
        Err(HostError::Failed { command, output, .. }) => Err(failed(command, &output).into()),
        Err(error) => Err(error.into()),
    };
    patience::run(host, patience, lock_holder, waits, attempt).await
}

fn failed(command: String, output: &Output) -> ApplyError {
    ApplyError::Packages(PackageError::from_output(command, output))
}

/// The command of a step: its argv, as root, without prompts.
fn command(argv: &[String], purpose: &str, deadline: Duration) -> Command {
    let (program, arguments) = argv
        .split_first()
        .map_or(("", [].as_slice()), |(program, rest)| (program, rest));
    let command = Command::new(program, purpose)
        .arguments(arguments)
        .privilege(Privilege::Root)
        .deadline(deadline);
    let command = QUIET.iter().fold(command, |command, (name, value)| {
        command.environment(*name, *value)
    });
    // needrestart(1) would restart the server, because its sessions still map the library that was replaced.
    let is_upgrade = argv.iter().any(|word| word == "--only-upgrade");
    if is_upgrade {
        command.environment("NEEDRESTART_SUSPEND", "1")
    } else {
        command
    }
}
