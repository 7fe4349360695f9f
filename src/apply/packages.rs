//! The steps of target `system` in the terms of a receipt: what became of them, and how they are taken back.

use super::apt::{drop_cluster, remove_packages, run_step, stop_cluster};
use super::{Outcome, Progress};
use crate::error::Result;
use crate::host::Host;
use crate::plan::{Step, Undo};

/// Does one step of target `system`.
///
/// # Errors
/// As [`run_step`].
pub async fn apply(host: &Host, step: &Step, progress: &dyn Progress) -> Result<Outcome> {
    run_step(host, step, &|what| progress.waits(what)).await?;
    Ok(Outcome::Changed { object: None })
}

/// Takes clusters and packages of ours back. `Some` says what stays and why.
///
/// # Errors
/// [`super::apt::PackageError::WouldRemove`] when packages that are not ours would go as well.
pub async fn undo(host: &Host, undo: &Undo, progress: &dyn Progress) -> Result<Option<String>> {
    match undo {
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
