//! A real PostgreSQL with pgvector for the tests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use pgvector_setup::database::sql::composed;
use pgvector_setup::database::{Endpoint, Login, connect};
use pgvector_setup::settings::Identifier;
use sqlx::{Executor as _, PgConnection};

/// The server all tests of one binary share.
pub fn endpoint() -> Endpoint {
    Endpoint::Socket {
        directory: PathBuf::from("/tmp/pgdev"),
        port: 55018,
    }
}

pub async fn administrator(database: &str) -> PgConnection {
    connect(
        &endpoint(),
        &Login::Administrator {
            role: "postgres".into(),
        },
        database,
    )
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
    administrator("postgres")
        .await
        .execute(composed(format!("CREATE DATABASE {quoted}")))
        .await
        .expect("a new database");
    name
}
