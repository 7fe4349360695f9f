//! What a server says of itself. A program found by search path may belong to another server; this one knows which files
//! it runs by, and whether it finds pgvector among them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{PgConnection, Row as _};

use super::apt;
use super::clusters::{Cluster, ClusterStatus};
use super::privilege::Elevation;
use crate::apply::relay::Relay;
use crate::database::{DatabaseError, Login, connect};
use crate::host::{Command, Host, HostError};

/// Whether the server was asked, and what came back.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    #[default]
    NotAsked,
    /// It let nobody in whom we can act as, or said something else; why.
    Refused(String),
    Given(Box<ServerAnswer>),
}

impl Answer {
    pub fn given(&self) -> Option<&ServerAnswer> {
        match self {
            Self::Given(answer) => Some(answer),
            _ => None,
        }
    }
}

/// One server in its own words (`pg_settings`, `pg_config`, `pg_control_system()`).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ServerAnswer {
    /// The role that let us in; a superuser's, else we may do nothing for this server.
    pub administrator: String,
    pub is_superuser: bool,
    /// `server_version_num`: 180006 for 18.6.
    pub version: i32,
    pub system_identifier: String,
    pub data_directory: PathBuf,
    pub configuration_file: PathBuf,
    pub port: u16,
    /// Whether TCP on 127.0.0.1 leads to it.
    pub listens_on_loopback: bool,
    /// `PKGLIBDIR` and `SHAREDIR` of `pg_config`: where it looks for libraries and, in `extension`, for control files.
    pub library_directory: PathBuf,
    pub share_directory: PathBuf,
    /// The package whose file `plpgsql.so` is in the library directory; `None` for a server that nobody packaged.
    pub package: Option<String>,
    /// The pgvector that `CREATE EXTENSION` would make.
    pub pgvector: Option<String>,
    /// The settings that an overlay would change; none before PostgreSQL 18.
    pub search_paths: Vec<SearchPath>,
}

/// `extension_control_path` or `dynamic_library_path`, as the server runs with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SearchPath {
    pub name: String,
    pub value: String,
    /// `pg_settings.source`: `default`, `configuration file`, `command line`.
    pub source: String,
    /// What `postgresql.auto.conf` has for it.
    pub altered: Option<String>,
}

/// Longest that a server may take to be asked.
const DEADLINE: Duration = Duration::from_secs(5);

/// What initdb calls the superuser where it was not told to take the user's own name.
const USUAL_SUPERUSER: &str = "postgres";

