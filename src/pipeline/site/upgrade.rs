//! The extension in one site's database.

use super::Sites;
use crate::apply::{self, receipt};
use crate::database::index::Budget;
use crate::database::versions;
use crate::error::Result;
use crate::plan::Step;
use crate::plan::upgrade::{UpgradeFacts, upgrade_plan};
use crate::settings::SiteSettings;

impl Sites<'_> {
    /// What brings the extension in the site's database to the version that the server offers. The package is the server's, and
    /// stays: `upgrade` brings a newer one.
    ///
    /// # Errors
    /// As [`crate::pipeline::Installation::upgrade_plan`].
    pub async fn upgrade_steps(&self, site: &SiteSettings) -> Result<Vec<Step>> {
        let machine = self.server.machine_facts().await?;
        let server = self.server.running(&machine).await?;
        let versions = versions::gather(&server.endpoint, &server.administrator, &server.maintenance).await?;
        let records = receipt::read(self.server.host, &self.layout(site).receipt)?;
        let facts = UpgradeFacts {
            package: crate::plan::upgrade::ExtensionPackage::Unknown,
            server: versions,
            receipted: apply::receipted(&records),
            budget: server.budget.unwrap_or_else(Budget::default),
        };
        let plan = upgrade_plan(&facts, &site.database)?.databases;
        let is_of_site = |step: &Step| match step {
            Step::UpgradeExtension { database, .. }
            | Step::RebuildIndex { database, .. }
            | Step::DropIndexCopy { database, .. } => *database == site.name,
            _ => false,
        };
        Ok(plan.steps.into_iter().filter(is_of_site).collect())
    }
}
