//! Runs the steps of target `system` that are Homebrew's, as the user who owns it, each by the command line that the plan
//! showed.

mod failure;
mod removal;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use failure::{BrewCause, BrewError};
pub use removal::{remove_packages, stop_service};

use super::apt::Waits;
use super::{ApplyError, Outcome};
use crate::error::Result;
use crate::facts::brew::{command, kegs};
use crate::facts::cluster;
use crate::host::{Command, Host, HostError, Output};
use crate::plan::Step;

/// A formula without a bottle is compiled, with what it needs to be compiled.
const INSTALL_DEADLINE: Duration = Duration::from_secs(3 * 60 * 60);
const SERVICE_DEADLINE: Duration = Duration::from_secs(2 * 60);
/// A server that was killed replays its log first.
const READY_DEADLINE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);

/// Does one step of a server plan.
///
/// # Errors
/// [`BrewError`] where brew failed, [`ApplyError::NotReady`] where it started a server that does not answer.
pub async fn run_step(host: &Host, step: &Step, waits: Waits<'_>) -> Result<Outcome> {
    match step {
        Step::InstallPackages { argv, .. } => install(host, argv, waits).await,
        Step::UpgradePackage { argv, .. } => {
            waits("brew downloads or compiles, which may take minutes");
            run(host, argv, "upgrade by Homebrew", INSTALL_DEADLINE).await?;
            Ok(Outcome::Changed { object: None })
        }
        Step::StartService { cluster, argv, .. } => start(host, cluster, argv, waits).await,
        _ => Ok(Outcome::Changed { object: None }),
    }
}

/// Installs; the outcome names every formula that has a keg now and had none before, because brew also installs what the
/// plan cannot know (a compiler, a newer C library).
async fn install(host: &Host, argv: &[String], waits: Waits<'_>) -> Result<Outcome> {
    let place = place(host).await?;
    let before = kegs(host, &place.cellar);
    waits("brew downloads or compiles, which may take minutes");
    run(host, argv, "install by Homebrew", INSTALL_DEADLINE).await?;
    let mut after = kegs(host, &place.cellar);
    after.retain(|name| !before.contains(name));
    Ok(Outcome::Changed {
        object: Some(after.join(" ")),
    })
}

/// Starts a service and waits until its server says that it accepts connections.
async fn start(host: &Host, formula: &str, argv: &[String], waits: Waits<'_>) -> Result<Outcome> {
    let place = place(host).await?;
    run(host, argv, "start the service", SERVICE_DEADLINE).await?;
    let data = place.data(formula);
    let began = Instant::now();
    let mut is_told = false;
    while !cluster::is_ready(host, &data) {
        if began.elapsed() > READY_DEADLINE {
            let log = place.prefix.join("var/log").join(format!("{formula}.log"));
            return Err(not_ready(host, log).into());
        }
        if began.elapsed() > Duration::from_secs(3) && !is_told {
            waits("the server is still starting; after a crash it replays its log first");
            is_told = true;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(Outcome::Changed { object: None })
}

fn not_ready(host: &Host, log: PathBuf) -> ApplyError {
    let text = host.read_text(&log).ok().flatten().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    ApplyError::NotReady {
        seconds: READY_DEADLINE.as_secs(),
        said: last.iter().map(|line| format!("\n  | {line}")).collect(),
        log,
    }
}

/// Runs brew by a step's command line.
async fn run(host: &Host, argv: &[String], purpose: &str, deadline: Duration) -> Result<Output> {
    match host.run(&step_command(host, argv, purpose, deadline)).await {
        Ok(output) => Ok(output),
        Err(HostError::Failed { command, output, .. }) => {
            Err(ApplyError::Brew(BrewError::from_output(command, &output)).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn step_command(host: &Host, argv: &[String], purpose: &str, deadline: Duration) -> Command {
    let (program, arguments) = argv
        .split_first()
        .map_or(("", [].as_slice()), |(program, rest)| (program, rest));
    command(host, Path::new(program), purpose)
        .arguments(arguments)
        .deadline(deadline)
}

/// Where brew keeps things now.
struct Place {
    program: PathBuf,
    prefix: PathBuf,
    cellar: PathBuf,
}

impl Place {
    fn data(&self, formula: &str) -> PathBuf {
        self.prefix.join("var").join(formula)
    }
}

async fn place(host: &Host) -> Result<Place> {
    let found = crate::facts::brew::place(host).await?;
    let found = found.filter(|facts| facts.is_ours);
    let facts = found.ok_or(ApplyError::Brew(BrewError::Absent))?;
    Ok(Place {
        program: facts.program,
        prefix: facts.prefix,
        cellar: facts.cellar,
    })
}