/// Asks a server that runs, as its owner: everything else it may refuse.
pub async fn ask(host: &Host, cluster: &Cluster, elevation: Elevation) -> Answer {
    let owner = host.account_named(&cluster.owner);
    let is_ours = owner
        .as_ref()
        .is_some_and(|owner| owner.uid == host.account().uid);
    let (Some(owner), ClusterStatus::Online) = (owner, cluster.status) else {
        return Answer::NotAsked;
    };
    if !is_ours && elevation == Elevation::None {
        return Answer::NotAsked;
    }
    let relay = match Relay::open(host, &cluster.socket_directory, cluster.port, &owner) {
        Ok(relay) => relay,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    match tokio::time::timeout(DEADLINE, converse(host, &relay, &owner.name)).await {
        Ok(Ok(answer)) => Answer::Given(Box::new(answer)),
        Ok(Err(error)) => Answer::Refused(error.to_string()),
        Err(_) => Answer::Refused(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

async fn converse(host: &Host, relay: &Relay, owner: &str) -> Result<ServerAnswer, DatabaseError> {
    let (mut connection, administrator) = enter(relay, owner).await?;
    let mut answer = read(&mut connection).await?;
    answer.administrator = administrator;
    answer.package = packaged_by(host, &answer).await.ok().flatten();
    Ok(answer)
}

/// As the role of the owner's name, which initdb makes the superuser by default, else as `postgres`.
async fn enter(relay: &Relay, owner: &str) -> Result<(PgConnection, String), DatabaseError> {
    let login = |role: &str| Login::Administrator {
        role: role.to_owned(),
    };
    let first = connect(&relay.endpoint(), &login(owner), "postgres").await;
    match first {
        Ok(connection) => Ok((connection, owner.to_owned())),
        Err(error) if owner == USUAL_SUPERUSER => Err(error),
        // Whichever way the second ends, the first error says what the owner itself would be told.
        Err(error) => match connect(&relay.endpoint(), &login(USUAL_SUPERUSER), "postgres").await {
            Ok(connection) => Ok((connection, USUAL_SUPERUSER.to_owned())),
            Err(_) => Err(error),
        },
    }
}

const SERVER: &str = "SELECT current_setting('server_version_num')::int4 AS version, \
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser, \
    (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier, \
    current_setting('port')::int4 AS port, current_setting('listen_addresses') AS listen_addresses, \
    (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS pgvector";

/// These are shown to superusers alone.
const PLACES: &str = "SELECT current_setting('data_directory') AS data_directory, \
    current_setting('config_file') AS config_file, \
    (SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR') AS library_directory, \
    (SELECT setting FROM pg_config WHERE name = 'SHAREDIR') AS share_directory";

/// The last line of a file is the one that counts.
const SEARCH_PATHS: &str = "SELECT name, setting, source, (SELECT f.setting FROM pg_file_settings f WHERE f.name = s.name \
    AND f.sourcefile LIKE '%/postgresql.auto.conf' ORDER BY f.seqno DESC LIMIT 1) AS altered FROM pg_settings s \
    WHERE name IN ('extension_control_path', 'dynamic_library_path') ORDER BY name DESC";

async fn read(connection: &mut PgConnection) -> Result<ServerAnswer, DatabaseError> {
    let failed = || DatabaseError::statement("ask the server who it is");
    let row = sqlx::query(SERVER)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let basics = || -> Result<ServerAnswer, sqlx::Error> {
        let addresses: String = row.try_get("listen_addresses")?;
        Ok(ServerAnswer {
            version: row.try_get("version")?,
            is_superuser: row.try_get("is_superuser")?,
            system_identifier: row.try_get("system_identifier")?,
            port: row.try_get::<i32, _>("port")?.try_into().unwrap_or_default(),
            listens_on_loopback: reaches_loopback(&addresses),
            pgvector: row.try_get("pgvector")?,
            ..ServerAnswer::default()
        })
    };
    let mut answer = basics().map_err(failed())?;
    if !answer.is_superuser {
        return Ok(answer);
    }
    let places: (String, String, String, String) = sqlx::query_as(PLACES)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let (data, configuration, library, share) = places;
    answer.data_directory = data.into();
    answer.configuration_file = configuration.into();
    answer.library_directory = library.into();
    answer.share_directory = share.into();
    if answer.version >= 180_000 {
        let rows: Vec<(String, String, String, Option<String>)> = sqlx::query_as(SEARCH_PATHS)
            .fetch_all(connection)
            .await
            .map_err(failed())?;
        let path = |(name, value, source, altered)| SearchPath {
            name,
            value,
            source,
            altered,
        };
        answer.search_paths = rows.into_iter().map(path).collect();
    }
    Ok(answer)
}

/// Whether `listen_addresses` holds one that clients of 127.0.0.1 reach.
fn reaches_loopback(addresses: &str) -> bool {
    addresses
        .split(',')
        .map(str::trim)
        .any(|address| ["*", "0.0.0.0", "127.0.0.1", "localhost"].contains(&address))
}

/// Whose file the server's own `plpgsql` is: directories are shared by packages, this file is not. dpkg reads the lists of
/// all packages to answer that, so the list of the one that it should be is looked at first.
async fn packaged_by(host: &Host, answer: &ServerAnswer) -> Result<Option<String>, HostError> {
    let file = answer.library_directory.join("plpgsql.so");
    let expected = apt::server_package(u16::try_from(answer.version / 10_000).unwrap_or_default());
    let list = host.read_text(&Path::new("/var/lib/dpkg/info").join(format!("{expected}.list")));
    let is_listed = |list: String| list.lines().any(|line| Path::new(line) == file);
    if list.ok().flatten().is_some_and(is_listed) {
        return Ok(Some(expected));
    }
    // Both are on some machines, where one of them has packages; rpm answers in milliseconds.
    if let Some(rpm) = host.which("rpm") {
        let query = Command::new(rpm, "ask rpm whose file this is").arguments([
            "--query",
            "--queryformat",
            "%{NAME}\n",
            "--file",
        ]);
        let owner = owner_of(host, query, &file, parse_rpm).await?;
        if owner.is_some() {
            return Ok(owner);
        }
    }
    let Some(dpkg) = host.which("dpkg-query") else {
        return Ok(None);
    };
    let query = Command::new(dpkg, "ask dpkg whose file this is").argument("--search");
    owner_of(host, query, &file, parse_dpkg).await
}

async fn owner_of(
    host: &Host,
    query: Command,
    file: &Path,
    parse: fn(&str) -> Option<String>,
) -> Result<Option<String>, HostError> {
    // 1 is "no package has it" for both.
    let query = query.argument(file).accept([1]).deadline(DEADLINE);
    let output = host.run(&query).await?;
    Ok(if output.code == 0 {
        parse(&output.stdout)
    } else {
        None
    })
}

/// `postgresql-17: /usr/lib/postgresql/17/lib/plpgsql.so`, after lines of diversions; `name:arch` where another
/// architecture could be installed beside it.
fn parse_dpkg(text: &str) -> Option<String> {
    let line = text.lines().find(|line| !line.starts_with("diversion by "))?;
    let (package, _) = line.split_once(": ")?;
    let name = package.split([',', ':']).next()?;
    Some(name.to_owned())
}

fn parse_rpm(text: &str) -> Option<String> {
    let name = text.lines().next()?.trim();
    (!name.is_empty() && !name.contains(' ')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_file_is_read_from_what_the_package_managers_print() {
        for (text, owner) in [
            (
                "postgresql-17: /usr/lib/postgresql/17/lib/plpgsql.so\n",
                Some("postgresql-17"),
            ),
            ("postgresql-17:amd64: /usr/lib/x.so\n", Some("postgresql-17")),
            (
                "diversion by other from: /usr/lib/x.so\npostgresql-15: /usr/lib/x.so\n",
                Some("postgresql-15"),
            ),
            ("", None),
        ] {
            assert_eq!(parse_dpkg(text).as_deref(), owner, "{text}");
        }
        assert_eq!(
            parse_rpm("postgresql17-server\n").as_deref(),
            Some("postgresql17-server")
        );
        assert_eq!(
            parse_rpm("file /opt/pg/lib/plpgsql.so is not owned by any package\n"),
            None
        );
    }

    #[test]
    fn listen_addresses_reach_loopback_or_not() {
        for (addresses, reached) in [
            ("localhost", true),
            ("*", true),
            ("10.0.0.1, 127.0.0.1", true),
            ("", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(reaches_loopback(addresses), reached, "{addresses}");
        }
    }
}
