//! `import chroma` from directories that Chroma itself has written, as they are and damaged.

use std::path::{Path, PathBuf};

use crate::chroma::fixture::Fixture;
use crate::place::RUNNING;
use crate::transcript::assert_transcript;

/// The directory of a fixture as `name` where commands are run.
fn put(name: &str, version: &'static str) -> PathBuf {
    let fixture = Fixture::unpack(version);
    let place = RUNNING.work().join(name);
    std::fs::rename(fixture.directory(), &place).unwrap();
    place
}

/// The labels of the index of the one collection with this name.
fn labels(directory: &Path, collection: &str) -> PathBuf {
    let catalog = rusqlite::Connection::open(directory.join("chroma.sqlite3")).unwrap();
    let sql = "SELECT s.id FROM segments s JOIN collections c ON c.id = s.collection WHERE c.name = ?1 AND s.scope = 'VECTOR'";
    let segment: String = catalog.query_row(sql, [collection], |row| row.get(0)).unwrap();
    directory.join(segment).join("index_metadata.pickle")
}

#[test]
fn torn_labels_stop_an_import_until_somebody_decides_and_all_else_comes_over() {
    let labels = labels(&put("torn", "0.6.3"), "big_l2");
    let whole = std::fs::read(&labels).unwrap();
    std::fs::write(&labels, &whole[..whole.len() / 2]).unwrap();
    let (_turn, database) = RUNNING.database("torn");
    let import = |more: &[&str]| {
        let words = ["import", "chroma", "torn", "--collection", "big_l2", &database];
        RUNNING.run(&[&words, more].concat())
    };
    let inspected = RUNNING.json(&["import", "chroma", "torn", "--inspect"]);
    let mut collections = inspected["collections"].as_array().unwrap().iter();
    let torn = collections
        .find(|collection| collection["name"]["name"] == "big_l2")
        .unwrap();
    assert_eq!(torn["without_vector"], 904, "{torn:#}");
    assert!(
        torn["damage"].as_str().unwrap().contains("index_metadata.pickle"),
        "{torn:#}"
    );
    assert_transcript!(import(&["--yes"]), @r"
    $ pgvector-setup import chroma torn --collection big_l2 --database=torn --yes
    | error[E0806]: default_tenant/default_database/big_l2: [DIR]/work/torn/[SEGMENT]/index_metadata.pickle: at byte 15960: expected more of a pickle, the file ends here: the vectors of 904 of its 1075 records are nowhere else
    | hint: --on missing-vector=replace brings these records over without a vector, --on missing-vector=skip leaves them out, and both list them; or take the file from a backup, or name the others by --collection NAME
    exit 3
    ");
    assert_transcript!(import(&["--yes", "--on", "missing-vector=replace"]), @r#"
    $ pgvector-setup import chroma torn --collection big_l2 --database=torn --yes --on missing-vector=replace
    default_tenant/default_database/big_l2 -> "vectors"."big_l2"
      records:  1075 read, 1075 rows written in [N] s ([N] rows/s)
      damaged:  [DIR]/work/torn/[SEGMENT]/index_metadata.pickle: at byte 15960: expected more of a pickle, the file ends here: 904 of 1075 records have no vector
                new ones, from their documents: pgvector-setup --database torn embed backfill --table big_l2 --key id
      changed:  904 missing-vector
      listed:   [DIR]/data/instances/default/rejects-big_l2-2143aaf11b.jsonl
      index:    big_l2_embedding_idx in [N] s
      proof:    1075 rows of the source and 1075 of the table are the same ([N] s)
      undo:     pgvector-setup --database torn migrate down --table big_l2 --key id --to 0 --destroy embedding --destroy big_l2
    | from torn (Chroma 0.5.7 to 0.6.3)
    |   1. default_tenant/default_database/big_l2, 1075 records: into "vectors"."big_l2" (vector(6), l2, hnsw index)
    |      note: Its index cannot be read ([DIR]/work/torn/[SEGMENT]/index_metadata.pickle: at byte 15960: expected more of a pickle, the file ends here): 904 of 1075 records have an id, a document and metadata, and no vector; the log still has those of the others. An import takes --on missing-vector=replace or --on missing-vector=skip.
    | needs at least [N] kB on the server's disk; documents and metadata come on top
    | load default_tenant/default_database/big_l2 into "vectors"."big_l2"
    | build the index of "vectors"."big_l2"
    | compare "vectors"."big_l2" with torn
    exit 0
    "#);
}

#[test]
fn what_came_over_before_a_failure_is_reported_with_it() {
    put("later", "0.6.3");
    let (_turn, database) = RUNNING.database("later");
    RUNNING.sql("later", "CREATE TABLE vectors.big_l2 (id text PRIMARY KEY)");
    let words = ["import", "chroma", "later", "--yes", "--json", &database];
    let two = ["--collection", "big_cosine", "--collection", "big_l2"];
    let output = RUNNING.command(&[&words[..], &two].concat()).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error"]["code"], "E0825", "{document:#}");
    // Not 3: something was changed.
    assert_eq!(
        (output.status.code(), &document["error"]["exit"]),
        (Some(5), &5.into())
    );
    assert_eq!(document["imported"].as_array().unwrap().len(), 1);
    let imported = &document["imported"][0];
    assert_eq!(
        imported["collection"],
        "default_tenant/default_database/big_cosine"
    );
    assert_eq!(imported["proof"]["proven"], true, "{document:#}");
}

#[test]
fn a_place_for_rejects_that_cannot_be_one_is_a_wrong_command_line() {
    put("placed", "1.5.9");
    let (_turn, database) = RUNNING.database("placed");
    let words = [
        "import",
        "chroma",
        "placed",
        "--collection",
        "big_l2",
        "--yes",
        &database,
    ];
    assert_transcript!(RUNNING.run(&[&words[..], &["--rejects", "nowhere/rejects.jsonl"]].concat()), @r"
    $ pgvector-setup import chroma placed --collection big_l2 --yes --database=placed --rejects nowhere/rejects.jsonl
    | error[E0836]: records that are left out cannot be listed in [DIR]/work/nowhere/rejects.jsonl: cannot open [DIR]/work/nowhere: No such file or directory (os error 2)
    | hint: name a file in a directory that you may write to: --rejects FILE
    exit 2
    ");
}
