//! Conditions on keys of the metadata, which is jsonb: values are compared as PostgreSQL compares JSON.

use serde_json::{Value, json};

use super::compile::wanted;
use super::{Test, refused};
use crate::store::StoreError;
use crate::store::catalog::Column;
use crate::store::statement::{Argument, Statement};

pub fn condition(
    metadata: &Column,
    place: &str,
    key: &str,
    test: &Test,
    statement: &mut Statement,
) -> Result<String, StoreError> {
    let column = format!("t.{}", metadata.name.quoted());
    Ok(match test {
        // An index of the kind gin on the column answers these two.
        Test::Among { values, is_wanted } if values.len() == 1 => wanted(
            &contains(&column, &json!({ key: values[0] }), statement),
            *is_wanted,
        ),
        Test::Member { value, is_wanted } => wanted(
            &contains(&column, &json!({ key: [value] }), statement),
            *is_wanted,
        ),
        Test::Among { values, is_wanted } => {
            let value = value_of(&column, key, statement);
            let values = values.iter().map(Value::to_string).collect();
            let values = statement.bind(Argument::Texts(values));
            let among = format!(
                "{value} OPERATOR(pg_catalog.=) ANY ({values}::pg_catalog.text[]::pg_catalog.jsonb[])"
            );
            wanted(&among, *is_wanted)
        }
        Test::Compare(order, limit) => {
            if !limit.is_number() {
                return Err(refused(
                    place,
                    "the order of metadata is that of numbers, and this is none",
                ));
            }
            let value = value_of(&column, key, statement);
            let limit = statement.text(limit.to_string());
            format!(
                "(pg_catalog.jsonb_typeof({value}) OPERATOR(pg_catalog.=) 'number' AND {value} {} {limit}::pg_catalog.jsonb)",
                order.operator()
            )
        }
    })
}

fn contains(column: &str, part: &Value, statement: &mut Statement) -> String {
    let part = statement.text(part.to_string());
    format!("{column} OPERATOR(pg_catalog.@>) {part}::pg_catalog.jsonb")
}

fn value_of(column: &str, key: &str, statement: &mut Statement) -> String {
    let key = statement.text(key);
    format!("({column} OPERATOR(pg_catalog.->) {key})")
}
