//! What a real server serves, imported by the program: proven, gone on with after a kill, and proven wrong once the server has another.

use std::process::{Command, Stdio};
use std::time::Duration;

use pgvector_setup::database::sql::composed;
use pgvector_setup::database::{Login, pool};
use serde_json::json;
use sqlx::postgres::PgListener;
use sqlx::{Connection as _, Row as _};

use crate::NEW;
use crate::server::{ChromaServer, DEFAULT};
use crate::support::server;
use crate::written::records;

/// Exit statuses: done, and source and target differ.
const DONE: i32 = 0;
const MISMATCH: i32 = 7;
/// So many of so many components are more than two batches of 8 MiB.
const RECORDS: usize = 3000;
const COMPONENTS: usize = 1536;
/// Far more than a batch takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn import(chroma: &ChromaServer, table: &str) -> Command {
    let mut command = server::product_on_server();
    command
        .args(["import", "chroma", &chroma.url()])
        .args(["--into", table, "--yes"]);
    command
}

fn exit(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// The key of a lock that only this test takes.
const SECOND_BATCH: i64 = 815;

/// Ends it by SIGKILL once its first batch is committed and while the second is written: the server tells of the one and keeps the
/// other waiting. Returns how many records it had passed.
fn kill_after_the_first_batch(command: &mut Command) -> i64 {
    let trigger = format!(
        "CREATE FUNCTION pgvector_setup.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF OLD.passed > 0 THEN PERFORM pg_advisory_xact_lock({SECOND_BATCH}); END IF;
             NOTIFY passed;
             RETURN NEW;
         END $$;
         CREATE TRIGGER tell BEFORE UPDATE OF passed ON pgvector_setup.import
            FOR EACH ROW EXECUTE FUNCTION pgvector_setup.tell();"
    );
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = server::administrator("vectors").await;
        sqlx::raw_sql(composed(trigger))
            .execute(&mut connection)
            .await
            .unwrap();
        let mut second_batch = server::administrator("vectors").await;
        let lock = format!("SELECT pg_advisory_lock({SECOND_BATCH})");
        sqlx::raw_sql(composed(lock))
            .execute(&mut second_batch)
            .await
            .unwrap();
        let login = Login::Administrator {
            role: "postgres".into(),
        };
        let sessions = pool(&server::endpoint(), &login, "vectors", None, 1)
            .await
            .unwrap();
        let mut listener = PgListener::connect_with(&sessions).await.unwrap();
        listener.listen("passed").await.unwrap();
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let told = tokio::time::timeout(PATIENCE, listener.recv()).await;
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it was still at work");
        told.expect("a batch is committed").unwrap();
        second_batch.close().await.unwrap();
        let after = "DROP FUNCTION pgvector_setup.tell() CASCADE";
        sqlx::raw_sql(composed(after))
            .execute(&mut connection)
            .await
            .unwrap();
        let passed = "SELECT passed FROM pgvector_setup.import WHERE table_name = 'killed'";
        sqlx::query_scalar(passed)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    })
}

#[test]
fn what_a_server_has_is_imported_exactly_once_and_proven_again_at_any_time() {
    let Some(chroma) = ChromaServer::start(NEW, &[]) else {
        return;
    };
    let written = records(RECORDS, true);
    let collection = chroma.create(DEFAULT, "records", &json!({ "hnsw:space": "cosine" }));
    // Vectors of all magnitudes have no length that can be divided by; these have.
    let mut given = written.clone();
    for (place, record) in given.iter_mut().enumerate() {
        let vector = record.embedding.as_mut().unwrap();
        *vector = vec![1.0; COMPONENTS];
        vector[0] = place as f32;
    }
    chroma.add(&collection, &given);
    let (code, said) = exit(&mut import(&chroma, "undisturbed"));
    assert_eq!(code, DONE, "{said}");
    let passed = kill_after_the_first_batch(&mut import(&chroma, "killed"));
    assert!(passed > 0 && passed < RECORDS as i64, "{passed}");
    let (code, said) = exit(&mut import(&chroma, "killed"));
    assert_eq!(code, DONE, "{said}");
    assert!(said.contains(&format!("go on after {passed} of them")), "{said}");
    assert_eq!(difference("killed", "undisturbed"), (RECORDS as i64, 0));
    let (code, said) = exit(import(&chroma, "killed").arg("--verify-only"));
    assert_eq!(code, DONE, "{said}");
    chroma.delete(&collection, &given[7].id);
    let (code, said) = exit(import(&chroma, "killed").arg("--verify-only"));
    assert_eq!(code, MISMATCH, "{said}");
    assert!(said.contains(&format!("{:?}: extra", given[7].id)), "{said}");
}

/// Rows of the first table, and how many of either the other one has not.
fn difference(one: &str, other: &str) -> (i64, i64) {
    let columns = "id, document, metadata, embedding::text";
    let sql = format!(
        "SELECT (SELECT count(*) FROM vectors.{one}),
                (SELECT count(*) FROM ((SELECT {columns} FROM vectors.{one} EXCEPT SELECT {columns} FROM vectors.{other})
                             UNION ALL (SELECT {columns} FROM vectors.{other} EXCEPT SELECT {columns} FROM vectors.{one})) AS d)"
    );
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = server::administrator("vectors").await;
        let row = sqlx::query(composed(sql))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        (row.get(0), row.get(1))
    })
}
