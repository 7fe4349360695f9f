//! Kegs of servers and what is on disk and running of them, read from files; no child is needed but for an unusual server.

use std::path::{Path, PathBuf};

use super::{BrewFacts, DEFAULT_PORT, EXTENSION, major_of, server_formula};
use crate::error::Result;
use crate::facts::apt::MAJORS;
use crate::facts::cluster;
use crate::facts::clusters::{Cluster, ClusterStatus, Origin};
use crate::facts::system::default_version;
use crate::host::Host;

/// Where a server of brew's listens unless configured otherwise.
const SOCKET_DIRECTORY: &str = "/tmp";

/// An installed server and its data directory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ServerKeg {
    pub major: u16,
    pub data_directory: PathBuf,
    pub log: PathBuf,
    /// Whether the data directory holds a cluster: the formula makes it after it is installed.
    pub is_initialised: bool,
    pub port: u16,
    pub socket_directory: PathBuf,
    pub is_running: bool,
}

impl ServerKeg {
    pub fn cluster(&self, user: &str) -> Option<Cluster> {
        self.is_initialised.then(|| Cluster {
            major: self.major,
            name: server_formula(self.major),
            port: self.port,
            socket_directory: self.socket_directory.clone(),
            data_directory: self.data_directory.clone(),
            owner: user.to_owned(),
            status: if self.is_running {
                ClusterStatus::Online
            } else {
                ClusterStatus::Down
            },
            log: self.log.clone(),
            origin: Origin::Brew,
            ..Cluster::default()
        })
    }
}

/// The formulae that have a whole keg: brew writes its receipt last, and counts no keg without it.
pub fn kegs(host: &Host, cellar: &Path) -> Vec<String> {
    let is_whole = |name: &String| {
        let versions = cellar.join(name);
        let mut kegs = host.list(&versions).into_iter();
        kegs.any(|version| host.exists(&versions.join(version).join("INSTALL_RECEIPT.json")))
    };
    let mut names = host.list(cellar);
    names.retain(is_whole);
    names
}

/// The directories `lib/postgresql@NN` of the extension's newest keg that hold its library.
pub(super) fn served_by_keg(host: &Host, facts: &BrewFacts) -> Vec<u16> {
    // The link to the keg that is in use.
    let library = facts.prefix.join("opt").join(EXTENSION).join("lib");
    let holds_library = |major: &u16| {
        let directory = library.join(server_formula(*major));
        ["vector.so", "vector.dylib"]
            .iter()
            .any(|name| host.exists(&directory.join(name)))
    };
    MAJORS.filter(holds_library).collect()
}

pub(super) fn server_kegs(host: &Host, facts: &BrewFacts) -> Result<Vec<ServerKeg>> {
    let majors = facts.kegs.iter().filter_map(|keg| major_of(keg));
    let mut found: Vec<ServerKeg> = majors
        .map(|major| server_keg(host, &facts.prefix, major))
        .collect::<Result<_>>()?;
    found.sort_by_key(|keg| std::cmp::Reverse(keg.major));
    Ok(found)
}

/// Data of servers that have no keg any more: brew leaves it, and a new installation goes on with it.
pub(super) fn remains(host: &Host, facts: &BrewFacts) -> Result<Vec<ServerKeg>> {
    let gone = MAJORS.filter(|major| !facts.has_keg(&server_formula(*major)));
    let mut found: Vec<ServerKeg> = gone
        .map(|major| server_keg(host, &facts.prefix, major))
        .collect::<Result<_>>()?;
    found.retain(|remains| remains.is_initialised);
    Ok(found)
}

/// Reads what is on disk of one major's server.
fn server_keg(host: &Host, prefix: &Path, major: u16) -> Result<ServerKeg> {
    let name = server_formula(major);
    let data = prefix.join("var").join(&name);
    let read = |name: &str| host.read_text(&data.join(name)).ok().flatten();
    let is_running = cluster::running_postmaster(host, &data)?.is_some();
    let configured = [read("postgresql.conf"), read("postgresql.auto.conf")].map(Option::unwrap_or_default);
    let setting = |name: &str| {
        let [first, then] = &configured;
        cluster::setting(then, name).or_else(|| cluster::setting(first, name))
    };
    let (mut port, mut socket_directory) = (
        setting("port")
            .and_then(|port| port.parse().ok())
            .unwrap_or(DEFAULT_PORT),
        setting("unix_socket_directories")
            .and_then(|list| Some(PathBuf::from(list.split(',').next()?.trim())))
            .unwrap_or_else(|| SOCKET_DIRECTORY.into()),
    );
    if is_running {
        let pid_file = read("postmaster.pid").unwrap_or_default();
        if let Some((running_port, running_directory)) = listens(&pid_file) {
            port = running_port;
            socket_directory = running_directory.unwrap_or(socket_directory);
        }
    }
    Ok(ServerKeg {
        major,
        log: prefix.join("var/log").join(format!("{name}.log")),
        is_initialised: host.exists(&data.join("PG_VERSION")),
        port,
        socket_directory,
        is_running,
        data_directory: data,
    })
}

/// Lines 4 and 5 of a running server's `postmaster.pid` (miscadmin.h): its port and its first socket directory.
fn listens(pid_file: &str) -> Option<(u16, Option<PathBuf>)> {
    let mut lines = pid_file.lines().skip(3).map(str::trim);
    let port = lines.next()?.parse().ok()?;
    let directory = lines.next().filter(|line| !line.is_empty());
    Some((port, directory.map(PathBuf::from)))
}

/// Where the formulae's servers look for extensions: in the prefix, not in their own keg.
pub(super) fn extension_files(host: &Host, facts: &BrewFacts) -> Result<Vec<(u16, String)>> {
    let mut found = Vec::new();
    for major in MAJORS {
        let directory = facts.prefix.join("share").join(server_formula(major));
        let control = host.read_text(&directory.join("extension/vector.control"))?;
        if let Some(version) = control.as_deref().and_then(default_version) {
            found.push((major, version));
        }
    }
    Ok(found)
}

/// The first port after the usual one on which nothing listens and no server of brew's would.
pub(super) fn free_port(host: &Host, facts: &BrewFacts) -> Option<u16> {
    let is_spoken_for = |port: &u16| {
        let mut known = facts.server_kegs.iter().chain(&facts.remains);
        known.any(|keg| keg.port == *port)
    };
    (DEFAULT_PORT + 1..DEFAULT_PORT + 100).find(|port| !is_spoken_for(port) && host.port_is_free(*port))
}

/// Of the ports that servers which do not run would take, and of a new one's: those that are taken.
pub(super) fn taken_ports(host: &Host, facts: &BrewFacts) -> Vec<u16> {
    let known = facts.server_kegs.iter().chain(&facts.remains);
    let down = known.filter(|keg| !keg.is_running);
    let mut ports: Vec<u16> = down.map(|keg| keg.port).chain([DEFAULT_PORT]).collect();
    ports.sort_unstable();
    ports.dedup();
    ports.retain(|port| !host.port_is_free(*port));
    ports
}
