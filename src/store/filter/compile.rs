//! Conditions into SQL for one table.

use super::{Condition, Filter, Test, column, metadata, refused};
use crate::store::catalog::Column;
use crate::store::statement::Statement;
use crate::store::{Shape, StoreError};

/// Names after this are keys of the metadata, even where a column has the same name.
const PREFIX: &str = "metadata.";

/// A condition as SQL over the table as `t`.
#[derive(Debug)]
pub struct Compiled {
    pub sql: String,
    /// Whether statistics tell how many rows meet it: those of columns do.
    is_estimated: bool,
}

impl Compiled {
    /// # Errors
    /// [`StoreError::Filter`] with the place of what this table cannot answer.
    pub fn new(filter: &Filter, shape: &Shape, statement: &mut Statement) -> Result<Self, StoreError> {
        let mut compiler = Compiler {
            shape,
            statement,
            is_estimated: true,
        };
        let sql = compiler.condition(&filter.0)?;
        let is_estimated = compiler.is_estimated;
        Ok(Self { sql, is_estimated })
    }

    /// The same for a search by index. Without statistics the planner takes a condition for one that hardly any row meets,
    /// and would rather read the whole table; of a CASE it expects every second row.
    pub fn for_index(self) -> String {
        if self.is_estimated {
            return self.sql;
        }
        format!("CASE WHEN {} THEN true ELSE false END", self.sql)
    }
}

struct Compiler<'a> {
    shape: &'a Shape,
    statement: &'a mut Statement,
    is_estimated: bool,
}

impl Compiler<'_> {
    fn condition(&mut self, condition: &Condition) -> Result<String, StoreError> {
        match condition {
            Condition::All(conditions) => self.joined(conditions, " AND "),
            Condition::Any(conditions) => self.joined(conditions, " OR "),
            Condition::Field { place, name, test } => self.field(place, name, test),
            Condition::Document {
                place,
                part,
                is_wanted,
            } => self.document(place, part, *is_wanted),
        }
    }

    fn joined(&mut self, conditions: &[Condition], word: &str) -> Result<String, StoreError> {
        let parts: Result<Vec<_>, _> = conditions
            .iter()
            .map(|condition| self.condition(condition))
            .collect();
        Ok(format!("({})", parts?.join(word)))
    }

    fn field(&mut self, place: &str, name: &str, test: &Test) -> Result<String, StoreError> {
        let in_metadata = name
            .strip_prefix(PREFIX)
            .filter(|_| self.shape.metadata.is_some());
        let column = column(self.shape, name).filter(|_| in_metadata.is_none());
        match (column, &self.shape.metadata) {
            (Some(column), _) => column::condition(column, place, test, self.statement),
            (None, Some(column)) => {
                self.is_estimated = false;
                metadata::condition(column, place, in_metadata.unwrap_or(name), test, self.statement)
            }
            (None, None) => Err(refused(
                place,
                format!(
                    "{} has neither a column {name} nor metadata",
                    self.shape.qualified()
                ),
            )),
        }
    }

    fn document(&mut self, place: &str, part: &str, is_wanted: bool) -> Result<String, StoreError> {
        let Some(document) = &self.shape.document else {
            return Err(refused(
                place,
                format!("{} has no column of documents", self.shape.qualified()),
            ));
        };
        self.is_estimated = false;
        Ok(column::contains(document, part, is_wanted, self.statement))
    }
}

fn column<'a>(shape: &'a Shape, name: &str) -> Option<&'a Column> {
    let mut columns = [&shape.key]
        .into_iter()
        .chain(&shape.document)
        .chain(&shape.others);
    columns.find(|column| column.name.as_str() == name)
}

/// A condition that holds, or does not: what is missing meets no condition and every denied one.
pub(super) fn wanted(condition: &str, is_wanted: bool) -> String {
    let word = if is_wanted { "TRUE" } else { "NOT TRUE" };
    format!("(({condition}) IS {word})")
}
