//! A server that is there already, named by a URL, the environment, or both.

mod parse;
mod passfile;
mod transport;

use std::fmt;
use std::path::PathBuf;

use super::{Identifier, SettingsError};
use crate::secret::Secret;

pub(crate) use parse::encoded as percent_encoded;
pub use parse::{UrlParts, parse as parse_url};
pub use transport::{Authentication, TlsMode};

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerHost {
    /// A name or an address, IPv6 without brackets.
    Tcp(String),
    /// The directory that holds `.s.PGSQL.<port>`.
    Socket(PathBuf),
}

impl ServerHost {
    /// Whether what is sent there never leaves this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp(host) => {
                host.eq_ignore_ascii_case("localhost")
                    || host
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|address| address.is_loopback())
            }
        }
    }

    /// As libpq's `PGHOST` takes it.
    pub fn text(&self) -> String {
        match self {
            Self::Tcp(host) => host.clone(),
            Self::Socket(directory) => directory.display().to_string(),
        }
    }
}

impl From<&str> for ServerHost {
    fn from(host: &str) -> Self {
        if host.starts_with('/') {
            Self::Socket(host.into())
        } else {
            Self::Tcp(host.to_owned())
        }
    }
}

/// From where the URL came, for commands that are shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `--url`, `PGVECTOR_SETUP_URL` or the settings file: its text without the password.
    Text(String),
    /// `--url-file`.
    File(PathBuf),
    /// `DATABASE_URL` and libpq's variables.
    Environment,
}

/// Everything that is needed to reach the server as one user.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ServerUrl {
    pub origin: Origin,
    pub host: ServerHost,
    pub port: u16,
    /// The role that we connect as.
    pub user: Identifier,
    pub password: Option<Secret>,
    /// The file that the password is from, where a flag named one.
    pub password_file: Option<PathBuf>,
    pub database: Identifier,
    pub tls: TlsMode,
    /// The certificates that a server's certificate is judged by; `None` for those of the operating system.
    pub root_certificate: Option<PathBuf>,
    /// The same, where a flag named them.
    pub given_root: Option<PathBuf>,
    pub allows_plaintext: bool,
    /// How the server may ask for proof of who we are.
    pub authentication: Vec<Authentication>,
    /// What is weaker than the default, and was asked for by name.
    pub notes: Vec<String>,
}

impl ServerUrl {
    /// `host:port`, IPv6 in brackets.
    pub fn address(&self) -> String {
        match &self.host {
            ServerHost::Tcp(host) if host.contains(':') => format!("[{host}]:{}", self.port),
            ServerHost::Tcp(host) => format!("{host}:{}", self.port),
            ServerHost::Socket(directory) => format!("{}:{}", directory.display(), self.port),
        }
    }
}

/// Without the password, as everywhere.
impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} as {}", self.address(), self.user)
    }
}

/// What a URL leaves open is taken from here: libpq's variables and files, read once.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub database_url: Option<Secret>,
    pub host: Option<String>,
    pub port: Option<String>,
    pub user: Option<String>,
    pub database: Option<String>,
    pub password: Option<Secret>,
    pub ssl_mode: Option<String>,
    pub ssl_root_certificate: Option<PathBuf>,
    /// The text of `PGPASSFILE` or `~/.pgpass`.
    pub password_file: Option<Secret>,
    /// `~/.postgresql/root.crt`, where it is there.
    pub own_root_certificate: Option<PathBuf>,
    /// The login name of the user who runs this.
    pub login: String,
}

/// What the options say beside the URL.
#[derive(Debug, Clone, Default)]
pub struct Given<'a> {
    pub url: Option<&'a Secret>,
    /// The file that `url` was read from.
    pub file: Option<&'a PathBuf>,
    /// The password of the URL's user, with the file that it was read from.
    pub password: Option<(&'a Secret, &'a PathBuf)>,
    pub root_certificate: Option<&'a PathBuf>,
    pub allows_plaintext: bool,
}

/// # Errors
/// [`SettingsError::Url`] for what cannot be meant, [`SettingsError::Plaintext`] for a password that would cross a network
/// in the clear, [`SettingsError::Conflict`] for two passwords.
pub fn server_url(given: &Given<'_>, surroundings: &Surroundings) -> Result<ServerUrl, SettingsError> {
    let parts = match given.url.or(surroundings.database_url.as_ref()) {
        Some(text) => parse::parse(text)?,
        None => UrlParts::default(),
    };
    if parts.password.is_some() && given.password.is_some() {
        return Err(SettingsError::Conflict {
            first: "a password in the URL".into(),
            second: "--password-file".into(),
            reason: "the URL's user has one password",
        });
    }
    let origin = match (given.file, given.url) {
        (Some(file), _) => Origin::File(file.clone()),
        (None, Some(_)) => Origin::Text(parts.shown()),
        (None, None) => Origin::Environment,
    };
    let host = match (&parts.host, &surroundings.host) {
        (Some(host), _) => host.clone(),
        (None, Some(host)) if !host.contains(',') => host.as_str().into(),
        (None, Some(_)) => return Err(parse::several_hosts()),
        (None, None) => return Err(parse::problem("names no server")),
    };
    let port = match (parts.port, &surroundings.port) {
        (Some(port), _) => port,
        (None, Some(text)) => parse::port(text)?,
        (None, None) => 5432,
    };
    let login = Some(surroundings.login.clone()).filter(|login| !login.is_empty());
    let user = parts
        .user
        .clone()
        .or_else(|| surroundings.user.clone())
        .or(login)
        .ok_or_else(|| parse::problem("names no user"))?;
    let database = parts
        .database
        .clone()
        .or_else(|| surroundings.database.clone())
        .unwrap_or_else(|| user.clone());
    let transport = transport::transport(&host, &parts, given, surroundings)?;
    let kept = || {
        let text = surroundings.password_file.as_ref()?;
        passfile::password(text, &host, port, &database, &user)
    };
    let password = parts
        .password
        .clone()
        .or_else(|| given.password.map(|(password, _)| password.clone()))
        .or_else(|| surroundings.password.clone())
        .or_else(kept);
    Ok(ServerUrl {
        origin,
        port,
        user: Identifier::new(user)?,
        password,
        password_file: given.password.map(|(_, file)| file.clone()),
        database: Identifier::new(database)?,
        tls: transport.tls,
        root_certificate: transport.root_certificate,
        given_root: given.root_certificate.cloned(),
        allows_plaintext: given.allows_plaintext,
        authentication: parts
            .authentication
            .unwrap_or_else(|| vec![Authentication::None, Authentication::Scram]),
        notes: transport.notes,
        host,
    })
}

#[cfg(test)]
mod tests;
