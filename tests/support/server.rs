//! A real PostgreSQL with pgvector for the tests, brought up by the product's own embedded target.

#![allow(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "a test starts the product as a person would, and leaves the cleaning up to a child that outlives it"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use pgvector_setup::database::sql::composed;
use pgvector_setup::database::{Endpoint, Login, connect};
use pgvector_setup::settings::Identifier;
use sqlx::{Executor as _, PgConnection};

use super::{account, bundle};

const BINARY: &str = env!("CARGO_BIN_EXE_pgvector-setup");
pub const INSTANCE: &str = "tests";

/// One server for all tests of a binary; gone when the binary ends, however it ends.
static SERVER: LazyLock<Endpoint> = LazyLock::new(|| {
    let directory = directory();
    account::prepare();
    destroy_when_this_process_ends(&directory);
    let output = product(&directory)
        .args(["up", "--yes", "--dimensions", "3", "--bundle"])
        .arg(bundle::wheel())
        .output()
        .expect("the product starts");
    assert!(
        output.status.success(),
        "up failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let status = product(&directory)
        .args(["status", "--json"])
        .output()
        .expect("the product starts");
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("status is JSON");
    let port = status["port"]
        .as_u64()
        .and_then(|port| port.try_into().ok())
        .expect("status names the port");
    Endpoint::Socket {
        directory: directory.join("instances").join(INSTANCE).join("run"),
        port,
    }
});

pub fn endpoint() -> Endpoint {
    SERVER.clone()
}

pub async fn administrator(database: &str) -> PgConnection {
    let login = Login::Administrator {
        role: "postgres".into(),
    };
    connect(&endpoint(), &login, database)
        .await
        .expect("the test server answers")
}

/// A new empty database of its own for one test.
pub async fn fresh_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "test_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let quoted = Identifier::new(&name).expect("a short name").quoted();
    let create = composed(format!("CREATE DATABASE {quoted}"));
    administrator("postgres")
        .await
        .execute(create)
        .await
        .expect("a new database");
    name
}

fn directory() -> PathBuf {
    PathBuf::from(format!("/tmp/pgvector-setup-tests-{}", std::process::id()))
}

/// The product, for the installation that is the test server.
pub fn product_on_server() -> Command {
    LazyLock::force(&SERVER);
    product(&directory())
}

fn product(directory: &PathBuf) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("HOME", "/tmp").stdin(Stdio::null());
    command
        .arg("--directory")
        .arg(directory)
        .args(["--instance", INSTANCE]);
    command
}

/// A child that waits for the end of its input, which is the end of this process, and then has the product clean up.
pub fn destroy_when_this_process_ends(directory: &PathBuf) {
    let script = "cat > /dev/null; \"$0\" --directory \"$1\" --instance \"$2\" rollback --yes --destroy-data \"$2\"; rm -rf \"$1\"";
    let mut child = Command::new("/bin/sh")
        .args(["-c", script, BINARY])
        .arg(directory)
        .arg(INSTANCE)
        .env("HOME", "/tmp")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts");
    // Kept open until the process ends.
    std::mem::forget(child.stdin.take());
}
