//! A vector is written to the row that its text is of, and to no other.

use pgvector_setup::embedding::Subject;

use crate::site::*;

#[tokio::test]
async fn a_key_that_more_than_one_row_may_have_is_refused_before_anything_is_written() {
    let unfit = [
        "CREATE INDEX ON vectors.articles (uri)",
        "CREATE UNIQUE INDEX ON vectors.articles (uri) WHERE document IS NULL",
        "CREATE UNIQUE INDEX ON vectors.articles (uri, document)",
        "CREATE UNIQUE INDEX ON vectors.articles (lower(uri))",
        "ALTER TABLE vectors.articles ADD UNIQUE (uri) DEFERRABLE",
    ];
    let mut site = Site::bare().await;
    site.run(&format!(
        "CREATE EXTENSION vector WITH SCHEMA public;
         CREATE TABLE vectors.articles (uri text, document text, embedding public.vector(3));
         ALTER TABLE vectors.articles OWNER TO {}",
        site.role.quoted()
    ))
    .await;
    let mut application = site.application().await;
    for index in unfit {
        site.run(index).await;
        let refused = Subject::read(&mut application, &articles(), &[])
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code(), refused.exit(), refused.to_string().as_str()),
            (
                "E0879",
                Exit::Refused,
                "\"uri\" of \"vectors\".\"articles\" is not unique, so it cannot name the row that a vector is for"
            ),
            "{index}"
        );
    }
    let hint = Subject::read(&mut application, &articles(), &[])
        .await
        .unwrap_err()
        .hint()
        .unwrap();
    let (_, statement) = hint.split_once("make this one so: ").unwrap();
    site.run(statement).await;
    Subject::read(&mut application, &articles(), &[]).await.unwrap();
}
