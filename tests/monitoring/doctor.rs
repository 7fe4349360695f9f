//! What `doctor --format prometheus` writes, of a real server and of one that is not there.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sqlx::Executor as _;
use tokio::sync::OnceCell;

use crate::programs::{program, said};
use crate::support::server::{administrator, product_on_server};

pub const TABLE: &str = "it's \"a\" \\ table {x}";

static PREPARED: OnceCell<()> = OnceCell::const_new();

/// A table of the application's with a name that has to be escaped: 3 rows of 4 have an embedding, one index of two is invalid.
pub async fn prepare() {
    PREPARED.get_or_init(make_table).await;
}

async fn make_table() {
    product_on_server();
    let mut connection = administrator("vectors").await;
    let table = format!("vectors.\"{}\"", TABLE.replace('"', "\"\""));
    let statements = format!(
        "CREATE TABLE {table} (uri text PRIMARY KEY, embedding public.vector(3));
         ALTER TABLE {table} OWNER TO vectors;
         INSERT INTO {table} VALUES ('a', '[1,0,0]'), ('b', '[0,1,0]'), ('c', '[0,0,1]'), ('d', NULL);
         CREATE INDEX good ON {table} USING hnsw (embedding public.vector_cosine_ops);
         CREATE INDEX bad ON {table} USING hnsw (embedding public.vector_l2_ops);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'vectors.bad'::regclass;
         ANALYZE {table}"
    );
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statements)))
        .await
        .unwrap();
}

/// `doctor` on that table.
pub fn doctor(words: &[&str]) -> Output {
    let mut command = product_on_server();
    command
        .args(["doctor", "--dimensions=3", "--table", TABLE])
        .args(words);
    command.output().unwrap()
}

fn metrics(words: &[&str]) -> (Option<i32>, String) {
    let words: Vec<&str> = ["--format=prometheus"].iter().chain(words).copied().collect();
    let output = doctor(&words);
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[track_caller]
fn has(text: &str, line: &str) {
    let labels = r#"{database="vectors",schema="vectors",table="it's \"a\" \\ table {x}""#;
    let line = line.replace('{', labels);
    assert!(text.lines().any(|there| there == line), "{line}\n{text}");
}

#[tokio::test]
async fn a_real_table_is_told_in_numbers_and_promtool_has_nothing_to_add() {
    prepare().await;
    let (exit, text) = metrics(&["--recall"]);
    assert_eq!(exit, Some(1), "an index is invalid");
    for line in [
        "pgvector_setup_up{} 1",
        "pgvector_setup_healthy{} 0",
        "pgvector_setup_table_rows{} 4",
        "pgvector_setup_table_embedded_rows{} 3",
        "pgvector_setup_table_coverage_ratio{} 0.75",
        "pgvector_setup_table_rows_exact{} 1",
        "pgvector_setup_recall_ratio{} 1",
        r#"pgvector_setup_index_valid{,index="good",method="hnsw"} 1"#,
        r#"pgvector_setup_index_valid{,index="bad",method="hnsw"} 0"#,
        r#"pgvector_setup_findings{,severity="critical",code="S4"} 1"#,
    ] {
        has(&text, line);
    }
    let differ = "pgvector_setup_versions_differ{database=\"vectors\"} 0";
    assert!(text.lines().any(|line| line == differ), "{text}");
    assert_eq!(
        checked(&text),
        Some((true, String::new())).filter(|_| program("promtool").is_some())
    );
}

#[tokio::test]
async fn the_file_is_replaced_whole_and_readable_for_node_exporter() {
    prepare().await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("pgvector-setup.prom");
    std::fs::write(&file, "old").unwrap();
    let option = format!("--output={}", file.display());
    let output = doctor(&["--format=prometheus", &option]);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(1), b"".as_slice())
    );
    has(&std::fs::read_to_string(&file).unwrap(), "pgvector_setup_up{} 1");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777,
        0o644
    );
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1);
}

#[test]
fn a_server_that_is_not_there_is_told_before_the_command_fails() {
    let place = tempfile::tempdir().unwrap();
    let output = elsewhere(place.path(), &["--format=prometheus", "--output=x.prom"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[E0404]"));
    let text = std::fs::read_to_string(place.path().join("x.prom")).unwrap();
    assert!(
        text.contains("pgvector_setup_up{database=\"vectors\",schema=\"vectors\",table=\"articles\"} 0\n"),
        "{text}"
    );
    assert!(!text.contains("pgvector_setup_table_rows"), "{text}");
    if let Some(said) = checked(&text) {
        assert_eq!(said, (true, String::new()));
    }
}

#[test]
fn a_run_that_cannot_measure_or_write_leaves_the_file_of_before() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("x.prom");
    std::fs::write(&file, "old\n").unwrap();
    for words in [
        ["--format=prometheus", "--output=x.prom", "--dimensions=0"],
        ["--format=text", "--output=x.prom", "--dimensions=3"],
        ["--format=prometheus", "--output=x.prom", "--json"],
    ] {
        assert_eq!(
            elsewhere(place.path(), &words).status.code(),
            Some(2),
            "{words:?}"
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "old\n", "{words:?}");
    }
    let into_nothing = elsewhere(place.path(), &["--format=prometheus", "--output=no/x.prom"]);
    assert_eq!(into_nothing.status.code(), Some(5));
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("target", &file).unwrap();
    std::fs::write(place.path().join("target"), "theirs").unwrap();
    elsewhere(place.path(), &["--format=prometheus", "--output=x.prom"]);
    assert_eq!(
        std::fs::read_to_string(place.path().join("target")).unwrap(),
        "theirs"
    );
}

/// `doctor` where nothing was ever set up.
fn elsewhere(place: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgvector-setup"));
    command
        .env_clear()
        .env("HOME", place)
        .env("PGVECTOR_SETUP_DIRECTORY", place)
        .current_dir(place);
    command.arg("doctor").args(words).output().unwrap()
}

/// What promtool says of metrics; `None` where there is none.
fn checked(text: &str) -> Option<(bool, String)> {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    let mut check = Command::new(program("promtool")?);
    Some(said(check.args(["check", "metrics"]).stdin(Stdio::from(input))))
}
