//! A compose project: the database, the migrations once it answers, and where an application hooks in.

pub(super) mod migrate;

use std::net::IpAddr;
use std::path::PathBuf;

use super::image::ServerImage;
use super::memory::MemoryPlan;
use super::yaml::{Reader, fill};
use super::{RenderedFile, RenderedSecret, Rendering, SecretSource, seal};
use crate::plan::Refusal;
use crate::settings::{Settings, percent_encoded};

/// The file that all of compose's readers look for.
pub const FILE: &str = "compose.yaml";
/// The directory of the secrets, mode 0700.
pub const SECRETS: &str = "secrets";
/// The port of this machine that the server is published on, where none is named.
pub const DEFAULT_PORT: u16 = 5432;

const TEMPLATE: &str = include_str!("../../../templates/compose/compose.yaml");
/// Readable for the container's own user, who is another than the directory's owner; the directory keeps others out.
const PUBLIC: u32 = 0o644;

/// The files of a project. Profiles: `postgres` is the database with its migrations, `dev` and `prod` the application too.
///
/// # Errors
/// [`Refusal`] for an image whose PostgreSQL major cannot be told.
pub fn project(settings: &Settings) -> Result<Rendering, Refusal> {
    let server = ServerImage::of(settings)?;
    let memory = MemoryPlan::of(
        settings.containers.memory.unwrap_or_default(),
        server.parallel_build_is_safe(),
    );
    let body = fill(TEMPLATE, context(settings, &server, memory), Reader::Compose)?;
    let mut notes = server.notes.clone();
    notes.extend(exposure(settings.containers.published_on()));
    Ok(Rendering {
        major: Some(server.major),
        files: vec![RenderedFile {
            path: FILE.into(),
            mode: PUBLIC,
            content: seal::sealed(server.major, &body),
        }],
        secrets: secrets(settings),
        notes,
    })
}

/// Where the password of the superuser is, in the project's directory.
pub fn administrator_password() -> PathBuf {
    PathBuf::from(SECRETS).join("postgres_password")
}

/// Where the password of the application's role is.
pub fn role_password() -> PathBuf {
    PathBuf::from(SECRETS).join("database_password")
}

/// The name of the volume with the server's data, without the project's.
pub fn volume(major: u16) -> String {
    format!("postgres-{major}")
}

fn context(settings: &Settings, server: &ServerImage, memory: MemoryPlan) -> minijinja::Value {
    let containers = &settings.containers;
    let megabytes = |amount: u32| format!("{amount}m");
    minijinja::context! {
        remarks => &server.notes,
        volume => volume(server.major),
        data_path => server.data_path(),
        image => server.image.to_string(),
        tool_image => containers.tool_image.to_string(),
        app_image => containers.app_image.as_ref().map(ToString::to_string),
        server_settings => memory.server_settings(),
        memory_limit => megabytes(memory.limit),
        shm_size => megabytes(memory.shm_size),
        published => published(containers.published_on(), settings.port.unwrap_or(DEFAULT_PORT)),
        migrate => migrate::arguments(settings),
        state => migrate::STATE,
        host => migrate::SERVER,
        port => migrate::PORT.to_string(),
        database => settings.database.as_str(),
        role => settings.role.as_str(),
    }
}

/// `ADDRESS:PORT:PORT`, the short form, which podman and all of compose's readers know with an address.
pub(super) fn published(address: IpAddr, port: u16) -> String {
    let inside = migrate::PORT;
    match address {
        IpAddr::V4(address) => format!("{address}:{port}:{inside}"),
        IpAddr::V6(address) => format!("[{address}]:{port}:{inside}"),
    }
}

fn exposure(address: IpAddr) -> Option<String> {
    (!address.is_loopback()).then(|| {
        format!(
            "the server's port is published on {address}: Docker opens it past ufw and firewalld, and the server has no \
             TLS of its own; leave out --publish for this machine alone"
        )
    })
}

fn secrets(settings: &Settings) -> Vec<RenderedSecret> {
    let path = |name: &str| PathBuf::from(SECRETS).join(name);
    let password = role_password();
    let (role, database) = (settings.role.as_str(), settings.database.as_str());
    vec![
        RenderedSecret {
            path: administrator_password(),
            purpose: "the password of the superuser postgres".into(),
            source: SecretSource::Generated,
        },
        RenderedSecret {
            path: password.clone(),
            purpose: format!("the password of the role {role:?}"),
            source: match &settings.role_password_file {
                Some(file) => SecretSource::File(file.clone()),
                None => SecretSource::Generated,
            },
        },
        RenderedSecret {
            path: path("database_url"),
            purpose: "how the application connects".into(),
            source: SecretSource::Url {
                before: format!("postgresql://{}:", percent_encoded(role)),
                password,
                after: format!(
                    "@{}:{}/{}",
                    migrate::SERVER,
                    migrate::PORT,
                    percent_encoded(database)
                ),
            },
        },
    ]
}
