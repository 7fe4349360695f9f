//! Proof against a real server: what `verify` measures, and that every check of `doctor` can fail.

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]
mod support;

use pgvector_setup::database::sql::composed;
use pgvector_setup::health::{VerifyOptions, verify};
use pgvector_setup::settings::{Dimensions, Identifier, Index, Lists, Metric, VectorTable};
use sqlx::{Executor as _, PgConnection};
use support::server::{administrator, fresh_database};

#[tokio::test]
async fn verify_proves_every_kind_of_index_metric_and_column_and_leaves_no_trace() {
    let hnsw = Index::DEFAULT_HNSW;
    let ivfflat = Index::Ivfflat { lists: Lists::Auto };
    let connection = &mut extended_database("public").await;
    for (dimensions, metric, index) in [
        (1536, Metric::Cosine, hnsw),
        (3072, Metric::Cosine, hnsw),
        (384, Metric::L2, hnsw),
        (384, Metric::Ip, hnsw),
        (384, Metric::L1, hnsw),
        (3, Metric::Cosine, hnsw),
        (1, Metric::Cosine, hnsw),
        (1536, Metric::Cosine, ivfflat),
        (3072, Metric::L2, ivfflat),
        (
            768,
            Metric::Ip,
            Index::Ivfflat {
                lists: Lists::Count(4),
            },
        ),
        (1536, Metric::Cosine, Index::None),
        (16_000, Metric::L2, hnsw),
    ] {
        let table = VectorTable {
            dimensions: Dimensions::new(dimensions).unwrap(),
            metric,
            index,
            ..articles()
        };
        create_table(connection, &table).await;
        let before = snapshot(connection).await;
        let result = verify(connection, &table, &VerifyOptions::default())
            .await
            .unwrap();
        assert!(result.passed && result.round_trip, "{result:#?}");
        let indexed = (table.effective_index() != Index::None).then_some(true);
        assert_eq!(result.index_used, indexed, "{result:#?}");
        assert_eq!(result.recall_at_10.is_some(), indexed.is_some(), "{result:#?}");
        assert_eq!(snapshot(connection).await, before);
    }
}

/// A table `app.articles` as `up` makes it by default, with few dimensions so that tests are quick.
fn articles() -> VectorTable {
    let name = |text: &str| Identifier::new(text).unwrap();
    VectorTable {
        schema: name("app"),
        table: name("articles"),
        key: name("uri"),
        column: name("embedding"),
        dimensions: Dimensions::new(3).unwrap(),
        metric: Metric::Cosine,
        index: Index::DEFAULT_HNSW,
        extension_schema: name("public"),
    }
}

/// A fresh database with the extension in a schema.
async fn extended_database(schema: &str) -> PgConnection {
    let database = fresh_database().await;
    let mut connection = administrator(&database).await;
    let schema = Identifier::new(schema).unwrap().quoted();
    run(
        &mut connection,
        &format!("CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION vector SCHEMA {schema}"),
    )
    .await;
    connection
}

async fn create_table(connection: &mut PgConnection, table: &VectorTable) {
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS {}; DROP TABLE IF EXISTS {}; CREATE TABLE {} ({} text PRIMARY KEY, {} {})",
        table.schema.quoted(),
        table.qualified(),
        table.qualified(),
        table.key.quoted(),
        table.column.quoted(),
        table.qualified_type()
    );
    run(connection, &sql).await;
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection
        .execute(sqlx::raw_sql(composed(sql)))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Every relation, function, type and setting of the database.
async fn snapshot(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT relname::text FROM pg_class UNION ALL SELECT proname::text FROM pg_proc
         UNION ALL SELECT typname::text FROM pg_type UNION ALL SELECT name || '=' || setting FROM pg_settings ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}
