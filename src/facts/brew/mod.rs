//! What Homebrew knows here: its prefix, the formulae of pgvector and of the servers, the kegs, and the servers' files.
//!
//! brew belongs to the plain user who owns its prefix. As root, or where this user could not change it, nothing of it is
//! started: its program is a script that another user may write.

mod command;
mod formula;
mod place;
mod servers;
mod services;

use std::path::PathBuf;

pub use command::command;
pub use formula::{Formula, Platform, ask as ask_formulae, parse as parse_formulae};
pub use place::{is_changeable, place, program};
pub use servers::{ServerKeg, kegs};
pub use services::{Service, parse as parse_services};

use super::FactsError;
use super::apt::MAJORS;
use super::clusters::Cluster;
use crate::error::Result;
use crate::host::{Host, HostError};
use crate::settings::Settings;

/// The formula of the extension.
pub const EXTENSION: &str = "pgvector";

/// What a server of the formulae listens on unless it is configured otherwise.
pub const DEFAULT_PORT: u16 = 5432;

/// The state of Homebrew on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BrewFacts {
    pub program: PathBuf,
    /// `brew --prefix`: `/opt/homebrew`.
    pub prefix: PathBuf,
    /// `brew --cellar`: where the kegs are.
    pub cellar: PathBuf,
    /// Login name of who owns the cellar, or `user id N`.
    pub owner: String,
    /// Whether this user may install, and is not root. Where not, nothing below was asked for.
    pub is_ours: bool,
    /// The extension's formula; `None` where brew knows none, or was not asked because nothing is missing.
    pub extension: Option<Formula>,
    /// The formulae `postgresql@NN` that brew knows and that were asked for.
    pub servers: Vec<Formula>,
    /// The formulae that have a keg, whoever installed it.
    pub kegs: Vec<String>,
    /// The majors for which the installed keg of the extension holds a library.
    pub served_by_keg: Vec<u16>,
    /// The kegs of servers, newest major first.
    pub server_kegs: Vec<ServerKeg>,
    /// Data directories of servers that have no keg any more.
    pub remains: Vec<ServerKeg>,
    /// pgvector's files where servers look for them, by major, with the version that `CREATE EXTENSION` would make.
    pub extension_files: Vec<(u16, String)>,
    /// Formulae that the missing ones need and that have no keg.
    pub missing_dependencies: Vec<Formula>,
    /// What `brew services list` says.
    pub services: Vec<Service>,
    /// Why `brew services` cannot start anything for this user; `None` where it can.
    pub service_obstacle: Option<String>,
    /// The ports, of those that a server would be started on, on which something listens.
    pub taken_ports: Vec<u16>,
    /// A port on which a server could be started instead.
    pub free_port: Option<u16>,
}

/// The formula of the server of one major.
pub fn server_formula(major: u16) -> String {
    format!("postgresql@{major}")
}

/// The major of a server's formula.
pub fn major_of(formula: &str) -> Option<u16> {
    formula.strip_prefix("postgresql@")?.parse().ok()
}

impl BrewFacts {
    /// The majors that the extension serves: what its keg holds, else what its formula is built against (build dependencies,
    /// because it brings no server). Empty where neither says it.
    pub fn served(&self) -> Vec<u16> {
        if self.has_keg(EXTENSION) {
            return self.served_by_keg.clone();
        }
        let Some(extension) = &self.extension else {
            return Vec::new();
        };
        let named = extension
            .build_dependencies
            .iter()
            .filter_map(|name| major_of(name));
        named.collect()
    }

    /// The majors that a new server could have, newest first: served by the extension as far as is said, and known to brew.
    pub fn majors(&self) -> Vec<u16> {
        let served = self.served();
        let majors = self.servers.iter().filter_map(|formula| major_of(&formula.name));
        majors
            .filter(|major| served.is_empty() || served.contains(major))
            .collect()
    }

    /// The newest of those, or the wanted one.
    pub fn newest_served(&self, wanted: Option<u16>) -> Option<u16> {
        let majors = self.majors();
        let here = majors.iter().find(|major| self.has_files(**major));
        match wanted {
            Some(wanted) => majors.iter().find(|major| **major == wanted).copied(),
            None => here.or(majors.first()).copied(),
        }
    }

    /// Whether pgvector's files are where a server of this major looks for them.
    pub fn has_files(&self, major: u16) -> bool {
        self.extension_files.iter().any(|(found, _)| *found == major)
    }

    /// The formulae without a keg that a server of this major (`None`: one that is there) and the extension lack.
    pub fn missing(&self, server: Option<u16>) -> Vec<String> {
        let wanted = server
            .map(server_formula)
            .into_iter()
            .chain([EXTENSION.to_owned()]);
        wanted.filter(|name| !self.has_keg(name)).collect()
    }

    /// Where the service of a formula writes its log.
    pub fn log(&self, formula: &str) -> PathBuf {
        self.prefix.join("var/log").join(format!("{formula}.log"))
    }

    pub fn has_keg(&self, formula: &str) -> bool {
        self.kegs.iter().any(|keg| keg == formula)
    }

    pub fn server(&self, major: u16) -> Option<&Formula> {
        let name = server_formula(major);
        self.servers.iter().find(|formula| formula.name == name)
    }

    /// Where a major's program of this name is, whatever `PATH` says.
    pub fn client(&self, major: u16, name: &str) -> PathBuf {
        self.prefix
            .join("opt")
            .join(server_formula(major))
            .join("bin")
            .join(name)
    }

