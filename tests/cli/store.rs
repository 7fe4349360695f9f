//! Searching from the command line.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::place::RUNNING;
use crate::transcript::{Transcript, assert_transcript};

/// A table that nobody else looks at, in the database that `up` made.
fn table(name: &str) {
    RUNNING.sql(
        "vectors",
        &format!(
            "CREATE TABLE vectors.{name} (LIKE vectors.articles INCLUDING ALL);
             ALTER TABLE vectors.{name} DROP created_at, ADD pages integer DEFAULT 7;
             ALTER TABLE vectors.{name} OWNER TO vectors;
             INSERT INTO vectors.{name} (uri, document, metadata, embedding) VALUES
             ('east', E'To the east\\nand beyond', '{{\"year\": 2020}}', '[1,0,0]'),
             ('nearly east', NULL, '{{\"year\": 2021}}', '[0.9,0.1,0]'),
             (E'esc\\x1b[31m', 'red', '{{}}', '[0,1,0]'),
             ('nowhere', 'unknown', '{{}}', NULL)"
        ),
    );
}

#[test]
fn rows_are_found_by_vector_by_row_and_by_condition() {
    table("found");
    let found = "--table=found";
    assert_transcript!(given(&["search", "--vector", "-", found], "[1, 0.01, 0]"), @r#"
    $ pgvector-setup search --vector - --table=found
    east           0.0001  To the east
    nearly east    0.0051  {"year":2021}
    esc\u{1b}[31m  0.9900  red
    exit 0
    "#);
    assert_transcript!(RUNNING.run(&["similar", "east", "-k", "1", found]), @r#"
    $ pgvector-setup similar east -k 1 --table=found
    nearly east  0.0061  {"year":2021}
    exit 0
    "#);
    assert_transcript!(RUNNING.run(&["similar", "east", "--where", r#"{"year": {"$lt": 2021}}"#, found]), @r#"
    $ pgvector-setup similar east --where {"year": {"$lt": 2021}} --table=found
    | no row answers
    exit 0
    "#);
    assert_transcript!(RUNNING.run(&["get", "east", "nobody", "--vectors", found]), @r#"
    $ pgvector-setup get east nobody --vectors --table=found
    east
      document   To the east\nand beyond
      metadata   {"year":2020}
      pages      7
      embedding  3 components: 1, 0, 0
    | note: there is no row nobody
    exit 0
    "#);
    assert_transcript!(RUNNING.run(&["get", "--where", r#"{"year": {"$gte": 2021}}"#, "--json", found]), @r#"
    $ pgvector-setup get --where {"year": {"$gte": 2021}} --json --table=found
    {
      "schema": 1,
      "table": "\"vectors\".\"found\"",
      "rows": [
        {
          "id": "nearly east",
          "document": null,
          "metadata": {
            "year": 2021
          },
          "columns": {
            "pages": 7
          }
        }
      ],
      "missing": []
    }
    exit 0
    "#);
    assert_transcript!(given(&["search", "--vector", "-", "--json", "-k", "1", found], "[1, 0, 0]"), @r#"
    $ pgvector-setup search --vector - --json -k 1 --table=found
    {
      "schema": 1,
      "table": "\"vectors\".\"found\"",
      "metric": "cosine",
      "limit": 1,
      "is_exact": false,
      "rows": [
        {
          "id": "east",
          "document": "To the east\nand beyond",
          "metadata": {
            "year": 2020
          },
          "columns": {
            "pages": 7
          },
          "distance": 0.0,
          "score": 1.0
        }
      ]
    }
    exit 0
    "#);
}

#[test]
fn what_cannot_be_answered_says_why_and_what_to_type() {
    table("refused");
    let refused = "--table=refused";
    assert_transcript!(RUNNING.run(&["similar", "nowhere", refused]), @"
    $ pgvector-setup similar nowhere --table=refused
    | error[E0849]: the row nowhere has no vector
    | hint: pgvector-setup --table refused embed backfill
    exit 3
    ");
    assert_transcript!(RUNNING.run(&["similar", "nobody", refused]), @"
    $ pgvector-setup similar nobody --table=refused
    | error[E0848]: there is no row nobody
    | hint: pgvector-setup --table refused get
    exit 3
    ");
    assert_transcript!(RUNNING.run(&["get", "--where", r#"{"year": {"$near": 1}}"#, refused]), @r#"
    $ pgvector-setup get --where {"year": {"$near": 1}} --table=refused
    | error[E0846]: the condition is wrong at year.$near: there is no operator $near here
    | hint: as {"year": {"$gte": 2020}}, with $eq $ne $gt $gte $lt $lte $in $nin $contains $and $or
    exit 2
    "#);
    assert_transcript!(given(&["search", "--vector", "-", refused], "[1, 0]"), @"
    $ pgvector-setup search --vector - --table=refused
    | error[E0844]: the vector has 2 components, and the table's vectors have 3
    | hint: give a vector of 3 components, made by the model that made the table's
    exit 2
    ");
    assert_transcript!(given(&["search", "--vector", "-", refused], "one"), @"
    $ pgvector-setup search --vector - --table=refused
    | error[E0845]: - is no JSON array of numbers: expected value at line 1 column 1
    | hint: give finite numbers, not all of them zero
    exit 2
    ");
    assert_transcript!(RUNNING.run(&["search", "in words", refused]), @"
    $ pgvector-setup search in words --table=refused
    | error[E0878]: --embedder-url was not given
    | hint: --embedder-url https://api.openai.com/v1 --embedder-model text-embedding-3-small
    exit 2
    ");
    assert_transcript!(RUNNING.run(&["similar", "east", "--metric", "l2", refused]), @"
    $ pgvector-setup similar east --metric l2 --table=refused
    | error[E0843]: index refused_embedding_idx is for the metric cosine, and l2 was asked for
    | hint: --metric cosine
    exit 3
    ");
    assert_transcript!(RUNNING.run(&["similar", "east", "--key", "id", refused]), @r#"
    $ pgvector-setup similar east --key id --table=refused
    | error[E0841]: "vectors"."refused" has no column "id" to name its rows
    | hint: --key uri
    exit 3
    "#);
    assert_transcript!(RUNNING.run(&["get", "--table", "nothing"]), @r#"
    $ pgvector-setup get --table nothing
    | error[E0840]: there is no table "vectors"."nothing" that this role can read
    | hint: name it with --schema NAME --table NAME, or make it: pgvector-setup up
    exit 3
    "#);
}

#[test]
fn lines_are_written_batch_by_batch_and_wrong_ones_are_named() {
    table("written");
    let written = "--table=written";
    let lines = r#"{"id": "west", "document": "To the west", "metadata": {"year": 2024}, "embedding": [-1, 0, 0], "columns": {"pages": 8}}

        {"id": "east", "document": "Back to the east"}
    "#;
    assert_transcript!(given(&["upsert", "-", written], lines), @r#"
    $ pgvector-setup upsert - --table=written
    | 2 rows written to "vectors"."written"
    | note: 1 of them have a document and were given no vector, and 1 of these had one of another document, which is gone: pgvector-setup --table written embed backfill
    exit 0
    "#);
    assert_transcript!(given(&["upsert", "-", "--json", written], lines), @r#"
    $ pgvector-setup upsert - --json --table=written
    {
      "schema": 1,
      "table": "\"vectors\".\"written\"",
      "written": 2,
      "without_vector": 1,
      "cleared": 0
    }
    exit 0
    "#);
    assert_transcript!(RUNNING.run(&["get", "west", "east", "--vectors", written]), @r#"
    $ pgvector-setup get west east --vectors --table=written
    west
      document   To the west
      metadata   {"year":2024}
      pages      8
      embedding  3 components: -1, 0, 0
    east
      document  Back to the east
      metadata  {"year":2020}
      pages     7
    exit 0
    "#);
    let wrong = r#"{"id": "south", "embedding": [0, -1, 0]}
        {"id": "a", "embedding": [1]}
        {"id": "b", "text": "x"}
        nothing"#;
    assert_transcript!(given(&["upsert", "-", written], wrong), @"
    $ pgvector-setup upsert - --table=written
    | error[E0853]: lines that cannot be written: line 2 has 1 components, and the table's vectors have 3; line 3: unknown field `text`, expected one of `id`, `document`, `metadata`, `embedding`, `columns` at line 1 column 26; line 4: expected ident at line 1 column 10; of the lines before them 0 rows were written
    | hint: correct these lines, then run the same command again: rows that were written stay the same
    exit 5
    ");
    assert_transcript!(RUNNING.run(&["get", "south", written]), @"
    $ pgvector-setup get south --table=written
    | error[E0848]: there is no row south
    | hint: pgvector-setup --table written get
    exit 3
    ");
    assert_transcript!(RUNNING.run(&["upsert", "/nowhere", written]), @"
    $ pgvector-setup upsert /nowhere --table=written
    | error[E0211]: cannot read /nowhere: No such file or directory (os error 2)
    | hint: ls -la /
    exit 2
    ");
}

/// The command with something on its standard input.
fn given(words: &[&str], input: &str) -> Transcript {
    let mut text = tempfile::tempfile().unwrap();
    text.write_all(input.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut text).unwrap();
    let mut command: Command = RUNNING.command(words);
    Transcript::of(command.stdin(Stdio::from(text)), words)
}
