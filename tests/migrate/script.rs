//! `render sql`, run by psql itself on a server that has nothing of it.

#![allow(
    clippy::disallowed_methods,
    reason = "a test starts the product and psql as a person would"
)]

use std::path::PathBuf;
use std::process::{Command, Output};

use pgvector_setup::database::Endpoint;

use crate::support::server::{endpoint, product_on_server};

/// The server's socket and port, for psql and for URLs.
fn socket() -> (PathBuf, u16) {
    match endpoint() {
        Endpoint::Socket { directory, port } => (directory, port),
        other => panic!("the test server is reached by its socket, not {other:?}"),
    }
}

fn psql(script: &str) -> Output {
    let (directory, port) = socket();
    let name = format!(
        "pgvector-setup-script-{}-{:p}.sql",
        std::process::id(),
        script.as_ptr()
    );
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, script).unwrap();
    // The server's own psql, as its administrator.
    let output = product_on_server()
        .args(["psql", "--", "-q", "-U", "postgres", "-d", "postgres"])
        .args(["-p", &port.to_string(), "-h"])
        .arg(directory)
        .arg("-f")
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(file).unwrap();
    output
}

/// The product with these options for the same server, named by its URL.
fn by_url(command: &[&str], options: &[String]) -> Output {
    let (directory, port) = socket();
    let home = tempfile::tempdir().unwrap();
    let host: String = directory.to_str().unwrap().replace('/', "%2F");
    Command::new(env!("CARGO_BIN_EXE_pgvector-setup"))
        .env_clear()
        .env("HOME", home.path())
        .args(command)
        .arg(format!("--url=postgresql://postgres@{host}:{port}/postgres"))
        .args(options)
        .output()
        .unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

async fn is_whole(options: &[&str]) {
    let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
    let rendered = product_on_server()
        .args(["render", "sql"])
        .args(&options)
        .output()
        .unwrap();
    assert!(rendered.status.success(), "{}", text(&rendered.stderr));
    let script = text(&rendered.stdout);
    let run = psql(&script);
    assert!(run.status.success(), "{}\n{script}", text(&run.stderr));

    let status = by_url(&["migrate", "status", "--json"], &options);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    for migration in status["migrations"].as_array().unwrap() {
        let state = migration["state"].as_str().unwrap();
        assert!(
            ["applied", "deferred", "skipped"].contains(&state),
            "{options:?}: {migration}"
        );
    }
    let up = by_url(&["up", "--yes"], &options);
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert!(
        text(&up.stderr).contains("nothing to do"),
        "{options:?}: {}",
        text(&up.stderr)
    );
}

#[tokio::test]
async fn a_script_leaves_nothing_for_up_to_do_whatever_the_names_are() {
    let number = std::process::id();
    let hostile = format!("it's \"{number}\" = \\ :x ${{y}} -- é; DROP");
    let url = format!("postgresql://nowhere/{number}");
    for (database, role) in [
        (format!("plain_{number}"), format!("plain_{number}")),
        (hostile.clone(), hostile),
        (url.clone(), format!("-{url}")),
    ] {
        let (database, role) = (format!("--database={database}"), format!("--role={role}"));
        is_whole(&[&database, &role]).await;
    }
}

#[tokio::test]
async fn every_kind_of_table_is_recorded_as_up_would_have() {
    let number = std::process::id();
    let cases: [&[&str]; 5] = [
        &["--index=none", "--schema=public"],
        &["--index=ivfflat", "--extension-schema=extensions"],
        &[
            "--dimensions=3072",
            "--metric=l1",
            "--m=8",
            "--ef-construction=40",
        ],
        &["--dimensions=16000"],
        &[
            "--table=it's \\ \"x\"",
            "--key=:k",
            "--column=$1",
            "--schema=a.b",
            "--extension-schema=a.b",
        ],
    ];
    for (position, case) in cases.into_iter().enumerate() {
        let (database, role) = (
            format!("--database=kind_{number}_{position}"),
            format!("--role=kind_{number}_{position}"),
        );
        let options: Vec<&str> = [database.as_str(), role.as_str()]
            .into_iter()
            .chain(case.iter().copied())
            .collect();
        is_whole(&options).await;
    }
}

#[tokio::test]
async fn a_second_run_stops_at_the_first_statement() {
    let name = format!("twice_{}", std::process::id());
    let options = [format!("--database={name}"), format!("--role={name}")];
    let rendered = product_on_server()
        .args(["render", "sql"])
        .args(&options)
        .output()
        .unwrap();
    let script = text(&rendered.stdout);
    assert!(psql(&script).status.success());
    let again = psql(&script);
    // psql(1): 3 is an error in a script with ON_ERROR_STOP.
    assert_eq!(again.status.code(), Some(3));
    let said = text(&again.stderr);
    assert!(
        said.contains(&format!("role \"{name}\" already exists")) && said.lines().count() == 1,
        "{said}"
    );
}
