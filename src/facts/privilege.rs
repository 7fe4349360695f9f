//! How this process can become root, if at all.

use std::time::Duration;

use crate::host::{Command, Host};

/// The way to root that needs no answer from a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Elevation {
    /// We are root.
    Root,
    /// `sudo -n` works: no password is asked.
    Sudo,
    /// Neither.
    None,
}

/// Looks for a way to root; ends within 2 s, because sudo may wait for a directory server that is away.
pub async fn elevation(host: &Host) -> Elevation {
    if host.is_root() {
        return Elevation::Root;
    }
    // The same path that Host::run uses for Privilege::Root.
    let command = Command::new("/usr/bin/sudo", "see whether sudo asks for a password")
        .arguments(["-n", "/usr/bin/true"])
        .deadline(Duration::from_secs(2));
    match host.run(&command).await {
        Ok(_) => Elevation::Sudo,
        Err(_) => Elevation::None,
    }
}
