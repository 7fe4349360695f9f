//! The vector store: upsert, search, similar, get, delete, count and health on the tables that `up`, an import or somebody else
//! made.
//!
//! Every call is one statement or one transaction, and sets nothing that outlives it.

mod accuracy;
mod catalog;
mod delete;
mod error;
mod filter;
mod health;
mod row;
mod rows;
mod search;
mod shape;
mod statement;
mod trial;
mod upsert;
mod vector;

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

pub use catalog::{Column, Index};
pub use error::StoreError;
pub use filter::Filter;
pub use health::Health;
pub use row::Row;
pub use rows::Count;
pub use search::{Hit, Hits, Selection};
pub use shape::Shape;
pub use statement::Sharing;
pub use trial::{Trial, trial};
pub use upsert::{Checked, Item, Written};

use self::search::Origin;
use self::vector::VectorArgument;
use crate::database::DatabaseError;
use crate::embedding::Embedder;
use crate::embedding::model::{self, Claim};
use crate::health::Planned;
use crate::settings::VectorTable;

/// One table of vectors. Cheap to clone; any number of tasks may use it at once.
#[derive(Debug, Clone)]
pub struct VectorStore {
    pool: PgPool,
    table: VectorTable,
    shape: Shape,
    sharing: Sharing,
}

impl VectorStore {
    /// Reads the table's catalogs. Of `table` the names count, and the metric; type and dimensions are those of the column.
    ///
    /// # Errors
    /// What is not there or does not fit: [`StoreError::NoTable`], [`StoreError::NoKey`], [`StoreError::NoEmbedding`],
    /// [`StoreError::Metric`]; [`StoreError::Database`] when the server does not answer.
    pub async fn open(pool: PgPool, table: &VectorTable, sharing: Sharing) -> Result<Self, StoreError> {
        let mut connection = acquire(&pool).await?;
        let shape = Shape::read(&mut connection, sharing, table).await?;
        let table = table.clone();
        Ok(Self {
            pool,
            table,
            shape,
            sharing,
        })
    }

    /// What the table is.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The rows nearest to `vector`. Where `m` rows meet the condition and have a vector, the smaller of `m` and the limit
    /// come back.
    ///
    /// # Errors
    /// [`StoreError::Dimensions`] and [`StoreError::Vector`] for a vector that the column could not hold,
    /// [`StoreError::Filter`] and [`StoreError::Value`] for a condition that the table cannot answer.
    pub async fn search(&self, vector: &[f32], selection: &Selection) -> Result<Hits, StoreError> {
        let origin = Origin::Vector(VectorArgument::new(vector.to_vec(), &self.shape, "the vector")?);
        self.nearest(&origin, selection).await
    }

    /// The rows nearest to the row of this key, without itself.
    ///
    /// # Errors
    /// [`StoreError::NoRow`], [`StoreError::NoVector`], and those of [`VectorStore::search`].
    pub async fn similar(&self, key: &str, selection: &Selection) -> Result<Hits, StoreError> {
        self.nearest(&Origin::Row(key.to_owned()), selection).await
    }

    /// The rows nearest to a text in meaning.
    ///
    /// # Errors
    /// [`StoreError::Embedding`] where the text becomes no vector, or one that cannot be compared with the table's; and those of
    /// [`VectorStore::search`].
    pub async fn search_text(
        &self,
        text: &str,
        embedder: &dyn Embedder,
        selection: &Selection,
    ) -> Result<Hits, StoreError> {
        let (vector, _) = self.vector_of(text, embedder).await?;
        self.search(&vector, selection).await
    }

    /// The vector of a text to search for, with what a person should know where the table's model is not recorded.
    ///
    /// # Errors
    /// [`StoreError::Embedding`], before anything is asked of the service where its model is another than the recorded one.
    pub async fn vector_of(
        &self,
        text: &str,
        embedder: &dyn Embedder,
    ) -> Result<(Vec<f32>, Option<String>), StoreError> {
        let mut transaction = self
            .pool
            .begin()
            .await
            .map_err(DatabaseError::statement("connect"))?;
        let remark = model::agree_to_search(&mut transaction, &self.table, embedder.model()).await?;
        // The service takes its time, and needs no session.
        transaction
            .rollback()
            .await
            .map_err(DatabaseError::statement("end a transaction"))?;
        let vectors = embedder.embed(&[text.to_owned()]).await?;
        Ok((vectors.into_iter().next().unwrap_or_default(), remark))
    }

    /// How the planner finds the rows of a search: by the index, where there is one and it is the cheaper way.
    ///
    /// # Errors
    /// As [`VectorStore::search`].
    pub async fn explain(&self, vector: &[f32], selection: &Selection) -> Result<Planned, StoreError> {
        let origin = Origin::Vector(VectorArgument::new(vector.to_vec(), &self.shape, "the vector")?);
        let mut connection = acquire(&self.pool).await?;
        search::explain(&mut connection, self.sharing, &self.shape, &origin, selection).await
    }

    async fn nearest(&self, origin: &Origin, selection: &Selection) -> Result<Hits, StoreError> {
        let mut connection = acquire(&self.pool).await?;
        search::search(&mut connection, self.sharing, &self.shape, origin, selection).await
    }

