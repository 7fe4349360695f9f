//! Machines that have something already: it is used or gone around, and it is still there, untouched, afterwards.

use super::bundle;
use super::case::Case;
use super::lifecycle::{is_as_it_was, settled_then_undone, succeeds, up_again_changes_nothing};
use super::machine::Machine;
use super::server::Server;
use super::state::State;

const INSTALL_POSTGRESQL: &str = "export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends postgresql >/dev/null 2>&1
pg_ctlcluster $(pg_lsclusters --no-header | cut -d' ' -f1) main start || true
runuser -u postgres -- psql -qc 'SELECT 1' >/dev/null";

/// Somebody's database is in the server that is adopted.
pub fn foreign_database(machine: &Machine, case: &Case) {
    machine.root(INSTALL_POSTGRESQL);
    as_postgres(machine, "postgres", "CREATE DATABASE foreign_shop");
    as_postgres(
        machine,
        "foreign_shop",
        "CREATE TABLE orders AS SELECT i AS id, md5(i::text) AS what FROM generate_series(1, 1000) i",
    );
    let (before, orders) = (State::of(machine), fingerprint(machine));
    succeeds(&case.up(machine));
    assert_eq!(orders, fingerprint(machine), "up left the foreign database alone");
    settled_then_undone(machine, case, &before);
    assert_eq!(
        orders,
        fingerprint(machine),
        "rollback left the foreign database alone"
    );
}

/// Databases, roles, settings of the server, and every row of the foreign table.
fn fingerprint(machine: &Machine) -> String {
    as_postgres(
        machine,
        "foreign_shop",
        "SELECT md5(string_agg(orders::text, ',' ORDER BY id)) FROM orders;
         SELECT oid, datname, datacl FROM pg_database WHERE datname <> 'vectors' ORDER BY oid;
         SELECT rolname, rolsuper FROM pg_roles WHERE rolname <> 'vectors' ORDER BY oid;
         SELECT extname FROM pg_extension ORDER BY 1;
         SELECT name, setting FROM pg_file_settings ORDER BY seqno",
    )
}

/// The seed's site: 94 articles in a table of another role. Only the column and the index are added.
pub fn articles(machine: &Machine, case: &Case) {
    machine.root(INSTALL_POSTGRESQL);
    as_postgres(machine, "postgres", "CREATE ROLE site LOGIN");
    as_postgres(machine, "postgres", "CREATE DATABASE site OWNER site");
    as_postgres(
        machine,
        "site",
        "SET ROLE site; CREATE TABLE articles (uri text PRIMARY KEY, title text NOT NULL);
         INSERT INTO articles SELECT 'https://site.example/' || i, 'Article ' || i FROM generate_series(1, 94) i",
    );
    let (before, rows, shape) = (State::of(machine), article_rows(machine), article_shape(machine));

    succeeds(&case.up(machine));
    assert_eq!(rows, article_rows(machine), "the articles are as they were");
    assert_eq!(
        article_shape(machine)
            .lines()
            .filter(|line| !shape.contains(line))
            .collect::<Vec<_>>(),
        ["column embedding vector(1536)", "index hnsw valid"],
        "only the column and its index are new"
    );
    up_again_changes_nothing(machine, case);
    succeeds(&case.rollback(machine, ""));
    is_as_it_was(machine, case, &before);

    assert_eq!(rows, article_rows(machine), "rollback leaves the articles");
    assert_eq!(shape, article_shape(machine), "rollback removes what up added");
}

fn article_rows(machine: &Machine) -> String {
    as_postgres(
        machine,
        "site",
        "SELECT count(*), md5(string_agg(uri || title, ',' ORDER BY uri)) FROM articles",
    )
}

fn article_shape(machine: &Machine) -> String {
    as_postgres(
        machine,
        "site",
        "SELECT 'owner ' || tableowner FROM pg_tables WHERE tablename = 'articles';
         SELECT 'column ' || attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
          WHERE attrelid = 'articles'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
         SELECT 'index ' || amname || CASE WHEN indisvalid THEN ' valid' ELSE ' invalid' END FROM pg_index JOIN pg_class ON oid = indexrelid
           JOIN pg_am ON pg_am.oid = relam WHERE indrelid = 'articles'::regclass ORDER BY 1",
    )
}

/// The rules of the server that is there ask `ident`, which no role with a password passes: two lines of ours go first,
/// and go again, to the byte, in a file that only postgres may write.
pub fn ident_rules(machine: &Machine, case: &Case) {
    machine.root(INSTALL_POSTGRESQL);
    machine.root(
        "file=$(echo /etc/postgresql/*/main/pg_hba.conf)
         sed -i 's/scram-sha-256/ident/' $file
         runuser -u postgres -- psql -qXAtc 'SELECT pg_reload_conf()' >/dev/null",
    );
    let before = State::of(machine);
    succeeds(&case.up(machine));
    assert_eq!(
        as_postgres(
            machine,
            "postgres",
            "SELECT auth_method, database, user_name, address FROM pg_hba_file_rules WHERE type = 'host' LIMIT 2"
        ),
        "scram-sha-256|{vectors}|{vectors}|127.0.0.1\nscram-sha-256|{vectors}|{vectors}|::1"
    );
    settled_then_undone(machine, case, &before);
}

/// Port 5432 belongs to something else, so Debian gives the new cluster another one: that one is found and used.
pub fn port_taken(machine: &Machine, case: &Case) {
    machine.background(
        "root",
        "cd /dev/shm && exec python3 -m http.server --bind 127.0.0.1 5432",
    );
    machine.until("port 5432 is taken", "grep -q ':1538 .* 0A ' /proc/net/tcp");
    let before = State::of(machine);
    succeeds(&case.up(machine));
    assert_ne!(
        Server::find(machine, case).port,
        "5432",
        "the cluster has a port of its own"
    );
    settled_then_undone(machine, case, &before);
}

/// The machine has PostgreSQL with pgvector: a private cluster uses its binaries and fetches nothing.
pub fn own_binaries(machine: &Machine, case: &Case) {
    machine.root(INSTALL_POSTGRESQL);
    machine.root("DEBIAN_FRONTEND=noninteractive apt-get install -qq postgresql-18-pgvector >/dev/null 2>&1");
    let before = State::of(machine);
    succeeds(&case.up(machine));
    assert_eq!(
        machine.root("find /home -name '*.whl' -o -name postgres"),
        "",
        "nothing was fetched"
    );
    settled_then_undone(machine, case, &before);
}

/// The network is gone, the bundle is at hand.
pub fn bundle_at_hand(machine: &Machine, case: &Case) {
    machine.copy_in(&bundle::wheel(), "/srv/");
    machine.unplug();
    let before = State::of(machine);
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

pub fn as_postgres(machine: &Machine, database: &str, sql: &str) -> String {
    machine.root(&format!(
        "cd /; runuser -u postgres -- psql -XAtqv ON_ERROR_STOP=1 -d {database} <<'SQL'\n{sql}\nSQL"
    ))
}
