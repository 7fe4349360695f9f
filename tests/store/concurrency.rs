//! Many writers of the same rows at once.

use crate::site::{Site, TABLE, first};
use pgvector_setup::store::Item;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_the_same_rows_wait_for_each_other_and_all_of_them_end() {
    let mut site = Site::new(TABLE).await;
    site.run("CREATE INDEX ON app.articles USING hnsw (embedding ext.vector_cosine_ops)")
        .await;
    let store = site.store().await;
    let writers: Vec<_> = (0..12_u16)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..5_u16 {
                    // Each in an order of its own, and giving other columns of each row.
                    let items = (0..40_u16)
                        .map(|n| (n * 7 + writer * 13 + round) % 40)
                        .map(|n| Item {
                            id: format!("row {n}"),
                            document: (n % 2 == writer % 2).then(|| format!("of writer {writer}")),
                            embedding: (n % 3 != round % 3)
                                .then(|| vec![1.0, f32::from(n), f32::from(writer)]),
                            ..Item::default()
                        });
                    store.upsert(items.collect()).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // Where the last writer changed a text, it has taken the vector: which rows these are is chance.
    assert_eq!(store.count(None).await.unwrap().total, 40);
    let vectors = (0..40_u16).map(|n| Item {
        id: format!("row {n}"),
        embedding: Some(vec![1.0, f32::from(n), 0.0]),
        ..Item::default()
    });
    store.upsert(vectors.collect()).await.unwrap();
    assert_eq!(store.count(None).await.unwrap().embedded, 40);
    assert_eq!(store.similar("row 1", &first(39)).await.unwrap().rows.len(), 39);
}
