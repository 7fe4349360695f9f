//! `chroma.sqlite3`: the catalog, the metadata and the write-ahead log. Never written, and not trusted.

mod hot;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Params, Row};

use self::hot::Readable;
pub(super) use self::hot::{SUFFIXES, beside};
use super::DirectoryError;
use super::watch::State;
use crate::host::{Host, SourceFile};

/// Longer texts than this, in bytes, no Chroma takes and no PostgreSQL stores in a jsonb.
const LONGEST_VALUE: i32 = 256 * 1024 * 1024;
/// SQLite's cache in KiB. Rows are read in order, so more would not be faster.
const CACHE_KIB: i64 = 8 * 1024;
/// How long a writer that holds the database right now is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// An open catalog.
#[derive(Debug)]
pub(super) struct Catalog {
    connection: Connection,
    /// What is read: the original, or a private copy that goes with it.
    readable: Readable,
    /// The original.
    path: PathBuf,
    tables: BTreeMap<String, BTreeSet<String>>,
}

impl Catalog {
    /// `path` has no symbolic link in it: SQLite looks for a journal beside the real file.
    pub(super) fn open(host: &Host, path: &Path) -> Result<Self, DirectoryError> {
        let readable = Readable::of(host, path)?;
        let connection = connect(&readable).map_err(|source| DirectoryError::Sqlite {
            path: path.to_owned(),
            problem: "SQLite cannot open it".to_owned(),
            source,
        });
        // Also where it failed: a writer at work explains what looks like damage.
        readable.noted().check(host, readable.original())?;
        let mut catalog = Self {
            connection: connection?,
            readable,
            path: path.to_owned(),
            tables: BTreeMap::new(),
        };
        catalog.tables = catalog.read_tables()?;
        Ok(catalog)
    }

    /// The original file, open.
    pub(super) fn file(&self) -> &SourceFile {
        self.readable.original()
    }

    /// The original and what is beside it, before any of it was read.
    pub(super) fn noted(&self) -> &State {
        self.readable.noted()
    }

    /// Whether the last writer was killed, so that a copy is read.
    pub(super) fn is_copy(&self) -> bool {
        self.readable.is_copy()
    }

    /// Whether there is such a table with such a column.
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.tables
            .get(table)
            .is_some_and(|columns| columns.contains(column))
    }

    /// # Errors
    /// [`DirectoryError::Schema`] names the first that is missing.
    pub(super) fn require(&self, table: &str, columns: &[&str]) -> Result<(), DirectoryError> {
        match columns.iter().find(|column| !self.has(table, column)) {
            None => Ok(()),
            Some(column) => Err(DirectoryError::Schema {
                path: self.path.clone(),
                problem: format!("no version of Chroma that is known leaves out {table}.{column}"),
            }),
        }
    }

    /// Runs a query and hands on its rows.
    pub(super) fn each(
        &self,
        sql: &str,
        parameters: impl Params,
        mut take: impl FnMut(&Row<'_>) -> Result<(), DirectoryError>,
    ) -> Result<(), DirectoryError> {
        let failed = |source| self.failed(source);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query(parameters).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row)?;
        }
        Ok(())
    }

    /// The integer that a query gives in its first row; `None` without a row, or where that is NULL.
    pub(super) fn integer(&self, sql: &str, parameters: impl Params) -> Result<Option<i64>, DirectoryError> {
        let mut found = None;
        self.each(sql, parameters, |row| {
            found = row.get(0).map_err(|source| self.failed(source))?;
            Ok(())
        })?;
        Ok(found)
    }

    /// A statement that is run many times over.
    pub(super) fn prepare(&self, sql: &str) -> Result<rusqlite::Statement<'_>, DirectoryError> {
        self.connection.prepare(sql).map_err(|source| self.failed(source))
    }

    pub(super) fn failed(&self, source: rusqlite::Error) -> DirectoryError {
        match source.sqlite_error_code() {
            // The writer's turn took longer than our patience.
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                DirectoryError::Written {
                    path: self.path.clone(),
                }
            }
            _ => DirectoryError::Sqlite {
                path: self.path.clone(),
                problem: "SQLite cannot read it".to_owned(),
                source,
            },
        }
    }

    /// Columns by table. Views and virtual tables could run anything under a table's name: they are not listed.
    fn read_tables(&self) -> Result<BTreeMap<String, BTreeSet<String>>, DirectoryError> {
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let sql = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
                   WHERE t.type = 'table' AND t.rootpage > 0";
        self.each(sql, [], |row| {
            let (table, column) = (
                self.text(row, 0, "sqlite_schema", 0)?,
                self.text(row, 1, "sqlite_schema", 0)?,
            );
            tables
                .entry(table.to_owned())
                .or_default()
                .insert(column.to_owned());
            Ok(())
        })?;
        Ok(tables)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that opens SQLite databases"
)]
fn connect(readable: &Readable) -> Result<Connection, rusqlite::Error> {
    // A private copy is opened for writing: SQLite rolls its journal back there.
    let mode = if readable.is_copy() {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(readable.path(), flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Rolls a journal back where one is, which the next setting forbids.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
