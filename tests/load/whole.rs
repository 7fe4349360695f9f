//! A collection into a table of its own.

use pgvector_setup::settings::Dimensions;

use crate::memory::{Memory, record, records};
use crate::site::{Site, Wanted};

#[tokio::test]
async fn every_record_becomes_a_row_with_every_value_and_is_proven() {
    let mut site = Site::new().await;
    let imported = site.import(records(1200)).await.unwrap();
    assert_eq!(
        (imported.read, imported.written, imported.proof.target_rows),
        (1200, 1200, 1200)
    );
    assert!(imported.proof.proven, "{imported:?}");
    assert_eq!(imported.index.as_deref(), Some("articles_embedding_idx"));
    let row = site
        .text("SELECT id || '|' || document || '|' || metadata::text || '|' || embedding::text FROM vectors.articles WHERE id = 'id-7'")
        .await;
    let tiny = format!("0.{}5", "0".repeat(323));
    assert_eq!(
        row,
        format!(
            "id-7|document 7|{{\"list\": [1.0, -0.5], \"text\": \"\\\"q\\\" \\\\ \\u0001 \\n é 7\", \"tiny\": {tiny}, \"float\": 7.0, \
             \"large\": 100000000000000000000.0, \"boolean\": false, \"integer\": 7, \"nothing\": null, \
             \"chroma:uri\": \"file:///7\"}}|[7,-0,0.125]"
        )
    );
    let owner = site
        .text("SELECT tableowner::text FROM pg_tables WHERE tablename = 'articles'")
        .await;
    let role = site.text("SELECT 'app_' || current_database()").await;
    assert_eq!(owner, role);
}

#[tokio::test]
async fn vectors_too_long_for_an_index_are_rounded_as_the_server_rounds_or_stay_without_one() {
    for (dimensions, type_name, index) in [
        (2001, "halfvec(2001)", "articles_embedding_idx"),
        (
            4001,
            "vector(4001)",
            "4001 dimensions cannot be indexed, at most 4000 can: searches are exact",
        ),
    ] {
        let mut site = Site::new().await;
        let mut long = records(3);
        for (number, record) in long.iter_mut().enumerate() {
            record.embedding = Some((0..dimensions).map(|n| 1.0 / (n + number + 1) as f32).collect());
        }
        let mut wanted = Wanted::of(&long);
        wanted.table.dimensions = Dimensions::new(u16::try_from(dimensions).unwrap()).unwrap();
        let imported = site.import_as(Memory::shared(long), &wanted).await.unwrap();
        assert!(imported.proof.proven, "{imported:?}");
        assert_eq!(imported.index.or(imported.without_index).as_deref(), Some(index));
        let rounded = format!(
            "SELECT bool_and(embedding = (SELECT array_agg((1.0 / (n + substr(id, 4)::int + 1))::float4 ORDER BY n)
                                            FROM generate_series(0, {dimensions} - 1) n)::public.vector::public.{type_name})::text
               FROM vectors.articles"
        );
        site.run("SET search_path = public").await;
        assert_eq!(site.text(&rounded).await, "true");
    }
}

#[tokio::test]
async fn an_import_that_is_complete_is_only_compared_again() {
    let site = Site::new().await;
    site.import(records(20)).await.unwrap();
    let again = site.import(records(20)).await.unwrap();
    assert_eq!(
        (again.was_complete, again.written, again.written_in_all),
        (true, 0, 20)
    );
    assert!(again.proof.proven);
}

#[tokio::test]
async fn more_than_one_batch_arrives_whole() {
    let mut site = Site::new().await;
    let mut large = records(30);
    for record in &mut large {
        record.document = Some("x".repeat(1_000_000));
    }
    let imported = site.import(large).await.unwrap();
    assert!(imported.proof.proven);
    let length = site
        .text("SELECT sum(length(document))::text FROM vectors.articles")
        .await;
    assert_eq!(length, "30000000");
}

#[tokio::test]
async fn two_imports_of_one_table_do_not_meet() {
    let mut site = Site::new().await;
    let key = "('x' || substr(encode(sha256(convert_to('vectors', 'UTF8') || '\\x00' || convert_to('articles', 'UTF8')), 'hex'), 1, 8))::bit(32)::int4";
    site.run(&format!("SELECT pg_advisory_lock(x'70677669'::int4, {key})"))
        .await;
    let refused = site.import(vec![record(1)]).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("another run of pgvector-setup is at work there"),
        "{refused}"
    );
    site.run("SELECT pg_advisory_unlock_all()").await;
    site.import(vec![record(1)]).await.unwrap();
}

#[tokio::test]
async fn taking_the_migrations_back_takes_the_import_with_them() {
    let mut site = Site::new().await;
    site.import(records(10)).await.unwrap();
    site.down().await;
    let left = "SELECT string_agg(oid::regclass::text, ',') FROM pg_class WHERE relnamespace = to_regnamespace('vectors')";
    assert_eq!(site.text(left).await, "");
    assert_eq!(
        site.text("SELECT to_regnamespace('pgvector_setup')::text").await,
        ""
    );
    let imported = site.import(records(10)).await.unwrap();
    assert_eq!((imported.written, imported.proof.proven), (10, true));
}
