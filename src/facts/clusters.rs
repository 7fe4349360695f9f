//! The operating system's PostgreSQL clusters, as Debian's postgresql-common lists them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::FactsError;
use super::answer::Answer;
use super::provider::provider;
use crate::error::Result;
use crate::host::{Command, Host};

/// One cluster that is here: the operating system's (`17/main`), or whoever's server runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cluster {
    /// 0 where a server that runs does not let us know.
    pub major: u16,
    /// As postgresql-common calls it; else the last part of the data directory.
    pub name: String,
    pub port: u16,
    pub socket_directory: PathBuf,
    pub data_directory: PathBuf,
    /// Login name of the owner, by peer authentication also the administrator's role.
    pub owner: String,
    pub status: ClusterStatus,
    pub log: PathBuf,
    #[serde(default)]
    pub origin: Origin,
    /// Whether it belongs to another person: then it is meant only where its port is named.
    #[serde(default)]
    pub is_anothers: bool,
    /// The directory of the programs that it runs by; `None` while it is down or where we may not know.
    #[serde(default)]
    pub binaries: Option<PathBuf>,
    /// What the server says of itself.
    #[serde(default)]
    pub answer: Answer,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterStatus {
    Online,
    #[default]
    Down,
}

impl Cluster {
    pub fn is_online(&self) -> bool {
        self.status == ClusterStatus::Online
    }

    /// `port 5433: PostgreSQL 18, online, of ann in /srv/data (no package)`: all that a person chooses by.
    pub fn description(&self) -> String {
        format!("port {}: {}", self.port, self.particulars())
    }

    /// The same without the port.
    pub fn particulars(&self) -> String {
        let major = match self.major {
            0 => String::new(),
            major => format!(" {major}"),
        };
        let status = if self.is_online() { "online" } else { "down" };
        let place = match self.data_directory.to_str() {
            None | Some("") => String::new(),
            Some(directory) => format!(" in {directory}"),
        };
        let package = provider(self);
        format!(
            "PostgreSQL{major}, {status}, of {}{place} ({package})",
            self.owner
        )
    }

    /// What tells it from the others: `17/main`, or `postgresql@17` where the formula's name says it all.
    pub fn identity(&self) -> String {
        if self.name.contains('@') {
            self.name.clone()
        } else {
            format!("{}/{}", self.major, self.name)
        }
    }
}

/// Who made the cluster and starts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Debian's postgresql-common.
    #[default]
    Debian,
    /// The service of an RPM package.
    Rpm,
    /// A Homebrew keg.
    Brew,
    /// Somebody by hand: self-compiled, under `/opt`, or the packages' programs on a directory of their own.
    Other,
}

impl std::fmt::Display for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = match self.status {
            ClusterStatus::Online => "online",
            ClusterStatus::Down => "down",
        };
        match (self.origin, self.major) {
            (Origin::Other, 0) => write!(formatter, "PostgreSQL in {}", self.data_directory.display())?,
            (Origin::Other, major) => write!(
                formatter,
                "PostgreSQL {major} in {}",
                self.data_directory.display()
            )?,
            _ => formatter.write_str(&self.identity())?,
        }
        write!(formatter, " on port {}, {status}", self.port)
    }
}

/// Where Debian's servers listen unless configured otherwise; the text form does not say.
const SOCKET_DIRECTORY: &str = "/var/run/postgresql";

/// Lists the clusters; none where postgresql-common is not installed.
///
/// # Errors
/// [`FactsError::Unreadable`] when `pg_lsclusters` prints what cannot be understood.
pub async fn gather(host: &Host) -> Result<Vec<Cluster>> {
    let Some(program) = host.which("pg_lsclusters") else {
        return Ok(Vec::new());
    };
    let command = Command::new(&program, "list the PostgreSQL clusters").deadline(Duration::from_secs(10));
    // --json came with postgresql-common 248; 1 and 2 are what older ones say to it.
    let output = host
        .run(&command.clone().argument("--json").accept([1, 2]))
        .await?;
    let name_of = |uid| host.account_with_id(uid).map(|account| account.name);
    let clusters = if output.code == 0 {
        parse_json(&output.stdout, name_of)
    } else {
        parse_text(&host.run(&command).await?.stdout)
    };
    Ok(clusters.map_err(|detail| FactsError::Unreadable {
        what: "the output of pg_lsclusters".to_owned(),
        detail,
    })?)
}

/// The names under `/etc/postgresql/NN` and `/var/lib/postgresql/NN` of every major, as `NN/name`: also clusters whose
/// packages were removed, which a new installation of the same major would find and use.
pub fn remains(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    for root in ["/etc/postgresql", "/var/lib/postgresql"].map(Path::new) {
        let majors = host
            .list(root)
            .into_iter()
            .filter(|name| name.parse::<u16>().is_ok());
        found.extend(majors.flat_map(|major| {
            let names = host.list(&root.join(&major));
            names.into_iter().map(move |name| format!("{major}/{name}"))
        }));
    }
    found.sort();
    found.dedup();
    found
}

