//! What an import has left when it is done.

use std::path::Path;

use pgvector_setup::database::sql::composed;
use sha2::{Digest as _, Sha256};
use sqlx::{Executor as _, PgConnection, Row as _};

use crate::chroma::fixture::files;

/// All that has to be the same, however often an import was killed.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of all rows in order, every column that the import writes.
    pub rows: String,
    pub count: i64,
    pub progress: String,
    pub indexes: String,
    /// Lines and digest of the reject file.
    pub rejects: (usize, Vec<u8>),
}

impl Outcome {
    /// Reads all of it, and drops the table.
    pub async fn of(connection: &mut PgConnection, table: &str, rejects: &Path) -> Self {
        let rows = format!(
            r#"SELECT md5(string_agg(md5(ROW(id, document, metadata, embedding::text)::text), '' ORDER BY id COLLATE "C"))
                 FROM vectors.{table}"#
        );
        let progress = format!(
            "SELECT format('%s: %s of %s written', state, written, passed) FROM pgvector_setup.import WHERE table_name = '{table}'"
        );
        let indexes = format!(
            "SELECT string_agg(replace(indexrelid::regclass::text, '{table}', 'TABLE') || ' ' || indisvalid, ', ' ORDER BY indisprimary)
               FROM pg_index WHERE indrelid = 'vectors.{table}'::regclass"
        );
        let listed = std::fs::read(rejects).unwrap();
        let lines = listed.iter().filter(|byte| **byte == b'\n').count();
        let outcome = Self {
            rows: text(connection, &rows).await,
            count: text(connection, &format!("SELECT count(*)::text FROM vectors.{table}"))
                .await
                .parse()
                .unwrap(),
            progress: text(connection, &progress).await,
            indexes: text(connection, &indexes).await,
            rejects: (lines, Sha256::digest(listed).to_vec()),
        };
        std::fs::remove_file(rejects).unwrap();
        let drop = format!("DROP TABLE vectors.{table}");
        connection.execute(composed(drop)).await.unwrap();
        outcome
    }
}

async fn text(connection: &mut PgConnection, sql: &str) -> String {
    connection
        .fetch_one(composed(sql))
        .await
        .unwrap()
        .try_get(0)
        .unwrap()
}

/// Scratch directories of these processes, and anything that an import has left half written in its place.
pub fn left_over(processes: &[u32], place: &Path) -> Vec<String> {
    let scratch = std::fs::read_dir("/tmp").unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().ok()?;
        let process = name
            .strip_prefix(".pgvector-setup-scratch-")?
            .strip_suffix(".partial")?
            .rsplit('.')
            .next()?
            .parse()
            .ok()?;
        processes.contains(&process).then_some(name)
    });
    let place = files(place).into_iter().map(|path| path.display().to_string());
    scratch.chain(place).collect()
}
