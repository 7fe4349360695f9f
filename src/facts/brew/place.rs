//! Where Homebrew is, and whose.

use std::path::{Path, PathBuf};

use super::{BrewFacts, command};
use crate::error::Result;
use crate::host::Host;

/// Where brew's own command is: the three prefixes that it has bottles for.
const PROGRAMS: [&str; 3] = [
    "/opt/homebrew/bin/brew",
    "/usr/local/bin/brew",
    "/home/linuxbrew/.linuxbrew/bin/brew",
];

/// brew's program: for a plain user first that of the user's own surroundings (`brew shellenv` sets `HOMEBREW_PREFIX`).
pub fn program(host: &Host) -> Option<PathBuf> {
    let variables = host.environment().homebrew.iter();
    let own = variables
        .filter(|(name, _)| name == "HOMEBREW_PREFIX" && !host.is_root())
        .map(|(_, prefix)| Path::new(prefix).join("bin/brew"))
        .filter(|path| path.is_absolute());
    let fixed = PROGRAMS.iter().map(PathBuf::from);
    own.chain(fixed)
        .find(|path| host.exists(path))
        .or_else(|| host.which_as_user("brew").filter(|path| path.is_absolute()))
}

/// Whether there is a Homebrew that this user may change, and is not root.
pub fn is_changeable(host: &Host) -> bool {
    program(host)
        .and_then(|program| prefix_of(&program))
        .is_some_and(|prefix| is_ours(host, &prefix))
}

/// Prefix, cellar and owner; nothing is started where brew is not this user's.
pub async fn place(host: &Host) -> Result<Option<BrewFacts>> {
    let Some(program) = program(host) else {
        return Ok(None);
    };
    let Some(prefix) = prefix_of(&program) else {
        return Ok(None);
    };
    let mut facts = BrewFacts {
        owner: owner(host, &kept_in(host, &prefix)),
        is_ours: is_ours(host, &prefix),
        cellar: prefix.join("Cellar"),
        program,
        prefix,
        ..BrewFacts::default()
    };
    if facts.is_ours {
        let ask = |what: &str| command(host, &facts.program, "ask brew where it is").argument(what);
        let (prefix, cellar) = (ask("--prefix"), ask("--cellar"));
        let (prefix, cellar) = tokio::join!(host.run(&prefix), host.run(&cellar));
        facts.prefix = PathBuf::from(prefix?.stdout.trim());
        facts.cellar = PathBuf::from(cellar?.stdout.trim());
    }
    Ok(Some(facts))
}

/// `/opt/homebrew` of `/opt/homebrew/bin/brew`, as brew itself takes it.
fn prefix_of(program: &Path) -> Option<PathBuf> {
    Some(program.parent()?.parent()?.to_owned())
}

/// Where kegs go: on Intel Macs the prefix itself is the system's, and only what is in it the user's.
fn kept_in(host: &Host, prefix: &Path) -> PathBuf {
    let cellar = prefix.join("Cellar");
    if host.exists(&cellar) {
        cellar
    } else {
        prefix.to_owned()
    }
}

fn is_ours(host: &Host, prefix: &Path) -> bool {
    !host.is_root() && host.is_writable(&kept_in(host, prefix))
}

fn owner(host: &Host, directory: &Path) -> String {
    match host.owner_of(directory) {
        Ok(id) => host
            .account_with_id(id)
            .map_or_else(|| format!("user id {id}"), |account| account.name),
        Err(_) => String::new(),
    }
}
