//! The life of a server of our own, embedded or in a container: start, stop, status, destroy.

use std::path::PathBuf;

use super::Ui;
use super::arguments::Destruction;
use super::rollback::consented_name;
use super::site;
use crate::apply::{Outcome, docker, stop_cluster};
use crate::error::{Exit, Result};
use crate::facts::cluster::{self, ClusterFacts};
use crate::facts::clusters::ClusterStatus;
use crate::facts::docker::DockerFacts;
use crate::pipeline::{Installation, MachineFacts};
use crate::plan;
use crate::settings::{SettingsError, Target};

/// # Errors
/// [`SettingsError::Conflict`] for a server that is not ours to start and stop.
fn own_only(installation: &Installation<'_>) -> Result<()> {
    let reason = match installation.settings.target {
        Target::Embedded | Target::Docker => return Ok(()),
        Target::Url => {
            "a server elsewhere is not ours to start, stop or destroy; rollback takes back what up made in it"
        }
        Target::System => "the operating system starts and stops its own service",
    };
    Err(SettingsError::Conflict {
        first: "this command".into(),
        second: format!("--target {}", installation.settings.target),
        reason,
    }
    .into())
}

pub(super) async fn start(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    own_only(installation)?;
    let is_running = match installation.machine_facts().await? {
        MachineFacts::Docker(facts) if facts.containers.is_empty() && facts.volumes.is_empty() => {
            return Err(installation.no_instance().into());
        }
        MachineFacts::Embedded(facts) if facts.cluster == ClusterFacts::Absent => {
            return Err(installation.no_instance().into());
        }
        MachineFacts::Docker(facts) => !facts.has_to_start(),
        MachineFacts::Embedded(facts) => {
            matches!(&facts.cluster, ClusterFacts::Present(cluster) if cluster.running.is_some())
        }
        MachineFacts::System(_) | MachineFacts::Url(_) => false,
    };
    if is_running {
        ui.say("the server runs already");
        return Ok(Exit::Done);
    }
    installation.start(ui).await?;
    ui.say("the server runs");
    Ok(Exit::Done)
}

pub(super) async fn stop(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    own_only(installation)?;
    let outcome = match installation.settings.target {
        Target::Docker => stop_project(installation, ui).await?,
        _ => stop_embedded(installation, ui).await?,
    };
    ui.say(match outcome {
        Outcome::AlreadyThere => "the server is not running",
        _ => "the server is stopped",
    });
    Ok(Exit::Done)
}

async fn stop_embedded(installation: &Installation<'_>, ui: &Ui) -> Result<Outcome> {
    if cluster::gather(installation.host, &installation.layout)? == ClusterFacts::Absent {
        return Err(installation.no_instance().into());
    }
    let layout = &installation.layout;
    let _lock = installation.host.lock(&layout.lock, "stop")?;
    stop_cluster(installation.host, &layout.data, &layout.start_log, ui).await
}

/// Every container of the project stops: an application without its database has nothing to do.
async fn stop_project(installation: &Installation<'_>, ui: &Ui) -> Result<Outcome> {
    let MachineFacts::Docker(facts) = installation.machine_facts().await? else {
        return Ok(Outcome::AlreadyThere);
    };
    let engine = plan::docker::answering(&facts)?;
    if facts.containers.is_empty() {
        return Err(installation.no_instance().into());
    }
    plan::docker::refuse_foreign(&facts)?;
    let _lock = installation.host.lock(&installation.layout.lock, "stop")?;
    docker::stop(installation.host, &engine.program, &facts.project.name, ui).await
}

/// What `status` reports; exit 0 while the server answers as ours, 1 while it does not.
#[derive(Debug, serde::Serialize)]
struct Status {
    schema: u32,
    target: Target,
    instance: String,
    state: &'static str,
    process: Option<u32>,
    port: Option<u16>,
    postgres_major: Option<u16>,
    data: Option<PathBuf>,
    detail: Option<String>,
}

pub(super) async fn status(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    let facts = installation.machine_facts().await?;
    let mut status = Status::of(installation, &facts);
    match installation.server(&facts).await {
        Ok(Some(_)) => status.state = "running",
        // The container runs, and its server does not answer yet, or any more.
        Ok(None) if status.state == "running" => status.state = "starting",
        Ok(None) => {}
        Err(error) if status.state == "running" => {
            status.state = "not ours";
            status.detail = Some(error.to_string());
        }
        Err(error) => status.detail = Some(error.to_string()),
    }
    if ui.is_json() {
        ui.json(&status);
    } else {
        ui.print(status.text());
    }
    Ok(if status.state == "running" {
        Exit::Done
    } else {
        Exit::Unhealthy
    })
}

