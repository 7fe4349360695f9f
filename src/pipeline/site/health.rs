//! The health of sites' databases, each looked at as its own service: by the login, the password and the way of its file.

use sqlx::PgConnection;

use super::Sites;
use crate::apply::Server;
use crate::database::versions::ServerVersions;
use crate::database::{Login, connect};
use crate::error::Result;
use crate::facts::apt::read_unchecked;
use crate::health::{self, DoctorOptions, HealthReport};
use crate::plan::Refusal;
use crate::settings::{SiteSettings, Target};
use crate::site::environment;

/// What all sites of a server have in common.
#[derive(Debug)]
pub struct Surroundings {
    pub server: Server,
    /// The version of pgvector's package.
    pub package: Option<String>,
    pub versions: ServerVersions,
}

impl Sites<'_> {
    /// Asks the server and the package manager once, for every site.
    ///
    /// # Errors
    /// [`Refusal`] where no server runs, and what the probes and the server say.
    pub async fn surroundings(&self) -> Result<Surroundings> {
        let machine = self.server.machine_facts().await?;
        let server = self.server.running(&machine).await?;
        let (package, versions) = self.server.versions_of(&machine, &server).await?;
        Ok(Surroundings {
            server,
            package,
            versions,
        })
    }

    /// A session as the site's service has it.
    ///
    /// # Errors
    /// [`Refusal::Blocked`] where its file has no password of either login, [`crate::database::DatabaseError`] where the server
    /// does not take it.
    pub async fn session(&self, server: &Server, site: &SiteSettings) -> Result<PgConnection> {
        let path = self.places(site).environment;
        let text = self.server.host.read_text(&path)?.unwrap_or_default();
        let login = [site.name.clone(), site.alternate()]
            .into_iter()
            .find_map(|role| {
                let password = environment::password(&text, &role)?;
                Some(Login::Application { role, password })
            })
            .ok_or_else(|| Refusal::Blocked {
                fact: format!("{} has no password of {}", path.display(), site.name),
                hint: format!("pgvector-setup site deploy --domain {}", site.domain),
            })?;
        Ok(connect(&server.application, &login, site.name.as_str()).await?)
    }

    /// Looks at one site's database, then at what is around it; other databases are other sites'. Changes nothing.
    ///
    /// # Errors
    /// As [`Sites::session`], and what the server says.
    pub async fn examine(
        &self,
        around: &Surroundings,
        site: &SiteSettings,
        options: &DoctorOptions,
    ) -> Result<HealthReport> {
        let mut connection = self.session(&around.server, site).await?;
        let mut report = health::doctor(&mut connection, &site.database.table, options).await?;
        let mut versions = around.versions.clone();
        versions
            .databases
            .retain(|database| database.name == site.name.as_str());
        let upgrade = format!(
            "pgvector-setup site upgrade {}",
            options.site.as_deref().unwrap_or_default()
        );
        report.add_versions(around.package.clone(), &versions, upgrade.trim_end());
        if self.server.settings.target == Target::System {
            report.add_unchecked_sources(&read_unchecked(self.server.host));
        }
        Ok(report)
    }
}
