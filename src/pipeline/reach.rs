//! How the server of an installation is reached, and what is asked through it.

use std::sync::Arc;

use super::{Installation, MachineFacts};
use crate::apply::relay::Relay;
use crate::apply::{Server, prove_identity};
use crate::database::index::Budget;
use crate::database::remote::{self, RemoteFacts};
use crate::database::{DatabaseError, Endpoint, Login, connect};
use crate::error::Result;
use crate::facts::cluster::{self, ClusterFacts};
use crate::facts::clusters::ClusterStatus;
use crate::facts::docker::{self, DockerFacts};
use crate::facts::network::Service;
use crate::facts::system::SystemFacts;
use crate::plan::{self, Plan, Refusal};
use crate::settings::{Identifier, Target};

impl Installation<'_> {
    /// How the server is reached, if it runs and is proven to be ours.
    pub async fn server(&self, facts: &MachineFacts) -> Result<Option<Server>> {
        match facts {
            MachineFacts::Embedded(facts) => match &facts.cluster {
                ClusterFacts::Present(cluster) if cluster.running.is_some() => {
                    let data = &self.layout.data;
                    match prove_identity(self.host, cluster, data).await {
                        Ok(()) => Ok(Some(Server::embedded(self.host, cluster))),
                        // It began to stop while it was asked, as a run that was killed may have told it to.
                        Err(_) if !cluster::is_ready(self.host, data) => {
                            cluster::settle(self.host, data).await;
                            Ok(None)
                        }
                        Err(error) => Err(error),
                    }
                }
                _ => Ok(None),
            },
            MachineFacts::System(facts) => self.system_server(facts),
            MachineFacts::Docker(facts) => self.docker_server(facts).await,
            MachineFacts::Url(facts) => Ok(self.url_server(facts)),
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
        let answer = cluster.answer.given();
        let role = answer.map_or_else(|| cluster.owner.clone(), |answer| answer.administrator.clone());
        let port = cluster.port;
        let service = Service {
            cluster: cluster.clone(),
            systemd: facts.systemd,
            elevation: facts.elevation,
        };
        let application = if answer.is_none_or(|answer| answer.listens_on_loopback) {
            let host = "127.0.0.1".into();
            Endpoint::Tcp { host, port }
        } else {
            let directory = cluster.socket_directory;
            Endpoint::Socket { directory, port }
        };
        Ok(Some(Server {
            endpoint: relay.endpoint(),
            administrator: Login::Administrator { role },
            owner: Some(cluster.owner),
            service: Some(service),
            application,
            relay: Some(Arc::new(relay)),
            maintenance: "postgres".into(),
            budget: Some(Budget::of_machine(self.host.available_memory())),
        }))
    }

    /// The server in our container, reached as its superuser through the port that the engine says it publishes. It is ours if
    /// it can prove to know the password that its volume was made with: SCRAM is mutual, and nothing but SCRAM is answered.
    async fn docker_server(&self, facts: &DockerFacts) -> Result<Option<Server>> {
        let Some((container, address, port)) = facts.ready_server() else {
            return Ok(None);
        };
        let file = facts.project.administrator_password();
        if container.directory != facts.project.directory || !self.host.exists(&file) {
            return Ok(None);
        }
        let password = self.host.read_password(&file)?;
        let endpoint = Endpoint::Tcp {
            host: address.to_string(),
            port,
        };
        let administrator = Login::User {
            role: Identifier::new(docker::ADMINISTRATOR)?,
            password: Some(password),
            is_pinned: true,
        };
        let maintenance = docker::ADMINISTRATOR.to_owned();
        match connect(&endpoint, &administrator, &maintenance).await {
            Ok(_) => {}
            Err(DatabaseError::Login { code, message }) if code == "28P01" => {
                let volume = container.volumes.first().map_or("of its data", String::as_str);
                return Err(plan::docker::refusal_of_password(facts, volume, &message).into());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Some(Server {
            application: endpoint.clone(),
            endpoint,
            administrator,
            relay: None,
            maintenance,
            owner: None,
            service: None,
            budget: Some(Budget::of_shared_memory(container.shared_memory)),
        }))
    }

    pub(super) fn url_server(&self, facts: &RemoteFacts) -> Option<Server> {
        let url = self.settings.server_url.as_ref()?;
        let endpoint = Endpoint::Server(facts.endpoint(url));
        Some(Server {
            application: endpoint.clone(),
            endpoint,
            administrator: remote::administrator(url),
            relay: None,
            maintenance: facts.maintenance.clone(),
            owner: None,
            service: None,
            budget: None,
        })
    }

    /// The server, or a refusal with the command that starts it.
    pub async fn running_server(&self) -> Result<Server> {
        self.running(&self.machine_facts().await?).await
    }

    /// # Errors
    /// As [`Installation::answering`]; [`Refusal::Blocked`] behind a pooler that shares sessions, before anything is changed there.
    pub async fn running(&self, facts: &MachineFacts) -> Result<Server> {
        if let MachineFacts::Url(remote) = facts {
            plan::url::refuse_pooler(remote)?;
        }
        self.answering(facts).await
    }

    /// The same, behind any pooler: for what leaves nothing behind on a session.
    ///
    /// # Errors
    /// [`Refusal::Blocked`] with the command that starts the server, or makes one.
    pub async fn answering(&self, facts: &MachineFacts) -> Result<Server> {
        let refused = || match facts {
            MachineFacts::Embedded(facts) if facts.cluster == ClusterFacts::Absent => self.no_instance(),
            _ => Refusal::Blocked {
                fact: "the server is not running".into(),
                hint: "pgvector-setup start".into(),
            },
        };
        Ok(self.server(facts).await?.ok_or_else(refused)?)
    }

    /// What is said where nothing was ever set up, or sites alone.
    pub fn no_instance(&self) -> Refusal {
        let fact = format!(
            "there is no instance {} in {}",
            self.settings.instance,
            self.layout.root.display()
        );
        let sites = self.host.list(&self.layout.root.join("sites"));
        match sites.first() {
            None => Refusal::Blocked {
                fact,
                hint: "pgvector-setup up".into(),
            },
            Some(site) => Refusal::Blocked {
                fact: format!("{fact}; it has sites: {}", sites.join(", ")),
                hint: format!("pgvector-setup site status --domain {site}"),
            },
        }
    }

    /// A client program: the one beside the server, else the machine's.
    pub async fn client(&self, name: &str) -> Result<Option<std::path::PathBuf>> {
        if let Some(program) = self.kegs_client(name).await? {
            return Ok(Some(program));
        }
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

    /// The client beside a server of Homebrew's: its kegs are not in the search path, and what is may be another major's.
    async fn kegs_client(&self, name: &str) -> Result<Option<std::path::PathBuf>> {
        if self.settings.target != Target::System {
            return Ok(None);
        }
        let MachineFacts::System(facts) = self.machine_facts().await? else {
            return Ok(None);
        };
        let server = facts.brew.as_ref().zip(facts.chosen_cluster(self.settings));
        let program = server.map(|(brew, cluster)| brew.client(cluster.major, name));
        Ok(program.filter(|program| self.host.exists(program)))
    }
}
