//! docker and podman as child processes: what they are given to see.

use std::path::Path;
use std::time::Duration;

use crate::host::{Command, Host};

/// Longest that a question to an engine may take, so that a refusal comes within 3 s whatever its socket does.
pub const PROBE_DEADLINE: Duration = Duration::from_millis(2_200);

/// A command of the engine's client, as the user who runs this program and with the user's own choice of an engine.
pub fn command(host: &Host, program: &Path, purpose: &str) -> Command {
    let variables = &host.environment().containers;
    variables
        .iter()
        .fold(Command::new(program, purpose), |command, (name, value)| {
            command.environment(name, value)
        })
}

/// A question that changes nothing.
pub(super) fn question(host: &Host, program: &Path, purpose: &str) -> Command {
    command(host, program, purpose).deadline(PROBE_DEADLINE)
}
