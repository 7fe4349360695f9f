//! What takes back an embedded cluster, and what every target keeps beside its server.

use std::path::Path;

use super::{All, thing};
use crate::apply::Made;
use crate::plan::{Step, Undo};

pub(super) fn undo(entry: &Made, all: &All<'_>) -> Undo {
    let kept = |what: &Path| Undo::Keep {
        what: what.display().to_string(),
        why: "data is only removed with --destroy-data".into(),
    };
    match &entry.step {
        Step::WriteCredentials { path, .. } | Step::InitializeCluster { data: path, .. }
            if all.keeps_data() =>
        {
            kept(path)
        }
        Step::WriteCredentials { path, .. } => Undo::RemoveFile { path: path.clone() },
        Step::StartCluster { data, log, .. } => Undo::StopCluster {
            data: data.clone(),
            log: log.clone(),
        },
        Step::InitializeCluster { data, .. } => Undo::DestroyCluster { data: data.clone() },
        Step::UnpackBundle { .. } | Step::FetchBundle { .. } | Step::CreateUser { .. }
            if !all.data.other_instances.is_empty() =>
        {
            Undo::Keep {
                what: thing(&entry.step),
                why: format!("the instance {} uses it too", all.data.other_instances.join(", ")),
            }
        }
        Step::UnpackBundle { directory, .. } if all.keeps_data() => kept(directory),
        Step::UnpackBundle { directory, .. } => Undo::RemoveDirectory {
            path: directory.clone(),
        },
        Step::FetchBundle { file, directory, .. } => Undo::RemoveFile {
            path: directory.join(file),
        },
        Step::CreateDirectory { path, .. } => Undo::RemoveEmptyDirectory { path: path.clone() },
        Step::CreateUser { .. } if all.keeps_data() => Undo::Keep {
            what: thing(&entry.step),
            why: "it owns the data".into(),
        },
        Step::CreateUser { name, .. } => Undo::RemoveUser { name: name.clone() },
        _ => Undo::Nothing,
    }
}
