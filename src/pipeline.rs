//! The pipeline in one place: gather, plan, apply, gather again. Every door (flags, wizard, tests) goes through here.

use crate::apply::receipt::{self, Made};
use std::sync::Arc;

use crate::apply::relay::Relay;
use crate::apply::{
    self, ApplyError, Engine, Progress, Receipt, Server, Unfinished, first_run, prove_identity,
};
use crate::database::facts::{self as database_facts, DatabaseFacts};
use crate::database::{DatabaseError, Endpoint, Login, connect};
use crate::error::{Error, Result};
use crate::facts::Layout;
use crate::facts::bundle;
use crate::facts::cluster::ClusterFacts;
use crate::facts::clusters::ClusterStatus;
use crate::facts::embedded::{self, EmbeddedFacts};
use crate::facts::system::{self, SystemFacts};
use crate::health::Verification;
use crate::health::advisories::Version;
use crate::host::{Host, Lock};
use crate::plan::{self, DataFacts, Plan, Refusal, Step, UndoStep};
use crate::settings::{Identifier, Settings, Target};

/// Most server plans in a row: read the package lists, install, and one to see that nothing is missing.
const ROUNDS: usize = 4;

/// One installation: settings on a machine.
#[derive(Debug)]
pub struct Installation<'a> {
    pub host: &'a Host,
    pub settings: &'a Settings,
    pub layout: Layout,
}

