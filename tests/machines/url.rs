//! Target `url`: servers that somebody else made, over TLS, with as little as their owners give.

use super::case::Case;
use super::fixture::Fixture;
use super::lifecycle::succeeds;
use super::machine::Machine;
use super::url_server::{CANARY, Theirs, canary_is_nowhere, watched};

/// The application writes and finds its row, over TLS, as itself.
const APPLICATION: &str = "
INSERT INTO SCHEMA.articles (uri, embedding)
SELECT 'proof ' || row, (SELECT array_agg(sin(row * position)) FROM generate_series(1, 1536) position)::real[]::vector
  FROM generate_series(1, 20) row;
SELECT uri FROM SCHEMA.articles ORDER BY embedding <=> (SELECT embedding FROM SCHEMA.articles WHERE uri = 'proof 7') LIMIT 1;
DELETE FROM SCHEMA.articles";

fn writes_and_finds(theirs: &Theirs<'_>, login: &str, schema: &str) {
    let sql = APPLICATION.replace("SCHEMA", schema);
    let psql = format!("{login} psql -XAtqw -v ON_ERROR_STOP=1 <<'SQL'\n{sql}\nSQL");
    let reply = theirs.machine.run("user", &psql);
    assert_eq!(reply.stdout.trim(), "proof 7", "{}", reply.stderr);
}

fn is_done(theirs: &Theirs<'_>, options: &str) {
    let before = theirs.state();
    let again = theirs.run(&format!("up --yes {options}"));
    succeeds(&again);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!(theirs.state(), before, "the second up changed something");
}

fn is_undone(theirs: &Theirs<'_>, options: &str, before: &str) {
    succeeds(&theirs.run(&format!("rollback --yes {options}")));
    let after = theirs.state();
    assert_eq!(after, before, "rollback left differences in the server");
    assert_eq!(
        theirs.machine.root("find /home/user/.local 2>/dev/null || true"),
        "",
        "rollback left files"
    );
}

/// The owner of a database whose administrator has installed the extension: no role, no password, no rights are made.
pub fn owner(machine: &Machine, _: &Case) {
    let theirs = Theirs::start(machine);
    theirs.role("app", "");
    theirs.sql("postgres", "CREATE DATABASE app OWNER app");
    theirs.sql("app", "CREATE EXTENSION vector");
    theirs.url("app@db.example/app");
    let before = theirs.state();

    let up = watched("up --yes --url-file url --tls-root /srv/tls/ca.crt --json");
    let up = machine.run("user", &up);
    succeeds(&up);
    assert!(up.stdout.contains("\"passed\": true"), "{}", up.stdout);
    assert_eq!(
        theirs.sql("app", "SELECT DISTINCT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'app'"),
        "",
        "no session is left"
    );
    let login = format!(
        "eval \"$(pgvector-setup env --url-file url --tls-root /srv/tls/ca.crt)\"; PGPASSWORD={CANARY}"
    );
    writes_and_finds(&theirs, &login, "app");
    is_done(&theirs, "");
    for command in [
        "status",
        "verify",
        "migrate status",
        "doctor --json",
        "plan --json",
    ] {
        let reply = theirs.run(command);
        assert!(reply.exit <= 1, "{command}: {}", reply.stderr);
        assert!(
            !format!("{}{}", reply.stdout, reply.stderr).contains(CANARY),
            "{command}"
        );
    }
    for command in ["start", "stop", "destroy"] {
        let reply = theirs.run(command);
        assert_eq!(reply.exit, 2, "{command}");
        assert!(reply.stderr.contains("not ours to start"), "{}", reply.stderr);
    }
    canary_is_nowhere(machine);
    is_undone(&theirs, "", &before);
    canary_is_nowhere(machine);
}

