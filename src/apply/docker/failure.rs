//! Why an image could not be had, compose failed, or a server did not come up: the cause in words, and what to type.

use crate::error::{Exit, Explain};
use crate::facts::docker::Container;

/// How many of a container's last lines are told.
pub const LINES_TOLD: usize = 12;

#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    #[error("the image {image} cannot be had: {cause}")]
    Image {
        image: String,
        cause: String,
        hints: Vec<String>,
    },
    #[error("compose could not start the server: {cause}")]
    Compose { cause: String, hints: Vec<String> },
    #[error("the server's container {what}{said}")]
    Server {
        what: String,
        /// Its last lines, each on a line of its own.
        said: String,
        hints: Vec<String>,
    },
}

impl Explain for DockerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Image { .. } => "E0550",
            Self::Compose { .. } => "E0551",
            Self::Server { .. } => "E0552",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Resumable
    }

    fn hint(&self) -> Option<String> {
        let (Self::Image { hints, .. } | Self::Compose { hints, .. } | Self::Server { hints, .. }) = self;
        Some(hints.join("\nhint: "))
    }
}

/// What an engine says, what it means, and what may help; the first that fits. Docker's own words, of Engine 20.10 to 28, and
/// podman's.
const PULLS: &[(&[&str], &str, &str)] = &[
    (
        &["no matching manifest", "no image found in manifest list"],
        "it is not built for this machine's architecture",
        "choose one that is: pgvector-setup up --target docker --image IMAGE",
    ),
    (
        &["manifest unknown", "manifest for", "not found: manifest"],
        "its registry has no such tag",
        "choose a tag that is there: pgvector-setup up --target docker --image IMAGE",
    ),
    (
        &[
            "pull access denied",
            "repository does not exist",
            "requested access to the resource is denied",
            "unauthorized",
        ],
        "its registry has no such repository, or wants you to log in",
        "log in to the registry, or choose another: pgvector-setup up --target docker --image IMAGE",
    ),
    (
        &["toomanyrequests"],
        "its registry allows no more pulls for now",
        "log in to the registry, or wait, then run the same command again",
    ),
    (
        &["no space left on device"],
        "there is no room for it",
        "make room where the engine keeps its images, then run the same command again",
    ),
    (
        &["x509", "certificate"],
        "its registry's certificate is not trusted",
        "have the engine trust it, then run the same command again",
    ),
    (
        &[
            "no such host",
            "server misbehaving",
            "name resolution",
            "connection refused",
            "network is unreachable",
            "no route to host",
            "timeout",
            "deadline exceeded",
            "EOF",
        ],
        "its registry cannot be reached",
        "with network, run the same command again",
    ),
];

impl DockerError {
    pub(super) fn pull(image: &str, program: &str, said: &str) -> Self {
        let known = PULLS
            .iter()
            .find(|(words, ..)| words.iter().any(|word| said.contains(word)));
        let (last, program) = (last_line(said), name_of(program));
        let (cause, hint) = match known {
            Some((_, cause, hint)) => (format!("{cause} ({last})"), *hint),
            None => (last, "run the same command again"),
        };
        Self::Image {
            image: image.to_owned(),
            cause,
            hints: vec![
                hint.to_owned(),
                format!(
                    "or bring it: {program} save -o FILE {image} (elsewhere), then {program} load -i FILE"
                ),
            ],
        }
    }

    pub(super) fn compose(said: &str, port: u16) -> Self {
        let last = last_line(said);
        let is_taken = ["port is already allocated", "address already in use", "bind: "];
        if is_taken.iter().any(|word| said.contains(word)) {
            return Self::Compose {
                cause: format!("port {port} is taken ({last})"),
                hints: vec!["take another: pgvector-setup up --target docker --port N".into()],
            };
        }
        Self::Compose {
            cause: last,
            hints: vec![
                "run the same command again; what compose is told is shown by pgvector-setup plan".into(),
            ],
        }
    }

