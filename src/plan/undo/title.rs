//! What an undo does, in words.

use super::Undo;
use crate::facts::manager::Manager;

impl Undo {
    /// One line, imperative.
    pub fn title(&self) -> Option<String> {
        Some(match self {
            Self::Nothing => return None,
            Self::MigrateDown {
                to, adopted: true, ..
            } => {
                format!("forget migration {}, whose object was there before", to + 1)
            }
            Self::MigrateDown { to, .. } => format!("take migration {} back", to + 1),
            Self::DropSchema { schema, .. } => format!("drop schema {}", schema.quoted()),
            Self::Revoke { database, role } => {
                format!(
                    "revoke what {} was granted on database {}",
                    role.quoted(),
                    database.quoted()
                )
            }
            Self::WithdrawLogin {
                database, role, file, ..
            } => format!(
                "take what lets {} in to {} out of {}",
                role.quoted(),
                database.quoted(),
                file.display()
            ),
            Self::StopListening { cluster, file, .. } => format!(
                "remove {}, and restart the cluster {cluster}, which then listens as before",
                file.display()
            ),
            Self::RevokeMembership { role, member } => {
                format!("let {} no longer act as {}", member.quoted(), role.quoted())
            }
            Self::DropDatabase { database, .. } => format!("drop database {}", database.quoted()),
            Self::DropRole { role, .. } => format!("drop role {}", role.quoted()),
            Self::RemoveFile { path } => format!("remove {}", path.display()),
            Self::RemoveProject {
                directory, destroy, ..
            } => {
                let secrets = if *destroy { " and its secrets" } else { "" };
                format!(
                    "remove the files of the compose project {}{secrets}",
                    directory.display()
                )
            }
            Self::RemoveContainers {
                project,
                destroy: true,
                ..
            } => {
                format!("stop the compose project {project} and remove its containers, networks and volumes")
            }
            Self::RemoveContainers { project, .. } => {
                format!("stop the compose project {project} and remove its containers and networks")
            }
            Self::RemoveImage { image, .. } => format!("remove the image {image}"),
            Self::StopCluster { .. } => "stop the server".into(),
            Self::DestroyCluster { data } => format!("destroy the cluster {}", data.display()),
            Self::RemoveDirectory { path } | Self::RemoveUnpacked { path } => {
                format!("remove {}", path.display())
            }
            Self::RemoveEmptyDirectory { path } => format!("remove {} if it is empty", path.display()),
            Self::RemoveUser { name } => format!("remove the system user {name}"),
            Self::DropSystemCluster { cluster, .. } => format!("drop the PostgreSQL cluster {cluster}"),
            Self::StopSystemCluster { cluster, .. } => format!("stop the PostgreSQL cluster {cluster}"),
            Self::RemovePackages {
                manager: Manager::Brew,
                packages,
                ..
            } => {
                let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
                format!("uninstall {} by Homebrew", names.join(", "))
            }
            Self::RestoreParameters { parameters } => {
                let names: Vec<&str> = parameters
                    .iter()
                    .map(|parameter| parameter.name.as_str())
                    .collect();
                format!("give {} the old value back", names.join(" and "))
            }
            Self::RemovePackages { packages, .. } => format!("remove {} packages", packages.len()),
            Self::RemoveRepository { name, .. } => format!("remove the package repository {name}"),
            Self::RemoveRpmRepository { name, .. } => {
                format!("remove the package repository {name} and its key")
            }
            Self::ResetModule { module, .. } => format!("give the module {module} back its own state"),
            Self::DisableService { cluster } => {
                format!("stop the PostgreSQL cluster {cluster}, and start it with the machine no more")
            }
            Self::Keep { what, why } => format!("keep {what}: {why}"),
        })
    }
}