/// A superuser's URL: the application gets a role, a password and a database of its own.
pub fn own_role_and_database(machine: &Machine, _: &Case) {
    let theirs = Theirs::start(machine);
    theirs.role("boss", "SUPERUSER");
    theirs.url("boss@db.example/postgres");
    let before = theirs.state();
    let refused = theirs.run("up --yes");
    assert_eq!(refused.exit, 3);
    assert!(refused.stderr.contains("up --role vectors"), "{}", refused.stderr);

    let options = "--role vectors --database vectors";
    succeeds(&theirs.run(&format!("up --yes {options}")));
    let login =
        format!("eval \"$(pgvector-setup env --url-file url --tls-root /srv/tls/ca.crt {options})\";");
    writes_and_finds(&theirs, &login, "vectors");
    assert_eq!(
        theirs.sql("postgres", "SELECT rolcanlogin, rolsuper, rolcreaterole, left(rolpassword, 14) FROM pg_authid WHERE rolname = 'vectors'"),
        "t|f|f|SCRAM-SHA-256$"
    );
    is_done(&theirs, options);
    canary_is_nowhere(machine);
    is_undone(&theirs, &format!("{options} --destroy-data vectors"), &before);
}

/// An administrator as providers have them: may make roles, owns the database, and is no superuser.
pub fn limited_administrator(machine: &Machine, _: &Case) {
    let theirs = Theirs::start(machine);
    theirs.role("manager", "CREATEROLE CREATEDB");
    theirs.sql("postgres", "CREATE DATABASE site OWNER manager");
    theirs.sql("site", "CREATE EXTENSION vector");
    theirs.url("manager@db.example/site");
    let before = theirs.state();
    let options = "--role vectors";
    succeeds(&theirs.run(&format!("up --yes {options}")));
    let login =
        format!("eval \"$(pgvector-setup env --url-file url --tls-root /srv/tls/ca.crt {options})\";");
    writes_and_finds(&theirs, &login, "vectors");
    is_done(&theirs, options);
    is_undone(&theirs, options, &before);
}

