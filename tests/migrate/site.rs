//! A database as the steps before migrations leave it, and what the tests do with it.

pub use std::time::Duration;

pub use crate::support::server;
pub use pgvector_setup::database::index::BuildProgress;
pub use pgvector_setup::database::migrate::{
    Descent, Export, Limits, MigrateError, MigrationState, MigrationStatus, Migrator, pending, read_history,
    table_facts,
};
pub use pgvector_setup::database::sql::composed;
pub use pgvector_setup::database::{Endpoint, Login};
pub use pgvector_setup::settings::{Dimensions, Identifier, Index, Lists, Metric, VectorTable};
pub use sqlx::{Executor as _, PgConnection, Row as _};

pub fn name(text: &str) -> Identifier {
    Identifier::new(text).unwrap()
}

pub fn articles() -> VectorTable {
    VectorTable {
        schema: name("vectors"),
        table: name("articles"),
        key: name("uri"),
        column: name("embedding"),
        dimensions: Dimensions::new(3).unwrap(),
        metric: Metric::Cosine,
        index: Index::DEFAULT_HNSW,
        extension_schema: name("public"),
    }
}

/// A database with an application role that owns a schema, as the steps before migrations leave it.
pub struct Site {
    pub database: String,
    pub owner: Identifier,
    pub endpoint: Endpoint,
    pub login: Login,
    pub limits: Limits,
    pub connection: PgConnection,
}

impl Site {
    pub async fn new() -> Self {
        Self::with_schema("vectors").await
    }

    pub async fn with_schema(schema: &str) -> Self {
        let database = server::fresh_database().await;
        let owner = name(&format!("app_{database}"));
        let (role, schema) = (owner.quoted(), name(schema).quoted());
        let mut connection = server::administrator(&database).await;
        connection
            .execute(composed(format!(
                "CREATE ROLE {role} LOGIN; CREATE SCHEMA {schema} AUTHORIZATION {role};
                 REVOKE ALL ON SCHEMA public FROM PUBLIC"
            )))
            .await
            .unwrap();
        Self {
            endpoint: server::endpoint(),
            login: Login::Administrator {
                role: "postgres".into(),
            },
            limits: Limits {
                lock_wait: Duration::from_secs(20),
                ..Limits::default()
            },
            database,
            owner,
            connection,
        }
    }

    pub async fn up(&mut self, table: &VectorTable) -> Result<Vec<MigrationStatus>, MigrateError> {
        self.up_to(table, None, &|_| {}).await
    }

    pub async fn up_to(
        &mut self,
        table: &VectorTable,
        to: Option<i32>,
        progress: &(dyn Fn(BuildProgress) + Sync),
    ) -> Result<Vec<MigrationStatus>, MigrateError> {
        let migrator = Migrator {
            table,
            owner: &self.owner,
            endpoint: &self.endpoint,
            login: &self.login,
            database: &self.database,
            limits: self.limits,
            progress,
        };
        migrator.up(&mut self.connection, to).await
    }

    pub async fn down(
        &mut self,
        table: &VectorTable,
        to: i32,
        descent: Descent<'_>,
    ) -> Result<Vec<i32>, MigrateError> {
        let migrator = Migrator {
            table,
            owner: &self.owner,
            endpoint: &self.endpoint,
            login: &self.login,
            database: &self.database,
            limits: self.limits,
            progress: &|_| {},
        };
        let taken_back = migrator.down(&mut self.connection, to, &descent).await?;
        Ok(taken_back.iter().map(|applied| applied.version).collect())
    }

    /// Another session with a transaction open that has written into the table.
    pub async fn writer(&self) -> PgConnection {
        let mut writer = server::administrator(&self.database).await;
        writer
            .execute("BEGIN; INSERT INTO vectors.articles (uri, title) VALUES ('unfinished', 'row')")
            .await
            .unwrap();
        writer
    }

    /// Returns when a query gives true; the test's own time limit ends it otherwise.
    pub async fn wait_until(&self, sql: &str) {
        let mut observer = server::administrator(&self.database).await;
        loop {
            let row = observer.fetch_one(composed(sql)).await.unwrap();
            if row.get::<bool, _>(0) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub async fn history(&mut self) -> String {
        self.text("SELECT oid::regclass::text FROM pg_class WHERE relname LIKE 'articles\\_history%' AND relkind = 'r'").await
    }

    pub async fn run(&mut self, sql: &str) {
        self.connection.execute(composed(sql)).await.unwrap();
    }

    pub async fn text(&mut self, sql: &str) -> String {
        let row = self.connection.fetch_one(composed(sql)).await.unwrap();
        row.try_get::<Option<String>, _>(0).unwrap().unwrap_or_default()
    }

    /// A table that was there before us, of another owner, with rows.
    pub async fn existing_articles(&mut self, rows: u32, columns: &str) -> Identifier {
        let legacy = name(&format!("legacy_{}", self.database));
        let role = legacy.quoted();
        self.run(&format!(
            "CREATE ROLE {role};
             CREATE TABLE vectors.articles (uri text PRIMARY KEY, title text NOT NULL {columns});
             INSERT INTO vectors.articles SELECT 'uri' || n, 'title ' || n FROM generate_series(1, {rows}) n;
             ALTER TABLE vectors.articles OWNER TO {role}; GRANT USAGE ON SCHEMA vectors TO {role}"
        ))
        .await;
        legacy
    }

    pub async fn embed(&mut self) {
        self.run(
            "UPDATE vectors.articles a SET embedding = ('[' || n || ',' || n % 7 || ',1]')::public.vector
               FROM (SELECT uri, row_number() OVER () AS n FROM vectors.articles) r WHERE r.uri = a.uri",
        )
        .await;
    }
}

pub fn states(statuses: &[MigrationStatus]) -> Vec<&MigrationState> {
    statuses.iter().map(|status| &status.state).collect()
}

pub fn differences(error: &MigrateError) -> &[String] {
    match error {
        MigrateError::Divergent { differences, .. } | MigrateError::Differs { differences, .. } => {
            differences
        }
        other => panic!("{other}"),
    }
}