/// What is known of the machine, by target.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineFacts {
    Embedded(Box<EmbeddedFacts>),
    System(Box<SystemFacts>),
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
        })
    }

    pub async fn machine_facts(&self) -> Result<MachineFacts> {
        Ok(match self.settings.target {
            Target::Embedded => {
                MachineFacts::Embedded(Box::new(embedded::gather(self.host, self.settings).await?))
            }
            Target::System => {
                let mut facts = system::gather(self.host, self.settings).await?;
                facts.unfinished_installation = self.made()?.iter().any(is_unfinished_installation);
                MachineFacts::System(Box::new(facts))
            }
        })
    }

    /// What `up` would do now. Changes nothing.
    pub async fn plan(&self) -> Result<Plans> {
        self.refuse_links()?;
        let facts = self.machine_facts().await?;
        let server = self.server_plan(&facts)?;
        let database = match self.server(&facts).await {
            Ok(Some(server)) => self.database_facts(&server).await?,
            // A plan can be looked at by anybody; without a way in it is the plan for a server that has nothing of ours.
            Ok(None) | Err(Error::Refused(Refusal::Privilege { .. })) => self.no_database(),
            Err(error) => return Err(error),
        };
        let database = plan::database::database_plan(&database, self.settings, &self.layout.credentials)?;
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
        }
    }

    /// How the server is reached, if it runs and is proven to be ours.
    pub async fn server(&self, facts: &MachineFacts) -> Result<Option<Server>> {
        match facts {
            MachineFacts::Embedded(facts) => match &facts.cluster {
                ClusterFacts::Present(cluster) if cluster.running.is_some() => {
                    prove_identity(self.host, cluster, &self.layout.data).await?;
                    Ok(Some(Server::embedded(cluster)))
                }
                _ => Ok(None),
            },
            MachineFacts::System(facts) => self.system_server(facts),
        }
    }

    /// The operating system's cluster, reached as its owner: its own rules let nobody else be the administrator.
    fn system_server(&self, facts: &SystemFacts) -> Result<Option<Server>> {
        let chosen = facts.chosen_cluster(self.settings);
        let Some(cluster) = chosen.filter(|cluster| cluster.status == ClusterStatus::Online) else {
            return Ok(None);
        };
        plan::system::permitted(facts, self.settings, &Plan::default())?;
        let Some(owner) = self.host.account_named(&cluster.owner) else {
            return Ok(None);
        };
        let relay = Relay::open(self.host, &cluster.socket_directory, cluster.port, &owner)?;
        Ok(Some(Server {
            endpoint: relay.endpoint(),
            administrator: Login::Administrator { role: cluster.owner },
            application: Endpoint::Tcp {
                host: "127.0.0.1".into(),
                port: cluster.port,
            },
            relay: Some(Arc::new(relay)),
        }))
    }

    /// Whether this user may do what the plan says; asked before anything is made.
    ///
    /// # Errors
    /// [`Refusal::Privilege`] with every step that needs what is not there.
    pub async fn permitted(&self, plans: &Plans) -> Result<()> {
        if self.settings.target == Target::Embedded {
            return Ok(());
        }
        match self.machine_facts().await? {
            MachineFacts::System(facts) => Ok(plan::system::permitted(&facts, self.settings, &plans.server)?),
            MachineFacts::Embedded(_) => Ok(()),
        }
    }

    fn no_database(&self) -> DatabaseFacts {
        DatabaseFacts {
            credentials_exist: self.host.exists(&self.layout.credentials),
            ..DatabaseFacts::default()
        }
    }

    pub async fn database_facts(&self, server: &Server) -> Result<DatabaseFacts> {
        let mut connection = connect(&server.endpoint, &server.administrator, "postgres").await?;
        let mut facts = database_facts::server(&mut connection, self.settings).await?;
        facts.credentials_exist = self.host.exists(&self.layout.credentials);
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
        // The directories that the receipt needed are made already.
        let is_made =
            |step: &&Step| matches!(step, Step::CreateDirectory { path, .. } if self.host.exists(path));
        engine.total = shown.step_count() - shown.server.steps.iter().filter(is_made).count();
        let mut steps = 0;
        // One round is enough but for a package manager that has to read its lists before it can be asked.
        for _ in 0..ROUNDS {
            let facts = self.machine_facts().await?;
            let plan = self.server_plan(&facts)?;
            if plan.is_empty() {
                engine.server = self.server(&facts).await?;
                break;
            }
            if steps > 0 && !progress.agrees(&plan).await? {
                return Err(ApplyError::Declined.into());
            }
            engine.apply(&plan).await?;
            steps += plan.steps.len();
        }
        let server = engine
            .server
            .clone()
            .ok_or_else(|| crate::plan::Refusal::Blocked {
                fact: "the server is not running".into(),
                hint: "pgvector-setup start".into(),
            })?;
        let facts = self.database_facts(&server).await?;
        let database_plan = plan::database::database_plan(&facts, self.settings, &self.layout.credentials)?;
        engine.apply(&database_plan).await?;
        let verification = engine.verification.take();
        Ok(Done {
            steps: steps + database_plan.steps.len(),
            verification,
            server,
        })
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

    /// The server, or a refusal with the command that starts it.
    pub async fn running_server(&self) -> Result<Server> {
        let facts = self.machine_facts().await?;
        let refused = || Refusal::Blocked {
            fact: "the server is not running".into(),
            hint: "pgvector-setup start".into(),
        };
        Ok(self.server(&facts).await?.ok_or_else(refused)?)
    }

    /// A session as the application's role, with the version of the extension there.
    pub async fn application(&self) -> Result<(sqlx::PgConnection, Option<Version>)> {
        let server = self.running_server().await?;
        apply::database::application(self.host, self.settings, &self.layout, &server).await
    }

    /// A client program: the one beside the server, else the machine's.
    pub async fn client(&self, name: &str) -> Result<Option<std::path::PathBuf>> {
        let ClusterFacts::Present(cluster) = crate::facts::cluster::gather(self.host, &self.layout)? else {
            return Ok(self.host.which(name));
        };
        let bundled = crate::facts::bundle::binaries(&self.layout, cluster.major).join(name);
        Ok(if self.host.exists(&bundled) {
            Some(bundled)
        } else {
            self.host.which(name)
        })
    }

    /// What an undo would do now. Changes nothing.
    pub async fn undo_plan(&self, destroy: bool) -> Result<Vec<UndoStep>> {
        let made = self.made()?;
        if made.is_empty() {
            return Ok(Vec::new());
        }
        let facts = self.machine_facts().await?;
        let server = self.server(&facts).await?;
        let data = self.data_facts(&made, server.as_ref(), destroy).await?;
        Ok(plan::undo_plan(&made, &data, self.settings)?)
    }

    async fn data_facts(&self, made: &[Made], server: Option<&Server>, destroy: bool) -> Result<DataFacts> {
        let mut data = DataFacts {
            destroy,
            ..DataFacts::default()
        };
        match self.settings.target {
            Target::Embedded => {
                data.other_instances = self.host.list(&self.layout.root.join("instances"));
                data.other_instances
                    .retain(|name| name != self.settings.instance.as_str() && !name.starts_with('.'));
            }
            Target::System => {
                if let Some(server) = server {
                    self.system_data(made, server, &mut data).await?;
                }
            }
        }
        Ok(data)
    }

    async fn system_data(&self, made: &[Made], server: &Server, data: &mut DataFacts) -> Result<()> {
        let mut ours = Vec::new();
        for entry in made {
            data.held.extend(self.held_by(&entry.step, server).await?);
            if let Step::CreateDatabase { database, .. }
            | Step::Migrate {
                database, version: 1, ..
            } = &entry.step
            {
                ours.push(database.to_string());
            }
        }
        let mut connection = connect(&server.endpoint, &server.administrator, "postgres").await?;
        for name in database_facts::databases(&mut connection).await? {
            if ours.contains(&name) {
                continue;
            }
            let mut connection = connect(&server.endpoint, &server.administrator, &name).await?;
            let is_untouched = name == "postgres"
                && database_facts::tables_with_rows(&mut connection)
                    .await?
                    .is_empty();
            if database_facts::has_extension(&mut connection).await? {
                data.extension_users.push(name.clone());
            }
            if !is_untouched {
                data.other_databases.push(name);
            }
        }
        Ok(())
    }

    /// What a step's object holds by now.
    async fn held_by(&self, step: &Step, server: &Server) -> Result<Vec<String>> {
        let connect = |database: &Identifier| {
            let database = database.as_str().to_owned();
            async move { connect(&server.endpoint, &server.administrator, &database).await }
        };
        match step {
            Step::CreateDatabase { database, .. } => match connect(database).await {
                Ok(mut connection) => database_facts::tables_with_rows(&mut connection).await,
                // It is gone already, and nothing with it.
                Err(DatabaseError::Login { .. }) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            },
            Step::Migrate {
                database,
                table,
                version,
                ..
            } => match connect(database).await {
                Ok(mut connection) => {
                    database_facts::held_by_migration(&mut connection, table, *version).await
                }
                Err(DatabaseError::Login { .. }) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            },
            _ => Ok(Vec::new()),
        }
    }

    /// Undoes what the receipt says was made; returns how many steps and what stays.
    pub async fn undo(&self, destroy: bool, progress: &dyn Progress) -> Result<(usize, Vec<String>)> {
        let (_lock, mut receipt) = self.open("rollback")?;
        let steps = self.undo_plan(destroy).await?;
        let facts = self.machine_facts().await?;
        let server = self.server(&facts).await?;
        let mut engine = self.engine(&mut receipt, progress, server);
        let kept = apply::undo(&mut engine, &steps).await?;
        Ok((steps.len(), kept))
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
            verification: None,
        }
    }
}

/// Whether the receipt shows that we were cut off while a package manager worked for us.
fn is_unfinished_installation(entry: &Made) -> bool {
    entry.outcome.is_none()
        && matches!(
            entry.step,
            Step::InstallPackages { .. } | Step::ConfigurePackages { .. }
        )
}
