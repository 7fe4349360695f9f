//! What is wanted, as clap and the settings file read it. The doc comments are the help.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::site::SiteOptions;
use crate::secret::Secret;
use crate::settings::{Metric, Source, Surroundings, Target};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexMethod {
    /// A graph: best recall, slower to build
    Hnsw,
    /// Clusters: needs rows before it is built
    Ivfflat,
    /// Exact searches that read every row
    None,
}

/// What is wanted. Flags go before `PGVECTOR_SETUP_*` in the environment, which goes before `pgvector-setup.toml`.
#[derive(Debug, Clone, Default, Args, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[command(next_help_heading = "What is wanted")]
pub struct Options {
    /// Where the database lives [default: embedded]
    #[arg(
        long,
        global = true,
        value_enum,
        env = "PGVECTOR_SETUP_TARGET",
        hide_env = true
    )]
    pub target: Option<Target>,
    /// Server that is there already, as postgresql://user@host:port/database; means --target url
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PGVECTOR_SETUP_URL",
        hide_env = true
    )]
    pub url: Option<Secret>,
    /// File of mode 0600 with that URL, so that no password is in a command line
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PGVECTOR_SETUP_URL_FILE",
        hide_env = true
    )]
    pub url_file: Option<PathBuf>,
    /// Url: file of mode 0600 with the password of the URL's user, or a container's secret
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PGVECTOR_SETUP_PASSWORD_FILE",
        hide_env = true
    )]
    pub password_file: Option<PathBuf>,
    /// File with the password that the application's role is to have [default: one is made]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PGVECTOR_SETUP_ROLE_PASSWORD_FILE",
        hide_env = true
    )]
    pub role_password_file: Option<PathBuf>,
    /// Url: certificates that the server's is judged by [default: ~/.postgresql/root.crt, else the system's]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PGVECTOR_SETUP_TLS_ROOT",
        hide_env = true
    )]
    pub tls_root: Option<PathBuf>,
    /// Url: agree to a connection in the clear where the URL's sslmode asks for one
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        env = "PGVECTOR_SETUP_ALLOW_PLAINTEXT",
        hide_env = true
    )]
    pub allow_plaintext: Option<bool>,
    /// Name of the embedded cluster or the compose project [default: default]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_INSTANCE",
        hide_env = true
    )]
    pub instance: Option<String>,
    /// Where data and records are kept [default: the user's data directory, /var/lib/pgvector-setup for root]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PGVECTOR_SETUP_DIRECTORY",
        hide_env = true
    )]
    pub directory: Option<PathBuf>,
    /// TCP port on loopback [default: a free one from 54320; docker: 5432; system: the only cluster's]
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "PGVECTOR_SETUP_PORT",
        hide_env = true
    )]
    pub port: Option<u16>,
    /// PostgreSQL major [default: the best that can be had]
    #[arg(
        long,
        global = true,
        value_name = "MAJOR",
        env = "PGVECTOR_SETUP_PG",
        hide_env = true
    )]
    pub pg: Option<u16>,
    /// System: seconds to wait for another program to release the package manager [default: 300]
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "PGVECTOR_SETUP_LOCK_TIMEOUT",
        hide_env = true
    )]
    pub lock_timeout: Option<u16>,
    /// System: seconds to wait for repositories that do not answer yet, and for the clock, on a machine that boots [default: 0]
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "PGVECTOR_SETUP_REPOSITORY_TIMEOUT",
        hide_env = true
    )]
    pub repository_timeout: Option<u16>,
    /// System: the only source of packages [default: the safest that can be had]
    #[arg(
        long,
        global = true,
        value_enum,
        env = "PGVECTOR_SETUP_SOURCE",
        hide_env = true
    )]
    pub source: Option<Source>,
    /// System: take an affected pgvector that is at hand rather than add a repository
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        env = "PGVECTOR_SETUP_ALLOW_VULNERABLE",
        hide_env = true
    )]
    pub allow_vulnerable: Option<bool>,
    /// System: URL of a mirror of PostgreSQL's own repository
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PGVECTOR_SETUP_PGDG_MIRROR",
        hide_env = true
    )]
    pub pgdg_mirror: Option<String>,
    /// System: key that this mirror signs with [default: PGDG's own]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PGVECTOR_SETUP_PGDG_KEY",
        hide_env = true
    )]
    pub pgdg_key: Option<PathBuf>,
    /// Portable bundle (a wheel file) that is already at hand
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PGVECTOR_SETUP_BUNDLE",
        hide_env = true
    )]
    pub bundle: Option<PathBuf>,
    /// Database [default: vectors; url: the URL's]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_DATABASE",
        hide_env = true
    )]
    pub database: Option<String>,
    /// The application's role [default: vectors; url: the URL's user]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_ROLE",
        hide_env = true
    )]
    pub role: Option<String>,
    /// Schema of the table [default: the role's name]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_SCHEMA",
        hide_env = true
    )]
    pub schema: Option<String>,
    /// Schema of the extension [default: public]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_EXTENSION_SCHEMA",
        hide_env = true
    )]
    pub extension_schema: Option<String>,
    /// Table [default: articles]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_TABLE",
        hide_env = true
    )]
    pub table: Option<String>,
    /// Key column [default: uri]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_KEY",
        hide_env = true
    )]
    pub key: Option<String>,
    /// Embedding column [default: embedding]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PGVECTOR_SETUP_COLUMN",
        hide_env = true
    )]
    pub column: Option<String>,
    /// Components of each vector, 1 to 16000 [default: 1536]
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "PGVECTOR_SETUP_DIMENSIONS",
        hide_env = true
    )]
    #[serde(deserialize_with = "number_or_text")]
    pub dimensions: Option<String>,
    /// Distance [default: cosine]
    #[arg(
        long,
        global = true,
        value_enum,
        env = "PGVECTOR_SETUP_METRIC",
        hide_env = true
    )]
    pub metric: Option<Metric>,
    /// Index [default: hnsw]
    #[arg(
        long,
        global = true,
        value_enum,
        env = "PGVECTOR_SETUP_INDEX",
        hide_env = true
    )]
    pub index: Option<IndexMethod>,
    /// hnsw: connections a layer, 2 to 100 [default: 16]
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "PGVECTOR_SETUP_M",
        hide_env = true
    )]
    pub m: Option<u16>,
    /// hnsw: candidates while building, 4 to 1000 [default: 64]
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "PGVECTOR_SETUP_EF_CONSTRUCTION",
        hide_env = true
    )]
    pub ef_construction: Option<u16>,
    /// ivfflat: lists, 1 to 32768, or auto [default: auto]
    #[arg(
        long,
        global = true,
        value_name = "N|auto",
        env = "PGVECTOR_SETUP_LISTS",
        hide_env = true
    )]
    #[serde(deserialize_with = "number_or_text")]
    pub lists: Option<String>,
    /// System: address of this machine that the server listens on beside loopback; * for all [default: none]
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS",
        value_delimiter = ',',
        help_heading = "Network",
        env = "PGVECTOR_SETUP_LISTEN",
        hide_env = true
    )]
    #[serde(deserialize_with = "one_or_several")]
    pub listen: Option<Vec<String>>,
    /// System: network that the application's role is let in from, by TLS and SCRAM, as 192.0.2.0/24 [default: none]
    #[arg(
        long,
        global = true,
        value_name = "CIDR",
        value_delimiter = ',',
        help_heading = "Network",
        env = "PGVECTOR_SETUP_ALLOW",
        hide_env = true
    )]
    #[serde(deserialize_with = "one_or_several")]
    pub allow: Option<Vec<String>>,
    /// System: the server's certificate, with those between it and its issuer; goes with --listen
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Network",
        env = "PGVECTOR_SETUP_TLS_CERTIFICATE",
        hide_env = true
    )]
    pub tls_certificate: Option<PathBuf>,
    /// System: the certificate's key: mode 0600 of the server's user, or 0640 of root
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Network",
        env = "PGVECTOR_SETUP_TLS_KEY",
        hide_env = true
    )]
    pub tls_key: Option<PathBuf>,
    /// Docker: directory of the compose project [default: the instance's own]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Containers",
        env = "PGVECTOR_SETUP_PROJECT",
        hide_env = true
    )]
    pub project: Option<PathBuf>,
    /// Image of the server [default: pgvector/pgvector of the wanted major]
    #[arg(
        long,
        global = true,
        value_name = "IMAGE",
        help_heading = "Containers",
        env = "PGVECTOR_SETUP_IMAGE",
        hide_env = true
    )]
    pub image: Option<String>,
    /// Image of this program, which runs the migrations [default: pgvector-setup:VERSION]
    #[arg(
        long,
        global = true,
        value_name = "IMAGE",
        help_heading = "Containers",
        env = "PGVECTOR_SETUP_TOOL_IMAGE",
        hide_env = true
    )]
    pub tool_image: Option<String>,
    /// Image of an application that starts once the migrations are done
    #[arg(
        long,
        global = true,
        value_name = "IMAGE",
        help_heading = "Containers",
        env = "PGVECTOR_SETUP_APP_IMAGE",
        hide_env = true
    )]
    pub app_image: Option<String>,
    /// Address of this machine that the server's port is published on [default: 127.0.0.1]
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS",
        help_heading = "Containers",
        env = "PGVECTOR_SETUP_PUBLISH",
        hide_env = true
    )]
    pub publish: Option<String>,
    /// Memory of the server's container, as 512m or 2g [default: 2g]
    #[arg(
        long,
        global = true,
        value_name = "SIZE",
        help_heading = "Containers",
        env = "PGVECTOR_SETUP_MEMORY",
        hide_env = true
    )]
    pub memory: Option<String>,
    /// Base of an OpenAI-compatible service that makes vectors from text, as https://api.openai.com/v1
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = "Embedder",
        env = "PGVECTOR_SETUP_EMBEDDER_URL",
        hide_env = true
    )]
    pub embedder_url: Option<String>,
    /// Its model, as text-embedding-3-small
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Embedder",
        env = "PGVECTOR_SETUP_EMBEDDER_MODEL",
        hide_env = true
    )]
    pub embedder_model: Option<String>,
    /// File of mode 0600 with its key [default: PGVECTOR_SETUP_EMBEDDER_KEY in the environment, else none]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Embedder",
        env = "PGVECTOR_SETUP_EMBEDDER_KEY_FILE",
        hide_env = true
    )]
    pub embedder_key_file: Option<PathBuf>,
    /// Where the files go that the services of sites read [default: /etc/pgvector-setup/sites]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PGVECTOR_SETUP_SITE_DIRECTORY",
        hide_env = true
    )]
    pub site_directory: Option<PathBuf>,
    /// `[[sites]]` of the settings file.
    #[arg(skip)]
    pub sites: Vec<SiteOptions>,
    /// File with these options as `name = value` [default: pgvector-setup.toml, if it is here]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PGVECTOR_SETUP_CONFIG",
        hide_env = true
    )]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// What `url_file` and `password_file` hold, and what libpq's variables and files say; read where the layers are joined.
    #[arg(skip)]
    #[serde(skip)]
    pub read: ReadForUrl,
}

/// What was read of the machine for a server's URL.
#[derive(Debug, Clone, Default)]
pub struct ReadForUrl {
    pub url: Option<Secret>,
    pub password: Option<Secret>,
    pub surroundings: Surroundings,
}

/// `listen = "192.0.2.7"` and `listen = ["192.0.2.7"]` mean the same.
fn one_or_several<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Several(Vec<String>),
    }
    Ok(Some(
        match <Either as serde::Deserialize>::deserialize(deserializer)? {
            Either::One(text) => vec![text],
            Either::Several(texts) => texts,
        },
    ))
}

/// `dimensions = 768` and `dimensions = "768"` mean the same.
pub(super) fn number_or_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    Ok(Some(
        match <Either as serde::Deserialize>::deserialize(deserializer)? {
            Either::Number(number) => number.to_string(),
            Either::Text(text) => text,
        },
    ))
}
