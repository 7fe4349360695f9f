//! A project's containers, as the engine describes them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::facts::FactsError;

/// The labels that every compose gives its containers.
pub const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const DIRECTORY: &str = "com.docker.compose.project.working_dir";
/// The server's port inside its container.
const INSIDE: &str = "5432/tcp";

/// What the engine says of a container's life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    #[default]
    Created,
    Running,
    /// It ended, and the engine is about to start it again, or has just done so.
    Restarting,
    Paused,
    Exited,
}

/// What the container's own health check says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It has none, or none has run yet.
    #[default]
    Unknown,
    Starting,
    Healthy,
    Unhealthy,
}

impl Health {
    /// For a person.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "health not known",
            Self::Starting => "health check starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One container of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Container {
    pub id: String,
    pub service: String,
    /// The directory of the project that made it.
    pub directory: PathBuf,
    /// As the compose file names it.
    pub image: String,
    pub state: State,
    pub health: Health,
    pub exit_code: i64,
    pub restarts: u64,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// The engine's own words on why it does not run.
    pub error: String,
    /// Where the server's port is published, running or not.
    pub published: Option<(IpAddr, u16)>,
    /// Size of its `/dev/shm`, in bytes.
    pub shared_memory: u64,
    /// What it may take in all, in bytes; 0 for any amount.
    pub memory: u64,
    /// Names of the volumes that are mounted.
    pub volumes: Vec<String>,
}

impl Container {
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    id: String,
    state: DescribedState,
    config: Config,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    mounts: Vec<Mount>,
    #[serde(default)]
    restart_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedState {
    status: String,
    #[serde(default)]
    exit_code: i64,
    #[serde(default, rename = "OOMKilled")]
    out_of_memory: bool,
    #[serde(default)]
    error: String,
    /// podman before 4.4 names it otherwise.
    #[serde(default, alias = "Healthcheck")]
    health: Option<DescribedHealth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedHealth {
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    shm_size: u64,
    memory: u64,
    port_bindings: Option<HashMap<String, Option<Vec<Binding>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    #[serde(default)]
    host_ip: String,
    host_port: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(default)]
    name: Option<String>,
}

/// Reads what `container inspect` prints.
///
/// # Errors
/// [`FactsError::Unreadable`] for anything else than the JSON of docker or podman.
pub fn read(text: &str) -> Result<Vec<Container>, FactsError> {
    let described: Vec<Described> = serde_json::from_str(text).map_err(|error| FactsError::Unreadable {
        what: "what the container engine says of the project's containers".into(),
        detail: error.to_string(),
    })?;
    Ok(described.into_iter().map(Container::from).collect())
}

impl From<Described> for Container {
    fn from(described: Described) -> Self {
        let labels = described.config.labels.unwrap_or_default();
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let health = described.state.health.map(|health| health.status);
        let bindings = described.host_config.port_bindings.unwrap_or_default();
        let binding = bindings
            .get(INSIDE)
            .and_then(Option::as_ref)
            .and_then(|all| all.first());
        Self {
            service: label(SERVICE),
            directory: label(DIRECTORY).into(),
            id: described.id,
            image: described.config.image,
            state: state_named(&described.state.status),
            health: health_named(health.as_deref().unwrap_or_default()),
            exit_code: described.state.exit_code,
            restarts: described.restart_count,
            out_of_memory: described.state.out_of_memory,
            error: described.state.error,
            published: binding.and_then(published),
            shared_memory: described.host_config.shm_size,
            memory: described.host_config.memory,
            volumes: described
                .mounts
                .into_iter()
                .filter_map(|mount| mount.name)
                .collect(),
        }
    }
}

fn state_named(word: &str) -> State {
    match word {
        "running" => State::Running,
        "restarting" => State::Restarting,
        "paused" => State::Paused,
        "exited" | "dead" | "stopped" | "removing" => State::Exited,
        _ => State::Created,
    }
}

fn health_named(word: &str) -> Health {
    match word {
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        "starting" => Health::Starting,
        _ => Health::Unknown,
    }
}

/// No address means every one of this machine.
fn published(binding: &Binding) -> Option<(IpAddr, u16)> {
    let address = match binding.host_ip.as_str() {
        "" => "0.0.0.0",
        given => given,
    };
    Some((address.parse().ok()?, binding.host_port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_read_as_the_engine_describes_it() {
        for (text, state, health) in [
            (
                include_str!("../../../tests/fixtures/docker/inspect-starting.json"),
                State::Running,
                Health::Starting,
            ),
            (
                include_str!("../../../tests/fixtures/docker/inspect-healthy.json"),
                State::Running,
                Health::Healthy,
            ),
            (
                include_str!("../../../tests/fixtures/docker/inspect-stopped.json"),
                State::Exited,
                Health::Unhealthy,
            ),
        ] {
            let containers = read(text).unwrap();
            let [container] = containers.as_slice() else {
                panic!("{containers:?}")
            };
            assert_eq!((container.state, container.health), (state, health));
            assert_eq!(container.service, "database");
            assert_eq!(container.directory, std::path::Path::new("/srv/dtq"));
            assert_eq!(container.published, Some(("127.0.0.1".parse().unwrap(), 5499)));
            assert_eq!(container.shared_memory, 256 * 1024 * 1024);
            assert_eq!(container.volumes, ["dtq_postgres-17"]);
            assert_eq!(container.image, "pgvector/pgvector:0.8.7-pg17");
        }
    }

    #[test]
    fn a_project_without_containers_has_none() {
        assert_eq!(read("[]").unwrap(), []);
        assert!(read("Error: no such container").is_err());
    }
}
