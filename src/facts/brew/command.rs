//! brew as a child process: what it is given to see.

use std::path::Path;
use std::time::Duration;

use crate::host::{Command, Host};

/// Longest that a question to brew may take: the first one may fetch what brew itself needs.
const PROBE_DEADLINE: Duration = Duration::from_secs(120);

/// Nothing but what was asked for, and in words that can be read (brew(1), ENVIRONMENT): no update of itself and of other
/// formulae, not even of those that need an upgraded one, no clean-up of others' downloads, no removal of others' dependencies, no question, no colours.
pub const QUIET: [(&str, &str); 10] = [
    ("HOMEBREW_NO_ANALYTICS", "1"),
    ("HOMEBREW_NO_ASK", "1"),
    ("HOMEBREW_NO_AUTOREMOVE", "1"),
    ("HOMEBREW_NO_AUTO_UPDATE", "1"),
    ("HOMEBREW_NO_COLOR", "1"),
    ("HOMEBREW_NO_EMOJI", "1"),
    ("HOMEBREW_NO_ENV_HINTS", "1"),
    ("HOMEBREW_NO_INSTALLED_DEPENDENTS_CHECK", "1"),
    ("HOMEBREW_NO_INSTALL_CLEANUP", "1"),
    ("HOMEBREW_NO_INSTALL_UPGRADE", "1"),
];

/// A command of brew, as the user who runs this program. brew is a bash script that clears its own environment but for the
/// names that are set here.
pub fn command(host: &Host, program: &Path, purpose: &str) -> Command {
    let name = &host.account().name;
    let mut command = Command::new(program, purpose).deadline(PROBE_DEADLINE);
    for (variable, value) in &host.environment().homebrew {
        command = command.environment(variable, value);
    }
    if let Some(directory) = super::services::runtime_directory(host) {
        command = command.environment("XDG_RUNTIME_DIR", directory);
    }
    command = command.environment("USER", name).environment("LOGNAME", name);
    QUIET.iter().fold(command, |command, (variable, value)| {
        command.environment(*variable, *value)
    })
}
