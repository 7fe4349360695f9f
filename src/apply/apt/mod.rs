//! Runs the steps of target `system`: apt, dpkg and postgresql-common, each by the command line that the plan showed.

mod failure;
mod removal;
mod repository;

use std::time::{Duration, Instant};

pub use failure::{Cause, PackageError};
pub use removal::{drop_cluster, remove_packages, stop_cluster};
pub use repository::{add_repository, remove_repository};

use super::ApplyError;
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
pub async fn run_step(host: &Host, step: &Step, waits: Waits<'_>) -> Result<()> {
    match step {
        Step::RefreshPackageIndex { argv, .. } => {
            run_packages(host, argv, "refresh the package lists", UPDATE_DEADLINE, waits).await?;
        }
        Step::InstallPackages { argv, .. } | Step::UpgradePackage { argv, .. } => {
            install(host, argv, waits).await?;
        }
        Step::ConfigurePackages { argv } => {
            run_packages(
                host,
                argv,
                "finish the interrupted installation",
                PACKAGES_DEADLINE,
                waits,
            )
            .await?;
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
async fn install(host: &Host, argv: &[String], waits: Waits<'_>) -> Result<()> {
    let purpose = "install the packages";
    let first = run_packages(host, argv, purpose, PACKAGES_DEADLINE, waits).await;
    let Err(crate::Error::Apply(ApplyError::Packages(error))) = &first else {
        return first;
    };
    let patience = u16::try_from(lock_timeout(argv).as_secs()).unwrap_or(u16::MAX);
    let Step::RefreshPackageIndex { argv: refresh, .. } = refresh_index(patience) else {
        return first;
    };
    if error.cause() != Some(Cause::NotFound) {
        return first;
    }
    waits("the repository no longer has a file of the package lists: reading them again");
    run_packages(
        host,
        &refresh,
        "refresh the package lists",
        UPDATE_DEADLINE,
        waits,
    )
    .await?;
    run_packages(host, argv, purpose, PACKAGES_DEADLINE, waits).await
}

/// Runs apt-get or dpkg once nobody else does.
async fn run_packages(
    host: &Host,
    argv: &[String],
    purpose: &str,
    deadline: Duration,
    waits: Waits<'_>,
) -> Result<()> {
    wait_for_lock(host, lock_timeout(argv), waits).await?;
    let command = command(argv, purpose, deadline);
    match host.run(&command).await {
        Ok(_) => Ok(()),
        Err(HostError::Failed { command, output, .. }) => Err(failed(command, &output).into()),
        Err(error) => Err(error.into()),
    }
}

fn failed(command: String, output: &Output) -> ApplyError {
    ApplyError::Packages(PackageError::from_output(command, output))
}

/// Waits until no process holds a lock of apt or dpkg, saying who does. apt-get waits as well, but does not for the
/// lock of the package lists, and says nothing that could be shown.
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

/// The seconds that the command line itself gives to waiting (`DPkg::Lock::Timeout=N`), so that there is one number.
fn lock_timeout(argv: &[String]) -> Duration {
    let seconds = argv
        .iter()
        .find_map(|word| word.strip_prefix("DPkg::Lock::Timeout="))
        .and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_says_how_long_a_lock_is_waited_for() {
        let argv = ["apt-get", "-o", "DPkg::Lock::Timeout=7"].map(str::to_owned);
        assert_eq!(lock_timeout(&argv), Duration::from_secs(7));
        assert_eq!(lock_timeout(&argv[..1]), Duration::from_secs(60));
    }
}
