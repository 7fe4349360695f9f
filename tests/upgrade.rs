//! `upgrade` against a real server with several databases.
//!
//! The bundle carries one version of pgvector, so the state of before is made in the catalog: the update scripts from
//! 0.8.0 to 0.8.5 are empty, so an extension of which only `extversion` says 0.8.0 is what a newer package leaves behind.

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test starts the product as a person would"
)]
mod support;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use pgvector_setup::database::sql::composed;
use serde_json::Value;
use sqlx::{Executor as _, PgConnection};
use support::server::{administrator, fresh_database, product_on_server};
use tokio::sync::{Mutex, MutexGuard};

/// Every upgrade is of the whole server, so only one test at a time has it.
static SERVER: Mutex<()> = Mutex::const_new(());

const OLD: &str = "UPDATE pg_catalog.pg_extension SET extversion = '0.8.0' WHERE extname = 'vector'";
const ITEMS: &str = "CREATE EXTENSION vector SCHEMA public; CREATE SCHEMA shop;
    CREATE TABLE shop.items (id int PRIMARY KEY, embedding public.vector(16));
    INSERT INTO shop.items SELECT i, (SELECT array_agg(random()) FROM generate_series(1, 16) WHERE i > 0)::public.vector
      FROM generate_series(1, 2000) i;
    CREATE INDEX \"items' hnsw\" ON shop.items USING hnsw (embedding public.vector_l2_ops);
    CREATE INDEX items_ivfflat ON shop.items USING ivfflat (embedding public.vector_l2_ops) WITH (lists = 2)";

#[tokio::test]
async fn every_database_gets_the_new_version_and_its_hnsw_indexes_are_rebuilt_once() {
    let _alone = alone().await;
    let (first, second) = (old_database().await, old_database().await);
    let closed = fresh_database().await;
    let sql = format!("ALTER DATABASE \"{closed}\" ALLOW_CONNECTIONS false");
    administrator("postgres")
        .await
        .execute(composed(sql))
        .await
        .unwrap();
    let before = [indexes(&first).await, indexes(&second).await];

    let plan = json(&["upgrade", "--plan", "--json"], 0);
    assert_eq!(plan["pending"], 4, "{plan:#}");
    assert!(
        texts(&plan["notes"]).iter().any(|note| note.contains(&closed)),
        "a database that allows no connections is named: {plan:#}"
    );
    assert_eq!(json(&["upgrade", "--check", "--json"], 8)["pending"], 4);
    assert_eq!(
        before,
        [indexes(&first).await, indexes(&second).await],
        "a plan changes nothing"
    );

    let done = json(&["upgrade", "--yes", "--json"], 0);
    assert_eq!(done["steps"], 4, "{done:#}");
    for (database, before) in [&first, &second].into_iter().zip(before) {
        let installed = installed(&done, database);
        assert_eq!(
            (&installed["version"], &installed["library"]["version"]),
            (&Value::from("0.8.5"), &Value::from("0.8.5"))
        );
        let after = indexes(database).await;
        assert_ne!(after[0], before[0], "the hnsw index was rebuilt");
        assert_eq!(after[1], before[1], "the ivfflat index was left alone");
    }

    let after = indexes(&first).await;
    let again = json(&["upgrade", "--yes", "--json"], 0);
    assert_eq!(
        (&again["changed"], &again["steps"]),
        (&Value::from(false), &Value::from(0))
    );
    assert_eq!(indexes(&first).await, after, "nothing is rebuilt a second time");
    forget(&[first, second, closed]).await;
}

#[tokio::test]
async fn a_function_that_the_new_version_would_collide_with_is_named_before_anything_is_changed() {
    let _alone = alone().await;
    let database = old_database().await;
    let mut connection = administrator(&database).await;
    for sql in [
        "UPDATE pg_catalog.pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'",
        "ALTER EXTENSION vector DROP FUNCTION public.l2_normalize(public.vector)",
    ] {
        connection.execute(sql).await.unwrap();
    }
    let refused = json(&["upgrade", "--yes", "--json"], 3);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(&format!("public.l2_normalize(vector) in database {database}")),
        "{refused:#}"
    );
    assert_eq!(version(&mut connection).await, "0.6.2");
    drop(connection);
    forget(&[database]).await;
}

