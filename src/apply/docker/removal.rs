//! Stopping and removing what a project has in the engine. By its label, whichever compose made it and whether or not its files
//! are still there; `compose down` would leave the containers of profiles that are not named.

use std::path::Path;
use std::time::Duration;

use crate::apply::{Outcome, Progress};
use crate::error::Result;
use crate::facts::docker::{self, PROJECT};
use crate::host::{Command, Host, HostError, Output};

/// What a server may take to end its sessions and write a checkpoint, and the engine to say so.
const STOP: Duration = Duration::from_secs(120);
const GRACE_SECONDS: &str = "60";

/// Stops every container of a project that runs.
pub async fn stop(host: &Host, program: &Path, project: &str, progress: &dyn Progress) -> Result<Outcome> {
    let running = list(host, program, &["container", "ls"], project).await?;
    if running.is_empty() {
        return Ok(Outcome::AlreadyThere);
    }
    progress.waits("the server ends its sessions and writes a checkpoint");
    stop_containers(host, program, &running).await?;
    Ok(Outcome::Changed { object: None })
}

pub(super) async fn stop_containers(host: &Host, program: &Path, ids: &[String]) -> Result<()> {
    let stop = docker::command(host, program, "stop the project's containers")
        .arguments(["container", "stop", "--time", GRACE_SECONDS])
        .arguments(ids)
        .deadline(STOP);
    host.run(&stop).await?;
    Ok(())
}

/// Stops and removes the containers and networks of a project, and with consent its volumes but for those in `before`. Says
/// what stays, and why.
pub async fn remove_containers(
    host: &Host,
    program: &Path,
    project: &str,
    before: &[String],
    destroy: bool,
    progress: &dyn Progress,
) -> Result<Option<String>> {
    stop(host, program, project, progress).await?;
    let containers = list(host, program, &["container", "ls", "--all"], project).await?;
    remove(host, program, &["container", "rm"], &containers).await?;
    let networks = list(host, program, &["network", "ls"], project).await?;
    remove(host, program, &["network", "rm"], &networks).await?;
    let mut volumes = list(host, program, &["volume", "ls"], project).await?;
    volumes.retain(|name| !before.contains(name));
    if volumes.is_empty() {
        return Ok(None);
    }
    if !destroy {
        let names = volumes.join(", ");
        return Ok(Some(format!(
            "the volumes {names}: data is only removed with --destroy-data"
        )));
    }
    remove(host, program, &["volume", "rm"], &volumes).await?;
    Ok(None)
}

/// Removes an image that we pulled, unless something uses it.
pub async fn remove_image(host: &Host, program: &Path, image: &str) -> Result<Option<String>> {
    let removal = docker::command(host, program, "remove the image that was pulled")
        .arguments(["image", "rm", image])
        .deadline(STOP);
    match host.run(&removal).await {
        Ok(_) => Ok(None),
        Err(HostError::Failed { output, .. }) if is_gone(&output) => Ok(None),
        Err(HostError::Failed { .. }) => Ok(Some(format!("the image {image}: other containers use it"))),
        Err(error) => Err(error.into()),
    }
}

async fn list(host: &Host, program: &Path, words: &[&str], project: &str) -> Result<Vec<String>> {
    let list = docker::command(host, program, "list what the project has")
        .arguments(words)
        .arguments(["--quiet", "--filter"])
        .argument(format!("label={PROJECT}={project}"));
    let names = host.run(&list).await?.stdout;
    Ok(names.split_whitespace().map(str::to_owned).collect())
}

async fn remove(host: &Host, program: &Path, words: &[&str], names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let removal: Command = docker::command(host, program, "remove what the project has")
        .arguments(words)
        .arguments(names)
        .deadline(STOP);
    match host.run(&removal).await {
        Err(HostError::Failed { output, .. }) if is_gone(&output) => Ok(()),
        other => Ok(other.map(|_| ())?),
    }
}

/// Somebody else removed it meanwhile.
fn is_gone(output: &Output) -> bool {
    let said = output.stderr.to_lowercase();
    !said.is_empty()
        && said
            .lines()
            .all(|line| line.contains("no such") || line.contains("not found"))
}
