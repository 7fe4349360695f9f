//! The engine with the images of one test run: look-alikes of the servers', this program's, and a stand-in for an application.

use std::path::Path;

use super::docker::{build, docker, is_alive};

/// Set by the recipes of the look-alikes. An image without it is somebody's real one and is left as it is.
const LOOK_ALIKE: &str = "pgvector-setup-look-alike";
/// Marks this program's image of one test run; the value is the process that made it.
const RUN: &str = "pgvector-setup-engine-test";

/// What the compose file names, and the recipe's flavour that stands for it.
const SERVERS: &[(&str, &str)] = &[
    ("pgvector/pgvector:0.8.7-pg15", "15"),
    ("pgvector/pgvector:0.8.7-pg17", "17"),
    ("pgvector/pgvector:0.8.7-pg18", "18"),
    ("pgvector/pgvector:0.8.0-pg17", "17-affected"),
    ("ankane/pgvector:v0.6.0", "15"),
    ("postgres:17", "17-without-pgvector"),
];

pub struct Engine {
    pub tool_image: String,
    pub application: String,
    /// Compose 2, which is no plugin of this engine's client.
    pub compose_2: String,
}

impl Engine {
    /// `None` where no engine answers.
    pub fn connect() -> Option<Self> {
        docker(["version"])?;
        remove_leftovers();
        for (name, flavour) in SERVERS {
            stand_in(name, &build("docker/postgres/build", &[flavour]));
        }
        Some(Self {
            tool_image: tool_image(),
            application: build("docker/application/build", &[]),
            compose_2: build("docker/compose/fetch", &[]),
        })
    }

    /// Takes this run's own image away, and the real ones' names from the look-alikes: nobody else shall get one by them.
    pub fn leave(&self) {
        docker(["image", "rm", "--force", &self.tool_image]);
        for (name, _) in SERVERS {
            if is_look_alike(name) == Some(true) {
                docker(["image", "rm", name]);
            }
        }
    }
}

/// Gives the look-alike the real one's name, unless an image has it that is no look-alike.
fn stand_in(name: &str, look_alike: &str) {
    if is_look_alike(name) != Some(false) {
        docker(["tag", look_alike, name]).expect("an image is given a name");
    }
}

/// `None` where no image has the name.
fn is_look_alike(name: &str) -> Option<bool> {
    let label = format!("{{{{index .Config.Labels \"{LOOK_ALIKE}\"}}}}");
    let label = docker(["image", "inspect", "--format", &label, name])?;
    Some(!label.is_empty())
}

/// The program under test in its image, by the recipe that users have.
fn tool_image() -> String {
    let process = std::process::id();
    let label = format!("{RUN}={process}");
    build(
        "docker/build",
        &[
            "--binary",
            env!("CARGO_BIN_EXE_pgvector-setup"),
            "--tag",
            &format!("pgvector-setup:engine-test-{process}"),
            "--",
            "--label",
            &label,
        ],
    )
}

/// The name of every project of this process, and of none else.
pub fn project_name(case: &str) -> String {
    format!("{RUN}-{}-{case}", std::process::id())
}

/// Removes what test runs that were killed have left.
fn remove_leftovers() {
    let listing = docker([
        "image",
        "ls",
        "--filter",
        &format!("label={RUN}"),
        "--format",
        "{{.Tag}}",
    ]);
    for tag in listing.unwrap_or_default().lines() {
        if tag.rsplit('-').next().is_some_and(|process| !is_alive(process)) {
            docker(["image", "rm", "--force", &format!("pgvector-setup:{tag}")]);
        }
    }
    for kind in ["container", "network", "volume"] {
        let format = "{{.Label \"com.docker.compose.project\"}}";
        let mut list = vec![
            kind,
            "ls",
            "--filter",
            "label=com.docker.compose.project",
            "--format",
            format,
        ];
        if kind == "container" {
            list.push("--all");
        }
        for project in docker(list).unwrap_or_default().lines() {
            let process = project.strip_prefix(RUN).and_then(|rest| rest.split('-').nth(1));
            if process.is_some_and(|process| !is_alive(process)) {
                remove_project(project);
            }
        }
    }
}

/// Removes all that bears the project's name, whatever state it is in.
pub fn remove_project(project: &str) {
    let filter = format!("label=com.docker.compose.project={project}");
    let removals: [(&[&str], &[&str]); 3] = [
        (&["ps", "--all", "--quiet"], &["rm", "--force", "--volumes"]),
        (&["network", "ls", "--quiet"], &["network", "rm"]),
        (&["volume", "ls", "--quiet"], &["volume", "rm", "--force"]),
    ];
    for (list, remove) in removals {
        let found = docker(list.iter().copied().chain(["--filter", &filter])).unwrap_or_default();
        let found: Vec<&str> = found.split_whitespace().collect();
        if !found.is_empty() {
            docker(remove.iter().copied().chain(found));
        }
    }
}

/// Compose 1.29, which `.ci/run` installs; with its name only, as its package has it.
pub fn compose_1() -> &'static str {
    let path = "/usr/bin/docker-compose";
    assert!(
        Path::new(path).exists(),
        "{path} is missing; apt-get install docker-compose (Debian 12 has 1.29)"
    );
    path
}
