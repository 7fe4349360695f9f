//! Conditions on columns: the value becomes one of the column's type, so that the column's own index can answer.

use serde_json::Value;

use super::compile::wanted;
use super::{Test, refused};
use crate::store::StoreError;
use crate::store::catalog::Column;
use crate::store::statement::{Argument, Statement};

pub fn condition(
    column: &Column,
    place: &str,
    test: &Test,
    statement: &mut Statement,
) -> Result<String, StoreError> {
    match test {
        Test::Compare(order, limit) => {
            let compared = Compared::new(column, place, std::slice::from_ref(limit))?;
            let limit = statement.text(as_text(limit));
            Ok(format!(
                "({} {} {limit}::{})",
                compared.column,
                order.operator(),
                compared.type_name
            ))
        }
        Test::Among { values, is_wanted } => {
            let compared = Compared::new(column, place, values)?;
            let (column, type_name) = (compared.column, compared.type_name);
            let among = match values.as_slice() {
                [value] => {
                    let value = statement.text(as_text(value));
                    format!("{column} OPERATOR(pg_catalog.=) {value}::{type_name}")
                }
                values => {
                    let values = statement.bind(Argument::Texts(values.iter().map(as_text).collect()));
                    format!(
                        "{column} OPERATOR(pg_catalog.=) ANY ({values}::pg_catalog.text[]::{type_name}[])"
                    )
                }
            };
            Ok(wanted(&among, *is_wanted))
        }
        Test::Member {
            value: Value::String(part),
            is_wanted,
        } if column.category == 'S' => Ok(contains(column, part, *is_wanted, statement)),
        Test::Member { .. } => Err(refused(
            place,
            format!("column {} is neither a text nor metadata", column.name),
        )),
    }
}

/// Whether a part is in a column of text.
pub fn contains(column: &Column, part: &str, is_wanted: bool, statement: &mut Statement) -> String {
    let part = statement.text(part);
    let position = format!(
        "pg_catalog.strpos(t.{}::pg_catalog.text, {part})",
        column.name.quoted()
    );
    wanted(&format!("{position} OPERATOR(pg_catalog.>) 0"), is_wanted)
}

/// A column and the type that both sides are compared in.
struct Compared {
    column: String,
    type_name: String,
}

impl Compared {
    /// # Errors
    /// [`StoreError::Filter`] where the values are not of the column's kind.
    fn new(column: &Column, place: &str, values: &[Value]) -> Result<Self, StoreError> {
        let (kind, is_of_kind): (_, fn(&Value) -> bool) = match column.category {
            'N' => ("a number", Value::is_number),
            'B' => ("true or false", Value::is_boolean),
            'S' | 'D' | 'T' | 'E' | 'I' => ("a text", Value::is_string),
            _ if column.is_of_type("uuid") => ("a text", Value::is_string),
            _ => (
                "another one: values of this type cannot be compared with JSON",
                |_| false,
            ),
        };
        if !values.iter().all(is_of_kind) {
            return Err(refused(
                place,
                format!(
                    "column {} is of type {}, so its value is {kind}",
                    column.name, column.type_name
                ),
            ));
        }
        let name = format!("t.{}", column.name.quoted());
        if !["int2", "int4", "int8"]
            .iter()
            .any(|integer| column.is_of_type(integer))
        {
            return Ok(Self {
                column: name,
                type_name: column.qualified_type(),
            });
        }
        // A number that is no whole one, or a larger one than any, is not of the column's type.
        if values.iter().all(Value::is_i64) {
            return Ok(Self {
                column: name,
                type_name: "pg_catalog.int8".to_owned(),
            });
        }
        Ok(Self {
            column: format!("{name}::pg_catalog.numeric"),
            type_name: "pg_catalog.numeric".to_owned(),
        })
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
