//! `get`.

use serde::Serialize;

use super::{Get, listing};
use crate::cli::Ui;
use crate::error::{Exit, Result};
use crate::pipeline::Installation;
use crate::store::{Row, Selection, StoreError};

/// What `--json` gives.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    table: String,
    rows: Vec<Row>,
    /// Keys that no row has.
    missing: Vec<&'a str>,
}

pub async fn get(installation: &Installation<'_>, arguments: Get, ui: &Ui) -> Result<Exit> {
    let selection = Selection {
        has_vectors: arguments.vectors,
        ..arguments.hits.selection()?
    };
    let (store, _sessions) = installation.store(1).await?;
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    if arguments.keys.is_empty() {
        rows = store.get_vectors_by_metadata(&selection).await?;
    } else {
        let found = store.get(&arguments.keys, selection.has_vectors).await?;
        for (key, row) in arguments.keys.iter().zip(found) {
            match row {
                Some(row) => rows.push(row),
                None => missing.push(key.as_str()),
            }
        }
    }
    if let (true, [key, ..]) = (rows.is_empty(), missing.as_slice()) {
        let key = (*key).to_owned();
        return Err(StoreError::NoRow { key }.into());
    }
    if ui.is_json() {
        ui.json(&Document {
            schema: 1,
            table: store.shape().qualified(),
            rows,
            missing,
        });
        return Ok(Exit::Done);
    }
    for key in missing {
        ui.say(format!("note: there is no row {}", listing::printable(key)));
    }
    if rows.is_empty() {
        ui.say("no row answers");
    } else {
        ui.print(listing::records(&rows, ui.width()));
    }
    Ok(Exit::Done)
}
