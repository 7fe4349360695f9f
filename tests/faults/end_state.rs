//! Everything that `up` makes, as text that is the same for every instance.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use pgvector_setup::database::sql::composed;
use pgvector_setup::database::{Endpoint, Login, connect, credentials};
use pgvector_setup::secret::Secret;
use pgvector_setup::settings::Identifier;
use sqlx::PgConnection;

use super::instance::Instance;

pub const HISTORIES: &str = "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'pgvector_setup'::regnamespace AND relkind = 'r' AND relname !~ '_model_[0-9a-f]{10}$' ORDER BY 1";
pub const CATALOG: &str = include_str!("end_state.sql");

/// Roles, database, schemas, tables, indexes, history, configuration, files with their modes; the application's password
/// lets it in.
pub fn of(instance: &Instance<'_>) -> String {
    let server = Server::of(instance);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let catalog = runtime.block_on(async {
        let mut administrator = server.administrator().await;
        let lines: Vec<String> = sqlx::query_scalar(CATALOG)
            .fetch_all(&mut administrator)
            .await
            .expect("the catalog can be read");
        let histories: Vec<String> = sqlx::query_scalar(HISTORIES)
            .fetch_all(&mut administrator)
            .await
            .expect("the histories can be listed");
        let mut lines = lines;
        for history in histories {
            // The setup's own tables: every row, but for the time of day.
            let sql = format!("SELECT (to_jsonb(h) - 'applied_on')::text FROM {history} AS h ORDER BY 1");
            let rows: Vec<String> = sqlx::query_scalar(composed(sql))
                .fetch_all(&mut administrator)
                .await
                .expect("a history can be read");
            lines.push(format!("{history}: {rows:#?}"));
        }
        application_works(instance, &server).await;
        lines.join("\n")
    });
    let data = instance.directory().join("data");
    let text = |name: &str| std::fs::read_to_string(data.join(name)).expect("a readable configuration");
    let configuration = text("postgresql.conf");
    let (_, ours) = configuration
        .split_once("# pgvector-setup")
        .expect("our part of the configuration");
    let ident = text("pg_ident.conf");
    let map: Vec<&str> = ident
        .lines()
        .filter(|line| line.starts_with("pgvector_setup"))
        .collect();
    let place = [
        files(instance),
        ours.to_owned(),
        text("pg_hba.conf"),
        map.join("\n"),
    ]
    .join("\n\n");
    // Only these hold the instance's own name and port.
    let place = place.replace(&*instance.directory().to_string_lossy(), "INSTANCE");
    let place = place.replace(&format!("port = {}", instance.port), "port = PORT");
    let place = place.replace(&format!("instance {}", instance.name), "instance NAME");
    let place = place.replace(&format!("pgvector-setup {}", instance.name), "NAME");
    format!("{catalog}\n\n{place}")
}

/// The running server, as it wrote of itself into its `postmaster.pid` (miscadmin.h).
pub struct Server {
    pub process: u32,
    port: u16,
    socket_directory: PathBuf,
}

impl Server {
    pub fn of(instance: &Instance<'_>) -> Self {
        let text =
            std::fs::read_to_string(instance.directory().join("data/postmaster.pid")).expect("a server runs");
        let lines: Vec<&str> = text.lines().collect();
        Self {
            process: lines[0].parse().expect("a process id"),
            port: lines[3].parse().expect("a port"),
            socket_directory: lines[4].into(),
        }
    }

    async fn administrator(&self) -> PgConnection {
        self.administrator_in("vectors").await
    }

    pub async fn administrator_in(&self, database: &str) -> PgConnection {
        let endpoint = Endpoint::Socket {
            directory: self.socket_directory.clone(),
            port: self.port,
        };
        let login = Login::Administrator {
            role: "postgres".into(),
        };
        connect(&endpoint, &login, database)
            .await
            .expect("the administrator gets in")
    }

    async fn application(&self, password: Secret) -> PgConnection {
        let endpoint = Endpoint::Tcp {
            host: "127.0.0.1".into(),
            port: self.port,
        };
        let login = Login::Application {
            role: role(),
            password,
        };
        connect(&endpoint, &login, "vectors")
            .await
            .expect("the application gets in")
    }
}

fn role() -> Identifier {
    Identifier::new("vectors").expect("a plain name")
}

/// The application's password, from its file.
pub fn password(instance: &Instance<'_>) -> Secret {
    let text = std::fs::read_to_string(instance.directory().join("credentials")).expect("credentials");
    credentials::password(&text, &role()).expect("a password of the role")
}

async fn application_works(instance: &Instance<'_>, server: &Server) {
    let mut application = server.application(password(instance)).await;
    let inserted = sqlx::raw_sql(
        "BEGIN; INSERT INTO articles (uri, embedding) VALUES ('a', '[1,2,3]'); SELECT FROM articles ORDER BY embedding <=> '[1,2,3]'; ROLLBACK",
    );
    inserted
        .execute(&mut application)
        .await
        .expect("the application can work");
}

/// Names and modes in the instance's directory, without what the server keeps.
fn files(instance: &Instance<'_>) -> String {
    let entries = std::fs::read_dir(instance.directory()).expect("a readable directory");
    let line = |entry: std::fs::DirEntry| {
        let mode = entry.metadata().expect("it stays").permissions().mode();
        format!("{mode:o} {}", entry.file_name().to_string_lossy())
    };
    let mut lines: Vec<String> = entries.flatten().map(line).collect();
    lines.sort();
    lines.join("\n")
}
