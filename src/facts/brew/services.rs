//! Whether and how `brew services` works for this user: by launchd on macOS, by the user's own systemd on Linux.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{command, document, unreadable};
use crate::error::Result;
use crate::host::{Command, Host, HostError};

/// One line of `brew services list --json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Service {
    /// The formula's name.
    pub name: String,
    /// `none`, `started`, `scheduled`, `stopped`, `error`, `unknown` or `other`.
    #[serde(default)]
    pub status: Option<String>,
}

/// Asks what brew knows of services; none where it cannot say.
pub(super) async fn ask(host: &Host, program: &Path) -> Result<Vec<Service>> {
    let command = command(host, program, "list brew's services").arguments(["services", "list", "--json"]);
    match host.run(&command).await {
        Ok(output) => Ok(parse(&output.stdout)?),
        // Without a manager of services brew refuses the question.
        Err(HostError::Failed { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Reads the list; no text is no service (brew then only warns).
///
/// # Errors
/// [`super::FactsError::Unreadable`] when it is none.
pub fn parse(text: &str) -> Result<Vec<Service>, super::FactsError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(document(text, '[')).map_err(|error| unreadable("services list", error))
}

/// Where the sockets of the user's own systemd and message bus are: as the surroundings say, else where `pam_systemd(8)`
/// puts them, because a login by su or ssh into a container often does not say it.
pub(super) fn runtime_directory(host: &Host) -> Option<PathBuf> {
    let said = host.environment().homebrew.iter();
    let said = said
        .filter(|(name, _)| name == "XDG_RUNTIME_DIR")
        .map(|(_, directory)| PathBuf::from(directory));
    let usual = PathBuf::from(format!("/run/user/{}", host.account().uid));
    said.chain([usual]).find(|directory| host.is_directory(directory))
}

/// Why no service can be started for this user.
pub(super) async fn obstacle(host: &Host) -> Option<String> {
    // launchctl is what brew looks for first.
    if host.exists(Path::new("/bin/launchctl")) {
        return None;
    }
    let Some(systemctl) = host.which("systemctl") else {
        return Some("this machine has neither launchd nor systemd".to_owned());
    };
    let mut ask = Command::new(systemctl, "see whether the user's services can be reached")
        .arguments(["--user", "list-units", "--type=service", "--state=running"])
        .arguments(["--no-pager", "--no-legend"])
        .deadline(Duration::from_secs(10));
    for (name, value) in &host.environment().homebrew {
        if name == "DBUS_SESSION_BUS_ADDRESS" {
            ask = ask.environment(name, value);
        }
    }
    if let Some(directory) = runtime_directory(host) {
        ask = ask.environment("XDG_RUNTIME_DIR", directory);
    }
    match host.run(&ask).await {
        Ok(_) => None,
        Err(HostError::Failed { output, .. }) => {
            let said = output.stderr.lines().next().unwrap_or_default().trim();
            let user = &host.account().name;
            Some(format!("{user} has no session of systemd here ({said})"))
        }
        Err(error) => Some(error.to_string()),
    }
}
