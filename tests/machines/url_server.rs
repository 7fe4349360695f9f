//! A PostgreSQL 17 that is there already: on every address of its machine, with TLS and a certificate of our own issuer.

use super::machine::{Machine, Reply};

/// The password that must be seen nowhere.
pub const CANARY: &str = "canary-5f2e9c";

/// `db.example` is the machine's own address, which is not loopback: TLS is wanted there. Each certificate is the same but
/// for what its name says.
const PREPARE: &str = r#"
mkdir -p /srv/tls && cd /srv/tls
echo "$(hostname -I | cut -d' ' -f1) db.example" >> /etc/hosts
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $key -keyout ca.key -out ca.crt -subj '/CN=an issuer' -days 30 2>/dev/null
certificate() { # NAME HOST VALIDITY
  openssl req $key -keyout $1.key -out $1.csr -subj /CN=$2 2>/dev/null
  printf 'subjectAltName=DNS:%s\nbasicConstraints=CA:FALSE\n' $2 > extensions
  openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $1.crt -extfile extensions $3 2>/dev/null
}
certificate good db.example '-days 30'
certificate expired db.example '-not_before 20200101000000Z -not_after 20200201000000Z'
certificate other other.example '-days 30'
itself() { # NAME BASIC-CONSTRAINTS
  openssl req -x509 $key -keyout $1.key -out $1.crt -subj /CN=db.example -addext subjectAltName=DNS:db.example \
    -addext basicConstraints=critical,$2 -days 30 2>/dev/null
}
itself own CA:FALSE
itself authority CA:TRUE
chmod 755 . && chmod 644 *.crt && chmod 600 *.key && chown postgres *.key
pg_createcluster --locale C.UTF-8 17 main -p 5432 -- --auth-local=peer --auth-host=scram-sha-256 >/dev/null
cat >> /etc/postgresql/17/main/postgresql.conf <<CONF
listen_addresses = '*'
ssl = on
ssl_cert_file = '/srv/tls/good.crt'
ssl_key_file = '/srv/tls/good.key'
log_statement = 'all'
CONF
echo 'host all all 0.0.0.0/0 scram-sha-256' >> /etc/postgresql/17/main/pg_hba.conf
pg_ctlcluster 17 main start
"#;

/// The server, and the way that the user of the machine names it.
pub struct Theirs<'a> {
    pub machine: &'a Machine,
}

impl<'a> Theirs<'a> {
    pub fn start(machine: &'a Machine) -> Self {
        machine.root(PREPARE);
        Self { machine }
    }

    /// As the administrator of the server, by peer authentication; the last line of each answer, without line ends.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.machine.root(&format!(
            "cd /; runuser -u postgres -- psql -XAtqv ON_ERROR_STOP=1 -d {database} <<'SQL'\n{sql}\nSQL"
        ))
    }

    /// A role with the canary as its password, made as its own client would: only the verifier is sent.
    pub fn role(&self, name: &str, rights: &str) {
        self.sql(
            "postgres",
            &format!("SET log_statement = 'none'; CREATE ROLE {name} LOGIN {rights} PASSWORD '{CANARY}'"),
        );
    }

    /// Writes the URL, with the password, where only the user can read it.
    pub fn url(&self, user_and_rest: &str) {
        let (user, rest) = user_and_rest.split_once('@').expect("USER@HOST");
        let write = format!("umask 077; echo 'postgresql://{user}:{CANARY}@{rest}' > url");
        assert_eq!(self.machine.run("user", &write).exit, 0);
    }

    /// `pgvector-setup COMMAND` as the user, with the URL's file and the issuer's certificate.
    pub fn run(&self, command: &str) -> Reply {
        let root = "--tls-root /srv/tls/ca.crt";
        self.machine
            .run("user", &format!("pgvector-setup {command} --url-file url {root}"))
    }

    /// Roles, databases, settings and everything in them, in one text.
    pub fn state(&self) -> String {
        let dump =
            "cd /; runuser -u postgres -- pg_dumpall --no-role-passwords | grep -v -e '^-- ' -e restrict";
        self.machine.quietly(dump)
    }

    /// Changes the server's settings and waits until `question` tells that they hold.
    pub fn reload(&self, settings: &[&str], what: &str, question: &str) {
        for setting in settings {
            self.sql("postgres", &format!("ALTER SYSTEM SET {setting}"));
        }
        self.sql("postgres", "SELECT pg_reload_conf()");
        self.machine.until(what, question);
    }
}

/// Files, processes and logs that hold the canary, other than the user's own file.
pub fn canary_is_nowhere(machine: &Machine) {
    let script = "printf %s CANARY > /dev/shm/needle
      { grep -rlFf /dev/shm/needle /etc /var/log /var/lib/pgvector-setup /home /root /tmp /dev/shm/seen 2>/dev/null || true; } | { grep -vxF -e /home/user/url || true; }
      rm /dev/shm/needle";
    assert_eq!(machine.quietly(&script.replace("CANARY", CANARY)).trim(), "");
}

/// Keeps the arguments and environments of every process of `pgvector-setup` while it runs.
pub fn watched(command: &str) -> String {
    format!(
        "pgvector-setup {command} & pid=$!
         while kill -0 $pid 2>/dev/null; do cat /proc/$pid/cmdline /proc/$pid/environ 2>/dev/null >> /dev/shm/seen; done
         wait $pid"
    )
}
