//! A migrated table, and the sessions that work on it.

pub use pgvector_setup::database::migrate::{Descent, Limits, Migrator, prepare_model_record};
pub use pgvector_setup::database::sql::composed;
pub use pgvector_setup::database::{Endpoint, Login};
pub use pgvector_setup::error::{Exit, Explain as _};
pub use pgvector_setup::settings::{Dimensions, Identifier, Index, Metric, VectorTable};
pub use sqlx::{Executor as _, PgConnection, Row as _};

use crate::support::server;

/// What a database looks like from outside: schemas with their grants, and everything that is in ours and in the table's.
pub const EVERYTHING: &str = "SELECT string_agg(x, ' ' ORDER BY x) FROM (
    SELECT nspname || coalesce(nspacl::text, '') AS x FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
    UNION ALL SELECT oid::regclass::text FROM pg_class WHERE relnamespace::regnamespace::text IN ('vectors', 'pgvector_setup')
    UNION ALL SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace::regnamespace::text IN ('vectors', 'pgvector_setup')
    UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal) all_of_it";

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
        index: Index::None,
        extension_schema: name("public"),
    }
}

/// A database with an application role that owns a schema.
pub struct Site {
    pub database: String,
    pub role: Identifier,
    pub administrator: PgConnection,
}

impl Site {
    /// Nothing is migrated yet.
    pub async fn bare() -> Self {
        let database = server::fresh_database().await;
        let role = name(&format!("app_{database}"));
        let mut administrator = server::administrator(&database).await;
        let sql = format!(
            "CREATE ROLE {0} LOGIN; CREATE SCHEMA vectors AUTHORIZATION {0}; REVOKE ALL ON SCHEMA public FROM PUBLIC",
            role.quoted()
        );
        administrator.execute(composed(sql)).await.unwrap();
        Self {
            database,
            role,
            administrator,
        }
    }

    /// With the table of [`articles`], made by us.
    pub async fn migrated() -> Self {
        let mut site = Self::bare().await;
        site.up().await;
        site
    }

    /// A database that is there already.
    pub async fn again(database: String, role: Identifier) -> Self {
        let administrator = server::administrator(&database).await;
        Self {
            database,
            role,
            administrator,
        }
    }

    pub async fn up(&mut self) {
        let (endpoint, login, table) = (server::endpoint(), administrator(), articles());
        let migrator = migrator(&table, &self.role, &endpoint, &login, &self.database);
        migrator.up(&mut self.administrator, None).await.unwrap();
    }

    pub async fn down(&mut self, to: i32, consent: &[Identifier]) {
        let (endpoint, login, table) = (server::endpoint(), administrator(), articles());
        let migrator = migrator(&table, &self.role, &endpoint, &login, &self.database);
        let descent = Descent {
            consent,
            export: None,
        };
        migrator
            .down(&mut self.administrator, to, &descent)
            .await
            .unwrap();
    }

    /// A new session that has the rights of the application's role and no others.
    pub async fn application(&self) -> PgConnection {
        let mut session = server::administrator(&self.database).await;
        let sql = format!(
            "SET SESSION AUTHORIZATION {}; RESET search_path",
            self.role.quoted()
        );
        session.execute(composed(sql)).await.unwrap();
        session
    }

    /// Two sessions like [`Site::application`].
    pub async fn pool(&self) -> sqlx::PgPool {
        let Endpoint::Socket { directory, port } = server::endpoint() else {
            panic!("the test server listens on a socket");
        };
        let become_it = format!("SET SESSION AUTHORIZATION {}", self.role.quoted());
        let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .socket(directory)
            .port(port)
            .username("postgres")
            .database(&self.database);
        sqlx::postgres::PgPoolOptions::new()
            .max_connections(2)
            .after_connect(move |session, _| {
                let sql = composed(become_it.clone());
                Box::pin(async move { session.execute(sql).await.map(|_| ()) })
            })
            .connect_lazy_with(options)
    }

    pub async fn run(&mut self, sql: &str) {
        self.administrator.execute(composed(sql)).await.unwrap();
    }

    pub async fn text(&mut self, sql: &str) -> String {
        let row = self.administrator.fetch_one(composed(sql)).await.unwrap();
        row.try_get::<Option<String>, _>(0).unwrap().unwrap_or_default()
    }
}

fn administrator() -> Login {
    Login::Administrator {
        role: "postgres".into(),
    }
}

fn migrator<'a>(
    table: &'a VectorTable,
    owner: &'a Identifier,
    endpoint: &'a Endpoint,
    login: &'a Login,
    database: &'a str,
) -> Migrator<'a> {
    Migrator {
        table,
        owner,
        endpoint,
        login,
        database,
        limits: Limits::default(),
        progress: &|_| {},
    }
}
