//! A database with one table of vectors, and a store on it.

use pgvector_setup::database::sql::composed;
use pgvector_setup::database::{Login, pool};
use pgvector_setup::settings::{Dimensions, Identifier, Index, Metric, VectorTable};
pub use pgvector_setup::store::{Filter, Hits, Selection, Sharing, StoreError, VectorStore};
use sqlx::{Executor as _, PgConnection, PgPool};

use crate::support::server;

pub fn name(text: &str) -> Identifier {
    Identifier::new(text).unwrap()
}

/// As `up` makes it, but for the extension's schema, which no search path leads to.
pub fn articles() -> VectorTable {
    VectorTable {
        schema: name("app"),
        table: name("articles"),
        key: name("uri"),
        column: name("embedding"),
        dimensions: Dimensions::new(3).unwrap(),
        metric: Metric::Cosine,
        index: Index::DEFAULT_HNSW,
        extension_schema: name("ext"),
    }
}

/// What `up` makes of [`articles`].
pub const TABLE: &str = "CREATE TABLE app.articles (uri text PRIMARY KEY, document text,
    metadata jsonb NOT NULL DEFAULT '{}', created_at timestamptz NOT NULL DEFAULT now(), embedding ext.vector(3))";

pub struct Site {
    pub database: String,
    pub connection: PgConnection,
}

impl Site {
    /// `sql` makes the table.
    pub async fn new(sql: &str) -> Self {
        let database = server::fresh_database().await;
        let connection = server::administrator(&database).await;
        let mut site = Self { database, connection };
        site.run("CREATE SCHEMA ext; CREATE EXTENSION vector WITH SCHEMA ext; CREATE SCHEMA app")
            .await;
        site.run(sql).await;
        site
    }

    pub async fn run(&mut self, sql: &str) {
        self.connection.execute(composed(sql)).await.unwrap();
    }

    pub async fn pool(&self) -> PgPool {
        let login = Login::Administrator {
            role: "postgres".into(),
        };
        pool(&server::endpoint(), &login, &self.database, None, 4)
            .await
            .unwrap()
    }

    pub async fn open(&self, table: &VectorTable) -> Result<VectorStore, StoreError> {
        VectorStore::open(self.pool().await, table, Sharing::Session).await
    }

    pub async fn store(&self) -> VectorStore {
        self.open(&articles()).await.unwrap()
    }
}

/// With a condition, and room for all.
pub fn all(condition: &str) -> Selection {
    Selection {
        limit: 1_000,
        filter: Some(Filter::from_text(condition).unwrap()),
        ..Selection::default()
    }
}

pub fn first(limit: u32) -> Selection {
    Selection {
        limit,
        ..Selection::default()
    }
}

pub fn ids(hits: &Hits) -> Vec<&str> {
    hits.rows.iter().map(|hit| hit.row.id.as_str()).collect()
}
