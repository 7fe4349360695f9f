//! One column, one model.

use pgvector_setup::database::migrate::qualified_model_table;
use pgvector_setup::embedding::model::{Claim, agree, agree_to_search, recorded};

use crate::backfill::{OPTIONS, fill};
use crate::embedder::Counting;
use crate::site::*;

fn claim(model: &str) -> Claim<'_> {
    Claim {
        model,
        dimensions: 3,
        adopted: None,
    }
}

#[tokio::test]
async fn the_first_model_is_recorded_and_another_is_refused_before_it_mixes() {
    let mut site = Site::migrated().await;
    let mut application = site.application().await;
    assert_eq!(recorded(&mut application, &articles()).await.unwrap(), None);
    let model = agree(&mut application, &articles(), claim("small"))
        .await
        .unwrap();
    assert_eq!((model.name.as_str(), model.dimensions), ("small", 3));
    site.run("INSERT INTO vectors.articles (uri, embedding) VALUES ('a', '[1,2,3]')")
        .await;
    assert_eq!(
        agree(&mut application, &articles(), claim("small"))
            .await
            .unwrap(),
        model
    );
    let refused = agree(&mut application, &articles(), claim("large"))
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the vectors in \"embedding\" of \"vectors\".\"articles\" are of model small, and vectors of large cannot be compared with them"
    );
    assert_eq!((refused.code(), refused.exit()), ("E0871", Exit::Refused));
    let searched = agree_to_search(&mut application, &articles(), "large").await;
    assert_eq!(searched.unwrap_err().code(), "E0871");
    let searched = agree_to_search(&mut application, &articles(), "small").await;
    assert_eq!(searched.unwrap(), None);
    site.run("UPDATE vectors.articles SET embedding = NULL").await;
    let model = agree(&mut application, &articles(), claim("large"))
        .await
        .unwrap();
    assert_eq!(model.name, "large");
}

#[tokio::test]
async fn vectors_of_an_unknown_model_are_searched_with_a_remark_and_written_to_once_they_are_adopted() {
    let mut site = Site::migrated().await;
    let mut application = site.application().await;
    site.run("INSERT INTO vectors.articles (uri, embedding) VALUES ('a', '[1,2,3]')")
        .await;
    let remark = agree_to_search(&mut application, &articles(), "small").await;
    assert!(remark.unwrap().unwrap().contains("is not recorded"));
    let refused = agree(&mut application, &articles(), claim("small")).await;
    assert_eq!(refused.unwrap_err().code(), "E0873");
    let mut adopting = claim("small");
    adopting.adopted = Some("large");
    let refused = agree(&mut application, &articles(), adopting).await;
    assert_eq!(refused.unwrap_err().code(), "E0871");
    adopting.adopted = Some("small");
    let model = agree(&mut application, &articles(), adopting).await.unwrap();
    assert_eq!(model.name, "small");
    let mut adopting = claim("large");
    adopting.adopted = Some("large");
    let refused = agree(&mut application, &articles(), adopting).await;
    assert_eq!(refused.unwrap_err().code(), "E0871");
}

#[tokio::test]
async fn a_model_of_other_dimensions_is_refused_and_not_recorded() {
    let site = Site::migrated().await;
    let mut application = site.application().await;
    let mut wide = claim("wide");
    wide.dimensions = 4;
    let refused = agree(&mut application, &articles(), wide).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "wide gives vectors of 4 dimensions, and \"embedding\" of \"vectors\".\"articles\" holds 3"
    );
    assert_eq!(recorded(&mut application, &articles()).await.unwrap(), None);
}

