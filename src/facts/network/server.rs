//! A server's own view of its settings and sessions, and what the machine shows of its sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use sqlx::PgConnection;

use super::{FILE, NAMES, Recorded, Service};
use crate::database::DatabaseError;
use crate::database::greeting::probe;
use crate::error::Result;
use crate::facts::clusters::Origin;
use crate::facts::privilege::Elevation;
use crate::host::Host;
use crate::settings::{Settings, TlsFiles};

/// The directory of settings beside the configuration file, where `include_dir` names it.
const DIRECTORY: &str = "conf.d";

/// One setting as the server runs with it (`pg_settings`).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RunningSetting {
    pub name: String,
    pub value: String,
    /// Of another value in the files than the server was started with.
    pub is_pending: bool,
}

/// One line of the server's files (`pg_file_settings`), in the order in which they are read; the last of a name counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileSetting {
    pub name: String,
    pub value: String,
    pub file: PathBuf,
    pub line: i32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ServerNetwork {
    /// `17/main`.
    pub cluster: String,
    pub major: u16,
    pub name: String,
    pub origin: Origin,
    pub owner: String,
    pub systemd: bool,
    /// Whether this user may restart it.
    pub may_restart: bool,
    pub port: u16,
    pub log: PathBuf,
    pub configuration: PathBuf,
    /// Whether the configuration file has the server read the directory that our file goes into.
    pub reads_directory: bool,
    /// Where our file goes.
    pub file: PathBuf,
    /// What it has now.
    pub content: Option<String>,
    /// Of the settings that our file has.
    pub running: Vec<RunningSetting>,
    pub in_files: Vec<FileSetting>,
    /// Settings of others that a restart would bring as well.
    pub pending_of_others: Vec<String>,
    /// What the server cannot read of its files.
    pub errors: Vec<String>,
    /// The addresses that it listens on.
    pub listening: Vec<IpAddr>,
    /// Sessions that a restart would end.
    pub sessions: i64,
    /// Whether it shows its clients the certificate that was named; `None` where that cannot be asked.
    pub shows_certificate: Option<bool>,
    /// Everything that we ever wrote into our file, newest first.
    pub recorded: Vec<String>,
    /// What we wrote last was not seen to work.
    pub is_owed: bool,
}

impl ServerNetwork {
    /// What the server runs with.
    pub fn running(&self, name: &str) -> &str {
        let found = self.running.iter().find(|setting| setting.name == name);
        found.map_or("", |setting| setting.value.as_str())
    }
}

const RUNNING: &str =
    "SELECT name, coalesce(setting, ''), pending_restart FROM pg_settings WHERE name = ANY($1) ORDER BY name";

const IN_FILES: &str = "SELECT name, coalesce(setting, ''), sourcefile, sourceline FROM pg_file_settings \
    WHERE name = ANY($1) ORDER BY seqno";

const PENDING: &str = "SELECT name FROM pg_settings WHERE pending_restart AND name <> ALL($1) ORDER BY name";

/// A setting that waits for a restart counts as an error in this view, and is none.
const ERRORS: &str = "SELECT format('%s, line %s: %s', sourcefile, sourceline, error) FROM pg_file_settings f \
    WHERE error IS NOT NULL AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = f.name AND s.context = 'postmaster')";

const SESSIONS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

