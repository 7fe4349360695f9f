//! One compose project: rendered by the product, run by a real compose, removed with its volumes when the value is dropped.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::docker::docker;
use super::engine::{Engine, compose_1, project_name, remove_project};
use super::transcript::{Reply, Transcript};

/// Nothing that is waited for takes longer; then the case fails.
const DEADLINE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy)]
pub enum Compose {
    /// docker-compose 1.29
    One,
    /// Compose 2, by itself
    Two,
}

pub struct Project {
    name: String,
    directory: tempfile::TempDir,
    compose: String,
    pub tool_image: String,
    pub application: String,
    pub port: u16,
    pub transcript: Transcript,
}

impl Project {
    /// Nothing is rendered yet.
    pub fn new(engine: &Engine, case: &str, compose: Compose) -> Self {
        let compose = match compose {
            Compose::One => compose_1().to_owned(),
            Compose::Two => engine.compose_2.clone(),
        };
        Self {
            name: project_name(case),
            directory: tempfile::tempdir().expect("a directory"),
            compose,
            tool_image: engine.tool_image.clone(),
            application: engine.application.clone(),
            port: free_port(),
            transcript: Transcript::new("engine", case),
        }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// `render compose` with these flags besides the project's own.
    pub fn render(&self, flags: &[&str]) -> Reply {
        let port = self.port.to_string();
        let directory = self.directory().display().to_string();
        let own = [
            "render",
            "compose",
            &directory,
            "--tool-image",
            &self.tool_image,
            "--port",
            &port,
        ];
        self.product(&own.iter().chain(flags).copied().collect::<Vec<_>>())
    }

    /// As [`Self::render`], which succeeds.
    pub fn rendered(&self, flags: &[&str]) {
        let reply = self.render(flags);
        assert_eq!(
            reply.exit,
            0,
            "render compose {}:\n{}",
            flags.join(" "),
            reply.stderr
        );
    }

    /// Makes the case's compose 2 a plugin of the product's docker, which looks for it in its home; 1.29 is no plugin.
    pub fn offer_plugin(&self) {
        if self.compose == compose_1() {
            return;
        }
        let plugins = self.directory().join(".docker/cli-plugins");
        std::fs::create_dir_all(&plugins).expect("a directory");
        std::os::unix::fs::symlink(&self.compose, plugins.join("docker-compose")).expect("a link");
    }

    /// The product on this machine with these words.
    pub fn product(&self, words: &[&str]) -> Reply {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"));
        command.env_clear().env("HOME", self.directory()).args(words);
        self.run("pgvector-setup", command, words)
    }

    /// The product as `postgres` on the published port, in the application's database.
    pub fn through_the_port(&self, words: &[&str]) -> Reply {
        let url = format!(
            "postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable",
            self.port
        );
        let password = self
            .directory()
            .join("secrets/postgres_password")
            .display()
            .to_string();
        let server = ["--target", "url", "--url", &url, "--password-file", &password];
        let objects = ["--database", "vectors", "--role", "vectors"];
        self.product(
            &words
                .iter()
                .chain(&server)
                .chain(&objects)
                .copied()
                .collect::<Vec<_>>(),
        )
    }

    pub fn compose(&self, words: &[&str]) -> Reply {
        let mut command = Command::new(&self.compose);
        command
            .current_dir(self.directory())
            .args(["--project-name", &self.name])
            .args(words);
        for variable in ["COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "COMPOSE_PROFILES"] {
            command.env_remove(variable);
        }
        self.run("compose", command, words)
    }

    /// `up -d` of a profile, which succeeds.
    pub fn up(&self, profile: &str) {
        let reply = self.compose(&["--profile", profile, "up", "--detach"]);
        assert_eq!(reply.exit, 0, "up of {profile}:\n{}", reply.stderr);
    }

    /// The exit status of the migrations, when they have ended, and what they said.
    pub fn migrated(&self) -> (String, String) {
        let exit = self.docker(&["wait", &self.container("migrate")]);
        (exit, self.logs("migrate"))
    }

    /// All that a service said, both streams.
    pub fn logs(&self, service: &str) -> String {
        let container = self.container(service);
        let output = Command::new("docker").args(["logs", &container]).output();
        let output = output.expect("docker starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        self.transcript.note(&format!("{service} said:\n{said}"));
        said
    }

    /// Follows a service until it says this. Panics with what it said instead when it ends or says nothing for too long.
    pub fn until_said(&self, service: &str, wanted: &str) {
        let container = self.container(service);
        let mut follow = Command::new("sh")
            .args(["-c", "exec docker logs --follow \"$0\" 2>&1", &container])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("docker starts");
        let lines = BufReader::new(follow.stdout.take().expect("a pipe")).lines();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let began = Instant::now();
        let mut said = Vec::new();
        let found = loop {
            match receiver.recv_timeout(DEADLINE.saturating_sub(began.elapsed())) {
                Ok(line) if line.contains(wanted) => break true,
                Ok(line) => said.push(line),
                Err(_) => break false,
            }
        };
        follow.kill().and_then(|()| follow.wait()).expect("our own child");
        assert!(found, "{service} does not say {wanted:?}:\n{}", said.join("\n"));
        self.transcript.note(&format!("{service} says {wanted:?}"));
    }

    /// SQL as the superuser on the server's own socket; rows, with `|` between the columns.
    pub fn sql(&self, statements: &str) -> Reply {
        let container = self.container("database");
        let psql = [
            "psql",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--quiet",
            "--set",
            "VERBOSITY=verbose",
        ];
        let words = [
            &["exec", "--user", "postgres", &container][..],
            &psql,
            &["--dbname", "vectors", "--command", statements],
        ];
        let words = words.concat();
        let mut command = Command::new("docker");
        command.args(&words);
        self.run("psql", command, &[statements])
    }

    /// The answer of SQL that succeeds.
    pub fn value(&self, statements: &str) -> String {
        let reply = self.sql(statements);
        assert_eq!(reply.exit, 0, "{statements}:\n{}", reply.stderr);
        reply.stdout.trim().to_owned()
    }

    /// The container of a service, ended or not.
    pub fn container(&self, service: &str) -> String {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let service_filter = format!("label=com.docker.compose.service={service}");
        let found = self.docker(&[
            "ps",
            "--all",
            "--quiet",
            "--filter",
            &project,
            "--filter",
            &service_filter,
        ]);
        assert!(
            !found.is_empty() && !found.contains('\n'),
            "one container of {service}: {found:?}"
        );
        found
    }

    /// One field of what the engine says of a service's container.
    pub fn inspect(&self, service: &str, field: &str) -> String {
        self.docker(&["inspect", "--format", field, &self.container(service)])
    }

    /// A docker command that succeeds.
    pub fn docker(&self, words: &[&str]) -> String {
        docker(words).unwrap_or_else(|| panic!("docker {} failed", words.join(" ")))
    }

    fn run(&self, program: &str, mut command: Command, words: &[&str]) -> Reply {
        let began = Instant::now();
        let output = command.stdin(Stdio::null()).output().expect("the program starts");
        let reply = Reply {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: began.elapsed(),
        };
        self.transcript.exchange(program, &words.join(" "), &reply);
        reply
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        remove_project(&self.name);
    }
}

/// A port that nothing listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}
