//! `upgrade`: the package, the extension in every database, the indexes; and what is left to say about sessions.

use super::{Installation, MachineFacts, Plans, ROUNDS};
use crate::apply::{self, ApplyError, Progress, Server, receipt};
use crate::database::connect;
use crate::database::index::server_budget;
use crate::database::versions::{self, ServerVersions, Session};
use crate::error::Result;
use crate::facts::extension_package;
use crate::plan::Step;
use crate::plan::upgrade::{ExtensionPackage, Upgrade, UpgradeFacts, upgrade_plan};
use crate::settings::Target;

/// What an upgrade came to.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Upgraded {
    pub steps: usize,
    /// As it is afterwards.
    pub package: Option<String>,
    pub versions: ServerVersions,
    /// Sessions that still run a library of before.
    pub sessions: Vec<Session>,
    /// Whether steps remain that this run could not do, because the server has to be restarted first.
    pub notes: Vec<String>,
}

impl Installation<'_> {
    /// What `upgrade` would do now. Changes nothing.
    pub async fn upgrade_plan(&self) -> Result<Plans> {
        self.refuse_links()?;
        let (facts, _) = self.upgrade_facts().await?;
        let Upgrade { package, databases } = upgrade_plan(&facts, self.settings)?;
        Ok(Plans {
            server: package,
            database: databases,
        })
    }

    /// Applies: the package, then what is left over facts gathered again.
    pub async fn upgrade(&self, shown: &Plans, progress: &dyn Progress) -> Result<Upgraded> {
        let (_lock, mut receipt) = self.open("upgrade")?;
        let mut engine = self.engine(&mut receipt, progress, None);
        engine.total = shown.step_count();
        let mut agreed: Vec<_> = shown
            .server
            .steps
            .iter()
            .chain(&shown.database.steps)
            .cloned()
            .collect();
        let mut refreshed = Vec::new();
        for _ in 0..ROUNDS {
            let (facts, server) = self.upgrade_facts().await?;
            engine.server = Some(server);
            let Upgrade {
                mut package,
                databases,
            } = upgrade_plan(&facts, self.settings)?;
            // What stays old although it was asked for again is not asked for for ever.
            package.steps.retain(|step| !refreshed.contains(step));
            let is_refresh = |step: &&Step| matches!(step, Step::RefreshPackageIndex { .. });
            refreshed.extend(package.steps.iter().filter(is_refresh).cloned());
            // Package lists that were read again may show what could not be shown before.
            let plan = if package.is_empty() { databases } else { package };
            if plan.is_empty() {
                break;
            }
            if plan.steps.iter().any(|step| !agreed.contains(step)) {
                if !progress.agrees(&plan).await? {
                    return Err(ApplyError::Declined.into());
                }
                agreed.extend(plan.steps.iter().cloned());
            }
            engine.apply(&plan).await?;
        }
        let steps = engine.done;
        drop(engine);
        Ok(Upgraded {
            steps,
            ..self.upgraded().await?
        })
    }

    /// What there is now: versions, sessions, and what the plan still has to say.
    pub async fn upgraded(&self) -> Result<Upgraded> {
        let (facts, server) = self.upgrade_facts().await?;
        let Upgrade { package, databases } = upgrade_plan(&facts, self.settings)?;
        let mut notes = package.notes;
        notes.extend(databases.notes);
        Ok(Upgraded {
            steps: 0,
            sessions: self.older_sessions(&server, &facts.server).await?,
            package: facts.package.installed(),
            versions: facts.server,
            notes,
        })
    }

    /// Which pgvector each database of the server has, with the package's; for a report.
    pub async fn versions(&self) -> Result<(Option<String>, ServerVersions)> {
        let machine = self.machine_facts().await?;
        let server = self.running(&machine).await?;
        self.versions_of(&machine, &server).await
    }

    /// The same, of a server that is reached already.
    pub async fn versions_of(
        &self,
        machine: &MachineFacts,
        server: &Server,
    ) -> Result<(Option<String>, ServerVersions)> {
        let versions = versions::gather(&server.endpoint, &server.administrator, &server.maintenance).await?;
        let package = self.extension_package(machine, &versions).await?;
        Ok((package.installed(), versions))
    }

    async fn older_sessions(&self, server: &Server, versions: &ServerVersions) -> Result<Vec<Session>> {
        let users = versions.databases.iter();
        let users: Vec<String> = users
            .filter(|database| database.installed().is_some())
            .map(|database| database.name.clone())
            .collect();
        let mut connection = connect(&server.endpoint, &server.administrator, &server.maintenance).await?;
        if self.settings.target == Target::Url {
            // Its processes are not this machine's, and when its files were replaced is told to few.
            let sessions = versions::on_an_older_library(&mut connection, None, &users).await;
            return Ok(sessions.unwrap_or_default());
        }
        Ok(versions::on_an_older_library(&mut connection, Some(self.host), &users).await?)
    }

    async fn upgrade_facts(&self) -> Result<(UpgradeFacts, Server)> {
        let machine = self.machine_facts().await?;
        let server = self.running(&machine).await?;
        let versions = versions::gather(&server.endpoint, &server.administrator, &server.maintenance).await?;
        let facts = UpgradeFacts {
            package: self.extension_package(&machine, &versions).await?,
            server: versions,
            receipted: apply::receipted(&receipt::read(self.host, &self.layout.receipt)?),
            budget: match server.budget {
                Some(budget) => budget,
                None => {
                    let database = &server.maintenance;
                    let mut connection = connect(&server.endpoint, &server.administrator, database).await?;
                    server_budget(&mut connection).await?
                }
            },
        };
        Ok((facts, server))
    }

    async fn extension_package(
        &self,
        machine: &MachineFacts,
        versions: &ServerVersions,
    ) -> Result<ExtensionPackage> {
        match machine {
            MachineFacts::Embedded(facts) => {
                let libraries = versions.library_directory.as_deref();
                Ok(extension_package::of_embedded(facts, libraries))
            }
            MachineFacts::System(facts) => {
                extension_package::of_system(self.host, facts, self.settings).await
            }
            MachineFacts::Docker(_) | MachineFacts::Url(_) => Ok(ExtensionPackage::Unknown),
        }
    }
}
