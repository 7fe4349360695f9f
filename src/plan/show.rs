//! Steps in words: what a person reads before agreeing, and what a failure names.

use std::path::PathBuf;

use super::{Plan, RepositoryFile, Step};
use crate::facts::manager::Manager;
use crate::host::{Privilege, quote_word};

impl Step {
    /// Which kind of step this is, as receipts and plans name it: `create_role`.
    pub fn kind(&self) -> String {
        let step = serde_json::to_value(self).unwrap_or_default();
        step["step"].as_str().unwrap_or_default().to_owned()
    }

    /// One line, imperative: `create role "vectors"`.
    pub fn title(&self) -> String {
        match self {
            Self::CreateUser { name, .. } => format!("create the system user {name}"),
            Self::CreateDirectory { path, mode, owner } => match owner {
                Some(owner) => format!("create directory {} (mode {mode}, owner {owner})", path.display()),
                None => format!("create directory {} (mode {mode})", path.display()),
            },
            Self::FetchBundle { .. } => "fetch the portable PostgreSQL bundle (25 MB)".into(),
            Self::UnpackBundle { directory, .. } => format!(
                "check the bundle's SHA-256 and unpack it to {}",
                directory.display()
            ),
            Self::InitializeCluster { data, major, .. } => {
                format!("initialise a PostgreSQL {major} cluster in {}", data.display())
            }
            Self::StartCluster { port, .. } => format!("start the server on 127.0.0.1:{port}"),
            Self::AddRepository { name, suite, .. } => format!("add the package repository {name} ({suite})"),
            Self::AddRpmRepository { name, .. } => {
                format!("add the package repository {name}, after its key is checked")
            }
            Self::DisableModule { module, .. } => format!("switch the module {module} off"),
            Self::RefreshPackageIndex { .. } => "read the package lists again".into(),
            Self::InstallPackages {
                manager: Manager::Brew,
                packages,
                ..
            } => match packages.as_slice() {
                [only] => format!("install {} by Homebrew", only.name),
                [first, brought @ ..] => {
                    format!(
                        "install {} by Homebrew, with {} that it needs",
                        first.name,
                        brought.len()
                    )
                }
                [] => "install by Homebrew".into(),
            },
            Self::InstallPackages { packages, .. } => format!("install {} packages", packages.len()),
            Self::UnpackExtension { directory, .. } => {
                format!(
                    "fetch pgvector's package and unpack it to {}",
                    directory.display()
                )
            }
            Self::SetParameters { .. } => "have the server look for extensions there as well".into(),
            Self::ConfigurePackages { .. } => "let dpkg finish what an earlier run of ours began".into(),
            Self::SettleJournal { .. } => "let dpkg take over its notes of an earlier run of ours".into(),
            Self::ReinstallPackages { packages, .. } => {
                let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
                format!(
                    "reinstall what an earlier run of ours was cut off in unpacking: {}",
                    names.join(", ")
                )
            }
            Self::CreateSystemCluster { major, name, .. } => {
                format!("create the PostgreSQL cluster {major}/{name}")
            }
            Self::StartService { cluster, .. } => format!("start the PostgreSQL cluster {cluster}"),
            Self::WriteProject { directory, .. } => {
                format!("write the compose project {}", directory.display())
            }
            Self::PullImage { image, .. } => format!("pull the image {image}"),
            Self::StartProject { project, .. } => {
                format!("start the server of the compose project {project}")
            }
            Self::WriteCredentials { path, role, from } => match from {
                Some(from) => format!(
                    "take the password of {role} from {} and keep it in {} (mode 0600)",
                    from.display(),
                    path.display()
                ),
                None => format!(
                    "make a password for {role} and keep it in {} (mode 0600)",
                    path.display()
                ),
            },
            Self::SetPassword { role, from, .. } => {
                format!("give role {} the password of {}", role.quoted(), from.display())
            }
            Self::CreateRole { role, .. } => format!("create role {}", role.quoted()),
            Self::GrantMembership { role, member, .. } => {
                format!("let {} act as {}", member.quoted(), role.quoted())
            }
            Self::CreateDatabase { database, .. } => format!("create database {}", database.quoted()),
            Self::RestrictDatabase { database, .. } => {
                format!("limit who may use database {}", database.quoted())
            }
            Self::Listen {
                cluster,
                certificate,
                content,
                previous: Some(previous),
                interrupts: false,
                ..
            } if content == previous => {
                format!(
                    "have the cluster {cluster} read the certificate {} again",
                    certificate.display()
                )
            }
            Self::Listen {
                cluster,
                addresses,
                interrupts,
                ..
            } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let restart = if *interrupts {
                    ", and restart it: every session of the server ends"
                } else {
                    ""
                };
                format!(
                    "have the cluster {cluster} listen on {} with TLS{restart}",
                    addresses.join(", ")
                )
            }
            Self::AllowLogin {
                database, role, file, ..
            } => format!(
                "let {} in to {} by its password in {}",
                role.quoted(),
                database.quoted(),
                file.display()
            ),
            Self::CreateSchema { schema, .. } => format!("prepare schema {}", schema.quoted()),
            Self::Migrate { version, name, .. } => format!("migration {version}: {}", name.replace('_', " ")),
            Self::UpgradePackage { package, from, .. } => {
                format!("upgrade {} from {from} to {}", package.name, package.version)
            }
            Self::UpgradeExtension {
                database, from, to, ..
            } => format!(
                "update the extension in database {} from {from} to {to}",
                database.quoted()
            ),
            Self::RebuildIndex {
                database,
                schema,
                index,
                ..
            } => format!(
                "rebuild index {}.{} in database {}",
                schema.quoted(),
                index.quoted(),
                database.quoted()
            ),
            Self::DropIndexCopy { database, index, .. } => format!(
                "drop index {} in database {}, which a rebuild of ours left behind",
                index.quoted(),
                database.quoted()
            ),
            Self::Site(step) => step.title(),
            Self::Verify { dimensions, rows, .. } => format!(
                "prove it: {rows} vectors of {dimensions} dimensions, index used, recall, write and delete"
            ),
        }
    }

    /// What exactly runs or is written, a line each.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::CreateUser { argv, .. }
            | Self::FetchBundle { argv, .. }
            | Self::StartCluster { argv, .. }
            | Self::RefreshPackageIndex { argv, .. }
            | Self::ConfigurePackages { argv }
            | Self::SettleJournal { argv }
            | Self::ReinstallPackages { argv, .. }
            | Self::DisableModule { argv, .. }
            | Self::CreateSystemCluster { argv, .. }
            | Self::PullImage { argv, .. }
            | Self::StartService { argv, .. } => vec![self.command_line(argv)],
            Self::StartProject { directory, argv, .. } => {
                vec![format!(
                    "(in {}) {}",
                    directory.display(),
                    self.command_line(argv)
                )]
            }
            Self::WriteProject { files, secrets, .. } => super::docker::shown(files, secrets),
            Self::InstallPackages { packages, argv, .. } => {
                let mut lines = vec![self.command_line(argv)];
                lines.extend(
                    packages.iter().map(|package| {
                        format!("+ {} {} ({})", package.name, package.version, package.origin)
                    }),
                );
                lines
            }
            Self::UnpackExtension { package, argv, .. } => vec![
                self.command_line(argv),
                format!("+ {} {} ({})", package.name, package.version, package.origin),
            ],
            Self::AddRepository {
                fingerprint,
                directories,
                files,
                ..
            } => repository(fingerprint, directories, files),
            Self::AddRpmRepository {
                key,
                path,
                content,
                import,
                ..
            } => {
                let from = key.url.as_deref().unwrap_or("--pgdg-key");
                let mut lines = vec![
                    format!("(root) write {} (mode 0644)", key.path.display()),
                    format!("+ the key {} from {from}", key.fingerprint),
                    self.command_line(import),
                    format!("(root) write {} (mode 0644)", path.display()),
                ];
                let written = content.lines().filter(|line| !line.is_empty());
                lines.extend(written.map(|line| format!("+ {line}")));
                lines
            }
            Self::InitializeCluster {
                argv, configuration, ..
            } => {
                let mut lines = vec![self.command_line(argv)];
                lines.extend(
                    configuration
                        .lines()
                        .filter(|line| line.contains(" = "))
                        .map(|line| format!("+ {line}")),
                );
                lines
            }
            Self::CreateRole { sql, .. }
            | Self::SetPassword { sql, .. }
            | Self::CreateDatabase { sql, .. }
            | Self::GrantMembership { sql, .. } => vec![sql.clone()],
            Self::Listen { .. } => super::network::shown(self),
            Self::AllowLogin {
                lines,
                previous,
                owner,
                ..
            } => {
                let place = match previous.is_empty() {
                    true => "before the first rule",
                    false => "in the place of ours",
                };
                let mut shown = vec![format!("(as {owner}) {place}, then SELECT pg_reload_conf()")];
                shown.extend(super::network::difference(previous, lines));
                shown
            }
            Self::RestrictDatabase { sql, .. }
            | Self::CreateSchema { sql, .. }
            | Self::SetParameters { sql, .. } => sql.clone(),
            Self::Migrate { sql, .. } => {
                let statements = || sql.lines().filter(|line| !line.starts_with("--"));
                if statements().all(|line| line.trim().is_empty()) {
                    // Nothing runs, and the comment says why.
                    return sql.lines().map(|line| line.replacen("-- ", "", 1)).collect();
                }
                let lines = statements().map(str::trim_end);
                lines.filter(|line| !line.is_empty()).map(String::from).collect()
            }
            Self::UpgradePackage { package, argv, .. } => vec![
                self.command_line(argv),
                format!("+ {} {} ({})", package.name, package.version, package.origin),
            ],
            Self::UpgradeExtension { sql, .. } | Self::DropIndexCopy { sql, .. } => vec![sql.clone()],
            Self::RebuildIndex {
                sql,
                because,
                memory_kilobytes,
                workers,
                ..
            } => vec![
                because.clone(),
                format!(
                    "SET maintenance_work_mem = {memory_kilobytes}; SET max_parallel_maintenance_workers = {workers}"
                ),
                sql.clone(),
            ],
            Self::Site(step) => step.details(),
            Self::UnpackBundle { wheel, sha256, .. } => vec![format!("{} sha256:{sha256}", wheel.display())],
            Self::CreateDirectory { .. } | Self::WriteCredentials { .. } | Self::Verify { .. } => Vec::new(),
        }
    }

    fn command_line(&self, argv: &[String]) -> String {
        let words: Vec<String> = argv.iter().map(|word| quote_word(word)).collect();
        let prefix = if self.privilege() == Privilege::Root {
            "(root) "
        } else {
            ""
        };
        format!("{prefix}{}", words.join(" "))
    }
}

/// Each file with what will be in it; of a key its fingerprint alone.
fn repository(fingerprint: &str, directories: &[PathBuf], files: &[RepositoryFile]) -> Vec<String> {
    let mut lines: Vec<String> = directories
        .iter()
        .map(|path| format!("(root) create {} (mode 0755)", path.display()))
        .collect();
    for RepositoryFile { path, mode, content } in files {
        lines.push(format!("(root) write {} (mode {mode})", path.display()));
        if content.starts_with("-----BEGIN") {
            lines.push(format!("+ the key {fingerprint}"));
        } else {
            lines.extend(content.lines().map(|line| format!("+ {line}")));
        }
    }
    lines
}

/// The plan as text: notes first, then the steps, numbered from `first`, each with what it runs.
pub fn plan_text(plan: &Plan, first: usize) -> String {
    let mut text = String::new();
    for note in &plan.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&format!("{:>3}. {}\n", first + index, step.title()));
        for line in step.details() {
            text.push_str(&format!("       {line}\n"));
        }
    }
    text
}
