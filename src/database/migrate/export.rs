//! A copy of the embeddings in a file, before the column goes.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use sqlx::PgConnection;

use super::MigrateError;
use super::facts::table_facts;
use crate::database::DatabaseError;
use crate::host::{Host, HostError};
use crate::settings::VectorTable;

/// The embeddings are worth as much as what they cost: nobody else reads the file.
const MODE: u32 = 0o600;

/// Where the embeddings are copied to: CSV, its first line `key,"column type(dimensions)"`, then one line a row that
/// has an embedding. `COPY table (key, column) FROM … (FORMAT csv, HEADER)` reads it back bit by bit.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a> {
    pub host: &'a Host,
    /// A file that is not there yet, in a directory that is.
    pub path: &'a Path,
}

impl Export<'_> {
    /// Writes the whole file under a `.partial` name and renames it when it is on the disk.
    /// The caller's transaction holds the table locked.
    ///
    /// # Errors
    /// [`MigrateError::Export`] for the file, [`MigrateError::Database`] for the server.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        table: &VectorTable,
    ) -> Result<(), MigrateError> {
        let failed = |source| MigrateError::Export { source };
        let path = std::path::absolute(self.path)
            .map_err(|source| failed(HostError::io("find", self.path, source)))?;
        if self.host.exists(&path) {
            let source = std::io::ErrorKind::AlreadyExists.into();
            return Err(failed(HostError::io("export to", &path, source)));
        }
        let partial = partial(&path);
        self.host.remove_file(&partial).map_err(failed)?;
        let file = self.host.open_append(&partial, MODE, None).map_err(failed)?;
        let io_failed = |source| failed(HostError::io("write", &partial, source));
        let mut writer = BufWriter::new(file);
        let type_name = column_type(connection, table).await?;
        let header = format!(
            "{},{}\n",
            field(table.key.as_str()),
            field(&format!("{} {type_name}", table.column))
        );
        let mut written = writer.write_all(header.as_bytes());
        let mut rows = connection
            .copy_out_raw(&copy_statement(table))
            .await
            .map_err(DatabaseError::statement("export the embeddings"))?;
        // After a full disk the rest is still read, so that the connection stays usable.
        while let Some(chunk) = rows.next().await {
            let chunk = chunk.map_err(DatabaseError::statement("export the embeddings"))?;
            written = written.and_then(|()| writer.write_all(&chunk));
        }
        drop(rows);
        let flushed = written.and_then(|()| writer.flush());
        flushed
            .and_then(|()| writer.get_ref().sync_all())
            .map_err(io_failed)?;
        self.host.rename(&partial, &path).map_err(failed)
    }
}

/// As it is, not as the settings have it now.
async fn column_type(connection: &mut PgConnection, table: &VectorTable) -> Result<String, MigrateError> {
    let facts = table_facts(connection, table).await?;
    Ok(facts
        .table
        .and_then(|existing| {
            existing
                .column(table.column.as_str())
                .map(|column| column.type_name.clone())
        })
        .unwrap_or_default())
}

fn copy_statement(table: &VectorTable) -> String {
    format!(
        "COPY (SELECT {key}, {column} FROM {from} WHERE {column} IS NOT NULL) TO STDOUT (FORMAT csv)",
        key = table.key.quoted(),
        column = table.column.quoted(),
        from = table.qualified()
    )
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// One CSV field.
fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
