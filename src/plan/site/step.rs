//! What a site's plan is made of besides the steps of every database.

use std::path::PathBuf;

use crate::settings::{Identifier, UnitName};
use crate::site::SiteRecord;

/// One change for one site.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum SiteStep {
    /// Keep what was declared of the site, for the commands that name its domain alone.
    WriteRecord {
        path: PathBuf,
        record: Box<SiteRecord>,
    },
    /// Make a role that nobody logs in as.
    CreateOwner {
        role: Identifier,
        sql: String,
    },
    /// Make a password for `login` and keep it in a file of root's, before the server knows its verifier.
    PreparePassword {
        path: PathBuf,
        login: Identifier,
    },
    /// Make the login, or let it in again, with the password that was prepared, and the search path of the site.
    EnableLogin {
        database: Identifier,
        login: Identifier,
        /// Whose rights it has, where they are not its own.
        member_of: Option<Identifier>,
        /// As they run, with the verifier left out; the first makes the role where it is missing.
        sql: Vec<String>,
    },
    /// Let the runtime role use what the owner has, and will have.
    GrantUse {
        database: Identifier,
        role: Identifier,
        sql: Vec<String>,
    },
    /// Note on the database whose it is.
    DescribeDatabase {
        database: Identifier,
        sql: String,
    },
    /// Prove as `login`, over the way that the application takes, that the database works.
    Prove {
        database: Identifier,
        login: Identifier,
        dimensions: u16,
        rows: u32,
    },
    /// Write the file that the service reads, with the password of `login`; the one before is kept in `previous` until the
    /// service is well, where there is a service.
    WriteEnvironment {
        path: PathBuf,
        previous: Option<PathBuf>,
        login: Identifier,
        /// Group that may read it.
        group: String,
        lines: Vec<String>,
    },
    /// Have the unit read that file, by a drop-in of ours.
    ConnectUnit {
        unit: UnitName,
        path: PathBuf,
        content: String,
        /// What an earlier version of ours had in it.
        before: Option<String>,
    },
    /// Restart the service and wait until it is well; else put back what it read before, restart it on that, and fail.
    RestartService {
        unit: UnitName,
        argv: Vec<String>,
        /// The file that it reads, and where the one before is kept.
        environment: PathBuf,
        previous: PathBuf,
        /// The drop-in that this plan has added, which is taken back with the file.
        drop_in: Option<PathBuf>,
        health_url: Option<String>,
        because: String,
    },
    /// Let a login in no more, and end its sessions: nothing uses it by now.
    RetireLogin {
        login: Identifier,
        sql: Vec<String>,
    },
    /// Write the whole database to a file.
    ExportDatabase {
        database: Identifier,
        file: PathBuf,
        argv: Vec<String>,
    },
    /// Remove the drop-in of ours.
    DisconnectUnit {
        unit: UnitName,
        path: PathBuf,
    },
    /// Take our lines for a login out of `pg_hba.conf`.
    WithdrawLogin {
        database: Identifier,
        role: Identifier,
        file: PathBuf,
        owner: String,
        /// As an earlier run of ours left them.
        lines: Vec<String>,
    },
    DropDatabase {
        database: Identifier,
        sql: String,
    },
    /// Drop a role with what it was granted in the database; `database` is none where that is gone.
    DropRole {
        role: Identifier,
        database: Option<Identifier>,
        sql: Vec<String>,
    },
    /// Remove files of ours that hold a secret or a record.
    RemoveFiles {
        paths: Vec<PathBuf>,
    },
}

impl SiteStep {
    /// One line, imperative.
    pub fn title(&self) -> String {
        match self {
            Self::WriteRecord { record, .. } => format!("note what was declared of {}", record.domain),
            Self::CreateOwner { role, .. } => {
                format!("create role {}, which nobody logs in as", role.quoted())
            }
            Self::PreparePassword { login, .. } => format!("make a password for {login}"),
            Self::EnableLogin { login, .. } => format!("let {} log in by its password", login.quoted()),
            Self::GrantUse { role, .. } => format!("let {} use what the migrations make", role.quoted()),
            Self::DescribeDatabase { database, .. } => {
                format!("note on database {} whose it is", database.quoted())
            }
            Self::Prove {
                login,
                dimensions,
                rows,
                ..
            } => format!(
                "prove it as {login}: {rows} vectors of {dimensions} dimensions, index used, recall, write and delete"
            ),
            Self::WriteEnvironment { path, group, .. } => {
                format!("write {}, for {group} to read", path.display())
            }
            Self::ConnectUnit { unit, path, .. } => format!("have {unit} read it, by {}", path.display()),
            Self::RestartService {
                unit, because, argv, ..
            } if argv.iter().any(|word| word == super::UNATTENDED) => {
                format!("have {unit} restarted ({because}) once this unit is done, which it waits for")
            }
            Self::RestartService { unit, because, .. } => {
                format!("restart {unit} ({because}) and wait until it is well")
            }
            Self::RetireLogin { login, .. } => format!("let {} log in no more", login.quoted()),
            Self::ExportDatabase { database, file, .. } => {
                format!("write database {} to {}", database.quoted(), file.display())
            }
            Self::DisconnectUnit { unit, path } => format!("remove {}, which {unit} reads", path.display()),
            Self::WithdrawLogin { role, file, .. } => {
                format!("take our lines for {} out of {}", role.quoted(), file.display())
            }
            Self::DropDatabase { database, .. } => {
                format!("drop database {} and all that is in it", database.quoted())
            }
            Self::DropRole { role, .. } => format!("drop role {}", role.quoted()),
            Self::RemoveFiles { paths } => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                format!("remove {}", paths.join(", "))
            }
        }
    }

    /// What exactly runs or is written, a line each.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::CreateOwner { sql, .. }
            | Self::DescribeDatabase { sql, .. }
            | Self::DropDatabase { sql, .. } => {
                vec![sql.clone()]
            }
            Self::EnableLogin { sql, .. }
            | Self::GrantUse { sql, .. }
            | Self::RetireLogin { sql, .. }
            | Self::DropRole { sql, .. } => sql.clone(),
            Self::WriteEnvironment { lines, .. } => added(lines.iter().map(String::as_str)),
            Self::ConnectUnit { content, .. } => added(content.lines()),
            Self::RestartService { argv, health_url, .. } => {
                let mut lines = vec![format!("(root) {}", argv.join(" "))];
                lines.extend(health_url.iter().map(|url| format!("GET {url}")));
                lines
            }
            Self::ExportDatabase { argv, .. } => vec![argv.join(" ")],
            Self::WriteRecord { .. }
            | Self::PreparePassword { .. }
            | Self::Prove { .. }
            | Self::DisconnectUnit { .. }
            | Self::WithdrawLogin { .. }
            | Self::RemoveFiles { .. } => Vec::new(),
        }
    }

    /// The database that the step changes something in, for what a run that was cut off owes in it. A comment owes nothing.
    pub fn database(&self) -> Option<&Identifier> {
        match self {
            Self::EnableLogin { database, .. }
            | Self::GrantUse { database, .. }
            | Self::Prove { database, .. }
            | Self::DropDatabase { database, .. } => Some(database),
            _ => None,
        }
    }

    /// Whether the service reads what the step changes.
    pub fn is_read_by_the_service(&self) -> bool {
        matches!(self, Self::WriteEnvironment { .. } | Self::ConnectUnit { .. })
    }
}

fn added<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines.map(|line| format!("+ {line}")).collect()
}
