//! The pipeline in one place: gather, plan, apply, gather again. Every door (flags, wizard, tests) goes through here.

mod health;
mod network;
mod reach;
mod recovery;
mod role_password;
mod sessions;
mod site;
mod undo;
mod upgrade;
mod wait;

use std::sync::OnceLock;
use std::time::Duration;

use crate::apply::receipt::{self, Made};

use crate::apply::{self, ApplyError, Engine, Progress, Receipt, Server, Unfinished, first_run, interrupt};
use crate::database::facts::{self as database_facts, DatabaseFacts};
use crate::database::remote::{self, RemoteFacts};
use crate::database::turn::{self, Turn};
use crate::database::{connect, login};
use crate::error::{Error, Result};
use crate::facts::Layout;
use crate::facts::bundle;
use crate::facts::docker::{self, Compose, DockerFacts};
use crate::facts::embedded::{self, EmbeddedFacts};
use crate::facts::system::{self, SystemFacts};
use crate::health::Verification;
use crate::host::{Host, HostError, Lock};
use crate::plan::{self, Plan, Refusal, Step};
use crate::settings::{ServerUrl, Settings, SettingsError, Target};
use tokio::sync::OnceCell;

pub use health::Examined;
pub use sessions::{ApplicationSession, Sessions};
pub use site::{Deployed, ServerView, Sites, Surroundings};
pub use upgrade::Upgraded;

/// Most server plans in a row: read the package lists, add a repository and read them again, install, and one to see that
/// nothing is missing.
const ROUNDS: usize = 5;

/// How long another run on a server elsewhere is waited for, where nothing was said of waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// One installation: settings on a machine.
#[derive(Debug)]
pub struct Installation<'a> {
    pub host: &'a Host,
    pub settings: &'a Settings,
    pub layout: Layout,
    /// What a server elsewhere is; it takes several connections to know, so it is asked once a run.
    remote: OnceCell<RemoteFacts>,
    /// How long another run on the same server is waited for.
    patience: OnceCell<Duration>,
    /// The compose that starts containers, once it is found.
    compose: OnceLock<Compose>,
}

/// What is known of the machine, by target.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineFacts {
    Embedded(Box<EmbeddedFacts>),
    System(Box<SystemFacts>),
    Docker(Box<DockerFacts>),
    Url(Box<RemoteFacts>),
}

/// Both plans of one `up`: what leads to a server, and what is done in it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Plans {
    pub server: Plan,
    pub database: Plan,
}

impl Plans {
    pub fn is_empty(&self) -> bool {
        self.server.is_empty() && self.database.is_empty()
    }

    pub fn step_count(&self) -> usize {
        self.server.steps.len() + self.database.steps.len()
    }
}

/// What an `up` came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Done {
    pub steps: usize,
    pub verification: Option<Verification>,
    #[serde(skip)]
    pub server: Server,
}

impl<'a> Installation<'a> {
    pub fn new(host: &'a Host, settings: &'a Settings) -> Result<Self> {
        let layout = Layout::new(host.account(), host.environment(), settings)?;
        Ok(Self {
            host,
            settings,
            layout,
            remote: OnceCell::new(),
            patience: OnceCell::new(),
            compose: OnceLock::new(),
        })
    }

    pub async fn machine_facts(&self) -> Result<MachineFacts> {
        Ok(match self.settings.target {
            Target::Embedded => {
                MachineFacts::Embedded(Box::new(embedded::gather(self.host, self.settings).await?))
            }
            Target::System => {
                let mut facts = system::gather(self.host, self.settings).await?;
                let made = self.made()?;
                facts.unfinished_installation = made.iter().any(is_unfinished_installation);
                facts.has_adopted = has_adopted(&made);
                MachineFacts::System(Box::new(facts))
            }
            Target::Docker => {
                let owed = apply::docker::start_is_owed(&self.made()?);
                MachineFacts::Docker(Box::new(
                    docker::gather(self.host, self.settings, owed, &self.compose).await?,
                ))
            }
            Target::Url => MachineFacts::Url(Box::new(
                self.remote.get_or_try_init(|| self.remote()).await?.clone(),
            )),
        })
    }