#[tokio::test]
async fn killed_in_the_middle_of_a_rebuild_the_next_run_ends_it_and_leaves_no_copy() {
    let _alone = alone().await;
    let database = old_database().await;
    let before = indexes(&database).await;
    // A transaction of somebody else keeps the rebuild waiting, so that there is a middle to be killed in.
    let mut other = administrator(&database).await;
    other
        .execute("BEGIN; UPDATE shop.items SET id = id WHERE id = 1")
        .await
        .unwrap();
    let mut observer = administrator(&database).await;
    let mut run = started(&["upgrade", "--yes"]);
    until(
        &mut observer,
        "SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for writers%'",
        1,
    )
    .await;
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(version(&mut observer).await, "0.8.5", "the extension came first");
    other.execute("ROLLBACK").await.unwrap();
    drop(other);

    let done = json(&["upgrade", "--yes", "--json"], 0);
    assert_eq!(done["steps"], 1, "only the rebuild was left: {done:#}");
    let after = indexes(&database).await;
    assert_ne!(after[0], before[0], "the index was rebuilt");
    assert_eq!(after.len(), 2, "no INVALID copy stays: {after:?}");
    assert_eq!(json(&["upgrade", "--json"], 0)["changed"], false);
    drop(observer);
    forget(&[database]).await;
}

#[tokio::test]
async fn doctor_tells_package_library_and_extension_apart_for_each_database() {
    let _alone = alone().await;
    let database = old_database().await;
    let report = json(&["doctor", "--json", "--dimensions", "3"], 0);
    let found = &installed(&report, &database);
    assert_eq!(
        (&found["version"], &found["library"]["version"]),
        (&Value::from("0.8.0"), &Value::from("0.8.5")),
        "{report:#}"
    );
    let behind = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["id"] == "S2c")
        .unwrap();
    assert!(behind["fact"].as_str().unwrap().contains(&database), "{behind:#}");
    assert!(
        behind["fix"]
            .as_str()
            .unwrap()
            .starts_with("pgvector-setup upgrade"),
        "{behind:#}"
    );
    forget(&[database]).await;
}

async fn alone() -> MutexGuard<'static, ()> {
    SERVER.lock().await
}

/// A database that uses vectors, as it is after a newer package came and before anybody updated its extension.
async fn old_database() -> String {
    let database = fresh_database().await;
    let mut connection = administrator(&database).await;
    connection.execute(ITEMS).await.unwrap();
    connection.execute(OLD).await.unwrap();
    database
}

/// Its oid, its name, and whether it is valid, of each vector index.
async fn indexes(database: &str) -> Vec<(String, String, bool)> {
    let sql = "SELECT ic.oid::text, ic.relname::text, i.indisvalid FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
                 JOIN pg_am am ON am.oid = ic.relam WHERE am.amname IN ('hnsw', 'ivfflat') ORDER BY 2";
    let mut connection = administrator(database).await;
    sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
}

async fn version(connection: &mut PgConnection) -> String {
    sqlx::query_scalar("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn forget(databases: &[String]) {
    let mut connection = administrator("postgres").await;
    for database in databases {
        let sql = format!("DROP DATABASE \"{database}\" WITH (FORCE)");
        connection.execute(composed(sql)).await.unwrap();
    }
}

fn started(arguments: &[&str]) -> Child {
    let mut command = product_on_server();
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn json(arguments: &[&str], exit: i32) -> Value {
    let output = product_on_server().args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(exit),
        "{arguments:?}\n{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&text).unwrap()
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn installed<'a>(report: &'a Value, database: &str) -> &'a Value {
    let databases = report["databases"].as_array().unwrap();
    let found = databases.iter().find(|found| found["name"] == database);
    &found.unwrap()["state"]["installed"]
}

/// Asks until the answer is as expected. Panics after half a minute.
async fn until(connection: &mut PgConnection, sql: &'static str, expected: i64) {
    let started = Instant::now();
    loop {
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
        if found == expected {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "still {found}: {sql}"
        );
        tokio::task::yield_now().await;
    }
}
