//! What takes back packages, repositories and services of the operating system.

use super::{All, object, thing};
use crate::apply::{Made, Outcome};
use crate::facts::manager::Manager;
use crate::plan::system::lists_prefix;
use crate::plan::{Package, Step, Undo};

pub(super) fn undo(entry: &Made, all: &All<'_>) -> Undo {
    match &entry.step {
        // It goes with the installation that brought it.
        Step::UpgradePackage { package, .. } if is_installed_by_us(all.made, &package.name) => Undo::Nothing,
        Step::UpgradePackage { package, from, .. } => Undo::Keep {
            what: format!("{} at {} (it was {from})", package.name, package.version),
            why: "databases may be at its version by now, and a version cannot go down".into(),
        },
        // A cluster that was there goes back to how it was; one of ours that others moved into goes on serving them.
        Step::StartService { cluster, .. }
            if !all.data.other_databases.is_empty() && makes_cluster(all.made, cluster) =>
        {
            Undo::Keep {
                what: format!("the cluster {cluster} running"),
                why: all.others(),
            }
        }
        Step::StartService {
            manager: Manager::Dnf,
            cluster,
            argv,
        } if argv.iter().any(|word| word == "enable") => Undo::DisableService {
            cluster: cluster.clone(),
        },
        Step::StartService { manager, cluster, .. } => Undo::StopSystemCluster {
            manager: *manager,
            cluster: cluster.clone(),
        },
        Step::CreateSystemCluster {
            manager, major, name, ..
        } if all.data.destroy && all.data.other_databases.is_empty() => Undo::DropSystemCluster {
            manager: *manager,
            cluster: format!("{major}/{name}"),
        },
        Step::CreateSystemCluster { major, name, .. } => Undo::Keep {
            what: format!("the cluster {major}/{name}"),
            why: match all.data.destroy {
                true => all.others(),
                false => "data is only removed with --destroy-data".into(),
            },
        },
        Step::AddRepository { name, .. } if all.keeps_packages() => Undo::Keep {
            what: format!("the package repository {name}"),
            why: "packages from it stay".into(),
        },
        Step::AddRepository {
            manager,
            name,
            uri,
            suite,
            directories,
            files,
            ..
        } => Undo::RemoveRepository {
            manager: *manager,
            name: name.clone(),
            files: files.clone(),
            directories: directories.clone(),
            lists: lists_prefix(uri, suite),
        },
        Step::InstallPackages { clusters, .. }
            if !clusters.is_empty() && !all.data.other_databases.is_empty() =>
        {
            Undo::Keep {
                what: thing(&entry.step),
                why: format!(
                    "the cluster {} holds other databases: {}",
                    clusters.join(", "),
                    all.data.other_databases.join(", ")
                ),
            }
        }
        Step::InstallPackages {
            manager: Manager::Dnf,
            ..
        } if !all.data.other_databases.is_empty() && all.made.iter().any(is_first_cluster) => Undo::Keep {
            what: thing(&entry.step),
            why: format!(
                "their cluster holds other databases: {}",
                all.data.other_databases.join(", ")
            ),
        },
        Step::AddRpmRepository { .. } | Step::DisableModule { .. } if all.keeps_packages() => Undo::Keep {
            what: thing(&entry.step),
            why: "packages from it stay".into(),
        },
        Step::AddRpmRepository {
            name,
            key,
            path,
            content,
            ..
        } => Undo::RemoveRpmRepository {
            name: name.clone(),
            path: path.clone(),
            content: content.clone(),
            key: key.path.clone(),
            imported: object(entry),
        },
        Step::DisableModule { module, file, .. } => Undo::ResetModule {
            module: module.clone(),
            file: file.clone(),
        },
        Step::InstallPackages { .. } | Step::UnpackExtension { .. } | Step::SetParameters { .. }
            if !all.data.extension_users.is_empty() =>
        {
            Undo::Keep {
                what: thing(&entry.step),
                why: format!(
                    "other databases use the extension: {}",
                    all.data.extension_users.join(", ")
                ),
            }
        }
        Step::UnpackExtension { directory, .. } => Undo::RemoveUnpacked {
            path: directory.clone(),
        },
        Step::SetParameters { parameters, .. } => Undo::RestoreParameters {
            parameters: parameters.clone(),
        },
        Step::InstallPackages {
            manager,
            packages,
            clusters,
            ..
        } => Undo::RemovePackages {
            manager: *manager,
            packages: with_brought(*manager, packages, entry.outcome.as_ref()),
            clusters: clusters.clone(),
            with_data: all.data.destroy,
        },
        _ => Undo::Nothing,
    }
}

fn is_first_cluster(entry: &Made) -> bool {
    matches!(entry.step, Step::CreateSystemCluster { .. })
}

/// What was planned, and what brew's installation is recorded to have brought besides.
fn with_brought(manager: Manager, planned: &[Package], outcome: Option<&Outcome>) -> Vec<Package> {
    let mut packages = planned.to_vec();
    let Some(Outcome::Changed { object: Some(names) }) = outcome.filter(|_| manager == Manager::Brew) else {
        return packages;
    };
    for name in names.split_whitespace() {
        if !planned.iter().any(|package| package.name == name) {
            packages.push(Package {
                name: name.to_owned(),
                version: String::new(),
                origin: String::new(),
            });
        }
    }
    packages
}

fn is_installed_by_us(made: &[Made], package: &str) -> bool {
    made.iter().any(|entry| match &entry.step {
        Step::InstallPackages { packages, .. } => packages.iter().any(|ours| ours.name == package),
        _ => false,
    })
}

fn makes_cluster(made: &[Made], cluster: &str) -> bool {
    made.iter().any(|entry| match &entry.step {
        Step::InstallPackages { clusters, .. } => clusters.iter().any(|name| name == cluster),
        Step::CreateSystemCluster { major, name, .. } => format!("{major}/{name}") == cluster,
        _ => false,
    })
}
