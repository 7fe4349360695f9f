//! What must be true after `up`, asked of the server and the machine themselves.

use super::case::Case;
use super::machine::Machine;
use super::server::Server;

/// What, the question, and the only good answer.
const CATALOG: &[(&str, &str, &str)] = &[
    (
        "the extension is there once",
        "SELECT count(*) FROM pg_extension WHERE extname = 'vector'",
        "1",
    ),
    (
        "the column has the type and the dimensions",
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
          WHERE attrelid = to_regclass('TABLE') AND attname = 'embedding'",
        "vector(1536)",
    ),
    (
        "one index on the column, hnsw, valid and ready",
        "SELECT amname, opcname, indisvalid, indisready FROM pg_index
           JOIN pg_class ON pg_class.oid = indexrelid
           JOIN pg_am ON pg_am.oid = relam
           JOIN pg_opclass ON pg_opclass.oid = indclass[0]
          WHERE indrelid = to_regclass('TABLE') AND amname <> 'btree'",
        "hnsw|vector_cosine_ops|t|t",
    ),
    (
        "the application's role may log in and nothing else",
        "SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
           FROM pg_roles WHERE rolname = 'vectors'",
        "t|f|f|f|f|f",
    ),
    (
        "the role is a member of nothing",
        "SELECT count(*) FROM pg_auth_members WHERE member = 'vectors'::regrole",
        "0",
    ),
    (
        "the server knows a verifier, not the password",
        "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'vectors'",
        "SCRAM-SHA-256$",
    ),
    ("writes are durable", "SELECT current_setting('fsync')", "on"),
    (
        "nothing of the proof is left: no table but the articles and our own schema's",
        "SELECT coalesce(string_agg(oid::regclass::text, ' '), 'none') FROM pg_class
          WHERE relkind IN ('r', 'p', 't', 'f') AND oid <> to_regclass('TABLE') AND relnamespace::regnamespace::text
            NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgvector_setup')",
        "none",
    ),
];

/// The application writes, finds its row by distance, and takes the write back.
const APPLICATION: &str = "
BEGIN;
INSERT INTO TABLE (KEY, embedding)
SELECT 'proof ' || row, (SELECT array_agg(sin(row * position)) FROM generate_series(1, 1536) position)::real[]::vector
  FROM generate_series(1, 20) row;
SELECT KEY FROM TABLE ORDER BY embedding <=> (SELECT embedding FROM TABLE WHERE KEY = 'proof 7') LIMIT 1;
ROLLBACK;";

/// What the application must not get.
const FORBIDDEN: &[&str] = &[
    "CREATE ROLE intruder",
    "CREATE DATABASE intruder",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT rolpassword FROM pg_authid",
];

pub fn prove(machine: &Machine, case: &Case) {
    let server = Server::find(machine, case);
    for (what, question, answer) in CATALOG {
        assert_eq!(
            &server.value(&question.replace("TABLE", case.table)),
            answer,
            "{what}"
        );
    }
    let search = server.application(&APPLICATION.replace("TABLE", case.table).replace("KEY", "uri"));
    assert_eq!(
        search.stdout.trim(),
        "proof 7",
        "the application finds its row: {}",
        search.stderr
    );
    for statement in FORBIDDEN {
        assert_ne!(
            server.application(statement).exit,
            0,
            "the application must not get: {statement}"
        );
    }
    assert_ne!(
        server.with_wrong_password().exit,
        0,
        "a wrong password must not open the database"
    );
    prove_privacy(machine, &server, case);
}

/// Loopback only, no server as root, one file with the password, and the password nowhere else.
fn prove_privacy(machine: &Machine, server: &Server<'_>, case: &Case) {
    let port: u16 = server.port.parse().expect("a port is a number");
    let sockets = machine.quietly("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null");
    let listening: Vec<&str> = sockets
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let (address, local_port) = fields.next()?.split_once(':')?;
            let listens = fields.nth(1) == Some("0A");
            (listens && u16::from_str_radix(local_port, 16) == Ok(port)).then_some(address)
        })
        .collect();
    assert!(!listening.is_empty(), "something listens on port {port}");
    for address in listening {
        let loopback = ["0100007F", "00000000000000000000000001000000"];
        assert!(loopback.contains(&address), "port {port} is open on {address}");
    }
    assert_eq!(
        machine.root("ps -C postgres -o user= | grep -cw root || true"),
        "0",
        "no server runs as root"
    );
    let mode = machine.root(&format!("stat -c '%a %U' {}", server.credentials));
    assert_eq!(
        mode,
        format!("600 {}", case.user),
        "the credentials are the user's alone"
    );
    assert_eq!(
        machine.root(&PASSWORD_ELSEWHERE.replace("CREDENTIALS", &server.credentials)),
        ""
    );
}

/// Files and processes that hold the password, other than the credentials file. The needle goes by file: an argument
/// would find itself.
const PASSWORD_ELSEWHERE: &str = "
umask 077
cut -d: -f5 CREDENTIALS > /dev/shm/needle
test -s /dev/shm/needle
{ grep -rlFf /dev/shm/needle /etc /var/log /var/lib /home /root /tmp /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true; } | { grep -vxF CREDENTIALS || true; }
rm /dev/shm/needle";
