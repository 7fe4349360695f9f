//! A database with an application role that owns a schema, and imports into it.

use std::path::PathBuf;
use std::sync::LazyLock;

use pgvector_setup::database::migrate::{Descent, Limits, Migrator};
use pgvector_setup::database::sql::composed;
use pgvector_setup::database::{Endpoint, Login};
use pgvector_setup::host::{Environment, Host};
use pgvector_setup::import::{
    Choice, Collection, ImportError, Imported, Importer, Job, Parts, Quiet, Record, SharedSource,
};
use pgvector_setup::settings::{Dimensions, Identifier, Index, Metric, VectorTable};
use sqlx::{Executor as _, PgConnection, Row as _};

use crate::memory::{Memory, collection};
use crate::support::server;

pub fn name(text: &str) -> Identifier {
    Identifier::new(text).unwrap()
}

pub struct Site {
    database: String,
    owner: Identifier,
    endpoint: Endpoint,
    connection: PgConnection,
    /// Removed with the site.
    _files: tempfile::TempDir,
    pub rejects: PathBuf,
    host: Host,
}

/// What an import is asked for beside its records.
pub struct Wanted<'a> {
    pub table: VectorTable,
    pub collection: Collection,
    pub parts: Parts,
    pub on: &'a [&'a str],
    pub is_restart: bool,
    pub is_verification: bool,
}

impl Wanted<'_> {
    pub fn of(records: &[Record]) -> Self {
        Self {
            table: VectorTable {
                schema: name("vectors"),
                table: name("articles"),
                key: name("id"),
                column: name("embedding"),
                dimensions: Dimensions::new(3).unwrap(),
                metric: Metric::L2,
                index: Index::DEFAULT_HNSW,
                extension_schema: name("public"),
            },
            collection: collection(records),
            parts: Parts::Whole,
            on: &[],
            is_restart: false,
            is_verification: false,
        }
    }
}

impl Site {
    pub async fn new() -> Self {
        static HOST: LazyLock<Host> = LazyLock::new(|| Host::new(Environment::default()));
        let database = server::fresh_database().await;
        let owner = name(&format!("app_{database}"));
        let mut connection = server::administrator(&database).await;
        let sql = format!(
            "CREATE ROLE {role} LOGIN; CREATE SCHEMA vectors AUTHORIZATION {role}; REVOKE ALL ON SCHEMA public FROM PUBLIC",
            role = owner.quoted()
        );
        connection.execute(composed(sql)).await.unwrap();
        let files = tempfile::tempdir().unwrap();
        Self {
            rejects: files.path().join("rejects.jsonl"),
            database,
            owner,
            endpoint: server::endpoint(),
            connection,
            _files: files,
            host: HOST.clone(),
        }
    }

    /// Imports records with nothing said.
    pub async fn import(&self, records: Vec<Record>) -> Result<Imported, ImportError> {
        let wanted = Wanted::of(&records);
        self.import_as(Memory::shared(records), &wanted).await
    }

    /// The same with these policies.
    pub async fn import_on(&self, records: Vec<Record>, on: &[&str]) -> Result<Imported, ImportError> {
        let wanted = Wanted {
            on,
            ..Wanted::of(&records)
        };
        self.import_as(Memory::shared(records), &wanted).await
    }

    pub async fn verify(&self, records: Vec<Record>) -> Imported {
        let wanted = Wanted {
            is_verification: true,
            ..Wanted::of(&records)
        };
        self.import_as(Memory::shared(records), &wanted).await.unwrap()
    }

    pub async fn import_as(
        &self,
        source: SharedSource,
        wanted: &Wanted<'_>,
    ) -> Result<Imported, ImportError> {
        let importer = Importer {
            host: &self.host,
            endpoint: &self.endpoint,
            login: &Login::Administrator {
                role: "postgres".into(),
            },
            database: &self.database,
            owner: &self.owner,
            limits: Limits::default(),
            listener: &Quiet,
        };
        let choices = wanted.on.iter().map(|text| text.parse::<Choice>().unwrap());
        let job = Job {
            collection: wanted.collection.clone(),
            source: "memory".into(),
            fingerprint: None,
            table: wanted.table.clone(),
            parts: wanted.parts,
            policies: choices.collect(),
            rejects: self.rejects_file(),
            rejects_are_ours: false,
            is_restart: wanted.is_restart,
            is_verification: wanted.is_verification,
        };
        importer.run(&source, &job).await
    }

    /// Takes back every migration of the table, with its data.
    pub async fn down(&mut self) {
        let table = Wanted::of(&[]).table;
        let migrator = Migrator {
            table: &table,
            owner: &self.owner,
            endpoint: &self.endpoint,
            login: &Login::Administrator {
                role: "postgres".into(),
            },
            database: &self.database,
            limits: Limits::default(),
            progress: &|_| {},
        };
        let consent = [table.table.clone(), table.column.clone()];
        let descent = Descent {
            consent: &consent,
            export: None,
        };
        migrator.down(&mut self.connection, 0, &descent).await.unwrap();
    }

    pub fn rejects_file(&self) -> PathBuf {
        self.rejects.clone()
    }

    /// Each line of the reject file as `kind id action`.
    #[allow(clippy::disallowed_methods, reason = "a test reads what the product wrote")]
    pub fn rejected(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.rejects_file()).unwrap_or_default();
        text.lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                format!("{} {} {}", line["kind"], line["id"], line["action"]).replace('"', "")
            })
            .collect()
    }

    pub async fn run(&mut self, sql: &str) {
        self.connection.execute(composed(sql)).await.unwrap();
    }

    pub async fn text(&mut self, sql: &str) -> String {
        let row = self.connection.fetch_one(composed(sql)).await.unwrap();
        row.try_get::<Option<String>, _>(0).unwrap().unwrap_or_default()
    }
}
