//! A server brought up by the product, and PostgreSQL's own programs on it. As root everything runs as the user `nobody`.

use std::path::{Path, PathBuf};

use super::measure::{PROGRAMS, Sample, User};

const BINARY: &str = env!("CARGO_BIN_EXE_pgvector-setup");
const INSTANCE: &str = "vectors";

/// Gone when dropped.
#[derive(Debug)]
pub struct Site {
    pub directory: PathBuf,
    pub user: User,
    pub port: u16,
}

impl Site {
    pub fn up() -> Self {
        let user = User::unprivileged();
        let directory = PathBuf::from(format!("/tmp/pgvector-setup-vectors-{}", std::process::id()));
        user.make_directory(&directory);
        let mut site = Self {
            directory,
            user,
            port: 0,
        };
        site.product(&["up", "--yes", "--index", "none"]);
        let (_, status) = site.product(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&status).expect("status is JSON");
        site.port = status["port"].as_u64().unwrap().try_into().unwrap();
        site
    }

    /// Runs the product for the server of this site; gives what it printed with it.
    pub fn product(&self, arguments: &[&str]) -> (Sample, String) {
        self.user.ask(self.product_words(arguments))
    }

    /// Imports a Chroma directory into a table that is made for it; gives the one collection's part of the report.
    pub fn import(&self, chroma: &Path, table: &str, index: &str) -> (Sample, serde_json::Value) {
        let chroma = chroma.display().to_string();
        let words = [
            "import", "chroma", &chroma, "--into", table, "--index", index, "--yes", "--json",
        ];
        let (sample, report) = self.product(&words);
        let mut report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
        (sample, report["collections"][0].take())
    }

    /// Runs statements as the administrator by psql, as somebody would by hand.
    pub fn psql(&self, statements: &[&str]) -> (Sample, String) {
        let mut argv = self.client("psql");
        argv.extend(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"].map(String::from));
        for statement in statements {
            argv.extend(["-c".to_owned(), (*statement).to_owned()]);
        }
        self.user.ask(argv)
    }

    /// One of PostgreSQL's programs, with how it connects.
    pub fn client(&self, program: &str) -> Vec<String> {
        let program = self.directory.join(PROGRAMS).join(program);
        let (socket, port) = (self.socket().display().to_string(), self.port.to_string());
        let options = ["-h", &socket, "-p", &port, "-U", "postgres", "-d", "vectors"];
        std::iter::once(program.display().to_string())
            .chain(options.map(String::from))
            .collect()
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.join("instances").join(INSTANCE).join("run")
    }

    fn product_words(&self, arguments: &[&str]) -> Vec<String> {
        let directory = self.directory.display().to_string();
        std::iter::once(BINARY)
            .chain(arguments.iter().copied())
            .chain(["--directory", &directory, "--instance", INSTANCE])
            .map(String::from)
            .collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let words = self.product_words(&["destroy", "--destroy-data", INSTANCE]);
        self.user.run_anyhow(words);
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
