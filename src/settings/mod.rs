//! What the user wants: one struct, whoever filled it (flags, environment, file or wizard).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

mod containers;
mod embedder;
mod error;
mod identifier;
mod kubernetes;
mod network;
mod packages;
mod server_url;
mod site;
mod vector_table;

pub use containers::{ContainerSettings, Image, Memory};
pub use embedder::{EmbedderSettings, embedder_url};
pub use error::SettingsError;
pub use identifier::Identifier;
pub use kubernetes::{KubernetesSettings, Label, Quantity, Subdomain};
pub use network::{ListenAddress, Network, NetworkSettings, TlsFiles};
pub use packages::{PackageSettings, Source, mirror};
pub(crate) use server_url::percent_encoded;
pub use server_url::{
    Authentication, Given, Origin, ServerHost, ServerUrl, Surroundings, TlsMode, UrlParts, parse_url,
    server_url,
};
pub use site::{Domain, Email, SiteSettings, UnitName};
pub use vector_table::{
    ColumnType, Dimensions, Index, Lists, MAXIMUM_DIMENSIONS, MAXIMUM_INDEXED_HALFVEC,
    MAXIMUM_INDEXED_VECTOR, Metric, VectorTable,
};

/// Where the database lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A private PostgreSQL in your own data directory; no root
    Embedded,
    /// The operating system's PostgreSQL service, installed by its package manager
    System,
    /// A Docker compose project with the server in a container
    Docker,
    /// A server that is there already, named by its URL
    Url,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Embedded => "embedded",
            Self::System => "system",
            Self::Docker => "docker",
            Self::Url => "url",
        })
    }
}

/// The name of one embedded cluster; also the name of its directory. 1 to 40 of `[A-Za-z0-9_-]`, not starting with `-`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct InstanceName(String);

impl InstanceName {
    pub const DEFAULT: &str = "default";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for InstanceName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for InstanceName {
    type Err = SettingsError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let problem = if name.is_empty() || name.len() > 40 {
            "is not 1 to 40 characters long"
        } else if name.starts_with('-')
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            "has characters other than letters, digits, '-' and '_'"
        } else {
            return Ok(Self(name.to_owned()));
        };
        Err(SettingsError::Instance {
            name: name.to_owned(),
            problem,
        })
    }
}

/// Unattended upgrades of a first boot take minutes.
pub const DEFAULT_LOCK_TIMEOUT: u16 = 300;

/// Everything a plan depends on besides the facts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Settings {
    pub target: Target,
    pub instance: InstanceName,
    /// Where instances and bundles are kept; `None` for the user's data directory (or `/var/lib/pgvector-setup` for root).
    pub directory: Option<PathBuf>,
    /// TCP port on loopback for a new embedded cluster, or which of several system clusters is meant.
    pub port: Option<u16>,
    /// The PostgreSQL major that is wanted; `None` for the best that can be had.
    pub postgres_major: Option<u16>,
    /// Seconds to wait for another program to release the package manager.
    pub lock_timeout: u16,
    pub packages: PackageSettings,
    /// A portable bundle that is already at hand (a wheel file).
    pub bundle: Option<PathBuf>,
    pub database: Identifier,
    /// The application's role: owns its schema and nothing else.
    pub role: Identifier,
    pub table: VectorTable,
    /// Target `url`: the server, and who connects to it.
    pub server_url: Option<ServerUrl>,
    /// A file with the password that the application's role is to have; `None` for one that is made here.
    pub role_password_file: Option<PathBuf>,
    /// Target `docker`, and everything that is rendered.
    pub containers: ContainerSettings,
    /// Target `system`: whom the server serves beside this machine.
    pub network: NetworkSettings,
    /// The service that makes vectors from text, where there is one.
    pub embedder: EmbedderSettings,
}

impl Settings {
    /// Whether the application is the very user that the URL names: then no role and no password is ours to make.
    pub fn application_is_the_user(&self) -> bool {
        self.server_url.as_ref().is_some_and(|url| url.user == self.role)
    }
}
