//! What PostgreSQL refuses or somebody has to decide, and rows that are there already.
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads and writes files without the product"
)]

use pgvector_setup::error::{Exit, Explain as _};
use pgvector_setup::import::{ImportError, Kind, Parts, Record, Value};
use pgvector_setup::settings::Metric;

use crate::memory::{Memory, record, records};
use crate::site::{Site, Wanted};

/// One record of each kind among four that are right.
fn odd() -> Vec<Record> {
    let mut odd = records(8);
    odd[1].document = Some("a\0b".into());
    odd[2].embedding = Some(vec![0.0, f32::NAN, 0.0]);
    odd[3].embedding = None;
    odd[5].metadata.insert("bad".into(), Value::Float(f64::INFINITY));
    odd
}

#[tokio::test]
async fn nothing_is_decided_for_anybody() {
    for (place, kind) in [
        (1, Kind::Nul),
        (2, Kind::NotFinite),
        (3, Kind::MissingVector),
        (5, Kind::NotFinite),
    ] {
        let site = Site::new().await;
        let mut records = records(8);
        records[place] = odd()[place].clone();
        let error = site.import(records).await.unwrap_err();
        let ImportError::Record { id, kind: found, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((id.as_str(), *found), (format!("id-{place}").as_str(), kind));
    }
}

#[tokio::test]
async fn what_is_skipped_is_listed_and_the_rest_is_proven() {
    let mut site = Site::new().await;
    let mut records = odd();
    records[6].embedding = Some(vec![1.0]);
    let on = [
        "nul=skip",
        "not-finite=skip",
        "missing-vector=skip",
        "dimension=skip",
    ];
    let imported = site.import_on(records.clone(), &on).await.unwrap();
    assert_eq!((imported.read, imported.written), (8, 3));
    assert!(imported.proof.proven);
    let expected = [
        "nul id-1 skipped",
        "not-finite id-2 skipped",
        "missing-vector id-3 skipped",
        "not-finite id-5 skipped",
        "dimension id-6 skipped",
    ];
    assert_eq!(site.rejected(), expected);
    assert_eq!(imported.skipped.values().sum::<u64>(), 5);
    let verified = site.verify(records).await;
    assert!(verified.proof.proven, "the policies are known to later proofs");
    assert_eq!(verified.rejects, imported.rejects, "and so is the list");
    assert_eq!(
        site.text("SELECT string_agg(id, ',' ORDER BY id) FROM vectors.articles")
            .await,
        "id-0,id-4,id-7"
    );
}

#[tokio::test]
async fn what_is_replaced_is_listed_and_proven_as_it_was_written() {
    let mut site = Site::new().await;
    let mut records = odd();
    records[7].id = "nul\0in id".into();
    let on = ["nul=replace", "not-finite=replace", "missing-vector=replace"];
    let imported = site.import_on(records, &on).await.unwrap();
    assert_eq!(imported.written, 8);
    assert!(imported.proof.proven, "{imported:?}");
    let rows = site
        .text(
            "SELECT string_agg(id || ' ' || coalesce(document, '-') || ' ' || (embedding IS NULL) || ' ' || coalesce(metadata->>'bad', '-'), ';' ORDER BY id)
               FROM vectors.articles WHERE id IN ('id-1', 'id-2', 'id-3', 'id-5', 'nulin id')",
        )
        .await;
    assert_eq!(
        rows,
        "id-1 ab false -;id-2 document 2 true -;id-3 document 3 true -;id-5 - false -;nulin id document 7 false -"
    );
    assert_eq!(site.rejected().len(), 5);
}

#[tokio::test]
async fn an_import_goes_on_with_the_policy_that_it_stopped_for_and_loses_no_line() {
    let site = Site::new().await;
    let first = site.import_on(odd(), &["nul=skip"]).await.unwrap_err();
    assert!(matches!(
        first,
        ImportError::Record {
            kind: Kind::NotFinite,
            ..
        }
    ));
    let on = ["not-finite=skip", "missing-vector=skip"];
    let imported = site.import_on(odd(), &on).await.unwrap();
    assert!(imported.proof.proven);
    assert_eq!(site.rejected().len(), 4);
    let refused = site.import_on(odd(), &["nul=replace"]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the import of default_tenant/default_database/articles was begun otherwise: --on nul=skip"
    );
}

#[tokio::test]
async fn rows_that_are_there_are_never_touched_unless_that_was_said() {
    for (on, expected) in [
        (&[][..], None),
        (&["existing=skip"], Some("theirs,document 1")),
        (&["existing=replace"], Some("document 3,document 1")),
    ] {
        let mut site = Site::new().await;
        site.import(vec![record(100)]).await.unwrap();
        site.run("UPDATE vectors.articles SET id = 'id-3', document = 'theirs'; INSERT INTO vectors.articles (id) VALUES ('other')").await;
        let imported = site
            .import_as(
                Memory::shared(records(5)),
                &Wanted {
                    on,
                    is_restart: true,
                    ..Wanted::of(&records(5))
                },
            )
            .await;
        let Some(expected) = expected else {
            let error = imported.unwrap_err();
            assert!(
                matches!(&error, ImportError::Existing { id, .. } if id == "id-3"),
                "{error}"
            );
            continue;
        };
        let imported = imported.unwrap();
        assert!(
            imported.proof.proven,
            "rows of others are no difference: {imported:?}"
        );
        let documents = "SELECT (SELECT document FROM vectors.articles WHERE id = 'id-3') || ',' || (SELECT document FROM vectors.articles WHERE id = 'id-1')";
        assert_eq!(site.text(documents).await, expected);
        assert_eq!(site.rejected().len(), usize::from(on == ["existing=skip"]));
    }
}

#[tokio::test]
async fn vectors_that_damage_has_taken_are_given_up_only_where_that_was_said() {
    for (on, expected) in [
        (&[][..], None),
        (&["missing-vector=skip"], Some("0 of 3")),
        (&["missing-vector=replace"], Some("1 of 4")),
    ] {
        let mut site = Site::new().await;
        let mut damaged = records(4);
        damaged[2].embedding = None;
        let mut wanted = Wanted::of(&damaged);
        wanted.on = on;
        wanted.collection.without_vector = Some(1);
        wanted.collection.damage = Some("labels: at byte 7: expected more".to_owned());
        let imported = site.import_as(Memory::shared(damaged.clone()), &wanted).await;
        let Some(expected) = expected else {
            let error = imported.unwrap_err();
            assert_eq!((error.code(), error.exit()), ("E0806", Exit::Refused));
            assert_eq!(
                error.to_string(),
                "default_tenant/default_database/articles: labels: at byte 7: expected more: \
                 the vectors of 1 of its 4 records are nowhere else"
            );
            let made = "SELECT concat(to_regclass('vectors.articles'), to_regnamespace('pgvector_setup'))";
            assert_eq!(site.text(made).await, "", "nothing was made");
            continue;
        };
        let imported = imported.unwrap();
        assert_eq!(imported.damage, wanted.collection.damage);
        assert!(imported.proof.proven, "{imported:?}");
        let sql =
            "SELECT count(*) FILTER (WHERE embedding IS NULL) || ' of ' || count(*) FROM vectors.articles";
        assert_eq!(site.text(sql).await, expected);
        wanted.on = &[];
        wanted.is_verification = true;
        let verified = site.import_as(Memory::shared(damaged), &wanted).await;
        assert!(verified.unwrap().proof.proven, "what was decided stays decided");
    }
}

#[tokio::test]
async fn a_place_for_rejects_that_cannot_be_one_is_refused_before_anything_is_made() {
    let mut site = Site::new().await;
    let file = site.rejects_file();
    let directory = file.parent().unwrap();
    std::fs::write(&file, "mine").unwrap();
    for (place, code, exit, problem) in [
        (directory.to_owned(), "E0836", Exit::Usage, "it is a directory"),
        (
            directory.join("nowhere/file"),
            "E0836",
            Exit::Usage,
            "No such file or directory",
        ),
        (file.join("file"), "E0836", Exit::Usage, "Not a directory"),
        (
            file.clone(),
            "E0829",
            Exit::Refused,
            "is there and not of this import",
        ),
    ] {
        site.rejects = place;
        let error = site.import(records(3)).await.unwrap_err();
        assert_eq!((error.code(), error.exit()), (code, exit), "{error}");
        assert!(error.to_string().contains(problem), "{error}");
        let made = "SELECT concat(to_regclass('vectors.articles'), to_regnamespace('pgvector_setup'))";
        assert_eq!(site.text(made).await, "");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn a_row_that_appears_meanwhile_is_met_by_the_policy() {
    let mut site = Site::new().await;
    let wanted = Wanted::of(&records(5));
    let wanted = Wanted {
        on: &["existing=skip"],
        ..wanted
    };
    site.import_as(Memory::ending(records(5), Some(0)), &wanted)
        .await
        .unwrap_err();
    site.run("INSERT INTO vectors.articles (id) VALUES ('id-3')")
        .await;
    let imported = site.import_as(Memory::shared(records(5)), &wanted).await.unwrap();
    assert_eq!(
        (imported.written, site.rejected()),
        (4, vec!["existing id-3 skipped".to_owned()])
    );
}

fn matching(records: &[Record]) -> Wanted<'static> {
    let mut wanted = Wanted::of(records);
    wanted.table.key = crate::site::name("uri");
    wanted.table.metric = Metric::Cosine;
    wanted.parts = Parts::Embedding;
    wanted
}

#[tokio::test]
async fn rows_that_are_there_get_their_embedding_and_nothing_else() {
    let mut site = Site::new().await;
    site.run(
        "CREATE TABLE vectors.articles (uri text PRIMARY KEY, title text NOT NULL);
         INSERT INTO vectors.articles SELECT 'id-' || n, 'title ' || n FROM generate_series(0, 93) n",
    )
    .await;
    let mut some = records(36);
    some[35].id = "nobody".into();
    let imported = site
        .import_as(Memory::shared(some.clone()), &matching(&some))
        .await
        .unwrap();
    assert_eq!((imported.read, imported.written), (36, 35));
    assert!(imported.proof.proven, "{imported:?}");
    assert_eq!(site.rejected(), ["no-row nobody skipped"]);
    let counts = site
        .text("SELECT count(embedding) || ' of ' || count(*) || ' ' || count(title) FROM vectors.articles")
        .await;
    assert_eq!(counts, "35 of 94 94");
    site.run("UPDATE vectors.articles SET embedding = '[1,1,1]' WHERE uri = 'id-2'")
        .await;
    let again = Wanted {
        is_verification: true,
        ..matching(&some)
    };
    let proof = site.import_as(Memory::shared(some), &again).await.unwrap().proof;
    assert_eq!(
        (proof.proven, proof.changed, proof.differences[0].id.as_str()),
        (false, 1, "id-2")
    );
}

#[tokio::test]
async fn an_embedding_that_is_there_is_not_overwritten_unless_that_was_said() {
    for (on, expected) in [
        (&[][..], None),
        (&["existing=skip"], Some("[9,9,9]")),
        (&["existing=replace"], Some("[1,-0,0.5]")),
    ] {
        let mut site = Site::new().await;
        site.run(
            "CREATE EXTENSION vector SCHEMA public; CREATE TABLE vectors.articles (uri text PRIMARY KEY, embedding public.vector(3));
             INSERT INTO vectors.articles VALUES ('id-0', '[0,-0,1]'), ('id-1', '[9,9,9]'), ('id-2', NULL)",
        )
        .await;
        let wanted = Wanted {
            on,
            ..matching(&records(3))
        };
        let imported = site.import_as(Memory::shared(records(3)), &wanted).await;
        let Some(expected) = expected else {
            assert!(matches!(imported, Err(ImportError::Existing { id, .. }) if id == "id-1"));
            continue;
        };
        assert!(imported.unwrap().proof.proven);
        let embedding = site
            .text("SELECT embedding::text FROM vectors.articles WHERE uri = 'id-1'")
            .await;
        assert_eq!(embedding, expected);
    }
}

#[tokio::test]
async fn keys_of_other_types_are_matched_by_their_text() {
    let mut site = Site::new().await;
    site.run(
        "CREATE TABLE vectors.articles (uri int4 PRIMARY KEY); INSERT INTO vectors.articles VALUES (1), (2), (3)",
    )
    .await;
    let mut some = records(3);
    for (record, id) in some.iter_mut().zip(["2", "02", "x"]) {
        record.id = id.into();
    }
    let imported = site
        .import_as(Memory::shared(some.clone()), &matching(&some))
        .await
        .unwrap();
    assert_eq!((imported.written, imported.proof.proven), (1, true));
    assert_eq!(site.rejected(), ["no-row 02 skipped", "no-row x skipped"]);
}

#[tokio::test]
async fn a_table_that_cannot_take_the_rows_is_refused_before_anything_is_written() {
    let cases = [
        (
            "CREATE TABLE vectors.articles (uri text)",
            Parts::Embedding,
            "has no unique index on its key column \"uri\"",
        ),
        (
            "CREATE TABLE vectors.articles (uri date PRIMARY KEY)",
            Parts::Embedding,
            "has a key column \"uri\" of type date",
        ),
        (
            "CREATE TABLE vectors.articles (uri text PRIMARY KEY, title text)",
            Parts::Whole,
            "has no columns document (text) and metadata (jsonb)",
        ),
        (
            "CREATE TABLE vectors.articles (\"the key\" text PRIMARY KEY, document text, metadata jsonb)",
            Parts::Whole,
            "has no column \"uri\" for the ids",
        ),
        ("SELECT", Parts::Embedding, "is not there"),
    ];
    for (sql, parts, problem) in cases {
        let mut site = Site::new().await;
        site.run(sql).await;
        let some = records(1);
        let wanted = Wanted {
            parts,
            ..matching(&some)
        };
        let refused = site.import_as(Memory::shared(some), &wanted).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("table \"vectors\".\"articles\" {problem}")
        );
        let setup = site.text("SELECT to_regnamespace('pgvector_setup')::text").await;
        let columns = "SELECT count(*)::text FROM information_schema.columns WHERE table_name = 'articles' AND column_name = 'embedding'";
        assert_eq!((setup.as_str(), site.text(columns).await.as_str()), ("", "0"));
    }
}

/// As a damaged catalog has it; in one batch and in two.
#[tokio::test]
async fn an_id_that_comes_twice_never_ends_as_a_proven_import() {
    for (parts, bytes) in [
        (Parts::Whole, 1),
        (Parts::Whole, 1_000_000),
        (Parts::Embedding, 1),
    ] {
        for on in [&[][..], &["existing=skip"], &["existing=replace"]] {
            let mut site = Site::new().await;
            let mut twice = records(30);
            for record in &mut twice {
                record.document = Some("x".repeat(bytes));
            }
            twice[29].id = "id-0".into();
            let mut wanted = Wanted::of(&twice);
            if parts == Parts::Embedding {
                site.run("CREATE TABLE vectors.articles (uri text PRIMARY KEY); INSERT INTO vectors.articles VALUES ('id-0')")
                    .await;
                wanted = matching(&twice);
            }
            wanted.on = on;
            match site.import_as(Memory::shared(twice), &wanted).await {
                Ok(imported) => assert_eq!(
                    (imported.proof.proven, imported.proof.differences[0].id.as_str()),
                    (false, "id-0"),
                    "{parts:?} {bytes} {on:?}"
                ),
                Err(ImportError::Existing { id, .. }) => assert_eq!(id, "id-0"),
                // The server refuses to write one row twice by one statement.
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains("(23505)") || error.contains("(21000)"), "{error}");
                }
            }
        }
    }
}
