//! A server with the pgvector of before, used by two databases, on a machine whose Debian offers a newer one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use super::adoption::as_postgres;
use super::case::Case;
use super::lifecycle::succeeds;
use super::machine::{Machine, Reply};

/// With the package in `/srv`.
pub const INSTALL_POSTGRESQL: &str = "export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends postgresql-18 >/dev/null 2>&1
dpkg --install /srv/postgresql-18-pgvector_0.8.0-1_*.deb
pg_ctlcluster 18 main start || true
runuser -u postgres -- psql -qc 'SELECT 1' >/dev/null";

const ITEMS: &str = "CREATE EXTENSION vector;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(32));
INSERT INTO items SELECT i, (SELECT array_agg(random()) FROM generate_series(1, 32) WHERE i > 0)::vector FROM generate_series(1, 3000) i;
CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_l2_ops);
DELETE FROM items WHERE id % 5 = 0;
VACUUM items";

/// A session that has the old library and waits for its next query, and one whose transaction keeps a rebuild waiting.
const APPLICATION: &str = "cd /; (echo \"SELECT '[1]'::vector;\"; sleep 600) | PGAPPNAME='the shop' runuser -u postgres -- psql -qd shop";
const WRITER: &str = "cd /; (echo 'BEGIN; UPDATE items SET id = id WHERE id = 1;'; sleep 600) | PGAPPNAME='a writer' runuser -u postgres -- psql -qd shop";
const BOTH_ARE_IN: &str = "cd /; runuser -u postgres -- psql -XAtqc \
    \"SELECT count(*) FROM pg_stat_activity WHERE (application_name, state) IN (('the shop', 'idle'), ('a writer', 'idle in transaction')) \
       AND query <> ''\" | grep -qx 2";

const REBUILDING: &str = "cd /; runuser -u postgres -- psql -XAtqd shop -c \
    \"SELECT phase FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for writers%'\" | grep -q waiting";

/// Killed in the middle of a rebuild and run again: the newer package, both databases, each index rebuilt once.
pub fn upgrade(machine: &Machine, case: &Case) {
    machine.copy_in(&PACKAGE_OF_BEFORE, "/srv/");
    machine.root(INSTALL_POSTGRESQL);
    for database in ["docs", "shop"] {
        as_postgres(machine, "postgres", &format!("CREATE DATABASE {database}"));
        as_postgres(machine, database, ITEMS);
    }
    assert_eq!(versions(machine), ["docs 0.8.0", "shop 0.8.0"]);
    let started = as_postgres(machine, "postgres", "SELECT pg_postmaster_start_time()");
    let server = machine.root("dpkg-query -W postgresql-18");
    let (docs, shop) = (index(machine, "docs"), index(machine, "shop"));
    machine.background("root", APPLICATION);
    machine.background("root", WRITER);
    machine.until("both sessions are in", BOTH_ARE_IN);

    let plan = run(machine, case, "--plan");
    succeeds(&plan);
    for shown in [
        "upgrade postgresql-18-pgvector from 0.8.0-1 to ",
        "update the extension in database \"docs\" from 0.8.0 to ",
        "REINDEX INDEX CONCURRENTLY \"public\".\"items_hnsw\"",
    ] {
        assert!(plan.stdout.contains(shown), "{shown} is shown:\n{}", plan.stdout);
    }
    assert_eq!(run(machine, case, "--check").exit, 8);
    assert_eq!(
        versions(machine),
        ["docs 0.8.0", "shop 0.8.0"],
        "a plan changes nothing"
    );

    machine.background(
        "root",
        &format!("{}; touch /dev/shm/ended", command(case, "--yes")),
    );
    machine.until(
        "the rebuild in shop waits",
        &format!("{REBUILDING} || test -e /dev/shm/ended"),
    );
    machine.root("kill -9 $(pidof pgvector-setup); while pidof pgvector-setup; do :; done");
    assert_ne!(index(machine, "docs"), docs, "docs was rebuilt before the kill");
    let docs = index(machine, "docs");
    as_postgres(
        machine,
        "postgres",
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'a writer'",
    );

    let reply = run(machine, case, "--yes");
    succeeds(&reply);
    assert!(
        reply.stderr.contains("the shop, role postgres, database shop"),
        "{}",
        reply.stderr
    );
    assert!(
        !reply.stderr.contains("in database \"docs\""),
        "nothing is left in docs:\n{}",
        reply.stderr
    );
    assert_ne!(index(machine, "shop"), shop, "shop was rebuilt");
    assert_eq!(index(machine, "docs"), docs, "docs was not rebuilt twice");
    assert_eq!(
        as_postgres(
            machine,
            "shop",
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'items_hnsw%'"
        ),
        "1",
        "no INVALID copy stays"
    );

    let again = run(machine, case, "--yes --json");
    succeeds(&again);
    let report: Value = serde_json::from_str(&again.stdout).expect("one JSON document");
    assert_eq!(
        (&report["changed"], &report["steps"]),
        (&Value::from(false), &Value::from(0))
    );
    let offered = report["offered"].as_str().expect("the server has the files");
    assert_eq!(
        versions(machine),
        [format!("docs {offered}"), format!("shop {offered}")]
    );
    assert_ne!(offered, "0.8.0");
    assert_eq!(
        report["sessions_on_an_older_library"][0]["application"], "the shop",
        "the application still runs the library of before"
    );
    for database in report["databases"].as_array().expect("a list") {
        if let Some(library) = database["state"]["installed"]["library"]["version"].as_str() {
            assert_eq!(library, offered);
        }
    }
    assert_eq!(
        machine.root("dpkg-query -W postgresql-18"),
        server,
        "the server's package is as it was"
    );
    assert_eq!(
        as_postgres(machine, "postgres", "SELECT pg_postmaster_start_time()"),
        started,
        "the server was not restarted"
    );

    let rollback = case.rollback(machine, "");
    succeeds(&rollback);
    assert!(
        rollback.stderr.contains("(it was 0.8.0-1)"),
        "what stays is said:\n{}",
        rollback.stderr
    );
    assert_eq!(
        versions(machine),
        [format!("docs {offered}"), format!("shop {offered}")]
    );
}

fn command(case: &Case, flags: &str) -> String {
    let target = case.up_command().replace("up --yes", "upgrade");
    format!("{target} {flags}")
}

fn run(machine: &Machine, case: &Case, flags: &str) -> Reply {
    machine.run(case.user, &command(case, flags))
}

fn versions(machine: &Machine) -> Vec<String> {
    let of = |database: &str| {
        let sql = "SELECT extversion FROM pg_extension WHERE extname = 'vector'";
        format!("{database} {}", as_postgres(machine, database, sql))
    };
    ["docs", "shop"].map(of).to_vec()
}

/// The oid of the index and whether it is valid.
fn index(machine: &Machine, database: &str) -> String {
    let sql = "SELECT indexrelid, indisvalid FROM pg_index WHERE indexrelid = 'items_hnsw'::regclass";
    as_postgres(machine, database, sql)
}

/// Built once and kept under `target`.
pub static PACKAGE_OF_BEFORE: LazyLock<PathBuf> = LazyLock::new(|| {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("older");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/older/build");
    let output = Command::new(program)
        .arg(kept)
        .stdin(Stdio::null())
        .output()
        .expect("docker/older/build starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the older package was not built:\n{errors}"
    );
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
});
