//! The PostgreSQL that `up` left on a machine, found without asking our own program.

use super::case::{ByHand, Case, Target};
use super::machine::{Machine, Reply};

pub struct Server<'a> {
    machine: &'a Machine,
    database: &'static str,
    user: &'static str,
    pub port: String,
    /// The command that opens psql as the server's administrator, as a shell would read it.
    administrator: String,
    psql: String,
    /// The file with the application's password.
    pub credentials: String,
}

impl<'a> Server<'a> {
    pub fn find(machine: &'a Machine, case: &Case) -> Self {
        let find_psql = "command -v psql || ls /usr/pgsql-*/bin/psql 2>/dev/null || find /var/lib/pgvector-setup /home -path '*/bin/psql' | head -n 1";
        let psql = machine.root(find_psql);
        let state = match case.user {
            "root" => "/var/lib/pgvector-setup".to_owned(),
            user => format!("/home/{user}/.local/share/pgvector-setup"),
        };
        match case.target {
            Target::Embedded => {
                let instance = format!("{state}/instances/default");
                // Lines 4 and 5 of a running server's pid file: port and socket directory.
                let pid_file = machine.root(&format!("sed -n 4,5p {instance}/data/postmaster.pid"));
                let (port, sockets) = pid_file
                    .split_once('\n')
                    .expect("the server has a socket directory");
                Self {
                    machine,
                    database: case.database,
                    user: case.user,
                    administrator: format!("{psql} -h {sockets} -p {port} -U postgres"),
                    port: port.to_owned(),
                    psql,
                    credentials: format!("{instance}/credentials"),
                }
            }
            Target::Brew => {
                let pid_file = "sed -n 4p /home/linuxbrew/.linuxbrew/var/postgresql@*/postmaster.pid";
                let port = machine.root(pid_file);
                Self {
                    machine,
                    database: case.database,
                    user: case.user,
                    administrator: format!("{psql} -h /tmp -p {port}"),
                    port,
                    psql,
                    credentials: format!("{state}/system/credentials"),
                }
            }
            Target::ByHand(ByHand { owner, port, .. }) => Self {
                machine,
                database: case.database,
                user: "root",
                administrator: format!("runuser -u {owner} -- {psql} -h /tmp -p {port}"),
                port: port.to_string(),
                psql,
                credentials: format!("{state}/system/credentials"),
            },
            Target::System => {
                // Packages of rpm have no list of clusters, and one port.
                let port = machine.root(
                    "if command -v pg_lsclusters >/dev/null; then pg_lsclusters --no-header | awk '{print $3}'; \
                     else echo 5432; fi",
                );
                Self {
                    machine,
                    database: case.database,
                    user: "root",
                    administrator: format!("runuser -u postgres -- {psql} -p {port}"),
                    port,
                    psql,
                    credentials: format!("{state}/system/credentials"),
                }
            }
        }
    }

    /// One value, as the administrator in the case's database.
    pub fn value(&self, sql: &str) -> String {
        let command = format!(
            "cd /; {} -XAtq -v ON_ERROR_STOP=1 -d {} <<'SQL'\n{sql}\nSQL",
            self.administrator, self.database
        );
        let reply = self.machine.run(self.user, &command);
        assert_eq!(
            reply.exit, 0,
            "the administrator cannot run: {sql}\n{}",
            reply.stderr
        );
        reply.stdout.trim_end().to_owned()
    }

    /// What the application gets, over TCP with the password of the credentials file.
    pub fn application(&self, sql: &str) -> Reply {
        let login = format!("PGPASSFILE={}", self.credentials);
        self.machine.run("root", &self.over_tcp(&login, sql))
    }

    pub fn with_wrong_password(&self) -> Reply {
        self.machine
            .run("root", &self.over_tcp("PGPASSWORD=wrong", "SELECT 1"))
    }

    fn over_tcp(&self, login: &str, sql: &str) -> String {
        let address = format!("-h 127.0.0.1 -p {} -U vectors -d {}", self.port, self.database);
        format!(
            "{login} {} -XAtqw -v ON_ERROR_STOP=1 {address} <<'SQL'\n{sql}\nSQL",
            self.psql
        )
    }
}
