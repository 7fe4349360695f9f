//! What can be asked of an instance that runs.

use crate::place::RUNNING;
use crate::transcript::assert_transcript;

#[test]
fn env_prints_variables_for_a_shell_and_for_a_dotenv_file() {
    assert_transcript!(RUNNING.run(&["env"]), @"
    $ pgvector-setup env
    export PGHOST=127.0.0.1
    export PGPORT=[PORT]
    export PGDATABASE=vectors
    export PGUSER=vectors
    export PGPASSFILE=[DIR]/data/instances/default/credentials
    exit 0
    ");
    assert_transcript!(RUNNING.run(&["env", "--format", "dotenv"]), @"
    $ pgvector-setup env --format dotenv
    PGHOST=127.0.0.1
    PGPORT=[PORT]
    PGDATABASE=vectors
    PGUSER=vectors
    PGPASSFILE=[DIR]/data/instances/default/credentials
    exit 0
    ");
}

#[test]
fn migrations_are_listed_and_printed_and_never_take_data_away_unasked() {
    let (_turn, database) = RUNNING.database("kept");
    let database = database.as_str();
    RUNNING.sql(
        "kept",
        "INSERT INTO vectors.articles (uri, embedding) VALUES ('a', '[1,2,3]')",
    );
    assert_transcript!(RUNNING.run(&["migrate", "status", database]), @"
    $ pgvector-setup migrate status --database=kept
      1  extension          [TIME] applied
      2  table              [TIME] applied
      3  embedding_column   [TIME] applied
      4  embedding_index    [TIME] applied
    exit 0
    ");
    assert_transcript!(RUNNING.run(&["migrate", "sql"]), @r#"
    $ pgvector-setup migrate sql
    -- V1 extension
    -- The extension's files must be on the server, and only a superuser may do this: `vector` is not trusted.
    CREATE SCHEMA IF NOT EXISTS "public";
    CREATE EXTENSION vector WITH SCHEMA "public";

    -- V2 table
    CREATE TABLE "vectors"."articles" (
        "uri" text PRIMARY KEY,
        document text,
        metadata jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now()
    );

    -- V3 embedding_column
    -- Nullable and without default: the lock is held for milliseconds and nothing is rewritten.
    ALTER TABLE "vectors"."articles" ADD COLUMN "embedding" "public".vector(3);

    -- V4 embedding_index
    CREATE INDEX CONCURRENTLY "articles_embedding_idx" ON "vectors"."articles"
        USING hnsw ("embedding" "public".vector_cosine_ops) WITH (ef_construction = 64, m = 16);
    exit 0
    "#);
    assert_transcript!(RUNNING.run(&["migrate", "down", "--to", "2", database]), @r#"
    $ pgvector-setup migrate down --to 2 --database=kept
    | error[E0712]: column "embedding" of "vectors"."articles" holds 1 values, and was not named for removal
    | hint: pgvector-setup --database kept migrate down --to 2 --destroy embedding [--export FILE]
    exit 3
    "#);
    assert_transcript!(RUNNING.run(&["migrate", "up", database]), @"
    $ pgvector-setup migrate up --database=kept
      1  extension          [TIME] applied
      2  table              [TIME] applied
      3  embedding_column   [TIME] applied
      4  embedding_index    [TIME] applied
    exit 0
    ");
}

#[test]
fn verify_measures_and_doctor_reads() {
    let (_turn, database) = RUNNING.database("healthy");
    let database = database.as_str();
    RUNNING.sql(
        "healthy",
        "INSERT INTO vectors.articles (uri, embedding) VALUES ('a', '[1,2,3]'), ('b', NULL)",
    );
    RUNNING.sql("healthy", "ANALYZE vectors.articles");
    assert_transcript!(RUNNING.run(&["verify", database]), @"
    $ pgvector-setup verify --database=healthy
    1000 rows of vector(3), cosine, hnsw
    index used   yes
    recall@10    1.000 over 20 queries
    round trip   every bit the same
    search       a row by its own vector, and similar ones
    time         load [N] ms, build [N] ms, search [N] ms, exact search [N] ms
    evidence     plan: Index Scan using pgvector_setup_verify_[ID]_idx (enable_seqscan = off, because the scratch table is small)
    evidence     recall: 200 of the 200 rows that are no farther than the 10th nearest
    passed
    exit 0
    ");
    let seen = RUNNING.run(&["doctor", database]).to_string();
    assert_transcript!(of_one_database(&seen, "healthy"), @r#"
    $ pgvector-setup doctor --database=healthy
    package    the portable bundle's pgvector 0.8.5
    files      0.8.5
    database extension library
    healthy 0.8.5 0.8.5

    low       coverage  some rows have no embedding, so no search finds them
                        1 of 2 rows (50.0 %), counted
    ok        S1        the server takes writes
                        PostgreSQL 18.4, database healthy, role vectors
    ok        S10       the collation has no versions
                        C and POSIX sort by bytes
    ok        S2        the extension vector 0.8.5 is installed
                        schema public
    ok        S2b       the extension's library loads and computes
                        library 0.8.5
    ok        S3        the column is vector(3)
                        column "embedding" vector(3), storage e
    ok        S4        index articles_embedding_idx serves searches
                        "vectors"."articles_embedding_idx" using hnsw vector_cosine_ops, [N] MB
    ok        S7        dead rows and statistics are in order
                        2 live and 0 dead rows
    ok        S8        the vector indexes fit into memory
                        vector indexes [N] MB, shared_buffers [N] MB, effective_cache_size [N] MB, maintenance_work_mem [N] MB
    ok        S9        no open transaction is in a build's way
                        this role's own sessions; others are seen by members of pg_read_all_stats
    ok        S11       the stored settings of pgvector are in order
                        0 stored
    ok        S19       no unused replication slot keeps WAL without limit
                        pg_replication_slots
    ok        S12       the sampled vectors suit the metric
                        1 vectors sampled
    ok        S13       the index can answer the search; the table is small enough to read whole
                        Seq Scan; with enable_seqscan = off Index Scan using articles_embedding_idx; generic plan Seq Scan
    ok        search    a row is found by its own vector
                        row "a", 0 similar rows
    ok        S2c       every database has the extension of the server's files
                        [N] databases, version 0.8.5
    skipped   S14       recall was not measured
                        it takes time
                        fix: pgvector-setup doctor --recall --database healthy
    1 of 2 rows have an embedding
    healthy: 0 critical, 0 high, 0 medium, 1 low
    exit 0
    "#);
    let report = RUNNING.json(&["doctor", database]);
    assert_eq!(report["extension_installed"], true);
    assert_eq!(
        (&report["articles_with_embeddings"], &report["total_articles"]),
        (&1.into(), &2.into())
    );
    assert!(
        report["healthy"].is_boolean() && report["error"].is_null() && report["findings"].is_array(),
        "{report:#}"
    );
}

#[test]
fn json_documents_are_one_object_each_and_errors_are_too() {
    for words in [
        &["up", "--yes"][..],
        &["plan"],
        &["status"],
        &["env"],
        &["verify"],
        &["migrate", "status"],
    ] {
        assert!(RUNNING.json(words).is_object(), "{words:?}");
    }
    assert_transcript!(RUNNING.run(&["plan", "--dimensions", "0", "--json"]), @r#"
    $ pgvector-setup plan --dimensions 0 --json
    {
      "error": {
        "code": "E0102",
        "exit": 2,
        "hint": "pgvector-setup up --dimensions 1536",
        "message": "dimensions must be a number from 1 to 16000, not \"0\""
      }
    }
    exit 2
    "#);
    assert_transcript!(RUNNING.run(&["up", "--json", "--table", "other"]), @r#"
    $ pgvector-setup up --json --table other
    {
      "error": {
        "code": "E0107",
        "exit": 3,
        "hint": "add --yes",
        "message": "no terminal to ask on, and --yes was not given"
      }
    }
    exit 3
    "#);
    assert_transcript!(RUNNING.run(&["up", "--json", "--metric", "manhattan"]), @r#"
    $ pgvector-setup up --json --metric manhattan
    {
      "error": {
        "code": "E0100",
        "exit": 2,
        "hint": "pgvector-setup --help",
        "message": "invalid value 'manhattan' for '--metric <METRIC>'\n  [possible values: cosine, l2, ip, l1]"
      }
    }
    exit 2
    "#);
}

#[test]
fn psql_opens_the_database_as_the_application() {
    let words = [
        "psql",
        "--",
        "-Atc",
        "SELECT current_user || ' ' || current_database()",
    ];
    assert_transcript!(RUNNING.run(&words), @"
    $ pgvector-setup psql -- -Atc SELECT current_user || ' ' || current_database()
    vectors vectors
    exit 0
    ");
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = RUNNING
        .command(&["migrate", "sql"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Without what `doctor` tells of the databases of other tests.
fn of_one_database(text: &str, name: &str) -> String {
    let is_of_others = |line: &str| line.ends_with("0.8.5      0.8.5") && !line.starts_with(name);
    let lines = text.lines().filter(|line| !is_of_others(line));
    let squeezed = lines.map(
        |line| match line.starts_with("database ") || line.starts_with(name) {
            true => line.split_whitespace().collect::<Vec<_>>().join(" "),
            false => line.to_owned(),
        },
    );
    squeezed.collect::<Vec<_>>().join("\n")
}
