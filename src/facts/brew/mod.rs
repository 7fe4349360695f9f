//! Facts x Homebrew: its prefix, kegs and services.

use std::path::PathBuf;

use crate::host::Host;

/// The state of Homebrew on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BrewFacts {}

/// Where Homebrew's own command is: the three prefixes that it has bottles for.
const PROGRAMS: [&str; 3] = [
    "/opt/homebrew/bin/brew",
    "/usr/local/bin/brew",
    "/home/linuxbrew/.linuxbrew/bin/brew",
];

pub fn program(host: &Host) -> Option<PathBuf> {
    PROGRAMS.iter().map(PathBuf::from).find(|path| host.exists(path))
}
