//! Receipt x Facts -> what an undo does. Only what the receipt says we made, newest first; never data without consent.

mod title;

use std::path::{Path, PathBuf};

use super::system::lists_prefix;
use super::{Package, Parameter, ProjectFile, Refusal, RepositoryFile, Step};
use crate::apply::{Made, Outcome};
use crate::facts::manager::Manager;
use crate::settings::{Identifier, Settings, Target, VectorTable};

/// One thing that an undo does, or says that it does not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo {
    /// Take migrations back down to this version.
    MigrateDown {
        database: Identifier,
        table: VectorTable,
        owner: Identifier,
        /// Whether the data of the column and the table may go.
        destroy: bool,
        to: i32,
        /// The object was there before: only the history forgets it.
        #[serde(default)]
        adopted: bool,
    },
    /// Drop the schemas of a database that was there before, if they are empty.
    DropSchema {
        database: Identifier,
        role: Identifier,
        schema: Identifier,
    },
    /// Take back that the role may connect to a database that was there before.
    Revoke {
        database: Identifier,
        role: Identifier,
    },
    /// Take our own lines out of `pg_hba.conf`.
    WithdrawLogin {
        database: Identifier,
        role: Identifier,
        file: PathBuf,
        owner: String,
    },
    /// Take back that the connecting user may act as a role that was there before.
    RevokeMembership {
        role: Identifier,
        member: Identifier,
    },
    DropDatabase {
        database: Identifier,
        oid: Option<String>,
    },
    DropRole {
        role: Identifier,
        oid: Option<String>,
    },
    RemoveFile {
        path: PathBuf,
    },
    StopCluster {
        data: PathBuf,
        log: PathBuf,
    },
    DestroyCluster {
        data: PathBuf,
    },
    RemoveDirectory {
        path: PathBuf,
    },
    /// Remove a directory only if nothing is left in it.
    RemoveEmptyDirectory {
        path: PathBuf,
    },
    RemoveUser {
        name: String,
    },
    DropSystemCluster {
        #[serde(default)]
        manager: Manager,
        cluster: String,
    },
    /// Stop a cluster of the operating system that was down before us.
    StopSystemCluster {
        #[serde(default)]
        manager: Manager,
        cluster: String,
    },
    /// Remove what was unpacked for one server, unless its settings still lead there.
    RemoveUnpacked {
        path: PathBuf,
    },
    /// Give settings of the server their old values back, where they still have ours.
    RestoreParameters {
        parameters: Vec<Parameter>,
    },
    /// Remove packages of ours; with consent also `clusters`, which their scripts made.
    RemovePackages {
        #[serde(default)]
        manager: Manager,
        packages: Vec<Package>,
        #[serde(default)]
        clusters: Vec<String>,
        with_data: bool,
    },
    /// Remove the files of a package repository that still are as we wrote them, the directories that we made for them if
    /// they are empty, and what the package manager read of it.
    RemoveRepository {
        #[serde(default)]
        manager: Manager,
        name: String,
        files: Vec<RepositoryFile>,
        directories: Vec<PathBuf>,
        /// How the names of its package lists begin.
        lists: String,
    },
    /// Remove a repository's file and its key, if they still are ours; `imported` is the key's name in rpm's database,
    /// where it was not before us.
    RemoveRpmRepository {
        name: String,
        path: PathBuf,
        content: String,
        key: PathBuf,
        imported: Option<String>,
    },
    /// Give a module back to what it was: nobody's choice.
    ResetModule {
        module: String,
        file: PathBuf,
    },
    /// Stop a service that we started, which did not start with the machine before us.
    DisableService {
        cluster: String,
    },
    /// Take a compose project's files back that are as we wrote them; secrets only with the data.
    RemoveProject {
        directory: PathBuf,
        files: Vec<ProjectFile>,
        /// Relative to the directory.
        secrets: Vec<PathBuf>,
        destroy: bool,
    },
    /// Stop and remove the containers and networks of a compose project; with consent its volumes too, but for those of
    /// `before`.
    RemoveContainers {
        engine: PathBuf,
        project: String,
        before: Vec<String>,
        destroy: bool,
    },
    /// Remove an image that we pulled, unless something uses it.
    RemoveImage {
        engine: PathBuf,
        image: String,
    },
    /// Nothing to undo: the step left nothing behind, or something newer removes it too.
    Nothing,
    /// Left as it is, and why.
    Keep {
        what: String,
        why: String,
    },
}

