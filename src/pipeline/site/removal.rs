//! Taking a site away.

use super::Sites;
use crate::apply::{Progress, Server};
use crate::error::Result;
use crate::facts::site::SiteFacts;
use crate::plan::Plan;
use crate::plan::site::{Removal, removal_plan};
use crate::settings::SiteSettings;

impl Sites<'_> {
    /// What taking a site away would do. Changes nothing.
    ///
    /// # Errors
    /// [`crate::plan::Refusal`] where the database is another site's.
    pub fn removal_plan(&self, facts: &SiteFacts, site: &SiteSettings, removal: &Removal) -> Result<Plan> {
        Ok(removal_plan(facts, site, &self.places(site), removal)?)
    }

    /// Takes a site away, over facts gathered again under its lock; its history stays.
    ///
    /// # Errors
    /// As [`Sites::deploy`].
    pub async fn remove(
        &self,
        server: &Server,
        site: &SiteSettings,
        removal: &Removal,
        progress: &dyn Progress,
    ) -> Result<usize> {
        let (_lock, mut receipt) = self.open(site, "site remove", progress).await?;
        let view = self.view(server, &[site]).await?;
        let facts = self.facts(&view, site).await?;
        let plan = self.removal_plan(&facts, site, removal)?;
        let (layout, places) = (self.layout(site), self.places(site));
        let mut engine = self.engine(server, site, &layout, &places, &mut receipt, progress);
        engine.apply(&plan).await?;
        Ok(plan.steps.len())
    }
}
