//! The same work as `up`, done by hand with PostgreSQL's own programs.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use super::measure::{Sample, User};

const PORT: &str = "54419";
/// As many scratch rows and searches as `verify` uses at 1,536 dimensions.
const ROWS: usize = 390;
const SEARCHES: usize = 20;
const DIMENSIONS: usize = 1536;

/// initdb, configuration, pg_ctl start, then three psql scripts. Writing the scripts is not timed.
pub fn run(programs: &Path, directory: &Path, user: User) -> Sample {
    user.make_directory(directory);
    let path = |name: &str| directory.join(name).display().to_string();
    let program = |name: &str| programs.join(name).display().to_string();
    let (data, log) = (path("data"), path("log"));
    std::fs::write(path("roles.sql"), ROLES).expect("a script");
    std::fs::write(path("schema.sql"), schema("vectors", "vectors")).expect("a script");
    std::fs::write(path("proof.sql"), proof("UNLOGGED")).expect("a script");
    let configuration = format!(
        "listen_addresses = '127.0.0.1'\nport = {PORT}\nunix_socket_directories = '{}'\n",
        directory.display()
    );
    let administrator = |database: &str, script: &str| {
        let psql = program("psql");
        let socket = directory.display().to_string();
        let words = [
            &psql,
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            &socket,
            "-p",
            PORT,
            "-U",
            "postgres",
            "-d",
            database,
            "-f",
            script,
        ];
        user.succeed(&words, true);
    };

    let started = Instant::now();
    let initdb = program("initdb");
    let words = [
        &initdb,
        "--pgdata",
        &data,
        "--username",
        "postgres",
        "--auth-local",
        "peer",
        "--auth-host",
        "scram-sha-256",
        "--encoding",
        "UTF8",
        "--locale",
        "C.UTF-8",
        "--data-checksums",
    ];
    user.succeed(&words, true);
    append(&format!("{data}/postgresql.conf"), &configuration);
    append(
        &format!("{data}/pg_ident.conf"),
        &format!("by_hand \"{}\" postgres\n", user.name()),
    );
    let hba = "local all postgres peer map=by_hand\nhost all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(format!("{data}/pg_hba.conf"), hba).expect("a new pg_hba.conf");
    user.succeed(
        &[&program("pg_ctl"), "-D", &data, "-l", &log, "-w", "start"],
        true,
    );
    administrator("postgres", &path("roles.sql"));
    administrator("vectors", &path("schema.sql"));
    let psql = program("psql");
    let proof = path("proof.sql");
    let words = [
        &psql,
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        "127.0.0.1",
        "-p",
        PORT,
        "-U",
        "vectors",
        "-d",
        "vectors",
        "-o",
        "/dev/null",
        "-f",
        &proof,
    ];
    user.succeed(&words, true);
    let seconds = started.elapsed().as_secs_f64();

    user.succeed(
        &[&program("pg_ctl"), "-D", &data, "-m", "immediate", "-w", "stop"],
        true,
    );
    std::fs::remove_dir_all(directory).expect("the directory goes");
    Sample {
        seconds,
        peak_kilobytes: 0,
    }
}

fn append(path: &str, text: &str) {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .expect("initdb wrote it");
    file.write_all(text.as_bytes()).expect("it can be written");
}

pub const ROLES: &str =
    "CREATE ROLE vectors LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'by-hand-and-only-on-loopback';
CREATE DATABASE vectors TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE vectors FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE vectors TO vectors;
";

/// Schema, table and history of one database; `owner` owns the schema, which has the name of the database.
pub fn schema(name: &str, owner: &str) -> String {
    format!(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA {name} AUTHORIZATION {owner};
ALTER ROLE {owner} IN DATABASE {name} SET search_path = {name}, public;
CREATE EXTENSION vector WITH SCHEMA public;
CREATE SCHEMA records;
CREATE TABLE records.history (version int PRIMARY KEY, name text, applied_on text, checksum text);
SET ROLE {owner};
CREATE TABLE {name}.articles (uri text PRIMARY KEY, document text, metadata jsonb NOT NULL DEFAULT '{{}}', created_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE {name}.articles ADD COLUMN embedding public.vector(1536);
CREATE INDEX articles_embedding_idx ON {name}.articles USING hnsw (embedding public.vector_cosine_ops) WITH (m = 16, ef_construction = 64);
RESET ROLE;
INSERT INTO records.history VALUES (1, 'extension', now(), ''), (2, 'table', now(), ''), (3, 'embedding_column', now(), ''), (4, 'embedding_index', now(), '');
"
    )
}

/// Load, index, explain, search both ways, write, read and delete, all rolled back. `kind` is of the scratch table: a site's login
/// may make temporary ones alone.
pub fn proof(kind: &str) -> String {
    let mut numbers = Numbers(42);
    let mut script = format!(
        "BEGIN;\nCREATE {kind} TABLE scratch (number integer NOT NULL, embedding vector(1536) NOT NULL);\nCOPY scratch FROM STDIN;\n"
    );
    for row in 0..ROWS {
        let _ = writeln!(script, "{row}\t{}", numbers.vector());
    }
    script.push_str("\\.\nCREATE INDEX ON scratch USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);\n");
    let queries: Vec<String> = (0..SEARCHES).map(|_| numbers.vector()).collect();
    let search = |query: &str| {
        format!("SELECT embedding <=> '{query}' FROM scratch ORDER BY embedding <=> '{query}' LIMIT 10;\n")
    };
    script.push_str("SET LOCAL enable_seqscan = off;\n");
    let _ = write!(script, "EXPLAIN (FORMAT JSON) {}", search(&queries[0]));
    script.extend(queries.iter().map(|query| search(query)));
    script.push_str("SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off;\n");
    script.extend(queries.iter().map(|query| search(query)));
    let _ = write!(
        script,
        "INSERT INTO scratch VALUES (-1, '{}');\nSELECT embedding FROM scratch WHERE number = -1;\nDELETE FROM scratch WHERE number = -1;\nROLLBACK;\n",
        numbers.vector()
    );
    script
}

/// xorshift64*: the same vectors in every run.
struct Numbers(u64);

impl Numbers {
    fn vector(&mut self) -> String {
        let components: Vec<String> = (0..DIMENSIONS).map(|_| format!("{:.6}", self.next())).collect();
        format!("[{}]", components.join(","))
    }

    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f64 / f64::from(1_u32 << 24) - 0.5
    }
}