#[tokio::test]
async fn a_role_without_record_is_told_and_the_administrator_makes_it() {
    let mut site = Site::migrated().await;
    let record = site
        .text("SELECT oid::regclass::text FROM pg_class WHERE relname LIKE 'articles_model_%' AND relkind = 'r'")
        .await;
    site.run(&format!("DROP TABLE {record}")).await;
    let mut application = site.application().await;
    assert_eq!(recorded(&mut application, &articles()).await.unwrap(), None);
    let refused = agree(&mut application, &articles(), claim("small")).await;
    assert_eq!(refused.unwrap_err().code(), "E0874");
    for _ in 0..2 {
        prepare_model_record(&mut site.administrator, &articles(), &site.role)
            .await
            .unwrap();
    }
    let model = agree(&mut application, &articles(), claim("small"))
        .await
        .unwrap();
    assert_eq!(model.name, "small");
}

#[tokio::test]
async fn what_was_never_migrated_gets_no_record() {
    let mut site = Site::bare().await;
    site.run("CREATE TABLE vectors.articles (uri text)").await;
    let before = site.text(EVERYTHING).await;
    let refused = prepare_model_record(&mut site.administrator, &articles(), &site.role).await;
    assert_eq!(refused.unwrap_err().code(), "E0718");
    assert_eq!(site.text(EVERYTHING).await, before);
}

#[tokio::test]
async fn the_record_goes_with_the_column_that_we_made_and_with_the_one_that_we_found() {
    for found in ["", ", embedding public.vector(3)"] {
        let mut site = Site::bare().await;
        site.run("CREATE EXTENSION vector WITH SCHEMA public").await;
        site.run(&format!(
            "CREATE TABLE vectors.articles (uri text PRIMARY KEY{found}); ALTER TABLE vectors.articles OWNER TO {}",
            site.role.quoted()
        ))
        .await;
        let before = site.text(EVERYTHING).await;
        site.up().await;
        let mut application = site.application().await;
        agree(&mut application, &articles(), claim("small"))
            .await
            .unwrap();
        site.down(2, &[]).await;
        assert!(!site.text(EVERYTHING).await.contains("_model_"));
        site.up().await;
        assert_eq!(recorded(&mut application, &articles()).await.unwrap(), None);
        site.down(0, &[]).await;
        assert_eq!(site.text(EVERYTHING).await, before);
    }
}

#[tokio::test]
async fn vectors_of_a_model_that_is_not_the_recorded_one_any_more_are_not_written() {
    let mut site = Site::migrated().await;
    site.run("INSERT INTO vectors.articles (uri, document) VALUES ('a', 'one')")
        .await;
    let embedder = Counting::default();
    let (database, role) = (site.database.clone(), site.role.clone());
    embedder.while_at_the_service(move || {
        let (database, role) = (database.clone(), role.clone());
        async move {
            let mut application = Site::again(database, role).await.application().await;
            agree(&mut application, &articles(), claim("large"))
                .await
                .unwrap();
        }
    });
    let refused = fill(&site, &embedder, OPTIONS, &|| false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the vectors in \"embedding\" of \"vectors\".\"articles\" are of model large, and vectors of counting cannot be compared with them"
    );
    assert_eq!(
        site.text("SELECT count(embedding)::text FROM vectors.articles")
            .await,
        "0"
    );
}

#[tokio::test]
async fn another_model_is_not_recorded_while_vectors_of_the_first_are_being_written() {
    let mut site = Site::migrated().await;
    let (mut writer, mut application) = (site.application().await, site.application().await);
    agree(&mut application, &articles(), claim("small"))
        .await
        .unwrap();
    let record = qualified_model_table(&articles());
    writer
        .execute(composed(format!(
            "INSERT INTO vectors.articles (uri) VALUES ('a'); BEGIN; SELECT FROM {record} FOR SHARE;
             UPDATE vectors.articles SET embedding = '[1,2,3]'"
        )))
        .await
        .unwrap();
    let table = articles();
    let other = agree(&mut application, &table, claim("large"));
    let written = async {
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')::text";
        while site.text(waits).await != "true" {
            tokio::task::yield_now().await;
        }
        writer.execute("COMMIT").await.unwrap();
    };
    let (refused, ()) = tokio::join!(other, written);
    assert_eq!(refused.unwrap_err().code(), "E0871");
}
