//! What an undo can do: closed and serde-plain, as steps are.

use std::path::PathBuf;

use crate::facts::manager::Manager;
use crate::plan::{Package, Parameter, ProjectFile, RepositoryFile};
use crate::settings::{Identifier, VectorTable};

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
    /// Take our own lines out of `pg_hba.conf`, in whichever of their `versions` they are there.
    WithdrawLogin {
        database: Identifier,
        role: Identifier,
        file: PathBuf,
        owner: String,
        versions: Vec<Vec<String>>,
    },
    /// Remove our own file of the server's settings, in whichever of its `versions` it is there, and restart the server where
    /// it still listens as that said.
    StopListening {
        cluster: String,
        file: PathBuf,
        owner: String,
        versions: Vec<String>,
        restart: Vec<String>,
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