/// The owner may not create the extension: refused before any write, with a script; after it ran, `up` goes on.
pub fn extension_by_somebody_else(machine: &Machine, _: &Case) {
    let theirs = Theirs::start(machine);
    theirs.role("app", "");
    theirs.sql("postgres", "CREATE DATABASE app OWNER app");
    theirs.url("app@db.example/app");
    let before = theirs.state();
    for command in ["up --yes", "plan"] {
        let refused = theirs.run(command);
        assert_eq!(refused.exit, 3, "{command}: {}", refused.stderr);
        for part in [
            "E0405",
            "needs a superuser",
            "CREATE EXTENSION vector",
            "plan --sql",
        ] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
    assert_eq!(theirs.state(), before, "a refusal changed something");

    let script = "pgvector-setup plan --sql --url-file url --tls-root /srv/tls/ca.crt > /tmp/by-hand.sql";
    succeeds(&machine.run("user", script));
    machine.root("cd /; runuser -u postgres -- psql -Xq -d app -f /tmp/by-hand.sql");
    let up = theirs.run("up --yes");
    succeeds(&up);
    assert!(up.stderr.contains("passed"), "{}", up.stderr);
    is_done(&theirs, "");
    succeeds(&theirs.run("rollback --yes"));
    assert_eq!(
        theirs.sql(
            "app",
            "SELECT extname FROM pg_extension WHERE extname = 'vector'; SELECT to_regclass('app.articles')"
        ),
        "vector\napp.articles",
        "what somebody else made stays"
    );
    canary_is_nowhere(machine);
}

const POOLER: &str = r#"
cat > /tmp/pgbouncer.ini <<INI
[databases]
app = host=/var/run/postgresql port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
unix_socket_dir =
auth_type = scram-sha-256
auth_file = /tmp/users
pool_mode = MODE
default_pool_size = 5
pidfile = /tmp/pgbouncer.pid
logfile = /dev/null
INI
printf '"app" "CANARY"\n' > /tmp/users
chown postgres /tmp/users /tmp/pgbouncer.ini && chmod 600 /tmp/users
runuser -u postgres -- pgbouncer -d -q /tmp/pgbouncer.ini
"#;

const STOP_POOLER: &str =
    "kill $(cat /tmp/pgbouncer.pid); while [ -e /tmp/pgbouncer.pid ]; do :; done; rm /tmp/users";

/// What leaves nothing behind does its work through a pooler that gives our sessions to others; what needs a session is refused.
fn leaves_sessions_to_others(theirs: &Theirs<'_>) {
    let user = |script: &str| theirs.machine.run("user", script);
    let psql = format!("PGPASSWORD={CANARY} psql -XAtqw -h localhost -p 6432 app app");
    let question =
        "SELECT current_user, current_setting('search_path'), count(name) FROM pg_prepared_statements";
    // Both at once: so many has a run of ours.
    let sessions = format!("{psql} <<'SQL'\nBEGIN;\n{question};\n\\! {psql} -c \"{question}\"\nCOMMIT\nSQL");
    theirs.sql(
        "app",
        "INSERT INTO app.articles (uri, embedding)
         SELECT 'row ' || row, (SELECT array_agg(sin(row * position)) FROM generate_series(1, 1536) position)::real[]::vector
           FROM generate_series(1, 20) row",
    );
    succeeds(&user(&format!(
        "{psql} -c \"SELECT embedding FROM app.articles WHERE uri = 'row 7'\" > vector"
    )));
    theirs
        .machine
        .copy_in(&Fixture::unpack("1.5.9").directory(), "/tmp/");
    let (before, found) = (theirs.state(), user(&sessions).stdout);
    assert_eq!(found, "app|\"$user\", public|0\n".repeat(2));
    for command in [
        "search --vector vector",
        "similar 'row 7'",
        "get 'row 7'",
        "doctor --recall",
        "verify",
        "embed status",
    ] {
        let reply = theirs.run(command);
        assert!(reply.exit <= 1, "{command}: {}", reply.stderr);
        assert_eq!(user(&sessions).stdout, found, "{command} left something");
    }
    let collection = "--collection default_tenant/default_database/docs_cosine --into docs";
    for command in [
        "migrate up",
        "embed watch --install-only --yes",
        "rollback --yes",
        &format!("import chroma /tmp/chroma {collection} --yes"),
    ] {
        let refused = theirs.run(command);
        assert_eq!(refused.exit, 3, "{command}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("by the transaction"),
            "{command}: {}",
            refused.stderr
        );
        assert_eq!(user(&sessions).stdout, found, "{command} left something");
    }
    assert_eq!(theirs.state(), before, "a refusal changed something");
    theirs.sql("app", "DELETE FROM app.articles");
}

/// PgBouncer shares sessions by the transaction and by the statement: refused. By the session: as good as the server.
pub fn pooler(machine: &Machine, _: &Case) {
    let theirs = Theirs::start(machine);
    theirs.role("app", "");
    theirs.sql("postgres", "CREATE DATABASE app OWNER app");
    theirs.sql("app", "CREATE EXTENSION vector");
    // The pooler logs in as `app` without a password of its own.
    machine.root(
        "sed -i '1i local app app trust' /etc/postgresql/17/main/pg_hba.conf && pg_ctlcluster 17 main reload",
    );
    theirs.url("app@localhost:6432/app");
    let before = theirs.state();
    let start = |mode: &str| machine.root(&POOLER.replace("MODE", mode).replace("CANARY", CANARY));
    for mode in ["transaction", "statement"] {
        start(mode);
        let refused = theirs.run("up --yes");
        assert_eq!(refused.exit, 3, "{mode}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(&format!("by the {mode}")),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("connect directly"), "{}", refused.stderr);
        machine.root(STOP_POOLER);
    }
    assert_eq!(theirs.state(), before, "a refusal changed something");
    start("session");
    succeeds(&theirs.run("up --yes"));
    is_done(&theirs, "");
    machine.root(STOP_POOLER);
    start("transaction");
    leaves_sessions_to_others(&theirs);
    machine.root(STOP_POOLER);
    start("session");
    is_undone(&theirs, "", &before);
    machine.root(STOP_POOLER);
}
