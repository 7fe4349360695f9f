//! The measurements, in the order in which an application meets them: load, index, search, write, read, delete.

use std::time::Instant;

use sqlx::{PgConnection, Row as _};

use super::copy;
use super::scratch::{NEIGHBOURS, Scratch};
use super::vectors::Vectors;
use super::verification::Verification;
use crate::database::DatabaseError;
use crate::database::sql::composed;
use crate::health::neighbours::hits;
use crate::health::planned::Planned;
use crate::settings::Identifier;
use crate::store::{StoreError, trial};

/// One run inside the transaction that will be rolled back.
pub struct Measurement<'a> {
    pub scratch: Scratch<'a>,
    pub connection: &'a mut PgConnection,
    pub result: &'a mut Verification,
}

impl Measurement<'_> {
    pub async fn run(mut self) -> Result<(), DatabaseError> {
        let mut vectors = Vectors::new(self.result.seed, self.result.dimensions);
        let column_type = self.result.column_type;
        let mut draw =
            |count: u32| -> Vec<Vec<f32>> { (0..count).map(|_| vectors.next(column_type)).collect() };
        let rows = draw(self.result.rows);
        let queries = draw(self.result.queries);
        let extra = draw(2);

        self.load(&rows).await?;
        let indexed = self.build().await?;
        if indexed {
            self.explain(&queries).await?;
            self.recall(&queries).await?;
        } else {
            self.result
                .evidence
                .push("no index: every search is exact".to_owned());
            self.search_exactly(&queries).await?;
        }
        self.store().await?;
        self.round_trip(&rows, &extra).await
    }

    /// A search and similar rows by the vector store's own statements.
    async fn store(&mut self) -> Result<(), DatabaseError> {
        let mut table = self.scratch.table();
        if self.scratch.is_temporary {
            // The store looks for it in the catalog, where the session's own schema has another name.
            let schema: String = sqlx::query_scalar(
                "SELECT nspname::pg_catalog.text FROM pg_catalog.pg_namespace WHERE oid = pg_catalog.pg_my_temp_schema()",
            )
            .persistent(false)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(DatabaseError::statement("find the session's own schema"))?;
            table.schema = Identifier::new(schema).unwrap_or(table.schema);
        }
        self.execute(self.scratch.approximate(), "prepare the search")
            .await?;
        let trial = match trial(self.connection, &table).await {
            Ok(trial) => trial,
            Err(StoreError::Database(error)) => return Err(error),
            Err(error) => {
                self.result
                    .problems
                    .push(format!("the vector store cannot use the scratch table: {error}"));
                return Ok(());
            }
        };
        self.result.search = trial.as_ref().is_some_and(|trial| trial.is_first != Some(false));
        self.result.similar = trial.is_some_and(|trial| trial.similar > 0);
        Ok(())
    }

    async fn load(&mut self, rows: &[Vec<f32>]) -> Result<(), DatabaseError> {
        let purpose = "load the scratch table";
        let stream = copy::encode(rows, self.result.column_type);
        let started = Instant::now();
        self.execute(self.scratch.create_table(), "create the scratch table")
            .await?;
        let mut copy = self
            .connection
            .copy_in_raw(&self.scratch.copy())
            .await
            .map_err(DatabaseError::statement(purpose))?;
        copy.send(stream)
            .await
            .map_err(DatabaseError::statement(purpose))?;
        copy.finish().await.map_err(DatabaseError::statement(purpose))?;
        self.result.load_milliseconds = milliseconds(started);
        Ok(())
    }

    /// False where no index is wanted or possible.
    async fn build(&mut self) -> Result<bool, DatabaseError> {
        let Some(statement) = self.scratch.create_index() else {
            return Ok(false);
        };
        let started = Instant::now();
        self.execute(statement, "build the index").await?;
        self.result.build_milliseconds = milliseconds(started);
        Ok(true)
    }

    async fn explain(&mut self, queries: &[Vec<f32>]) -> Result<(), DatabaseError> {
        let purpose = "explain a search";
        let Some(query) = queries.first() else {
            return Ok(());
        };
        self.execute(self.scratch.approximate(), "prepare the search")
            .await?;
        let row = sqlx::query(composed(format!(
            "EXPLAIN (FORMAT JSON) {}",
            self.scratch.search()
        )))
        .persistent(false)
        .bind(query)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(DatabaseError::statement(purpose))?;
        let text: String = row
            .try_get_unchecked(0)
            .map_err(DatabaseError::statement(purpose))?;
        let planned = Planned::parse(&text);
        let name = self.scratch.index_name.as_str();
        let used = planned.as_ref().and_then(|planned| planned.index.as_deref()) == Some(name);
        self.result.index_used = Some(used);
        self.result.evidence.push(match planned {
            Some(planned) => format!(
                "plan: {} (enable_seqscan = off, because the scratch table is small)",
                planned.describe()
            ),
            None => "the plan could not be read".to_owned(),
        });
        Ok(())
    }

    async fn recall(&mut self, queries: &[Vec<f32>]) -> Result<(), DatabaseError> {
        self.execute(self.scratch.approximate(), "prepare the search")
            .await?;
        let started = Instant::now();
        let approximate = self.distances(queries).await?;
        self.result.search_milliseconds = milliseconds(started);
        let exact = self.search_exactly(queries).await?;
        let found: usize = exact
            .iter()
            .zip(&approximate)
            .map(|(exact, found)| hits(exact, found))
            .sum();
        let wanted: usize = exact.iter().map(Vec::len).sum();
        self.result.recall_at_10 = Some(found as f64 / wanted.max(1) as f64);
        self.result.evidence.push(format!(
            "recall: {found} of the {wanted} rows that are no farther than the {NEIGHBOURS}th nearest"
        ));
        Ok(())
    }

    async fn search_exactly(&mut self, queries: &[Vec<f32>]) -> Result<Vec<Vec<f64>>, DatabaseError> {
        self.execute(self.scratch.exact(), "prepare the exact search")
            .await?;
        let started = Instant::now();
        let exact = self.distances(queries).await?;
        self.result.exact_milliseconds = milliseconds(started);
        Ok(exact)
    }

    /// Ascending distances of the nearest rows, a list a query.
    async fn distances(&mut self, queries: &[Vec<f32>]) -> Result<Vec<Vec<f64>>, DatabaseError> {
        let statement = self.scratch.search();
        let mut all = Vec::with_capacity(queries.len());
        for query in queries {
            let distances = sqlx::query_scalar(composed(statement.as_str()))
                .persistent(false)
                .bind(query)
                .fetch_all(&mut *self.connection)
                .await
                .map_err(DatabaseError::statement("search the scratch table"))?;
            all.push(distances);
        }
        Ok(all)
    }

    /// Writes, reads, replaces and deletes one row, and reads back loaded ones; every bit must be the same.
    async fn round_trip(&mut self, rows: &[Vec<f32>], extra: &[Vec<f32>]) -> Result<(), DatabaseError> {
        let number = i32::try_from(rows.len()).unwrap_or(i32::MAX);
        for (row, expected) in (0_i32..).zip(rows).step_by(rows.len().div_ceil(8).max(1)) {
            self.expect(row, Some(expected), "loaded").await?;
        }
        for (statement, vector, done) in [
            (self.scratch.insert(), &extra[0], "inserted"),
            (self.scratch.update(), &extra[1], "updated"),
        ] {
            sqlx::query(composed(statement))
                .persistent(false)
                .bind(vector)
                .bind(number)
                .execute(&mut *self.connection)
                .await
                .map_err(DatabaseError::statement("write a vector"))?;
            self.expect(number, Some(vector), done).await?;
        }
        sqlx::query(composed(self.scratch.delete()))
            .persistent(false)
            .bind(number)
            .execute(&mut *self.connection)
            .await
            .map_err(DatabaseError::statement("delete a vector"))?;
        self.expect(number, None, "deleted").await?;
        self.result.round_trip = self.result.problems.is_empty();
        Ok(())
    }

    async fn expect(
        &mut self,
        number: i32,
        expected: Option<&Vec<f32>>,
        done: &str,
    ) -> Result<(), DatabaseError> {
        let stored: Option<Vec<f32>> = sqlx::query_scalar(composed(self.scratch.read()))
            .persistent(false)
            .bind(number)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(DatabaseError::statement("read a vector"))?;
        if bits(stored.as_ref()) != bits(expected) {
            self.result
                .problems
                .push(format!("a vector that was {done} does not read as it should"));
        }
        Ok(())
    }

    async fn execute(&mut self, statement: impl Into<String>, purpose: &str) -> Result<(), DatabaseError> {
        sqlx::raw_sql(composed(statement))
            .execute(&mut *self.connection)
            .await
            .map_err(DatabaseError::statement(purpose))?;
        Ok(())
    }
}

fn bits(vector: Option<&Vec<f32>>) -> Option<Vec<u32>> {
    vector.map(|vector| vector.iter().map(|component| component.to_bits()).collect())
}

fn milliseconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 100_000.0).round() / 100.0
}