/// One entry of the receipt with what undoes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UndoStep {
    pub sequence: u32,
    pub undo: Undo,
}

/// What the undo has to know about the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataFacts {
    /// What holds data and would be lost: tables with rows in databases that we made, tables and columns that we added.
    pub held: Vec<String>,
    /// Other embedded instances, which use the same bundle and system user.
    pub other_instances: Vec<String>,
    /// Databases of the operating system's cluster that are not ours.
    pub other_databases: Vec<String>,
    /// Those of them that use the extension.
    pub extension_users: Vec<String>,
    /// The user's agreement to lose the data.
    pub destroy: bool,
}

/// What bears the name that has to be typed before data is destroyed.
pub fn data_name(made: &[Made], settings: &Settings) -> String {
    let made_database = made.iter().find_map(|entry| match &entry.step {
        Step::CreateDatabase { database, .. } => Some(database.to_string()),
        _ => None,
    });
    match settings.target {
        Target::Embedded | Target::Docker => settings.instance.to_string(),
        Target::System | Target::Url => made_database.unwrap_or_else(|| settings.database.to_string()),
    }
}

/// # Errors
/// [`Refusal::Blocked`] when a database that we made holds rows and no consent was given.
pub fn undo_plan(made: &[Made], data: &DataFacts, settings: &Settings) -> Result<Vec<UndoStep>, Refusal> {
    if !keeps_data_by_itself(settings.target) && !data.destroy {
        refuse_to_lose(data, &data_name(made, settings), settings.target)?;
    }
    let mut steps: Vec<UndoStep> = made
        .iter()
        .map(|entry| UndoStep {
            sequence: entry.sequence,
            undo: undo_of(entry, made, settings.target, data),
        })
        .collect();
    // However often it was started, it is stopped once.
    let stops = steps
        .iter_mut()
        .filter(|step| matches!(step.undo, Undo::StopCluster { .. }));
    for step in stops.skip(1) {
        step.undo = Undo::Nothing;
    }
    Ok(steps)
}

/// Whether the data of everything that we made is in one place, a cluster or a volume, which stays or goes as a whole.
fn keeps_data_by_itself(target: Target) -> bool {
    matches!(target, Target::Embedded | Target::Docker)
}

fn refuse_to_lose(data: &DataFacts, name: &str, target: Target) -> Result<(), Refusal> {
    if data.held.is_empty() {
        return Ok(());
    }
    Err(Refusal::Blocked {
        fact: format!("what would be undone holds data: {}", data.held.join(", ")),
        hint: format!("to lose it: pgvector-setup rollback --target {target} --destroy-data {name}"),
    })
}

