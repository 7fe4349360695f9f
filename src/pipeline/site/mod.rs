//! Sites of one server: the server once, then each site by its own lock, receipt and plan.

mod facts;
mod health;
mod network;
mod removal;
mod upgrade;

use std::path::PathBuf;
use std::time::Duration;

use crate::apply::{Engine, Progress, Receipt, Server, first_run, receipt};
use crate::error::Result;
use crate::facts::Layout;
use crate::facts::site::SiteFacts;
use crate::health::Verification;
use crate::host::Lock;
use crate::plan::Plan;
use crate::plan::site::{Wish, site_plan};
use crate::settings::SiteSettings;
use crate::site::Places;

use super::Installation;

pub use facts::ServerView;
pub use health::Surroundings;

/// How long another run on the same site is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server that sites are on, and where their files are.
#[derive(Debug)]
pub struct Sites<'a> {
    pub server: Installation<'a>,
    /// Where `DOMAIN.env` goes.
    pub directory: PathBuf,
}

/// What a deploy of one site came to.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Deployed {
    pub steps: usize,
    pub restarted: bool,
    pub verification: Option<Verification>,
}

impl Sites<'_> {
    pub fn layout(&self, site: &SiteSettings) -> Layout {
        self.server.layout.of_site(&site.domain)
    }

    pub fn places(&self, site: &SiteSettings) -> Places {
        Places::new(&self.layout(site), &self.directory, site)
    }

    /// What the server lacks before it can have sites, and the server, where it runs and lacks nothing. Changes nothing.
    ///
    /// # Errors
    /// As [`Installation::plan`].
    pub async fn server_plan(&self) -> Result<(Plan, Option<Server>)> {
        self.server.refuse_links()?;
        let machine = self.server.machine_facts().await?;
        let mut plan = self.server.server_plan(&machine)?;
        if !plan.is_empty() {
            return Ok((plan, None));
        }
        let server = self.server.server(&machine).await?;
        if let Some(server) = &server {
            plan = self.network_plan(server).await?;
        }
        Ok((plan, server))
    }

    /// Brings the server up, under the lock and by the receipt of the installation.
    ///
    /// # Errors
    /// As [`Installation::up`].
    pub async fn bring_up(&self, shown: &Plan, progress: &dyn Progress) -> Result<Server> {
        let server = self.running_server(shown, progress).await?;
        self.open_to_network(&server, progress).await?;
        Ok(server)
    }

    async fn running_server(&self, shown: &Plan, progress: &dyn Progress) -> Result<Server> {
        let (_lock, mut receipt) = self.server.open("site")?;
        let mut engine = self.server.engine(&mut receipt, progress, None);
        engine.total = self.server.steps_left(shown);
        let made = receipt::made(engine.receipt.records());
        self.server.recover_network(&made).await?;
        let brought = self.server.bring_up(&mut engine, progress).await;
        if let Err(error) = brought {
            return Err(self.server.take_back(&mut engine, error).await);
        }
        match engine.server.clone() {
            Some(server) => Ok(server),
            None => self.server.running_server().await,
        }
    }

    /// What one site lacks. Changes nothing.
    ///
    /// # Errors
    /// [`crate::plan::Refusal`], and what the server says.
    pub fn plan(&self, facts: &SiteFacts, site: &SiteSettings, wish: &Wish) -> Result<Plan> {
        site_plan(facts, site, &self.places(site), wish)
    }

    /// Applies what one site lacks, over facts gathered again under its lock.
    ///
    /// # Errors
    /// [`crate::host::HostError::Locked`] when another run is still at the site after 5 s; what a step says.
    pub async fn deploy(
        &self,
        server: &Server,
        site: &SiteSettings,
        wish: &Wish,
        progress: &dyn Progress,
    ) -> Result<Deployed> {
        let (_lock, mut receipt) = self.open(site, "site deploy", progress).await?;
        let view = self.view(server, &[site]).await?;
        let facts = self.facts(&view, site).await?;
        let plan = self.plan(&facts, site, wish)?;
        let (layout, places) = (self.layout(site), self.places(site));
        self.make_directories()?;
        let mut engine = self.engine(server, site, &layout, &places, &mut receipt, progress);
        engine.apply(&plan).await?;
        Ok(Deployed {
            steps: plan.steps.len(),
            restarted: plan.steps.iter().any(is_restart),
            verification: engine.verification.take(),
        })
    }

    fn engine<'e>(
        &'e self,
        server: &Server,
        site: &'e SiteSettings,
        layout: &'e Layout,
        places: &'e Places,
        receipt: &'e mut Receipt,
        progress: &'e dyn Progress,
    ) -> Engine<'e> {
        Engine {
            host: self.server.host,
            settings: &site.database,
            layout,
            receipt,
            progress,
            server: Some(server.clone()),
            done: 0,
            total: 0,
            site: Some(site),
            places: Some(places),
            verification: None,
        }
    }

    /// The site's lock and receipt.
    async fn open(
        &self,
        site: &SiteSettings,
        command: &str,
        progress: &dyn Progress,
    ) -> Result<(Lock, Receipt)> {
        let (host, layout) = (self.server.host, self.layout(site));
        host.refuse_link(&layout.instance)?;
        self.clear_partials(site);
        // Two that make the directories above at the same time: one does, and the other's are not there yet.
        for _ in 0..2 {
            first_run::make_directory(host, &layout, &site.database)?;
        }
        let told = |holder: &str| progress.waits(holder);
        let lock = host.lock_within(&layout.lock, command, PATIENCE, told).await?;
        let receipt = Receipt::open(host, &layout.receipt, "site", site.domain.as_str())?;
        Ok((lock, receipt))
    }

    /// What killed runs had under way for this site.
    fn clear_partials(&self, site: &SiteSettings) {
        let (host, layout, places) = (self.server.host, self.layout(site), self.places(site));
        first_run::clear_partials(host, &layout);
        for path in [&places.environment, &places.drop_in] {
            if let (Some(directory), Some(name)) = (path.parent(), path.file_name()) {
                host.clear_partials(directory, name.to_str());
            }
        }
    }

    /// Where the services' files go. Everybody may look for a name there; the files themselves are closed.
    fn make_directories(&self) -> Result<()> {
        let host = self.server.host;
        let mut missing: Vec<_> = self
            .directory
            .ancestors()
            .take_while(|directory| !host.exists(directory))
            .collect();
        missing.reverse();
        for directory in missing {
            host.create_directory(directory, 0o755, None)?;
        }
        Ok(())
    }
}

fn is_restart(step: &crate::plan::Step) -> bool {
    matches!(
        step,
        crate::plan::Step::Site(crate::plan::site::SiteStep::RestartService { .. })
    )
}
