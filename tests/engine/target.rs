//! `up --target docker`: from nothing to a proven server, and back to nothing.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::cases::Case;
use super::docker::docker;
use super::engine::project_name;
use super::lifecycle::prove;
use super::project::Project;
use super::transcript::Reply;

/// The instance's own directory, with its receipt.
const STATE: &str = "state";

/// Where the product puts the project; compose, and so the product, names a project by it.
fn place(project: &Project, case: &Case) -> PathBuf {
    project.directory().join(project_name(case.name))
}

/// The product with this project as its target.
fn product(project: &Project, case: &Case, words: &[&str]) -> Reply {
    let words = words_of(project, case, words);
    project.product(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn words_of(project: &Project, case: &Case, words: &[&str]) -> Vec<String> {
    let state = project.directory().join(STATE);
    let target = [
        "--target".to_owned(),
        "docker".into(),
        "--directory".into(),
        state.display().to_string(),
        "--project".into(),
        place(project, case).display().to_string(),
        "--port".into(),
        project.port.to_string(),
    ];
    let given = words.iter().chain(case.flags).map(|word| (*word).to_owned());
    given.chain(target).collect()
}

fn succeeds(project: &Project, case: &Case, words: &[&str]) -> Reply {
    let reply = product(project, case, words);
    assert_eq!(reply.exit, 0, "{}:\n{}", words.join(" "), reply.stderr);
    reply
}

/// Refused with this code; what is said is the answer.
fn refused(project: &Project, case: &Case, words: &[&str], code: &str) -> String {
    let reply = product(project, case, words);
    assert_eq!(reply.exit, 3, "{}:\n{}", words.join(" "), reply.stderr);
    assert!(
        reply.stderr.contains(&format!("error[{code}]")),
        "{}",
        reply.stderr
    );
    reply.stderr
}

/// What the engine has of the project, by kind.
fn left(case: &Case, kind: &str) -> String {
    let filter = format!("label=com.docker.compose.project={}", project_name(case.name));
    let mut words = vec![kind, "ls", "--quiet", "--filter", &filter];
    if kind == "container" {
        words.push("--all");
    }
    docker(words).expect("the engine answers")
}

/// Nothing of ours is anywhere.
fn gone(project: &Project, case: &Case) {
    for kind in ["container", "network", "volume"] {
        assert_eq!(left(case, kind), "", "{kind}");
    }
    for place in [place(project, case), project.directory().join(STATE)] {
        assert!(!place.exists(), "{} is gone", place.display());
    }
}

fn destroy(project: &Project, case: &Case) {
    succeeds(project, case, &["destroy", "--destroy-data", "default"]);
    gone(project, case);
}

/// Up, again, stop, start, rollback with the data kept, up with the same data, destroy.
pub fn from_nothing_to_nothing(project: &Project, case: &Case) {
    project.offer_plugin();
    let up = succeeds(project, case, &["up", "--yes"]);
    assert!(
        up.stderr.contains("passed"),
        "the proof is part of it: {}",
        up.stderr
    );
    prove(project);
    let receipt = || {
        std::fs::read(
            project
                .directory()
                .join(STATE)
                .join("docker/default/receipt.jsonl"),
        )
    };
    let before = (left(case, "container"), receipt().expect("there is a receipt"));
    let again = succeeds(project, case, &["up", "--yes"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!((left(case, "container"), receipt().unwrap_or_default()), before);
    for command in ["doctor", "verify", "status"] {
        succeeds(project, case, &[command]);
    }

    succeeds(project, case, &["stop"]);
    assert_eq!(product(project, case, &["status"]).exit, 1, "it is stopped");
    succeeds(project, case, &["start"]);
    project.value("INSERT INTO vectors.articles (uri) VALUES ('kept')");

    succeeds(project, case, &["rollback", "--yes"]);
    assert_eq!(left(case, "container"), "");
    assert_ne!(left(case, "volume"), "", "the data is kept");
    succeeds(project, case, &["up", "--yes"]);
    assert_eq!(project.value("SELECT uri FROM vectors.articles"), "kept");
    destroy(project, case);
}

/// An edit is neither overwritten nor removed.
pub fn edited(project: &Project, case: &Case) {
    succeeds(project, case, &["up", "--yes"]);
    let file = place(project, case).join("compose.yaml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, format!("{text}# mine\n")).expect("a person edits it");
    let said = refused(project, case, &["up", "--yes"], "E0403");
    assert!(
        said.contains("# mine") && said.contains("render compose --force"),
        "{said}"
    );
    let kept = succeeds(project, case, &["destroy", "--destroy-data", "default"]);
    assert!(kept.stderr.contains("it was edited"), "{}", kept.stderr);
    assert!(file.exists());
}

/// Killed at several moments of the start, and run again each time: the same end.
pub fn killed(project: &Project, case: &Case) {
    for moment in [
        "write the compose project",
        "start the server",
        "waiting for its server",
    ] {
        kill_at(project, case, moment);
        succeeds(project, case, &["up", "--yes"]);
        prove(project);
        destroy(project, case);
    }
}

fn kill_at(project: &Project, case: &Case, moment: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"))
        .env_clear()
        .env("HOME", project.directory())
        .args(words_of(project, case, &["up", "--yes"]))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the product starts");
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let is_told = lines.map_while(Result::ok).any(|line| line.contains(moment));
    child.kill().and_then(|()| child.wait()).expect("our own child");
    assert!(is_told, "{moment:?} is told");
    project.transcript.note(&format!("killed at {moment:?}"));
}

/// A volume keeps the password that it was made with.
pub fn another_password(project: &Project, case: &Case) {
    succeeds(project, case, &["up", "--yes"]);
    let file = place(project, case).join("secrets/postgres_password");
    let password = std::fs::read(&file).expect("it is there");
    std::fs::write(&file, "another-password-of-32-characters").expect("it is changed");
    let said = refused(project, case, &["up", "--yes"], "E0404");
    assert!(
        said.contains("was initialised before, with another password"),
        "{said}"
    );
    assert!(!said.contains("another-password-of-32-characters"), "{said}");
    std::fs::remove_file(&file).expect("it is lost");
    let said = refused(project, case, &["up", "--yes"], "E0404");
    assert!(said.contains("postgres_password is not there"), "{said}");
    std::fs::write(&file, password).expect("it is restored");
    let up = succeeds(project, case, &["up", "--yes"]);
    assert!(up.stderr.contains("nothing to do"), "{}", up.stderr);
    destroy(project, case);
}

/// The image cannot be had; what was made before is taken back.
pub fn no_such_image(project: &Project, case: &Case) {
    let reply = product(project, case, &["up", "--yes"]);
    assert_eq!(reply.exit, 5, "{}", reply.stderr);
    assert!(
        reply
            .stderr
            .contains("error[E0550]: the image 127.0.0.1:1/a/pgvector:0.8.7-pg17 cannot be had")
    );
    succeeds(project, case, &["rollback", "--yes"]);
    gone(project, case);
}

/// Somebody else listens on the port: refused before anything is made, with another one.
pub fn port_taken(project: &Project, case: &Case) {
    let listener = TcpListener::bind(("127.0.0.1", project.port)).expect("the port is free");
    let said = refused(project, case, &["up", "--yes"], "E0404");
    assert!(said.contains("is taken") && said.contains("--port"), "{said}");
    drop(listener);
    gone(project, case);
}

/// A newer image goes on with the same volume; the extension follows by `upgrade`.
pub fn newer_image(project: &Project, case: &Case) {
    let old = ["up", "--yes", "--image", "pgvector/pgvector:0.8.0-pg17"];
    succeeds(project, case, &old);
    project.value("INSERT INTO vectors.articles (uri) VALUES ('kept')");
    let container = left(case, "container");
    succeeds(project, case, &["up", "--yes"]);
    assert_ne!(left(case, "container"), container, "the container is another");
    let version = || project.value("SELECT extversion FROM pg_extension WHERE extname = 'vector'");
    assert_eq!(version(), "0.8.0");
    succeeds(project, case, &["upgrade", "--yes"]);
    assert_ne!(version(), "0.8.0");
    assert_eq!(project.value("SELECT uri FROM vectors.articles"), "kept");
    destroy(project, case);
}

/// Two instances of one place, each with its own port, project and data.
pub fn side_by_side(project: &Project, case: &Case) {
    let state = project.directory().join(STATE).display().to_string();
    let up = |instance: &str, port: u16| {
        let port = port.to_string();
        let words = [
            "up",
            "--yes",
            "--target",
            "docker",
            "--pg",
            "17",
            "--directory",
            &state,
        ];
        let own = ["--instance", instance, "--port", &port];
        project.product(&[&words[..], &own].concat())
    };
    let ask = |instance: &str, words: &[&str]| {
        let own = [
            "--target",
            "docker",
            "--directory",
            &state,
            "--instance",
            instance,
        ];
        let reply = project.product(&[words, &own].concat());
        assert_eq!(
            reply.exit,
            0,
            "{} of {instance}: {}",
            words.join(" "),
            reply.stderr
        );
        reply.stdout
    };
    let other = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let ports = [project.port, other.expect("a free port").port()];
    for (instance, port) in ["one", "two"].into_iter().zip(ports) {
        let reply = up(instance, port);
        assert_eq!(reply.exit, 0, "{instance}: {}", reply.stderr);
    }
    for (instance, port) in ["one", "two"].into_iter().zip(ports) {
        let connection = ask(instance, &["env"]);
        assert!(connection.contains(&format!("PGPORT={port}")), "{connection}");
    }
    // The first has made the directory that both are in.
    ask("two", &["destroy", "--destroy-data", "two"]);
    ask("one", &["verify"]);
    ask("one", &["destroy", "--destroy-data", "one"]);
    gone(project, case);
}
