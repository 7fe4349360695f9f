//! One site of an instance: its commands, its files, and what the server has of it.

use std::path::PathBuf;

use pgvector_setup::apply::{Record, receipt};
use pgvector_setup::database::sql::composed;
use pgvector_setup::host::{Environment, Host};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection, Row as _};

use super::end_state::{CATALOG, HISTORIES, Server};
use super::hook;
use super::instance::{Instance, Reply};

/// What the server has of a site beside what it has of every database.
const OF_SITES: &str = include_str!("site.sql");

pub struct Site<'i> {
    pub instance: &'i Instance<'i>,
    pub name: String,
}

impl<'i> Site<'i> {
    pub fn new(instance: &'i Instance<'i>, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { instance, name }
    }

    pub fn domain(&self) -> String {
        format!("{}.example.com", self.name)
    }

    /// What follows the program's name, for one command on this site.
    pub fn words(&self, command: &str, besides: &[&str]) -> Vec<String> {
        let directory = self.directory().display().to_string();
        let domain = self.domain();
        let mut words = vec![
            "site",
            command,
            "--domain",
            &domain,
            "--target",
            "embedded",
            "--site-directory",
            &directory,
        ];
        if command == "deploy" {
            words.extend(["--email", "admin@example.com"]);
        }
        if !matches!(command, "status" | "history") {
            words.push("--yes");
        }
        words.extend(besides);
        words.into_iter().map(str::to_owned).collect()
    }

    pub fn run(&self, command: &str, besides: &[&str]) -> Reply {
        let words = self.words(command, besides);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.instance
            .run_under(&[], &self.instance.ground.program, &words)
    }

    /// Runs to the boundary of this number.
    pub fn run_to(&self, command: &str, besides: &[&str], number: u32) -> Reply {
        let words = self.words(command, besides);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        hook::run_to(self.instance, &words, number)
    }

    /// Where the files go that services read.
    pub fn directory(&self) -> PathBuf {
        self.instance.root.join("sites/of-services")
    }

    pub fn environment(&self) -> PathBuf {
        self.directory().join(format!("{}.env", self.domain()))
    }

    /// Where our own records of it are.
    pub fn records(&self) -> PathBuf {
        self.instance.root.join("sites").join(self.domain())
    }

    /// Names of all that is there of it on disk, but for directories.
    pub fn files(&self) -> Vec<String> {
        let names = |path: PathBuf| {
            let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
        };
        let mut files: Vec<String> = names(self.records()).collect();
        files.extend(names(self.directory()).filter(|name| name.contains(&self.domain())));
        files.sort();
        files
    }

    /// The way that the service takes, where there is a file that says it.
    pub fn url(&self) -> Option<PgConnectOptions> {
        let text = std::fs::read_to_string(self.environment()).ok()?;
        let url = text.lines().find_map(|line| line.strip_prefix("DATABASE_URL="));
        Some(url.expect("the file has a URL").parse().expect("a URL"))
    }

    /// Fails where a line of the receipt is not what was written, or `last`, a run that did something, has not ended its last step.
    /// One that found all done already leaves the step of the run that was cut off as what it is.
    pub fn receipt_is_whole(&self, last: &Reply) {
        let path = self.records().join("receipt.jsonl");
        let records = receipt::read(&Host::new(Environment::default()), &path).expect("a readable receipt");
        let is_ended = matches!(records.last(), Some(Record::Ended { .. }));
        let did_nothing = last.stderr.contains("nothing to do");
        assert!(
            is_ended || did_nothing,
            "the receipt ends with {:?}\n{last}",
            records.last()
        );
    }

    /// Roles, database, rights, objects and history as lines, the same for every site.
    pub fn state(&self) -> String {
        let lines = on_runtime(async {
            let server = Server::of(self.instance);
            let mut outside = server.administrator_in("postgres").await;
            let exists: bool =
                sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
                    .bind(&self.name)
                    .fetch_one(&mut outside)
                    .await
                    .expect("databases can be listed");
            let mut connection = if exists {
                server.administrator_in(&self.name).await
            } else {
                outside
            };
            let mut lines: Vec<String> = Vec::new();
            for sql in [CATALOG, OF_SITES] {
                let rows = sqlx::query(sql)
                    .fetch_all(&mut connection)
                    .await
                    .expect("the catalog can be read");
                lines.extend(rows.iter().map(|row| row.get::<String, _>(0)));
            }
            if exists {
                lines.extend(histories(&mut connection).await);
            }
            lines
        });
        // What is the whole server's names the site; what is inside is all its own, but for a database of another's.
        let is_outside = |line: &str| {
            ["role ", "setting ", "database "]
                .iter()
                .any(|kind| line.starts_with(kind))
        };
        let own = lines
            .into_iter()
            .filter(|line| line.contains(&self.name) || !is_outside(line));
        // The setup's own tables are named by a digest of the schema, which is the site's.
        let digest = regex::Regex::new("_[0-9a-f]{10}").expect("an expression");
        let alike = |line: String| {
            digest
                .replace_all(&line.replace(&self.name, "SITE"), "_DIGEST")
                .into_owned()
        };
        let own: Vec<String> = own.map(alike).collect();
        own.join("\n")
    }
}

/// What ran, but for when, and for the digest of statements that name the site.
async fn histories(connection: &mut PgConnection) -> Vec<String> {
    let histories: Vec<String> = sqlx::query_scalar(HISTORIES)
        .fetch_all(&mut *connection)
        .await
        .expect("the histories can be listed");
    let mut lines = Vec::new();
    for history in histories {
        let sql = format!(
            "SELECT (to_jsonb(h) - ARRAY['applied_on', 'checksum'])::text FROM {history} AS h ORDER BY 1"
        );
        let rows: Vec<String> = sqlx::query_scalar(composed(sql))
            .fetch_all(&mut *connection)
            .await
            .expect("a history can be read");
        lines.extend(rows);
    }
    lines
}

/// Whether a login gets in.
pub fn lets_in(url: &PgConnectOptions) -> Result<(), String> {
    on_runtime(async { url.connect().await.map(|_| ()).map_err(|error| error.to_string()) })
}

pub fn on_runtime<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(what)
}
