//! A database with the table that is looked at.

use pgvector_setup::database::sql::composed;
use pgvector_setup::settings::{Dimensions, Identifier, Index, Metric, VectorTable};
use sqlx::{Executor as _, PgConnection};

use crate::support::server::{administrator, fresh_database};

/// The healthy state: 300 rows with an index, analyzed; then `sql`.
pub async fn heal(database: &str, sql: &str) {
    let mut connection = connect_to(database).await;
    each(
        &mut connection,
        "UPDATE pg_proc SET probin = '$libdir/vector' WHERE probin = '$libdir/absent';
         DROP SCHEMA IF EXISTS app CASCADE; DROP EXTENSION IF EXISTS vector CASCADE; CREATE EXTENSION vector;
         GRANT USAGE ON SCHEMA public TO PUBLIC; CREATE SCHEMA app;
         CREATE TABLE app.articles (uri text PRIMARY KEY, embedding vector(3)) WITH (autovacuum_enabled = off);
         INSERT INTO app.articles SELECT 'row' || n, ARRAY[sin(n), cos(n), sin(n / 7.0) * 2]::real[]::vector
             FROM generate_series(1, 300) n;
         CREATE INDEX articles_embedding_idx ON app.articles USING hnsw (embedding vector_cosine_ops);
         SELECT pg_stat_force_next_flush(); VACUUM ANALYZE app.articles",
    )
    .await;
    each(&mut connection, sql).await;
    each(&mut connection, "SELECT pg_stat_force_next_flush(); SELECT 1").await;
}

/// A table `app.articles` as `up` makes it by default, with few dimensions so that tests are quick.
pub fn articles() -> VectorTable {
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
pub async fn extended_database(schema: &str) -> String {
    let database = fresh_database().await;
    let schema = Identifier::new(schema).unwrap().quoted();
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION vector SCHEMA {schema}");
    run(&mut administrator(&database).await, &sql).await;
    database
}

/// An administrator's session with PostgreSQL's own search path.
pub async fn connect_to(database: &str) -> PgConnection {
    let mut connection = administrator(database).await;
    run(&mut connection, "SET search_path = \"$user\", public").await;
    connection
}

pub async fn create_table(connection: &mut PgConnection, table: &VectorTable) {
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

/// Each statement in a transaction of its own.
pub async fn each(connection: &mut PgConnection, statements: &str) {
    for statement in statements
        .split(';')
        .filter(|statement| !statement.trim().is_empty())
    {
        run(connection, statement).await;
    }
}

pub async fn run(connection: &mut PgConnection, sql: &str) {
    connection
        .execute(sqlx::raw_sql(composed(sql)))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Every relation, function and type of the database, and every setting of the session.
pub async fn snapshot(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT relname::text FROM pg_class UNION ALL SELECT proname::text FROM pg_proc
         UNION ALL SELECT typname::text FROM pg_type
         UNION ALL SELECT name || '=' || setting FROM pg_settings
         WHERE name NOT LIKE 'hnsw.%' AND name NOT LIKE 'ivfflat.%' ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}
