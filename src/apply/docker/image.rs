//! Fetching the server's image.

use std::time::Duration;

use super::failure::DockerError;
use crate::apply::ApplyError;
use crate::apply::Outcome;
use crate::apply::engine::Engine;
use crate::apply::interrupt;
use crate::error::Result;
use crate::facts::docker;
use crate::host::HostError;

/// Half a gigabyte over a slow line.
const DEADLINE: Duration = Duration::from_secs(3_600);

/// Tells which layers are done as they come. Ctrl-C ends it; the engine keeps the layers that are whole.
pub async fn pull(engine: &Engine<'_>, image: &str, argv: &[String]) -> Result<Outcome> {
    let command = docker::command(engine.host, argv[0].as_ref(), "pull the server's image")
        .arguments(&argv[1..])
        .deadline(DEADLINE);
    let pulling = engine.host.follow(&command)?.to_the_end(|line| {
        if line.ends_with("Pull complete") || line.starts_with("Status:") {
            engine.progress.waits(line);
        }
    });
    let pulled = tokio::select! {
        pulled = pulling => pulled,
        exit = interrupt::wait() => return Err(ApplyError::Interrupted { exit }.into()),
    };
    match pulled {
        Ok(()) => Ok(Outcome::Changed { object: None }),
        Err(HostError::Failed { output, .. }) => {
            Err(ApplyError::from(DockerError::pull(image, &argv[0], &output.stderr)).into())
        }
        Err(error) => Err(error.into()),
    }
}
