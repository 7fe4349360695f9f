//! Values of rows, checked: SQLite stores any type in any column.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::Catalog;
use crate::import::chroma::DirectoryError;

impl Catalog {
    /// A text. `table` and `number` name the row in an error.
    pub(in crate::import::chroma) fn text<'r>(
        &self,
        row: &'r Row<'_>,
        column: usize,
        table: &'static str,
        number: i64,
    ) -> Result<&'r str, DirectoryError> {
        self.optional_text(row, column, table, number)?
            .ok_or_else(|| self.row_error(table, number, "a text is missing"))
    }

    /// A text, or `None` for NULL.
    pub(in crate::import::chroma) fn optional_text<'r>(
        &self,
        row: &'r Row<'_>,
        column: usize,
        table: &'static str,
        number: i64,
    ) -> Result<Option<&'r str>, DirectoryError> {
        match row.get_ref(column).map_err(|source| self.failed(source))? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(error) => Err(self.row_error(table, number, &format!("a text is no UTF-8 ({error})"))),
            },
            other => Err(self.row_error(
                table,
                number,
                &format!("expected a text, found {}", other.data_type()),
            )),
        }
    }

    pub(in crate::import::chroma) fn number(
        &self,
        row: &Row<'_>,
        column: usize,
        table: &'static str,
    ) -> Result<i64, DirectoryError> {
        match row.get_ref(column).map_err(|source| self.failed(source))? {
            ValueRef::Integer(number) => Ok(number),
            other => Err(self.row_error(
                table,
                0,
                &format!("expected an integer, found {}", other.data_type()),
            )),
        }
    }

    /// A position in the log: an integer since Chroma 1.0, eight bytes (big-endian) before, both in upgraded directories.
    pub(in crate::import::chroma) fn position(
        &self,
        row: &Row<'_>,
        column: usize,
        table: &'static str,
        number: i64,
    ) -> Result<i64, DirectoryError> {
        match row.get_ref(column).map_err(|source| self.failed(source))? {
            ValueRef::Integer(position) => Ok(position),
            ValueRef::Blob(bytes) if bytes.len() == 8 => {
                let mut position = [0; 8];
                position.copy_from_slice(bytes);
                Ok(i64::from_be_bytes(position))
            }
            _ => Err(self.row_error(table, number, "expected an integer or 8 bytes as seq_id")),
        }
    }

    pub(in crate::import::chroma) fn row_error(
        &self,
        table: &'static str,
        row: i64,
        problem: &str,
    ) -> DirectoryError {
        DirectoryError::Row {
            path: self.path.clone(),
            table,
            row,
            problem: problem.to_owned(),
        }
    }
}
