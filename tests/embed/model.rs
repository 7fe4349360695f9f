//! One column, one model.

use pgvector_setup::embedding::model::{Claim, agree, agree_to_search, recorded};

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