impl Status {
    /// As the files and processes have it; whether the server is ours is asked of the server itself.
    fn of(installation: &Installation<'_>, facts: &MachineFacts) -> Self {
        let mut status = Self {
            schema: 1,
            target: installation.settings.target,
            instance: installation.settings.instance.to_string(),
            state: "absent",
            process: None,
            port: None,
            postgres_major: None,
            data: None,
            detail: None,
        };
        match facts {
            MachineFacts::Embedded(facts) => {
                status.data = Some(facts.layout.data.clone());
                match &facts.cluster {
                    ClusterFacts::Absent => {}
                    ClusterFacts::Unusable { why } => {
                        status.state = "unusable";
                        status.detail = Some(why.clone());
                    }
                    ClusterFacts::Present(cluster) => {
                        status.state = if cluster.running.is_some() {
                            "running"
                        } else {
                            "stopped"
                        };
                        status.process = cluster.running;
                        status.port = Some(cluster.port);
                        status.postgres_major = Some(cluster.major);
                    }
                }
            }
            MachineFacts::System(facts) => {
                if let Some(cluster) = facts.chosen_cluster(installation.settings) {
                    status.instance = format!("{}/{}", cluster.major, cluster.name);
                    status.state = if cluster.status == ClusterStatus::Online {
                        "running"
                    } else {
                        "stopped"
                    };
                    status.port = Some(cluster.port);
                    status.postgres_major = Some(cluster.major);
                    status.data = Some(cluster.data_directory);
                }
            }
            MachineFacts::Docker(facts) => status.of_project(facts),
            MachineFacts::Url(facts) => {
                status.instance = facts.address.clone();
                status.state = "running";
                status.port = installation.settings.server_url.as_ref().map(|url| url.port);
                status.postgres_major = u16::try_from(facts.version / 10_000).ok();
                let tls = facts.greeting.tls.as_deref().unwrap_or("no TLS");
                status.detail = Some(format!("{}, {tls}", facts.provider.name()));
            }
        }
        status
    }

    fn of_project(&mut self, facts: &DockerFacts) {
        self.data = Some(facts.project.directory.clone());
        self.postgres_major = facts.rendering.major;
        let Some(server) = facts.server() else {
            self.detail = plan::docker::answering(facts)
                .err()
                .map(|refusal| refusal.to_string());
            return;
        };
        self.state = if server.is_running() { "running" } else { "stopped" };
        self.port = server.published.map(|(_, port)| port);
        let id = server.id.get(..12).unwrap_or(&server.id);
        // What the last check said is stale in a container that is stopped.
        let health = match server.is_running() {
            true => format!(", {}", server.health.word()),
            false => String::new(),
        };
        self.detail = Some(format!(
            "project {}, container {id}, image {}{health}",
            facts.project.name, server.image
        ));
    }

    fn text(&self) -> String {
        let number = |value: Option<u32>| value.map_or("-".to_owned(), |value| value.to_string());
        let mut lines = vec![
            format!("instance:   {}", self.instance),
            format!("state:      {}", self.state),
            format!("process:    {}", number(self.process)),
            format!("port:       {}", number(self.port.map(u32::from))),
            format!("postgresql: {}", number(self.postgres_major.map(u32::from))),
        ];
        lines.extend(
            self.data
                .iter()
                .map(|data| format!("data:       {}", data.display())),
        );
        lines.extend(self.detail.iter().map(|detail| format!("detail:     {detail}")));
        lines.join("\n")
    }
}

pub(super) async fn destroy(
    installation: &Installation<'_>,
    destruction: &Destruction,
    ui: &Ui,
) -> Result<Exit> {
    own_only(installation)?;
    let is_absent = match installation.settings.target {
        Target::Docker => installation.made()?.is_empty(),
        _ => cluster::gather(installation.host, &installation.layout)? == ClusterFacts::Absent,
    };
    if is_absent {
        return Err(installation.no_instance().into());
    }
    site::tell_of_those_left_behind(installation, ui);
    consented_name(installation, destruction, true, ui).await?;
    super::rollback::undo_all(installation, true, ui).await
}
