//! Which container engine answers, or why none does.

use std::path::{Path, PathBuf};

use super::command::question;
use crate::host::{Host, HostError, Output};

/// Docker Engine, or podman, which takes the same commands for what is asked here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Docker,
    Podman,
}

/// An engine that answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Engine {
    pub kind: Kind,
    /// Its client.
    pub program: PathBuf,
    /// The server's: `20.10.24`.
    pub version: String,
    /// Where it listens, as its client says: `unix:///var/run/docker.sock`; empty for podman, which needs no server.
    pub endpoint: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// Neither docker nor podman.
    Missing,
    /// A client is here, and its engine does not answer; `said` is its client's last line.
    Silent {
        program: PathBuf,
        endpoint: String,
        said: String,
    },
    /// This user may not use the engine's socket.
    Forbidden {
        program: PathBuf,
        endpoint: String,
    },
    /// It is another machine's, where a port that is published on loopback is of no use here.
    Elsewhere {
        program: PathBuf,
        endpoint: String,
    },
    Answers(Engine),
}

impl Default for EngineState {
    fn default() -> Self {
        Self::Answers(Engine::default())
    }
}

impl EngineState {
    pub fn engine(&self) -> Option<&Engine> {
        match self {
            Self::Answers(engine) => Some(engine),
            _ => None,
        }
    }
}

/// docker where its client is, answering or not: another engine would know nothing of volumes that docker has. podman where
/// there is no docker, or where the user names podman's engine and not docker's.
pub(super) async fn gather(host: &Host) -> EngineState {
    let names = |wanted: &str| {
        let variables = &host.environment().containers;
        variables.iter().any(|(name, _)| name == wanted)
    };
    let means_podman = names("CONTAINER_HOST") && !names("DOCKER_HOST") && !names("DOCKER_CONTEXT");
    let order = if means_podman {
        ["podman", "docker"]
    } else {
        ["docker", "podman"]
    };
    for name in order {
        match host.which_as_user(name) {
            Some(program) if name == "docker" => return docker(host, &program).await,
            Some(program) => return podman(host, &program).await,
            None => {}
        }
    }
    EngineState::Missing
}