fn undo_of(entry: &Made, made: &[Made], target: Target, data: &DataFacts) -> Undo {
    let keeps_cluster = keeps_data_by_itself(target) && !data.destroy;
    // What is inside a database that we made goes with it.
    let goes_with_its_database = |inside: &Identifier| {
        made.iter()
            .any(|entry| matches!(&entry.step, Step::CreateDatabase { database, .. } if database == inside))
    };
    let oid = match &entry.outcome {
        Some(Outcome::Changed { object }) => object.clone(),
        _ => None,
    };
    let kept = |what: &Path| Undo::Keep {
        what: what.display().to_string(),
        why: "data is only removed with --destroy-data".into(),
    };
    match &entry.step {
        Step::Verify { .. }
        | Step::RebuildIndex { .. }
        | Step::DropIndexCopy { .. }
        | Step::RefreshPackageIndex { .. }
        | Step::ConfigurePackages { .. }
        | Step::RestrictDatabase { role: None, .. } => Undo::Nothing,
        // What is inside a cluster or a volume of ours stays or goes with it.
        Step::Migrate { .. }
        | Step::CreateSchema { .. }
        | Step::RestrictDatabase { .. }
        | Step::AllowLogin { .. }
        | Step::CreateDatabase { .. }
        | Step::CreateRole { .. }
        | Step::SetPassword { .. }
        | Step::UpgradeExtension { .. }
        | Step::GrantMembership { .. }
            if keeps_data_by_itself(target) =>
        {
            Undo::Nothing
        }
        Step::Migrate { database, .. }
        | Step::CreateSchema { database, .. }
        | Step::RestrictDatabase { database, .. }
        | Step::UpgradeExtension { database, .. }
            if goes_with_its_database(database) =>
        {
            Undo::Nothing
        }
        Step::RestrictDatabase {
            database,
            role: Some(role),
            ..
        } => Undo::Revoke {
            database: database.clone(),
            role: role.clone(),
        },
        Step::Migrate {
            database,
            table,
            owner,
            version,
            ..
        } => Undo::MigrateDown {
            database: database.clone(),
            table: table.clone(),
            owner: owner.clone(),
            destroy: data.destroy,
            to: version - 1,
            adopted: entry.outcome == Some(Outcome::AlreadyThere),
        },
        Step::UpgradeExtension {
            database, from, to, ..
        } => Undo::Keep {
            what: format!("the extension in database {database} at {to} (it was {from})"),
            why: "the version of an extension cannot go down".into(),
        },
        // It goes with the installation that brought it.
        Step::UpgradePackage { package, .. } if is_installed_by_us(made, &package.name) => Undo::Nothing,
        Step::UpgradePackage { package, from, .. } => Undo::Keep {
            what: format!("{} at {} (it was {from})", package.name, package.version),
            why: "databases may be at its version by now, and a version cannot go down".into(),
        },
        Step::CreateSchema {
            database,
            schema,
            role,
            ..
        } => Undo::DropSchema {
            database: database.clone(),
            role: role.clone(),
            schema: schema.clone(),
        },
        Step::AllowLogin {
            database,
            role,
            file,
            owner,
            ..
        } => Undo::WithdrawLogin {
            database: database.clone(),
            role: role.clone(),
            file: file.clone(),
            owner: owner.clone(),
        },
        // It goes with a role that we made.
        Step::GrantMembership { role, .. } | Step::SetPassword { role, .. }
            if made
                .iter()
                .any(|entry| matches!(&entry.step, Step::CreateRole { role: ours, .. } if ours == role)) =>
        {
            Undo::Nothing
        }
        Step::SetPassword { role, .. } => Undo::Keep {
            what: format!("the password of role {}", role.quoted()),
            why: "nobody here knows the one before".into(),
        },
        Step::GrantMembership { role, member, .. } => Undo::RevokeMembership {
            role: role.clone(),
            member: member.clone(),
        },
        Step::CreateDatabase { database, .. } => Undo::DropDatabase {
            database: database.clone(),
            oid,
        },
        Step::CreateRole { role, .. } => Undo::DropRole {
            role: role.clone(),
            oid,
        },
        Step::WriteCredentials { path, .. } | Step::InitializeCluster { data: path, .. } if keeps_cluster => {
            kept(path)
        }
        Step::WriteCredentials { path, .. } => Undo::RemoveFile { path: path.clone() },
        Step::StartCluster { data, log, .. } => Undo::StopCluster {
            data: data.clone(),
            log: log.clone(),
        },
        Step::InitializeCluster { data, .. } => Undo::DestroyCluster { data: data.clone() },
        Step::UnpackBundle { .. } | Step::FetchBundle { .. } | Step::CreateUser { .. }
            if !data.other_instances.is_empty() =>
        {
            Undo::Keep {
                what: thing(&entry.step),
                why: format!("the instance {} uses it too", data.other_instances.join(", ")),
            }
        }
        Step::WriteProject {
            directory,
            files,
            secrets,
        } => Undo::RemoveProject {
            directory: directory.clone(),
            files: files.clone(),
            secrets: {
                let new = secrets.iter().filter(|secret| secret.is_new);
                new.map(|secret| secret.secret.path.clone()).collect()
            },
            destroy: data.destroy,
        },
        Step::StartProject {
            engine,
            project,
            volumes,
            ..
        } => Undo::RemoveContainers {
            engine: engine.clone(),
            project: project.clone(),
            before: volumes.clone(),
            destroy: data.destroy,
        },
        Step::PullImage { image, .. } if keeps_cluster => Undo::Keep {
            what: format!("the image {image}"),
            why: "the kept data needs it".into(),
        },
        Step::PullImage { image, argv } => Undo::RemoveImage {
            engine: argv.first().map(PathBuf::from).unwrap_or_default(),
            image: image.clone(),
        },
        Step::UnpackBundle { directory, .. } if keeps_cluster => kept(directory),
        Step::UnpackBundle { directory, .. } => Undo::RemoveDirectory {
            path: directory.clone(),
        },
        Step::FetchBundle { file, directory, .. } => Undo::RemoveFile {
            path: directory.join(file),
        },
        Step::CreateDirectory { path, .. } => Undo::RemoveEmptyDirectory { path: path.clone() },
        Step::CreateUser { .. } if keeps_cluster => Undo::Keep {
            what: thing(&entry.step),
            why: "it owns the data".into(),
        },
        // A cluster that was there goes back to how it was; one of ours that others moved into goes on serving them.
        Step::StartService { cluster, .. }
            if !data.other_databases.is_empty() && makes_cluster(made, cluster) =>
        {
            Undo::Keep {
                what: format!("the cluster {cluster} running"),
                why: others(data),
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
        Step::CreateUser { name, .. } => Undo::RemoveUser { name: name.clone() },
        Step::CreateSystemCluster {
            manager, major, name, ..
        } if data.destroy && data.other_databases.is_empty() => Undo::DropSystemCluster {
            manager: *manager,
            cluster: format!("{major}/{name}"),
        },
        Step::CreateSystemCluster { major, name, .. } => Undo::Keep {
            what: format!("the cluster {major}/{name}"),
            why: match data.destroy {
                true => others(data),
                false => "data is only removed with --destroy-data".into(),
            },
        },
        Step::AddRepository { name, .. } if keeps_packages(made, target, data) => Undo::Keep {
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
            if !clusters.is_empty() && !data.other_databases.is_empty() =>
        {
            Undo::Keep {
                what: thing(&entry.step),
                why: format!(
                    "the cluster {} holds other databases: {}",
                    clusters.join(", "),
                    data.other_databases.join(", ")
                ),
            }
        }
        Step::InstallPackages {
            manager: Manager::Dnf,
            ..
        } if !data.other_databases.is_empty() && made.iter().any(is_first_cluster) => Undo::Keep {
            what: thing(&entry.step),
            why: format!(
                "their cluster holds other databases: {}",
                data.other_databases.join(", ")
            ),
        },
        Step::AddRpmRepository { .. } | Step::DisableModule { .. }
            if keeps_rpm_packages(made, target, data) =>
        {
            Undo::Keep {
                what: thing(&entry.step),
                why: "packages from it stay".into(),
            }
        }
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
            imported: oid,
        },
        Step::DisableModule { module, file, .. } => Undo::ResetModule {
            module: module.clone(),
            file: file.clone(),
        },
        Step::InstallPackages { .. } | Step::UnpackExtension { .. } | Step::SetParameters { .. }
            if !data.extension_users.is_empty() =>
        {
            Undo::Keep {
                what: thing(&entry.step),
                why: format!(
                    "other databases use the extension: {}",
                    data.extension_users.join(", ")
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
            with_data: data.destroy,
        },
    }
}

/// Whether packages of ours are not removed, which then need their repository for updates.
fn keeps_rpm_packages(made: &[Made], target: Target, data: &DataFacts) -> bool {
    made.iter().any(|entry| {
        matches!(entry.step, Step::InstallPackages { .. })
            && matches!(undo_of(entry, made, target, data), Undo::Keep { .. })
    })
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

/// Whether packages of ours are not removed, which then need their repository for updates.
fn keeps_packages(made: &[Made], target: Target, data: &DataFacts) -> bool {
    made.iter().any(|entry| {
        matches!(entry.step, Step::InstallPackages { .. })
            && matches!(undo_of(entry, made, target, data), Undo::Keep { .. })
    })
}

fn makes_cluster(made: &[Made], cluster: &str) -> bool {
    made.iter().any(|entry| match &entry.step {
        Step::InstallPackages { clusters, .. } => clusters.iter().any(|name| name == cluster),
        Step::CreateSystemCluster { major, name, .. } => format!("{major}/{name}") == cluster,
        _ => false,
    })
}

fn others(data: &DataFacts) -> String {
    format!("it holds other databases: {}", data.other_databases.join(", "))
}

/// What a step made, as a noun.
fn thing(step: &Step) -> String {
    match step {
        Step::CreateUser { name, .. } => format!("the system user {name}"),
        Step::FetchBundle { file, directory, .. } => directory.join(file).display().to_string(),
        Step::UnpackBundle { directory, .. } => directory.display().to_string(),
        Step::InstallPackages { packages, .. } => format!("{} packages", packages.len()),
        Step::UnpackExtension { directory, .. } => directory.display().to_string(),
        Step::SetParameters { parameters, .. } => {
            let names: Vec<&str> = parameters
                .iter()
                .map(|parameter| parameter.name.as_str())
                .collect();
            format!("the settings {}", names.join(" and "))
        }
        Step::AddRpmRepository { name, .. } => format!("the package repository {name}"),
        Step::DisableModule { module, .. } => format!("the module {module} switched off"),
        other => other.title(),
    }
}

#[cfg(test)]
mod tests;
