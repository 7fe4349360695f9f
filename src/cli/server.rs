//! The embedded server's life: start, stop, status, destroy.

use super::Ui;
use super::arguments::Destruction;
use super::rollback::consented_name;
use crate::apply::stop_cluster;
use crate::error::{Exit, Result};
use crate::facts::cluster::{self, ClusterFacts};
use crate::pipeline::Installation;
use crate::plan::Refusal;
use crate::settings::{SettingsError, Target};

fn embedded_only(installation: &Installation<'_>) -> Result<()> {
    if installation.settings.target == Target::Embedded {
        return Ok(());
    }
    Err(SettingsError::Conflict {
        first: "this command".into(),
        second: "--target system".into(),
        reason: "the operating system starts and stops its own service",
    }
    .into())
}

pub(super) async fn start(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    embedded_only(installation)?;
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
    data: std::path::PathBuf,
    detail: Option<String>,
}

pub(super) async fn status(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    let facts = installation.machine_facts().await?;
    let (state, detail) = match installation.server(&facts).await {
        Ok(Some(_)) => ("running", None),
        Ok(None) => match cluster::gather(installation.host, &installation.layout)? {
            ClusterFacts::Absent => ("absent", None),
            ClusterFacts::Present(_) => ("stopped", None),
            ClusterFacts::Unusable { why } => ("unusable", Some(why)),
        },
        Err(error) => ("not ours", Some(error.to_string())),
    };
    let cluster = match cluster::gather(installation.host, &installation.layout)? {
        ClusterFacts::Present(cluster) => Some(cluster),
        _ => None,
    };
    let status = Status {
        schema: 1,
        target: installation.settings.target,
        instance: installation.settings.instance.to_string(),
        state,
        process: cluster.as_ref().and_then(|cluster| cluster.running),
        port: cluster.as_ref().map(|cluster| cluster.port),
        postgres_major: cluster.as_ref().map(|cluster| cluster.major),
        data: installation.layout.data.clone(),
        detail,
    };
    if ui.is_json() {
        ui.json(&status);
    } else {
        ui.print(status.text());
    }
    Ok(if state == "running" {
        Exit::Done
    } else {
        Exit::Unhealthy
    })
}

impl Status {
    fn text(&self) -> String {
        let number = |value: Option<u32>| value.map_or("-".to_owned(), |value| value.to_string());
        let mut lines = vec![
            format!("instance:   {}", self.instance),
            format!("state:      {}", self.state),
            format!("process:    {}", number(self.process)),
            format!("port:       {}", number(self.port.map(u32::from))),
            format!("postgresql: {}", number(self.postgres_major.map(u32::from))),
            format!("data:       {}", self.data.display()),
        ];
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