    /// Why a container that ended, or does not get well, does so; `log` is its last lines.
    pub(super) fn server(container: &Container, program: &str, log: &str) -> Self {
        let memory = || {
            (
                "was ended for want of memory".to_owned(),
                "give it more: pgvector-setup up --target docker --memory 4g".to_owned(),
            )
        };
        let (what, hint) = if container.out_of_memory {
            memory()
        } else if log.contains("exec format error") || container.error.contains("exec format error") {
            (
                format!("cannot run: {} is of another architecture", container.image),
                "choose one of this machine's: pgvector-setup up --target docker --image IMAGE".into(),
            )
        } else if log.contains("are incompatible with server") {
            (
                "cannot use the volume: its data is of another PostgreSQL".into(),
                "choose an image of that major: pgvector-setup up --target docker --pg MAJOR".into(),
            )
        } else if container.is_running() {
            (
                "does not get healthy".into(),
                "run the same command again to go on waiting".into(),
            )
        } else if log.contains("Permission denied") {
            (
                format!(
                    "ended with status {}: it may not read a file",
                    container.exit_code
                ),
                "where SELinux is enforced, look at ausearch -m avc -ts recent".into(),
            )
        } else {
            (
                format!("ended with status {}", container.exit_code),
                "run the same command again once its cause is gone".into(),
            )
        };
        let mut said: String = log.lines().map(|line| format!("\n  | {line}")).collect();
        if !container.error.is_empty() {
            said = format!(": {}{said}", container.error);
        }
        Self::Server {
            what,
            said,
            hints: vec![
                hint,
                format!(
                    "all that it said: {} logs {}",
                    name_of(program),
                    short(&container.id)
                ),
            ],
        }
    }
}

/// A program as a person types it.
fn name_of(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// An id as people see it.
pub(super) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn last_line(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    line.unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::docker::State;

    #[test]
    fn a_pull_that_fails_says_which_image_and_why() {
        for (said, cause) in [
            (
                "Error response from daemon: manifest for pgvector/pgvector:9-pg18 not found: manifest unknown: manifest unknown",
                "no such tag",
            ),
            (
                "Error response from daemon: pull access denied for nobody/nothing, repository does not exist or may require 'docker login'",
                "no such repository",
            ),
            (
                include_str!("../../../tests/fixtures/docker/pull-no-registry.txt"),
                "cannot be reached",
            ),
            (
                "no matching manifest for linux/arm/v7 in the manifest list entries",
                "architecture",
            ),
            ("write /var/lib/docker/tmp/x: no space left on device", "no room"),
            (
                "Error: initializing source docker://x: pinging container registry registry.example: Get \"https://registry.example/v2/\": dial tcp: lookup registry.example: no such host",
                "cannot be reached",
            ),
            ("something new", "something new"),
        ] {
            let text = DockerError::pull("a/b:c", "docker", said).to_string();
            assert!(
                text.starts_with("the image a/b:c cannot be had: ") && text.contains(cause),
                "{text}"
            );
        }
    }

    #[test]
    fn a_container_that_ended_says_why_with_its_last_lines() {
        let ended = |change: fn(&mut Container), log: &str| {
            let mut container = Container {
                state: State::Exited,
                exit_code: 1,
                ..Container::default()
            };
            change(&mut container);
            DockerError::server(&container, "docker", log).to_string()
        };
        for (change, log, expected) in [
            (
                (|container| container.out_of_memory = true) as fn(&mut Container),
                "x",
                "the server's container was ended for want of memory\n  | x",
            ),
            (
                |_| (),
                "exec /usr/local/bin/docker-entrypoint.sh: exec format error",
                "the server's container cannot run:  is of another architecture\n  | exec /usr/local/bin/docker-entrypoint.sh: exec format error",
            ),
            (
                |_| (),
                "one\ntwo",
                "the server's container ended with status 1\n  | one\n  | two",
            ),
            (
                |container| container.state = State::Running,
                "",
                "the server's container does not get healthy",
            ),
            (
                |container| container.error = "no such device".into(),
                "",
                "the server's container ended with status 1: no such device",
            ),
        ] {
            assert_eq!(ended(change, log), expected);
        }
    }
}