    /// The rows of these keys in their order; `None` for a key that no row has.
    ///
    /// # Errors
    /// [`StoreError::Value`] for a text that is no key of this table.
    pub async fn get(&self, keys: &[String], has_vectors: bool) -> Result<Vec<Option<Row>>, StoreError> {
        let mut connection = acquire(&self.pool).await?;
        rows::by_key(&mut connection, self.sharing, &self.shape, keys, has_vectors).await
    }

    /// The first rows by key that meet the condition; without a condition, of all.
    ///
    /// # Errors
    /// [`StoreError::Filter`] and [`StoreError::Value`] for a condition that the table cannot answer.
    pub async fn get_vectors_by_metadata(&self, selection: &Selection) -> Result<Vec<Row>, StoreError> {
        let mut connection = acquire(&self.pool).await?;
        rows::by_filter(&mut connection, self.sharing, &self.shape, selection).await
    }

    /// How many rows meet the condition; without one, of all.
    ///
    /// # Errors
    /// As [`VectorStore::get_vectors_by_metadata`].
    pub async fn count(&self, filter: Option<&Filter>) -> Result<Count, StoreError> {
        let mut connection = acquire(&self.pool).await?;
        rows::count(&mut connection, self.sharing, &self.shape, filter).await
    }

    /// Writes all of the items or none of them, and of each only what it gives: a row that is not there is made, and one whose
    /// document changes loses its vector unless another is given.
    ///
    /// # Errors
    /// Those of [`VectorStore::check`] and [`VectorStore::write`]; items are named by their numbers from 1 on.
    pub async fn upsert(&self, items: Vec<Item>) -> Result<Written, StoreError> {
        let numbered = items.into_iter().enumerate();
        let checked: Result<Vec<_>, _> = numbered
            .map(|(number, item)| self.check(item, &format!("item {}", number + 1)))
            .collect();
        self.write(checked?).await
    }

    /// Gives every item that has a document and no vector the document's.
    ///
    /// # Errors
    /// [`StoreError::Embedding`]: where the service fails, or its model is not the recorded one.
    pub async fn embed(&self, items: Vec<&mut Item>, embedder: &dyn Embedder) -> Result<(), StoreError> {
        let has_text = |item: &&mut Item| item.document.as_ref().is_some_and(|text| !text.trim().is_empty());
        let (mut bare, mut texts) = (Vec::new(), Vec::new());
        for item in items
            .into_iter()
            .filter(|item| item.embedding.is_none())
            .filter(has_text)
        {
            texts.extend(item.document.clone());
            bare.push(item);
        }
        if bare.is_empty() {
            return Ok(());
        }
        let claim = Claim {
            model: embedder.model(),
            dimensions: self.shape.dimensions,
            adopted: None,
        };
        let mut transaction = self
            .pool
            .begin()
            .await
            .map_err(DatabaseError::statement("connect"))?;
        model::agree(&mut transaction, &self.table, claim).await?;
        transaction
            .commit()
            .await
            .map_err(DatabaseError::statement("record the model"))?;
        for (item, vector) in bare.into_iter().zip(embedder.embed(&texts).await?) {
            item.embedding = Some(vector);
        }
        Ok(())
    }

    /// Whether the table can take an item, without asking the server.
    ///
    /// # Errors
    /// [`StoreError::Item`], [`StoreError::Dimensions`], [`StoreError::Vector`] with the item's `place` as its reader knows it.
    pub fn check(&self, item: Item, place: &str) -> Result<Checked, StoreError> {
        item.check(&self.shape, place)
    }

    /// Writes all of the items or none of them. Of two with the same key the later adds to the earlier.
    ///
    /// # Errors
    /// [`StoreError::NotUnique`], [`StoreError::Required`]; [`StoreError::Value`] and [`StoreError::Constraint`] for what the
    /// table does not take.
    pub async fn write(&self, items: Vec<Checked>) -> Result<Written, StoreError> {
        let mut connection = acquire(&self.pool).await?;
        upsert::upsert(&mut connection, &self.shape, items).await
    }

    /// Deletes the rows of these keys; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Value`] for a text that is no key of this table.
    pub async fn delete(&self, keys: &[String]) -> Result<u64, StoreError> {
        let mut connection = acquire(&self.pool).await?;
        delete::by_key(&mut connection, &self.shape, keys).await
    }

    /// Deletes the rows that meet a condition, which is never an empty one; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Filter`] and [`StoreError::Value`] for a condition that the table cannot answer.
    pub async fn delete_where(&self, filter: &Filter) -> Result<u64, StoreError> {
        let mut connection = acquire(&self.pool).await?;
        delete::by_filter(&mut connection, &self.shape, filter).await
    }

    /// Coverage, or why it cannot be read.
    pub async fn health(&self) -> Health {
        let mut health = Health::default();
        if let Err(error) = self.examine(&mut health).await {
            health.error = Some(error.to_string());
        }
        health.healthy = health.error.is_none();
        health
    }

    async fn examine(&self, health: &mut Health) -> Result<(), StoreError> {
        let mut connection = acquire(&self.pool).await?;
        health.extension_installed = catalog::has_extension(&mut connection, self.sharing).await?;
        let count = rows::count(&mut connection, self.sharing, &self.shape, None).await?;
        health.articles_with_embeddings = count.embedded;
        health.total_articles = count.total;
        Ok(())
    }
}

async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>, StoreError> {
    Ok(pool
        .acquire()
        .await
        .map_err(DatabaseError::statement("connect"))?)
}