    /// The servers whose data is there. The one that runs is meant, unless `--pg` or `--port` name another.
    pub fn clusters(&self, user: &str, settings: &Settings) -> Vec<Cluster> {
        let clusters: Vec<Cluster> = self
            .server_kegs
            .iter()
            .filter_map(|keg| keg.cluster(user))
            .collect();
        let online = clusters.iter().filter(|cluster| cluster.is_online());
        let [running] = online.collect::<Vec<_>>()[..] else {
            return clusters;
        };
        match (settings.postgres_major, settings.port) {
            (None, None) => vec![running.clone()],
            _ => clusters,
        }
    }
}

/// Looks at what is on disk, asking brew only where that is; `None` where there is no brew.
///
/// # Errors
/// [`HostError`] when brew does not answer within its deadline or a file cannot be read.
pub async fn gather(host: &Host) -> Result<Option<BrewFacts>> {
    let Some(mut facts) = place(host).await? else {
        return Ok(None);
    };
    if !facts.is_ours {
        return Ok(Some(facts));
    }
    facts.kegs = kegs(host, &facts.cellar);
    facts.served_by_keg = servers::served_by_keg(host, &facts);
    facts.server_kegs = servers::server_kegs(host, &facts)?;
    facts.remains = servers::remains(host, &facts)?;
    facts.extension_files = servers::extension_files(host, &facts)?;
    Ok(Some(facts))
}

/// Asks brew for the formulae and the services: seconds of its own time, which only an installation or a start is worth.
///
/// # Errors
/// [`HostError`] when brew does not answer within its deadline, [`FactsError`] when its answer is not understood.
pub async fn describe(host: &Host, facts: &mut BrewFacts) -> Result<()> {
    // The first of brew's slow commands may install what brew itself needs, so nothing else of it runs beside it.
    facts.extension = formula::ask(host, &facts.program, &[EXTENSION.to_owned()])
        .await?
        .pop();
    let names = server_names(host, facts).await;
    let (formulae, services, obstacle) = tokio::join!(
        formula::ask(host, &facts.program, &names),
        services::ask(host, &facts.program),
        services::obstacle(host)
    );
    facts.servers = formulae?;
    facts
        .servers
        .sort_by_key(|formula| std::cmp::Reverse(major_of(&formula.name)));
    facts.services = services?;
    facts.service_obstacle = obstacle;
    facts.taken_ports = servers::taken_ports(host, facts);
    facts.free_port = servers::free_port(host, facts);
    Ok(())
}

/// Asks for the formulae that installing `names` would bring along, of those that have no keg.
///
/// # Errors
/// As [`gather`].
pub async fn missing_dependencies(host: &Host, facts: &BrewFacts, names: &[String]) -> Result<Vec<Formula>> {
    let is_built = |name: &String| {
        let formulae = facts.servers.iter().chain(&facts.extension);
        formulae
            .into_iter()
            .any(|formula| formula.name == *name && !formula.is_bottled)
    };
    let mut ask = command(host, &facts.program, "ask brew what the formulae need").argument("deps");
    if names.iter().any(is_built) {
        ask = ask.argument("--include-build");
    }
    let answer = host
        .run(&ask.argument("--union").arguments(names).accept([1]))
        .await?;
    let is_absent = |name: &str| !facts.has_keg(name) && !names.iter().any(|wanted| wanted == name);
    let lines = answer
        .stdout
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains(' '));
    let absent: Vec<String> = lines.filter(|name| is_absent(name)).map(str::to_owned).collect();
    formula::ask(host, &facts.program, &absent).await
}

/// Which servers' formulae are worth asking for: those that the extension serves and those that are here; where nothing
/// says which it serves, all that brew lists.
async fn server_names(host: &Host, facts: &BrewFacts) -> Vec<String> {
    let mut majors = facts.served();
    if majors.is_empty() {
        majors = listed_majors(host, facts).await;
    }
    majors.extend(facts.kegs.iter().filter_map(|keg| major_of(keg)));
    majors.sort_unstable();
    majors.dedup();
    majors.into_iter().map(server_formula).collect()
}

async fn listed_majors(host: &Host, facts: &BrewFacts) -> Vec<u16> {
    let list = command(host, &facts.program, "list the formulae").argument("formulae");
    let Ok(output) = host.run(&list).await else {
        return Vec::new();
    };
    let majors = output.stdout.lines().filter_map(|line| major_of(line.trim()));
    majors.filter(|major| MAJORS.contains(major)).collect()
}

/// The document in an output: brew may tell before it what it fetches first. All of the output where there is none.
fn document(output: &str, opening: char) -> &str {
    let starts = output.match_indices(opening).map(|(start, _)| start);
    let mut at_line_starts = starts.filter(|start| output[..*start].ends_with('\n') || *start == 0);
    at_line_starts.next().map_or(output, |start| &output[start..])
}

fn unreadable(what: &str, detail: impl ToString) -> FactsError {
    FactsError::Unreadable {
        what: format!("the output of brew {what}"),
        detail: detail.to_string(),
    }
}

/// What a failed brew printed on its error lines, which begin with `Error: `.
fn errors(error: &HostError) -> Vec<&str> {
    let HostError::Failed { output, .. } = error else {
        return Vec::new();
    };
    let lines = output
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("Error: "));
    lines.collect()
}

#[cfg(test)]
mod tests;
