//! Sites on a server that is up: one more of them, against the same statements by psql; and a hundred that have nothing to do.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::by_hand;
use super::measure::{PASSWORD, PROGRAMS, Sample, User, median, minimum};

const PAIRS: usize = 7;
const SITES: usize = 100;
const RUNS: usize = 7;

/// What is measured, in the order of the rows.
pub struct Sites {
    by_hand: Vec<Sample>,
    deployed: Vec<Sample>,
    nothing: Vec<Sample>,
}

impl Sites {
    /// In the instance that `command` names, which is up.
    pub fn measure(directory: &Path, user: User, command: impl Fn(&[&str]) -> Vec<String>) -> Self {
        let (_, status) = user.ask(command(&["status", "--json"]));
        let status: serde_json::Value = serde_json::from_str(&status).expect("status is JSON");
        let hand = Hand {
            programs: directory.join(PROGRAMS),
            socket: directory.join("instances/benchmark/run"),
            port: status["port"].to_string(),
            scripts: directory.join("scripts"),
            user,
        };
        user.make_directory(&hand.scripts);
        let services = directory.join("of-services").display().to_string();
        let deploy = |number: usize| {
            let domain = format!("product{number}.example.com");
            let words = [
                "site",
                "deploy",
                "--yes",
                "--domain",
                &domain,
                "--email",
                "admin@example.com",
                "--target",
                "embedded",
                "--site-directory",
                &services,
            ];
            user.run(command(&words), 0)
        };
        // The first makes the directories that all have.
        deploy(0);
        let (mut by_hand, mut deployed) = (Vec::new(), Vec::new());
        for pair in 1..=PAIRS {
            by_hand.push(hand.deploy(&format!("hand{pair}")));
            deployed.push(deploy(pair));
        }

        let file = directory.join("declared.toml");
        let mut text = format!("target = \"embedded\"\nsite-directory = \"{services}\"\ndimensions = 8\n");
        for number in 1..=SITES {
            let _ = write!(
                text,
                "[[sites]]\ndomain = \"declared{number}.example.com\"\nemail = \"admin@example.com\"\n"
            );
        }
        std::fs::write(&file, text).expect("a settings file");
        let file = file.display().to_string();
        let apply = || user.run(command(&["apply", "--yes", "--config", &file]), 0);
        apply();
        let nothing = (0..RUNS).map(|_| apply()).collect();
        Self {
            by_hand,
            deployed,
            nothing,
        }
    }

    pub fn print_rows(&self, row: impl Fn(&str, &[Sample], &str)) {
        row("a site by psql", &self.by_hand, "");
        row("site deploy, a further one", &self.deployed, "");
        println!(
            "{:<30} {:>9.2} x  {:>9.2} x     1.3 x",
            "site deploy / by psql",
            minimum(&self.deployed) / minimum(&self.by_hand),
            median(&self.deployed) / median(&self.by_hand)
        );
        row("apply, 100 sites, all done", &self.nothing, "3000 ms");
    }
}

/// psql, and the server that it goes to.
struct Hand {
    programs: PathBuf,
    socket: PathBuf,
    port: String,
    scripts: PathBuf,
    user: User,
}

impl Hand {
    /// Roles, database, schema, rights, and the proof as the new login; then the file for the service. Writing the scripts is
    /// not timed.
    fn deploy(&self, name: &str) -> Sample {
        let written = |what: &str, text: String| {
            let path = self.scripts.join(format!("{name}-{what}.sql"));
            std::fs::write(&path, text).expect("a script");
            path.display().to_string()
        };
        let (roles, schema, proof) = (
            written("roles", roles(name)),
            written("schema", schema(name)),
            written("proof", by_hand::proof("TEMPORARY")),
        );
        let socket = self.socket.display().to_string();
        let started = Instant::now();
        self.psql(&socket, "postgres", "postgres", &roles);
        self.psql(&socket, "postgres", name, &schema);
        self.psql("127.0.0.1", name, name, &proof);
        let port = &self.port;
        let url = format!("DATABASE_URL=postgresql://{name}:{PASSWORD}@127.0.0.1:{port}/{name}\n");
        std::fs::write(self.scripts.join(name), url).expect("a file for the service");
        Sample {
            seconds: started.elapsed().as_secs_f64(),
            peak_kilobytes: 0,
        }
    }

    fn psql(&self, host: &str, login: &str, database: &str, script: &str) {
        let psql = self.programs.join("psql").display().to_string();
        let words = [
            &psql,
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            host,
            "-p",
            &self.port,
            "-U",
            login,
            "-d",
            database,
            "-o",
            "/dev/null",
            "-f",
            script,
        ];
        self.user.succeed(&words, true);
    }
}

/// What follows is `site deploy`'s own, as `plan` shows it.
fn roles(name: &str) -> String {
    format!(
        "CREATE ROLE {name}_migrator NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE {name} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {name}_migrator;
COMMENT ON DATABASE {name} IS 'site {name}.example.com, contact admin@example.com';
CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{PASSWORD}';
ALTER ROLE {name} IN DATABASE {name} SET search_path = {name}, public;
GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {name};
"
    )
}

fn schema(name: &str) -> String {
    let owner = format!("{name}_migrator");
    let by_default = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {name}");
    let rights = format!(
        "GRANT USAGE ON SCHEMA {name} TO {name};
{by_default} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name};
{by_default} GRANT USAGE, SELECT ON SEQUENCES TO {name};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {name};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {name} TO {name};
"
    );
    by_hand::schema(name, &owner) + &rights
}