/// The fields that are used of one object of `pg_lsclusters --json`.
#[derive(serde::Deserialize)]
struct Listed {
    cluster: String,
    version: serde_json::Value,
    port: serde_json::Value,
    #[serde(default)]
    socketdir: Option<PathBuf>,
    #[serde(default)]
    owneruid: Option<u32>,
    pgdata: PathBuf,
    #[serde(default)]
    logfile: Option<PathBuf>,
    #[serde(default)]
    running: serde_json::Value,
}

fn parse_json(text: &str, name_of: impl Fn(u32) -> Option<String>) -> Result<Vec<Cluster>, String> {
    let listed: Vec<Listed> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let clusters = listed.into_iter().filter_map(|listed| {
        let owner = listed.owneruid.and_then(&name_of);
        Some(Cluster {
            // Majors before 10 have a point in them; pgvector has left them behind.
            major: number(&listed.version)?,
            name: listed.cluster,
            port: number(&listed.port)?,
            socket_directory: listed.socketdir.unwrap_or_else(|| SOCKET_DIRECTORY.into()),
            data_directory: listed.pgdata,
            owner: owner.unwrap_or_else(|| "postgres".to_owned()),
            status: match number(&listed.running) {
                Some(0) | None => ClusterStatus::Down,
                Some(_) => ClusterStatus::Online,
            },
            log: listed.logfile.unwrap_or_default(),
            ..Cluster::default()
        })
    });
    Ok(clusters.collect())
}

/// Perl writes a number as a number or as a string, as it was last used.
fn number(value: &serde_json::Value) -> Option<u16> {
    match value {
        serde_json::Value::Number(number) => number.as_u64()?.try_into().ok(),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// `17  main    5432 down   postgres /var/lib/postgresql/17/main /var/log/postgresql/postgresql-17-main.log`, after a
/// heading. A data directory may hold spaces, the log follows it after one.
fn parse_text(text: &str) -> Result<Vec<Cluster>, String> {
    let rows = text
        .lines()
        .filter(|line| !line.starts_with("Ver") && !line.trim().is_empty());
    let mut clusters = Vec::new();
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        let [major, name, port, status, owner, directory @ .., log] = words.as_slice() else {
            return Err(format!("a line of {} words: {row}", words.len()));
        };
        let Ok(major) = major.parse() else {
            continue;
        };
        clusters.push(Cluster {
            major,
            name: (*name).to_owned(),
            port: port.parse().map_err(|_| format!("the port {port}"))?,
            socket_directory: SOCKET_DIRECTORY.into(),
            data_directory: directory.join(" ").into(),
            owner: (*owner).to_owned(),
            status: if status.starts_with("online") {
                ClusterStatus::Online
            } else {
                ClusterStatus::Down
            },
            log: log.into(),
            ..Cluster::default()
        });
    }
    Ok(clusters)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = include_str!("../../tests/fixtures/clusters/trixie.json");
    const TEXT: &str = include_str!("../../tests/fixtures/clusters/trixie.txt");

    #[test]
    fn both_forms_of_the_list_say_the_same() {
        let from_json = parse_json(JSON, |uid| (uid == 100).then(|| "postgres".to_owned())).unwrap();
        assert_eq!(from_json, parse_text(TEXT).unwrap());
        let [cluster] = from_json.as_slice() else {
            panic!("{from_json:?}");
        };
        assert_eq!(cluster.to_string(), "17/main on port 5432, down");
        assert_eq!(cluster.owner, "postgres");
        assert_eq!(cluster.data_directory, Path::new("/var/lib/postgresql/17/main"));
    }

    #[test]
    fn a_standby_that_runs_is_online_and_an_ancient_major_is_not_listed() {
        let text = "Ver Cluster Port Status          Owner    Data directory Log file\n\
                    9.6 main    5431 online          postgres /d/9.6 /l/9.6.log\n\
                    15  replica 5433 online,recovery postgres /data/with space/15 /l/15.log\n";
        let found = parse_text(text).unwrap();
        let [cluster] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(cluster.status, ClusterStatus::Online);
        assert_eq!(cluster.data_directory, Path::new("/data/with space/15"));
    }

    #[test]
    fn a_list_that_is_none_is_an_error_not_an_empty_list() {
        assert!(parse_json("Usage: pg_lsclusters", |_| None).is_err());
        assert!(parse_text("17 main").is_err());
        assert_eq!(parse_json("[]", |_| None), Ok(Vec::new()));
        assert_eq!(
            parse_text("Ver Cluster Port Status Owner Data directory Log file\n"),
            Ok(Vec::new())
        );
    }
}
