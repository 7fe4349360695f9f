//! Units for podman's quadlet: systemd runs the containers, and starts the migrations when the database answers.

mod word;

use std::net::IpAddr;
use std::path::PathBuf;

use minijinja::Value;

use super::compose::{DEFAULT_PORT, migrate, published};
use super::image::ServerImage;
use super::memory::MemoryPlan;
use super::{RenderedFile, Rendering, seal, template};
use crate::plan::Refusal;
use crate::settings::{Image, InstanceName, Settings};

pub use word::quoted;

const DATABASE: &str = include_str!("../../../templates/quadlet/database.container");
const MIGRATE: &str = include_str!("../../../templates/quadlet/migrate.container");
const NETWORK: &str = include_str!("../../../templates/quadlet/network.network");
const DATA: &str = include_str!("../../../templates/quadlet/data.volume");
const MIGRATIONS: &str = include_str!("../../../templates/quadlet/migrations.volume");

/// The units of one instance. Their passwords are podman's secrets, which the first file says how to make.
///
/// # Errors
/// [`Refusal`] for an image whose PostgreSQL major cannot be told.
pub fn units(settings: &Settings) -> Result<Rendering, Refusal> {
    let server = ServerImage::of(settings)?;
    let prefix = prefix(settings);
    let values = values(settings, &server, &prefix);
    let templates = [
        (format!("{prefix}-database.container"), DATABASE),
        (format!("{prefix}-migrate.container"), MIGRATE),
        (format!("{prefix}.network"), NETWORK),
        (format!("{}.volume", volume(&prefix, server.major)), DATA),
        (format!("{prefix}-migrations.volume"), MIGRATIONS),
    ];
    let file = |(path, template): (String, &str)| {
        let body = template::fill(template, values.clone(), quoted)?;
        Ok(RenderedFile {
            path: PathBuf::from(path),
            mode: 0o644,
            content: seal::sealed(server.major, &body),
        })
    };
    let mut notes = server.notes.clone();
    notes.extend(exposure(settings.containers.published_on()));
    Ok(Rendering {
        major: Some(server.major),
        files: templates.into_iter().map(file).collect::<Result<_, Refusal>>()?,
        secrets: Vec::new(),
        notes,
    })
}

/// What every unit, volume and secret of these settings begins with.
pub fn prefix(settings: &Settings) -> String {
    match settings.instance.as_str() {
        InstanceName::DEFAULT => "pgvector".to_owned(),
        name => format!("pgvector-{name}"),
    }
}

/// The name of podman's secret with the superuser's password.
pub fn superuser_secret(prefix: &str) -> String {
    format!("{prefix}-postgres-password")
}

/// The name of podman's secret with the password of the application's role.
pub fn role_secret(prefix: &str) -> String {
    format!("{prefix}-database-password")
}

/// The name of the volume with the server's data.
fn volume(prefix: &str, major: u16) -> String {
    format!("{prefix}-postgres-{major}")
}

fn values(settings: &Settings, server: &ServerImage, prefix: &str) -> Value {
    let containers = &settings.containers;
    let memory = MemoryPlan::of(
        containers.memory.unwrap_or_default(),
        server.parallel_build_is_safe(),
    );
    let megabytes = |amount: u32| format!("{amount}m");
    minijinja::context! {
        prefix => prefix,
        remarks => &server.notes,
        major => server.major,
        database => format!("{prefix}-database"),
        migrate => format!("{prefix}-migrate"),
        image => qualified(&server.image, "docker.io"),
        tool_image => qualified(&containers.tool_image, "localhost"),
        server_settings => memory.server_settings(),
        host => migrate::SERVER,
        published => published(containers.published_on(), settings.port.unwrap_or(DEFAULT_PORT)),
        volume => volume(prefix, server.major),
        data_path => server.data_path(),
        superuser_secret => superuser_secret(prefix),
        role_secret => role_secret(prefix),
        shm_size => megabytes(memory.shm_size),
        memory_limit => megabytes(memory.limit),
        state => migrate::STATE,
        arguments => migrate::arguments(settings),
    }
}

/// With a registry: podman asks, or refuses, where none is named. An image that was built here is `localhost`'s.
fn qualified(image: &Image, registry: &str) -> String {
    if image.registry().is_some() {
        image.to_string()
    } else if registry == "docker.io" && !image.repository.contains('/') {
        format!("{registry}/library/{image}")
    } else {
        format!("{registry}/{image}")
    }
}

fn exposure(address: IpAddr) -> Option<String> {
    (!address.is_loopback()).then(|| {
        format!(
            "the server's port is published on {address}, and the server has no TLS of its own; leave out --publish for \
             this machine alone"
        )
    })
}

#[cfg(test)]
mod tests;