    async fn remote(&self) -> Result<RemoteFacts> {
        let Some(url) = &self.settings.server_url else {
            return Err(SettingsError::Url {
                problem: "names no server".into(),
            }
            .into());
        };
        remote::gather(url, self.roots(url)?).await
    }

    /// The root certificates, where they are a file's.
    fn roots(&self, url: &ServerUrl) -> Result<Option<Vec<u8>>> {
        let roots = url.root_certificate.as_ref();
        Ok(roots.map(|path| self.host.read(path)).transpose()?)
    }

    /// What `up` would do now. Changes nothing.
    ///
    /// # Errors
    /// [`Refusal`] and what the probes and the server say. What is refused while another run is at work may be that run's
    /// own doing (a port that its server has just taken), so then the error is [`HostError::Locked`].
    pub async fn plan(&self) -> Result<Plans> {
        let planned = self.plan_now().await;
        if matches!(planned, Err(Error::Refused(_)))
            && self.host.exists(&self.layout.lock)
            && let Err(busy @ HostError::Locked { .. }) = self.host.lock(&self.layout.lock, "plan")
        {
            return Err(busy.into());
        }
        planned
    }

    async fn plan_now(&self) -> Result<Plans> {
        self.refuse_links()?;
        self.settle_restart().await?;
        let facts = self.machine_facts().await?;
        let server = self.server_plan(&facts)?;
        let database = match self.server(&facts).await {
            Ok(Some(reached)) => {
                let mut facts = self.database_facts(&reached).await?;
                if let Some(version) = server.pgvector_to_come() {
                    facts.will_load_pgvector(version);
                }
                facts
            }
            // A plan can be looked at by anybody; without a way in it is the plan for a server that has nothing of ours.
            Ok(None) | Err(Error::Refused(Refusal::Privilege { .. })) => self.no_database()?,
            Err(error) => return Err(error),
        };
        let settings = self.database_settings()?;
        let database = plan::database::database_plan(&database, &settings, &self.layout.credentials)?;
        Ok(Plans { server, database })
    }

    /// What we write or trust is never reached through a link that somebody planted.
    fn refuse_links(&self) -> Result<()> {
        let layout = &self.layout;
        for path in [
            &layout.lock,
            &layout.receipt,
            &layout.credentials,
            &layout.start_log,
            &layout.data,
        ] {
            self.host.refuse_link(path)?;
        }
        Ok(())
    }

    fn server_plan(&self, facts: &MachineFacts) -> Result<Plan> {
        match facts {
            MachineFacts::Embedded(facts) => Ok(plan::embedded::server_plan(facts, self.settings)?),
            MachineFacts::System(facts) => Ok(plan::system::server_plan(facts, self.settings)?),
            MachineFacts::Docker(facts) => Ok(plan::docker::server_plan(facts)?),
            MachineFacts::Url(facts) => Ok(plan::url::server_plan(facts, self.settings)?),
        }
    }

    /// Whether this user may do what the plan says; asked before anything is made.
    ///
    /// # Errors
    /// [`Refusal::Privilege`] with every step that needs what is not there.
    pub async fn permitted(&self, plans: &Plans) -> Result<()> {
        if matches!(self.settings.target, Target::Embedded | Target::Docker) {
            return Ok(());
        }
        match self.machine_facts().await? {
            MachineFacts::System(facts) => Ok(plan::system::permitted(&facts, self.settings, &plans.server)?),
            MachineFacts::Embedded(_) | MachineFacts::Docker(_) => Ok(()),
            MachineFacts::Url(remote) => match self.url_server(&remote) {
                Some(server) => {
                    let facts = self.database_facts(&server).await?;
                    Ok(plan::url::permitted(&facts, self.settings, &plans.database)?)
                }
                None => Ok(()),
            },
        }
    }

    fn no_database(&self) -> Result<DatabaseFacts> {
        Ok(DatabaseFacts {
            credentials_exist: self.host.exists(&self.layout.credentials),
            role_password: self.given_password()?,
            network: self.network_facts(),
            ..DatabaseFacts::default()
        })
    }

