//! The steps of target `system` in the terms of a receipt: what became of them, and how they are taken back.

use super::apt::{drop_cluster, remove_packages, run_step, stop_cluster};
use super::patience::Patience;
use super::{Outcome, Progress, brew, dnf};
use crate::error::Result;
use crate::facts::manager::Manager;
use crate::host::Host;
use crate::plan::{Step, Undo};

/// Does one step of target `system`.
///
/// # Errors
/// As [`run_step`].
pub async fn apply(host: &Host, step: &Step, patience: Patience, progress: &dyn Progress) -> Result<Outcome> {
    let waits = |what: &str| progress.waits(what);
    match step {
        Step::InstallPackages {
            manager: Manager::Brew,
            ..
        }
        | Step::UpgradePackage {
            manager: Manager::Brew,
            ..
        }
        | Step::StartService {
            manager: Manager::Brew,
            ..
        } => brew::run_step(host, step, &waits).await,
        Step::DisableModule { .. }
        | Step::RefreshPackageIndex {
            manager: Manager::Dnf,
            ..
        }
        | Step::InstallPackages {
            manager: Manager::Dnf,
            ..
        }
        | Step::UpgradePackage {
            manager: Manager::Dnf,
            ..
        }
        | Step::CreateSystemCluster {
            manager: Manager::Dnf,
            ..
        }
        | Step::StartService {
            manager: Manager::Dnf,
            ..
        } => dnf::run_step(host, step, patience, &waits).await,
        _ => {
            run_step(host, step, patience, &waits).await?;
            Ok(Outcome::Changed { object: None })
        }
    }
}

/// Takes clusters and packages of ours back. `Some` says what stays and why.
///
/// # Errors
/// [`super::apt::PackageError::WouldRemove`] when packages that are not ours would go as well.
pub async fn undo(host: &Host, undo: &Undo, progress: &dyn Progress) -> Result<Option<String>> {
    match undo {
        Undo::StopSystemCluster {
            manager: Manager::Brew,
            cluster,
        } => {
            brew::stop_service(host, cluster).await?;
            Ok(None)
        }
        Undo::RemovePackages {
            manager: Manager::Brew,
            packages,
            clusters,
            with_data,
        } => brew::remove_packages(host, packages, clusters, *with_data, &|what| progress.waits(what)).await,
        Undo::RemoveRpmRepository { .. }
        | Undo::ResetModule { .. }
        | Undo::DisableService { .. }
        | Undo::DropSystemCluster {
            manager: Manager::Dnf,
            ..
        }
        | Undo::StopSystemCluster {
            manager: Manager::Dnf,
            ..
        }
        | Undo::RemovePackages {
            manager: Manager::Dnf,
            ..
        } => dnf::undo(host, undo, &|what| progress.waits(what)).await,
        Undo::DropSystemCluster { cluster, .. } => {
            drop_cluster(host, cluster).await?;
            Ok(None)
        }
        Undo::StopSystemCluster { cluster, .. } => {
            stop_cluster(host, cluster).await?;
            Ok(None)
        }
        Undo::RemovePackages {
            packages,
            clusters,
            with_data,
            ..
        } => {
            for cluster in clusters.iter().filter(|_| *with_data) {
                drop_cluster(host, cluster).await?;
            }
            remove_packages(host, packages, &|what| progress.waits(what)).await
        }
        _ => Ok(None),
    }
}