pub(super) async fn read(
    host: &Host,
    service: &Service,
    recorded: Recorded,
    connection: &mut PgConnection,
) -> Result<ServerNetwork> {
    let failed = || DatabaseError::statement("read how the server is configured");
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let (configuration, text): (String, String) =
        sqlx::query_as("SELECT path, pg_read_file(path) FROM current_setting('config_file') AS path")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed())?;
    let running: Vec<(String, String, bool)> = sqlx::query_as(RUNNING)
        .bind(&names)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed())?;
    let in_files: Vec<(String, String, String, i32)> = sqlx::query_as(IN_FILES)
        .bind(&names)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed())?;
    let pending_of_others = sqlx::query_scalar(PENDING)
        .bind(&names)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed())?;
    let errors = sqlx::query_scalar(ERRORS)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed())?;
    let sessions = sqlx::query_scalar(SESSIONS)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let cluster = &service.cluster;
    let configuration = PathBuf::from(configuration);
    let file = configuration
        .parent()
        .unwrap_or(Path::new("/"))
        .join(DIRECTORY)
        .join(FILE);
    let owner = host.account_named(&cluster.owner);
    Ok(ServerNetwork {
        cluster: cluster.identity(),
        major: cluster.major,
        name: cluster.name.clone(),
        origin: cluster.origin,
        owner: cluster.owner.clone(),
        systemd: service.systemd,
        may_restart: service.elevation != Elevation::None,
        port: cluster.port,
        log: cluster.log.clone(),
        reads_directory: reads_directory(&text),
        configuration,
        content: host.read_text(&file)?,
        file,
        running: running
            .into_iter()
            .map(|(name, value, is_pending)| RunningSetting {
                name,
                value,
                is_pending,
            })
            .collect(),
        in_files: in_files
            .into_iter()
            .map(|(name, value, file, line)| FileSetting {
                name,
                value,
                file: file.into(),
                line,
            })
            .collect(),
        pending_of_others,
        errors,
        listening: owner.map_or_else(Vec::new, |owner| host.listening(cluster.port, owner.uid)),
        sessions,
        shows_certificate: None,
        recorded: recorded.contents,
        is_owed: recorded.is_owed,
    })
}

/// `include_dir = 'conf.d'`, with or without the equals sign, not in a comment.
fn reads_directory(configuration: &str) -> bool {
    let value = |line: &str| -> Option<String> {
        let rest = line.trim_start().strip_prefix("include_dir")?;
        let rest = rest.trim_start_matches(|character: char| character.is_whitespace() || character == '=');
        let quoted = rest.strip_prefix('\'')?;
        Some(quoted.split('\'').next()?.to_owned())
    };
    configuration
        .lines()
        .filter_map(value)
        .any(|directory| directory == DIRECTORY)
}

/// What the server says when it is told to read the files; of the key one byte alone, which nobody is shown.
pub(super) async fn unreadable(connection: &mut PgConnection, tls: &TlsFiles) -> Option<String> {
    for path in [&tls.certificate, &tls.key] {
        let read = sqlx::query_scalar::<_, i32>("SELECT length(pg_read_binary_file($1, 0, 1))")
            .bind(path.to_string_lossy().into_owned())
            .fetch_one(&mut *connection)
            .await;
        if let Err(error) = read {
            let said = error.as_database_error().map(|error| error.message().to_owned());
            return Some(format!(
                "the server cannot read it: {}",
                said.unwrap_or_else(|| error.to_string())
            ));
        }
    }
    None
}

/// Asked on loopback, where the server listens by default. A certificate that was renewed in its place is shown only after
/// the server has read it again.
pub(super) async fn shows(server: &ServerNetwork, settings: &Settings, certificate: &[u8]) -> Option<bool> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let is_reached = server
        .listening
        .iter()
        .any(|address| *address == loopback || address.is_unspecified());
    if server.running("ssl") != "on" || !is_reached {
        return None;
    }
    let address = SocketAddr::new(loopback, server.port);
    let shown = probe(address, &settings.role, &settings.database, true)
        .await
        .ok()?;
    Some(shown.certificate.as_deref() == Some(certificate))
}

#[cfg(test)]
mod tests {
    use super::reads_directory;

    #[test]
    fn the_directory_of_settings_is_read_where_the_configuration_says_so() {
        for (text, is_read) in [
            (
                "include_dir = 'conf.d'\t\t\t# include files ending in '.conf'\n",
                true,
            ),
            ("include_dir 'conf.d'", true),
            ("  include_dir='conf.d'", true),
            ("#include_dir = 'conf.d'", false),
            ("include_dir = 'other'", false),
            ("include_dir_of = 'conf.d'", false),
            ("", false),
        ] {
            assert_eq!(reads_directory(text), is_read, "{text}");
        }
    }
}
