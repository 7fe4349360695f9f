//! Starting a project's server, and waiting until it answers: by what the engine and the container tell, not by asking over and
//! over.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::failure::{DockerError, LINES_TOLD, short};
use super::removal::stop_containers;
use crate::apply::engine::Engine;
use crate::apply::{ApplyError, Outcome, interrupt};
use crate::error::Result;
use crate::facts::docker::{self, Container, Health, PROJECT, SERVICE};
use crate::host::{Following, HostError};
use crate::plan::Step;

/// Longest that compose may take: it makes a network, volumes and a container.
const COMPOSE: Duration = Duration::from_secs(300);
/// Longest from a started container to a server that answers: an empty volume is filled, or a crash recovered from.
const READY: Duration = Duration::from_secs(600);

pub async fn start(engine: &Engine<'_>, step: &Step) -> Result<Outcome> {
    let Step::StartProject {
        engine: program,
        project,
        directory,
        argv,
        ..
    } = step
    else {
        return Ok(Outcome::AlreadyThere);
    };
    // Events are told from here on, whenever the engine comes to hear who asks.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let command = docker::command(engine.host, argv[0].as_ref(), "start the server's container")
        .arguments(&argv[1..])
        .directory(directory)
        .deadline(COMPOSE);
    let port = engine
        .settings
        .port
        .unwrap_or(crate::render::compose::DEFAULT_PORT);
    let composing = engine.host.follow(&command)?.to_the_end(|line| {
        if !line.trim().is_empty() {
            engine.progress.waits(line.trim());
        }
    });
    match composing.await {
        Ok(()) => {}
        Err(HostError::Failed { output, .. }) => {
            return Err(ApplyError::from(DockerError::compose(&output.stderr, port)).into());
        }
        Err(error) => return Err(error.into()),
    }
    let Some(container) = server(engine, program, project).await? else {
        let cause = "it ended well, and made no container".to_owned();
        return Err(ApplyError::from(DockerError::compose(&cause, port)).into());
    };
    Wait {
        engine,
        program,
        since,
        container,
    }
    .until_ready()
    .await?;
    // Also where it ran already: what an earlier run owed is done by now, and the receipt has to say so.
    Ok(Outcome::Changed { object: None })
}

async fn server(engine: &Engine<'_>, program: &Path, project: &str) -> Result<Option<Container>> {
    let list = docker::command(engine.host, program, "find the server's container")
        .arguments(["container", "ls", "--all", "--quiet", "--no-trunc", "--filter"])
        .argument(format!("label={PROJECT}={project}"));
    let ids = engine.host.run(&list).await?.stdout;
    let ids: Vec<&str> = ids.split_whitespace().collect();
    let containers = docker::inspect(engine.host, program, &ids).await?;
    Ok(containers
        .into_iter()
        .find(|container| container.service == SERVICE))
}

struct Wait<'a, 'e> {
    engine: &'a Engine<'e>,
    program: &'a Path,
    since: Duration,
    container: Container,
}

impl Wait<'_, '_> {
    /// The container's log tells when the server takes connections, the engine's events when it ends or gets well. Either
    /// is only a reason to look: the server's own answer counts.
    async fn until_ready(mut self) -> Result<()> {
        let (mut log, mut events) = (Some(self.log()?), Some(self.events()?));
        let until = Instant::now() + READY;
        self.engine.progress.waits(&format!(
            "container {} is started; waiting for its server to answer",
            short(&self.container.id)
        ));
        while !self.is_ready().await? {
            tokio::select! {
                told = next(&mut log, |line| line.contains("ready to accept connections")) => told?,
                told = next(&mut events, |_| true) => told?,
                exit = interrupt::wait() => return Err(ApplyError::Interrupted { exit }.into()),
                () = tokio::time::sleep_until(until.into()) => return Err(self.failed().await?),
            }
        }
        Ok(())
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// [`DockerError::Server`] once the container has ended or its health check has failed.
    async fn is_ready(&mut self) -> Result<bool> {
        let restarts = self.container.restarts;
        let found = docker::inspect(self.engine.host, self.program, &[&self.container.id]).await?;
        match found.into_iter().next() {
            Some(container) => self.container = container,
            None => return Err(self.failed().await?),
        }
        if !self.container.is_running() || self.container.restarts > restarts {
            return Err(self.failed().await?);
        }
        let Some((address, port)) = self.container.published else {
            return Ok(self.container.health == Health::Healthy);
        };
        if docker::is_ready(address, port).await {
            return Ok(true);
        }
        if self.container.health == Health::Unhealthy {
            return Err(self.failed().await?);
        }
        Ok(false)
    }

    /// What went wrong. A container that the engine would start over and over is stopped.
    async fn failed(&self) -> Result<crate::Error> {
        let program = self.program.display().to_string();
        let lines = docker::command(self.engine.host, self.program, "read the container's last lines")
            .arguments(["logs", "--tail", &LINES_TOLD.to_string(), &self.container.id]);
        let said = self.engine.host.run(&lines).await;
        let log = said
            .map(|said| format!("{}{}", said.stdout, said.stderr))
            .unwrap_or_default();
        if !self.container.is_running() || self.container.restarts > 0 {
            stop_containers(
                self.engine.host,
                self.program,
                std::slice::from_ref(&self.container.id),
            )
            .await?;
        }
        Ok(ApplyError::from(DockerError::server(&self.container, &program, &log)).into())
    }

    fn log(&self) -> Result<Following> {
        let log = docker::command(self.engine.host, self.program, "follow the server's log")
            .arguments(["logs", "--follow", &self.container.id])
            .deadline(READY);
        Ok(self.engine.host.follow(&log)?)
    }

    fn events(&self) -> Result<Following> {
        let since = format!("{}.{:09}", self.since.as_secs(), self.since.subsec_nanos());
        let events = docker::command(self.engine.host, self.program, "follow the engine's events")
            .arguments(["events", "--since", &since, "--filter"])
            .argument(format!("container={}", self.container.id))
            .arguments(["--filter", "event=die", "--filter", "event=health_status"])
            .deadline(READY);
        Ok(self.engine.host.follow(&events)?)
    }
}

/// Ends with the next line that counts, or once the child has ended, which counts as well; never again after that.
async fn next(followed: &mut Option<Following>, counts: impl Fn(&str) -> bool) -> Result<()> {
    let Some(following) = followed else {
        return std::future::pending().await;
    };
    while let Some(line) = following.next().await? {
        if counts(&line) {
            return Ok(());
        }
    }
    *followed = None;
    Ok(())
}