async fn docker(host: &Host, program: &Path) -> EngineState {
    let version = question(host, program, "ask whether the container engine answers")
        .arguments(["version", "--format", "{{json .}}"])
        .accept([1]);
    let context = question(host, program, "ask where the container engine listens")
        .arguments(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
        .accept([1]);
    let (version, context) = tokio::join!(host.run(&version), host.run(&context));
    let endpoint = context
        .map(|output| output.stdout.trim().to_owned())
        .unwrap_or_default();
    state(program, &endpoint, version)
}

fn state(program: &Path, endpoint: &str, answer: Result<Output, HostError>) -> EngineState {
    let (program, endpoint) = (program.to_owned(), endpoint.to_owned());
    if is_elsewhere(&endpoint) {
        return EngineState::Elsewhere { program, endpoint };
    }
    let output = match answer {
        Ok(output) => output,
        Err(HostError::Deadline { seconds, .. }) => {
            let said = format!("it did not answer within {} s", seconds.max(2));
            return EngineState::Silent {
                program,
                endpoint,
                said,
            };
        }
        Err(error) => {
            let said = error.to_string();
            return EngineState::Silent {
                program,
                endpoint,
                said,
            };
        }
    };
    let said = last_line(&output.stderr);
    match read_version(&output.stdout) {
        Some((kind, version)) => EngineState::Answers(Engine {
            kind,
            program,
            version,
            endpoint,
        }),
        None if is_forbidden(&output.stderr) => EngineState::Forbidden { program, endpoint },
        None => EngineState::Silent {
            program,
            endpoint,
            said,
        },
    }
}

async fn podman(host: &Host, program: &Path) -> EngineState {
    let variables = &host.environment().containers;
    let named = variables.iter().find(|(name, _)| name == "CONTAINER_HOST");
    let endpoint = named.map(|(_, value)| value.to_string_lossy().into_owned());
    let version = question(host, program, "ask whether podman answers")
        .arguments(["version", "--format", "{{json .}}"])
        .accept([1, 125]);
    state(program, &endpoint.unwrap_or_default(), host.run(&version).await)
}

/// The engine's kind and version in what `version --format '{{json .}}'` prints. docker without a server says `"Server":null`;
/// podman without one (it needs none) leaves it out, and so does the `docker` that is podman in disguise.
fn read_version(text: &str) -> Option<(Kind, String)> {
    let answer: serde_json::Value = serde_json::from_str(text.trim()).ok()?;
    let client = answer.get("Client")?;
    let version = |part: &serde_json::Value| Some(part.get("Version")?.as_str()?.to_owned());
    // Only docker's client knows contexts, or has a platform.
    let is_docker = client.get("Context").is_some() || client.get("Platform").is_some();
    match answer.get("Server").filter(|server| !server.is_null()) {
        Some(server) if is_docker => Some((Kind::Docker, version(server)?)),
        Some(server) => Some((Kind::Podman, version(server)?)),
        None if is_docker => None,
        None => Some((Kind::Podman, version(client)?)),
    }
}

fn is_forbidden(said: &str) -> bool {
    said.contains("permission denied")
}

/// A socket is always this machine's; an address is if it is loopback.
fn is_elsewhere(endpoint: &str) -> bool {
    let Some((scheme, rest)) = endpoint.split_once("://") else {
        return false;
    };
    match scheme {
        "tcp" | "http" | "https" => {
            let host = rest.split('/').next().unwrap_or_default();
            let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let is_loopback = host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
            !(is_loopback || host == "localhost")
        }
        "ssh" => true,
        _ => false,
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    line.unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i32, stdout: &str, stderr: &str) -> Result<Output, HostError> {
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        Ok(Output { code, stdout, stderr })
    }

    fn word(state: &EngineState) -> String {
        match state {
            EngineState::Missing => "missing".into(),
            EngineState::Silent { said, .. } => format!("silent: {said}"),
            EngineState::Forbidden { .. } => "forbidden".into(),
            EngineState::Elsewhere { .. } => "elsewhere".into(),
            EngineState::Answers(engine) => format!("{:?} {}", engine.kind, engine.version),
        }
    }

    #[test]
    fn what_a_client_says_tells_whether_its_engine_answers() {
        const DEAD: &str = include_str!("../../../tests/fixtures/docker/version-dead.json");
        const DENIED: &str = "permission denied while trying to connect to the Docker daemon socket at \
            unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/version\": dial unix /var/run/docker.sock: connect: permission denied";
        const NOBODY: &str =
            "Cannot connect to the Docker daemon at unix:///tmp/none.sock. Is the docker daemon running?\n";
        for (endpoint, answer, expected) in [
            (
                "unix:///var/run/docker.sock",
                said(0, include_str!("../../../tests/fixtures/docker/version.json"), ""),
                "Docker 20.10.24+dfsg1",
            ),
            (
                "",
                said(
                    0,
                    include_str!("../../../tests/fixtures/docker/version-podman.json"),
                    "",
                ),
                "Podman 4.3.1",
            ),
            (
                "unix:///tmp/none.sock",
                said(1, DEAD, NOBODY),
                "silent: Cannot connect to the Docker daemon at unix:///tmp/none.sock. Is the docker daemon running?",
            ),
            ("unix:///var/run/docker.sock", said(1, DEAD, DENIED), "forbidden"),
            ("ssh://ann@build.example", said(0, "", ""), "elsewhere"),
            ("tcp://10.0.0.7:2375", said(0, "", ""), "elsewhere"),
            ("", said(1, "", ""), "silent: it said nothing"),
        ] {
            assert_eq!(
                word(&state(Path::new("/usr/bin/docker"), endpoint, answer)),
                expected
            );
        }
    }

    #[test]
    fn only_this_machines_engine_publishes_its_ports_here() {
        for (endpoint, expected) in [
            ("unix:///run/user/1000/docker.sock", false),
            ("npipe:////./pipe/docker_engine", false),
            ("tcp://127.0.0.1:2375", false),
            ("tcp://localhost:2375", false),
            ("tcp://[::1]:2376", false),
            ("tcp://[2001:db8::7]:2376", true),
            ("tcp://docker.example", true),
            ("ssh://ann@build.example", true),
            ("", false),
        ] {
            assert_eq!(is_elsewhere(endpoint), expected, "{endpoint}");
        }
    }
}
