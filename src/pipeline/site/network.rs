//! Opening the server that sites are on: once for all of them; whom it lets in is each site's.

use sqlx::PgConnection;

use super::Sites;
use crate::apply::{Progress, Server};
use crate::database::connect;
use crate::database::facts as database_facts;
use crate::database::login;
use crate::error::Result;
use crate::plan::{Plan, network};

impl Sites<'_> {
    /// What a server that runs is to be told of the network. Changes nothing.
    ///
    /// # Errors
    /// [`crate::plan::Refusal`] where opening it is not safe; what the server says.
    pub async fn network_plan(&self, server: &Server) -> Result<Plan> {
        let settings = self.server.settings;
        let mut plan = Plan::default();
        if !settings.network.is_asked() {
            return Ok(plan);
        }
        let mut connection: PgConnection =
            connect(&server.endpoint, &server.administrator, &server.maintenance).await?;
        let mut facts = database_facts::server(&mut connection, settings).await?;
        if let Some(owner) = &server.owner {
            facts.login = login::gather(&mut connection, owner).await?;
        }
        facts.network = self.server.network_facts_at(server, &mut connection).await?;
        // The sites' own lines come afterwards.
        network::steps(&facts, settings, false, &mut plan)?;
        Ok(plan)
    }

    /// Applies it, by the receipt of the installation.
    ///
    /// # Errors
    /// [`crate::apply::ApplyError::Network`]: what the server cannot do was taken back.
    pub(super) async fn open_to_network(&self, server: &Server, progress: &dyn Progress) -> Result<()> {
        let plan = self.network_plan(server).await?;
        if plan.is_empty() {
            return Ok(());
        }
        let (_lock, mut receipt) = self.server.open("site")?;
        let mut engine = self.server.engine(&mut receipt, progress, Some(server.clone()));
        engine.apply(&plan).await
    }
}
