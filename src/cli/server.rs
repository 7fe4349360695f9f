//! The embedded server's life: start, stop, status, destroy.

use std::path::PathBuf;

use super::Ui;
use super::arguments::Destruction;
use super::rollback::consented_name;
use crate::apply::stop_cluster;
use crate::error::{Exit, Result};
use crate::facts::cluster::{self, ClusterFacts};
use crate::facts::clusters::ClusterStatus;
use crate::pipeline::{Installation, MachineFacts};
use crate::plan::Refusal;
use crate::settings::{SettingsError, Target};

fn embedded_only(installation: &Installation<'_>) -> Result<()> {
    if installation.settings.target == Target::Embedded {
        return Ok(());
    }
    Err(SettingsError::Conflict {
        first: "this command".into(),
        second: format!("--target {}", installation.settings.target),
        reason: match installation.settings.target {
            Target::Url => "a server elsewhere is not ours to start, stop or destroy; rollback takes back what up made in it",
            _ => "the operating system starts and stops its own service",
        },
    }
    .into())
}

pub(super) async fn start(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    embedded_only(installation)?;
    cluster::settle(installation.host, &installation.layout.data).await;
    match cluster::gather(installation.host, &installation.layout)? {
        ClusterFacts::Absent => Err(no_instance(installation).into()),
        ClusterFacts::Present(cluster) if cluster.running.is_some() => {
            ui.say("the server runs already");
            Ok(Exit::Done)
        }
        _ => {
            installation.start(ui).await?;
            ui.say("the server runs");
            Ok(Exit::Done)
        }
    }
}

pub(super) async fn stop(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    embedded_only(installation)?;
    if cluster::gather(installation.host, &installation.layout)? == ClusterFacts::Absent {
        return Err(no_instance(installation).into());
    }
    let layout = &installation.layout;
    let _lock = installation.host.lock(&layout.lock, "stop")?;
    match stop_cluster(installation.host, &layout.data, &layout.start_log, ui).await? {
        crate::apply::Outcome::AlreadyThere => ui.say("the server is not running"),
        _ => ui.say("the server is stopped"),
    }
    Ok(Exit::Done)
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
            MachineFacts::Docker(_) => {}
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
    embedded_only(installation)?;
    if cluster::gather(installation.host, &installation.layout)? == ClusterFacts::Absent {
        return Err(no_instance(installation).into());
    }
    consented_name(installation, destruction, true, ui).await?;
    super::rollback::undo_all(installation, true, ui).await
}

fn no_instance(installation: &Installation<'_>) -> Refusal {
    Refusal::Blocked {
        fact: format!(
            "there is no instance {} in {}",
            installation.settings.instance,
            installation.layout.root.display()
        ),
        hint: "pgvector-setup up".into(),
    }
}