    pub async fn database_facts(&self, server: &Server) -> Result<DatabaseFacts> {
        let mut connection = connect(&server.endpoint, &server.administrator, &server.maintenance).await?;
        let mut facts = database_facts::server(&mut connection, self.settings).await?;
        // An embedded cluster's rules are written by us with the cluster.
        if let Some(owner) = &server.owner {
            facts.login = login::gather(&mut connection, owner).await?;
        }
        if let Some(login) = &mut facts.login {
            login.recorded = plan::network::blocks_of(&self.made()?);
        }
        facts.network = self.network_facts_at(server, &mut connection).await?;
        if let Some(remote) = self.remote.get() {
            facts.rights = Some(remote::rights(&mut connection, self.settings, remote.provider).await?);
        }
        facts.credentials_exist = self.host.exists(&self.layout.credentials);
        facts.role_password = self.given_password_at(server, &facts).await?;
        facts.unfinished = Unfinished::of(
            &receipt::read(self.host, &self.layout.receipt)?,
            &self.settings.database,
        );
        if facts
            .database
            .as_ref()
            .is_some_and(|database| database.allows_connections)
        {
            let mut connection = connect(
                &server.endpoint,
                &server.administrator,
                self.settings.database.as_str(),
            )
            .await?;
            facts.inside = Some(database_facts::inside(&mut connection, self.settings).await?);
        }
        Ok(facts)
    }

    /// Applies: the server plan, then the database plan over facts gathered again.
    pub async fn up(&self, shown: &Plans, progress: &dyn Progress) -> Result<Done> {
        let (_lock, mut receipt) = self.open("up")?;
        let mut engine = self.engine(&mut receipt, progress, None);
        engine.total = self.steps_left(&shown.server) + shown.database.steps.len();
        self.recover_network(&receipt::made(engine.receipt.records()))
            .await?;
        let mut steps = match self.bring_up(&mut engine, progress).await {
            Ok(steps) => steps,
            Err(error) => return Err(self.take_back(&mut engine, error).await),
        };
        let server = engine
            .server
            .clone()
            .ok_or_else(|| crate::plan::Refusal::Blocked {
                fact: "the server is not running".into(),
                hint: "pgvector-setup start".into(),
            })?;
        let turn = self.turn(&server, progress).await?;
        let facts = self.database_facts(&server).await?;
        let settings = self.database_settings()?;
        let database_plan = plan::database::database_plan(&facts, &settings, &self.layout.credentials)?;
        if turn.is_some() {
            // What another run has done since the plan was shown is not done again.
            engine.total = engine.done + database_plan.steps.len();
        }
        engine.apply(&database_plan).await?;
        let verification = engine.verification.take();
        steps += database_plan.steps.len();
        Ok(Done {
            steps,
            verification,
            server,
        })
    }

    /// How many of these are still to be done: the directories that the receipt needed are made already.
    fn steps_left(&self, server: &Plan) -> usize {
        let is_made =
            |step: &&Step| matches!(step, Step::CreateDirectory { path, .. } if self.host.exists(path));
        server.steps.len() - server.steps.iter().filter(is_made).count()
    }

    /// Our turn on a server that others may set up at the same time, from other machines or with another `--directory`.
    async fn turn(&self, server: &Server, progress: &dyn Progress) -> Result<Option<Turn>> {
        if self.settings.target != Target::Url {
            return Ok(None);
        }
        let patience = self.patience.get().copied().unwrap_or(PATIENCE);
        let (endpoint, login) = (&server.endpoint, &server.administrator);
        let taking = turn::take(
            endpoint,
            login,
            &server.maintenance,
            self.settings,
            patience,
            |what| progress.waits(what),
        );
        tokio::select! {
            turn = taking => Ok(Some(turn?)),
            exit = interrupt::wait() => Err(ApplyError::Interrupted { exit }.into()),
        }
    }

    /// Applies server plans until one is empty; returns how many steps they had. Afterwards the engine has its server, if
    /// one runs.
    async fn bring_up(&self, engine: &mut Engine<'_>, progress: &dyn Progress) -> Result<usize> {
        let (mut steps, mut adopted) = (0, None);
        // One round is enough but for a package manager that has to read its lists before it can be asked.
        for _ in 0..ROUNDS {
            let facts = self.machine_facts().await?;
            same_server(&mut adopted, &facts)?;
            let plan = match self.server_plan(&facts) {
                // It can only be found out now: a package is installed, and the server does not see it.
                Err(Error::Refused(refusal)) if steps > 0 => {
                    return Err(ApplyError::HalfWay(Box::new(refusal)).into());
                }
                plan => plan?,
            };
            if plan.is_empty() {
                engine.server = self.server(&facts).await?;
                if engine.server.is_some() {
                    break;
                }
                continue;
            }
            if steps > 0 && !progress.agrees(&plan).await? {
                return Err(ApplyError::Declined.into());
            }
            if plan.needs_server() {
                engine.server = self.server(&facts).await?;
            }
            engine.apply(&plan).await?;
            steps += plan.steps.len();
        }
        Ok(steps)
    }

