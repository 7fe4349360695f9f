//! The proof that the rows are what the source has: counts and digests of both, and where they differ, which rows do.

use std::time::Instant;

use sqlx::PgConnection;
use tokio::sync::mpsc::Receiver;

use super::copying::{copy_in, copy_out};
use super::differences::{self, Difference};
use super::digest::{Buckets, Digest, RowDigest};
use super::load::{begin_as_administrator, next, reset_role, rollback, set_role};
use super::policy::Policies;
use super::reading::{self, Message, Output, Pass, SharedSource};
use super::staged::create;
use super::target::Target;
use super::{Collection, ImportError, Space};
use crate::database::DatabaseError;
use crate::database::migrate::SETUP_SCHEMA;
use crate::database::sql::composed;

/// The ids of the source with their digests.
const KEYS: &str = "pg_temp.pgvector_setup_keys";

/// What was compared, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Proof {
    pub proven: bool,
    /// Rows that the source comes to after the policies, and rows of the target that were compared.
    pub source_rows: u64,
    pub target_rows: u64,
    /// Rows that are not in the target, only in the target, or not the same in both.
    pub missing: u64,
    pub extra: u64,
    pub changed: u64,
    /// Rows of a cosine collection whose vectors differ by no more than Chroma's own rounding.
    pub within_rounding: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    pub seconds: f64,
}

/// One comparison.
pub struct Comparison<'a> {
    pub source: &'a SharedSource,
    pub collection: &'a Collection,
    pub target: &'a Target,
    pub policies: &'a Policies,
    /// Row of the progress table.
    pub import: i64,
    /// The target has no other rows than the import's.
    pub is_alone: bool,
    /// Nothing was left out for want of a place.
    pub is_complete: bool,
    /// What a load of just now has come to; `None` where the source is to be read again.
    pub loaded: Option<Digest>,
}

impl Comparison<'_> {
    /// Compares in one transaction, which leaves nothing.
    ///
    /// # Errors
    /// What the source and the server say; [`ImportError::Interrupted`].
    pub async fn run(&mut self, connection: &mut PgConnection) -> Result<Proof, ImportError> {
        let start = Instant::now();
        begin_as_administrator(connection).await?;
        let mut proof = self.compare(connection).await?;
        rollback(connection).await?;
        proof.seconds = start.elapsed().as_secs_f64();
        Ok(proof)
    }

    async fn compare(&mut self, connection: &mut PgConnection) -> Result<Proof, ImportError> {
        let expected = match self.loaded.take() {
            Some(loaded) if self.is_alone && self.is_complete => loaded,
            _ if self.is_alone && self.is_complete => self.source_digest().await?,
            _ => self.stage_keys(connection).await?,
        };
        let found = self.target_digest(connection).await?;
        let differing = expected.differing(&found);
        let mut proof = Proof {
            proven: differing.is_empty(),
            source_rows: expected.rows(),
            target_rows: found.rows(),
            ..Proof::default()
        };
        if !proof.proven {
            self.find_differences(connection, differing, &mut proof).await?;
        }
        Ok(proof)
    }

    fn pass(&self, output: Output) -> Receiver<Result<Message, ImportError>> {
        let pass = Pass {
            collection: self.collection.clone(),
            shape: self.target.shape,
            policies: self.policies.clone(),
            before: None,
            output,
            rejects: None,
        };
        reading::begin(self.source, pass)
    }

    async fn source_digest(&self) -> Result<Digest, ImportError> {
        let mut batches = self.pass(Output::Rows(Some(Buckets::none())));
        loop {
            if let Message::End(ended) = next(&mut batches).await? {
                return Ok(ended.digest);
            }
        }
    }

    /// Brings the ids to the server, takes those out that had no place, and gives back the digest of the rest.
    async fn stage_keys(&self, connection: &mut PgConnection) -> Result<Digest, ImportError> {
        create(connection, self.target, KEYS, "key text, digest bytea").await?;
        self.fill(connection, KEYS, Output::Keys).await?;
        let mut digest = Digest::default();
        let statement = format!("COPY {KEYS} TO STDOUT (FORMAT binary)");
        copy_out(connection, &statement, "read the ids of the source", |tuple| {
            if let [Some(key), Some(row)] = tuple.fields[..] {
                digest.add(key, RowDigest::from_bytes(row));
            }
        })
        .await?;
        Ok(digest)
    }

    /// Fills a temporary table by a pass, without what had no place.
    async fn fill(
        &self,
        connection: &mut PgConnection,
        name: &str,
        output: Output,
    ) -> Result<(), ImportError> {
        let mut batches = self.pass(output);
        let statement = format!("COPY {name} FROM STDIN (FORMAT binary)");
        while let Message::Batch(batch) = next(&mut batches).await? {
            copy_in(connection, &statement, &batch.tuples)
                .await
                .map_err(DatabaseError::statement("stage rows of the source"))?;
        }
        let sql = format!(
            r#"DELETE FROM {name} s USING {SETUP_SCHEMA}.import_left_out o
                WHERE o.import = $1 AND o.key COLLATE "C" = s.key COLLATE "C""#
        );
        sqlx::query(composed(sql))
            .persistent(false)
            .bind(self.import)
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::statement("leave out what had no place"))?;
        sqlx::raw_sql(composed(format!("ANALYZE {name}")))
            .execute(connection)
            .await
            .map_err(DatabaseError::statement("stage rows of the source"))?;
        Ok(())
    }

    async fn target_digest(&self, connection: &mut PgConnection) -> Result<Digest, ImportError> {
        let (columns, table) = (self.target.columns_read(), self.target.table.qualified());
        let from = if self.is_alone {
            format!("{table} t")
        } else {
            format!("{KEYS} s JOIN {table} t ON {}", self.target.same_row())
        };
        set_role(connection, self.target).await?;
        let mut digest = Digest::default();
        let statement = format!("COPY (SELECT {columns} FROM {from}) TO STDOUT (FORMAT binary)");
        copy_out(connection, &statement, "read the table back", |tuple| {
            let key = tuple.fields.first().copied().flatten().unwrap_or_default();
            digest.add(key, RowDigest::of(tuple.encoded));
        })
        .await?;
        reset_role(connection).await?;
        Ok(digest)
    }

    async fn find_differences(
        &self,
        connection: &mut PgConnection,
        differing: Buckets,
        proof: &mut Proof,
    ) -> Result<(), ImportError> {
        create(
            connection,
            self.target,
            differences::ROWS,
            &self.target.staged_columns(),
        )
        .await?;
        let rows = Output::Rows(Some(differing.clone()));
        self.fill(connection, differences::ROWS, rows).await?;
        set_role(connection, self.target).await?;
        let is_rounded = self.collection.space == Space::Cosine;
        let statement = differences::statement(self.target, self.is_alone);
        copy_out(connection, &statement, "compare rows", |tuple| {
            differences::count(&tuple.fields, &differing, self.target.shape, is_rounded, proof);
        })
        .await?;
        reset_role(connection).await?;
        let differs = proof.missing + proof.extra + proof.changed > 0;
        // Differing digests that no row explains prove nothing: the source or the table changed while it was read.
        proof.proven = !differs && proof.within_rounding > 0;
        Ok(())
    }
}
