//! Documents and metadata as the METADATA segment has them: a row a key, and for lists a row an element.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::DirectoryError;
use super::log::Draft;
use super::sqlite::Catalog;
use crate::import::Value;

/// Rows between two wanted records that are read past rather than looked for.
const NEAR: i64 = 16;

/// The documents and metadata of records, by their numbers in `embeddings` in ascending order.
pub(super) fn of(catalog: &Catalog, numbers: &[i64], has_lists: bool) -> Result<Vec<Draft>, DirectoryError> {
    let mut drafts: Vec<Draft> = Vec::new();
    drafts.resize_with(numbers.len(), Draft::default);
    let mut from = 0;
    for run in numbers.chunk_by(|one, next| next.saturating_sub(*one) <= NEAR) {
        let of_run = &mut drafts[from..from + run.len()];
        read(catalog, "embedding_metadata", "id", run, |place, key, value| {
            of_run[place].set(key, Some(value));
        })?;
        if has_lists {
            read(
                catalog,
                "embedding_metadata_array",
                "id, rowid",
                run,
                |place, key, value| match of_run[place]
                    .metadata
                    .entry(key)
                    .or_insert_with(|| Value::List(Vec::new()))
                {
                    Value::List(elements) => elements.push(value),
                    single => *single = Value::List(vec![value]),
                },
            )?;
        }
        from += run.len();
    }
    Ok(drafts)
}

/// Rows of the table that belong to these records, each with its record's place among them.
fn read(
    catalog: &Catalog,
    table: &'static str,
    order: &str,
    numbers: &[i64],
    mut take: impl FnMut(usize, String, Value),
) -> Result<(), DirectoryError> {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        return Ok(());
    };
    // Up to 0.4.3 truths were integers.
    let truth = match catalog.has(table, "bool_value") {
        true => "bool_value",
        false => "NULL",
    };
    let sql = format!(
        "SELECT id, key, string_value, int_value, float_value, {truth} FROM {table} WHERE id BETWEEN ?1 AND ?2 ORDER BY {order}"
    );
    let mut place = 0;
    catalog.each(&sql, [first, last], |row| {
        let number = catalog.number(row, 0, table)?;
        while numbers.get(place).is_some_and(|wanted| *wanted < number) {
            place += 1;
        }
        if numbers.get(place) == Some(&number) {
            let key = catalog.text(row, 1, table, number)?.to_owned();
            take(place, key, value(catalog, row, table, number)?);
        }
        Ok(())
    })
}

/// The one column that is set; none is what became of NaN up to 0.6.
fn value(
    catalog: &Catalog,
    row: &Row<'_>,
    table: &'static str,
    number: i64,
) -> Result<Value, DirectoryError> {
    if let Some(text) = catalog.optional_text(row, 2, table, number)? {
        return Ok(Value::Text(text.to_owned()));
    }
    let column = |index| row.get_ref(index).map_err(|source| catalog.failed(source));
    match (column(3)?, column(4)?, column(5)?) {
        (ValueRef::Integer(integer), ..) => Ok(Value::Integer(integer)),
        (ValueRef::Null, ValueRef::Real(float), _) => Ok(Value::Float(float)),
        (ValueRef::Null, ValueRef::Null, ValueRef::Integer(truth)) => Ok(Value::Boolean(truth != 0)),
        (ValueRef::Null, ValueRef::Null, ValueRef::Null) => Ok(Value::Null),
        _ => Err(catalog.row_error(table, number, "a value is of another type than its column")),
    }
}