    /// Takes the lock and opens the receipt, making the directory that both live in, and clears away what runs that were
    /// killed had under way.
    pub fn open(&self, command: &str) -> Result<(Lock, Receipt)> {
        self.refuse_links()?;
        self.clear_partials();
        first_run::make_directory(self.host, &self.layout, self.settings)?;
        let lock = self.host.lock(&self.layout.lock, command)?;
        // A pip that its killed parent left running fails once its directory is gone.
        self.host.remove_directory(&bundle::fetching(&self.layout))?;
        let target = self.settings.target.to_string();
        let receipt = Receipt::open(
            self.host,
            &self.layout.receipt,
            &target,
            self.settings.instance.as_str(),
        )?;
        Ok((lock, receipt))
    }

    /// Removes what killed runs left under way: files and directories that were not yet at their place.
    pub fn clear_partials(&self) {
        first_run::clear_partials(self.host, &self.layout);
    }

    /// What this installation's receipt says was made and is not undone, newest first.
    pub fn made(&self) -> Result<Vec<Made>> {
        Ok(receipt::made(&receipt::read(self.host, &self.layout.receipt)?))
    }

    /// Starts the embedded cluster that is there.
    pub async fn start(&self, progress: &dyn Progress) -> Result<()> {
        let (_lock, mut receipt) = self.open("start")?;
        let facts = self.machine_facts().await?;
        let plan = self.server_plan(&facts)?;
        self.engine(&mut receipt, progress, None).apply(&plan).await
    }

    fn engine<'e>(
        &'e self,
        receipt: &'e mut Receipt,
        progress: &'e dyn Progress,
        server: Option<Server>,
    ) -> Engine<'e> {
        let (host, settings, layout) = (self.host, self.settings, &self.layout);
        Engine {
            host,
            settings,
            layout,
            receipt,
            progress,
            server,
            done: 0,
            total: 0,
            site: None,
            places: None,
            verification: None,
        }
    }
}

/// Holds on to the first server that said who it is: packages are installed for it, and the database is made in it.
///
/// # Errors
/// [`ApplyError::Identity`] when another one has taken its place since.
fn same_server(adopted: &mut Option<(String, std::path::PathBuf)>, facts: &MachineFacts) -> Result<()> {
    let MachineFacts::System(facts) = facts else {
        return Ok(());
    };
    for cluster in &facts.clusters {
        let Some(answer) = cluster.answer.given() else {
            continue;
        };
        let found = (answer.system_identifier.clone(), answer.data_directory.clone());
        let first = adopted.get_or_insert_with(|| found.clone());
        if *first != found {
            return Err(ApplyError::Identity {
                port: cluster.port,
                difference: format!(
                    "system identifier {} in {}, it was {} in {}",
                    found.0,
                    found.1.display(),
                    first.0,
                    first.1.display()
                ),
            }
            .into());
        }
    }
    Ok(())
}

/// Whether our database is in a server that was there before us.
fn has_adopted(made: &[Made]) -> bool {
    let is_database = |entry: &Made| matches!(entry.step, Step::CreateDatabase { .. } | Step::Migrate { .. });
    let is_server = |entry: &Made| match &entry.step {
        Step::CreateSystemCluster { .. } => true,
        Step::InstallPackages { clusters, .. } => !clusters.is_empty(),
        _ => false,
    };
    made.iter().any(is_database) && !made.iter().any(is_server)
}

/// Whether the receipt shows that we were cut off while a package manager worked for us.
fn is_unfinished_installation(entry: &Made) -> bool {
    entry.outcome.is_none()
        && matches!(
            entry.step,
            Step::InstallPackages { .. }
                | Step::ConfigurePackages { .. }
                | Step::SettleJournal { .. }
                | Step::ReinstallPackages { .. }
        )
}
