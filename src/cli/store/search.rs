//! `search` and `similar`.

use std::path::Path;

use serde::Serialize;

use super::{Search, Similar, embedder, listing};
use crate::cli::Ui;
use crate::error::{Exit, Result};
use crate::host::Host;
use crate::pipeline::Installation;
use crate::store::{Hit, Hits, Selection, Shape, StoreError};

/// Largest file with a vector: 16,000 numbers of at most 25 characters, and room for white space.
const VECTOR_LIMIT: u64 = 1 << 20;

pub async fn search(installation: &Installation<'_>, arguments: Search, ui: &Ui) -> Result<Exit> {
    let selection = Selection {
        is_exact: arguments.exact,
        ..arguments.hits.selection()?
    };
    // What is missing is told before the server is asked.
    let embedder = match arguments.vector {
        Some(_) => None,
        None => Some(embedder(installation)?),
    };
    let given = match &arguments.vector {
        Some(file) => vector(installation.host, file).await?,
        None => Vec::new(),
    };
    let (store, _sessions) = installation.store(1).await?;
    let vector = match (embedder, &arguments.text) {
        (Some(embedder), Some(text)) => {
            let (vector, remark) = store.vector_of(text, &embedder).await?;
            if let Some(remark) = remark {
                ui.say(format!("note: {remark}"));
            }
            vector
        }
        _ => given,
    };
    let hits = store.search(&vector, &selection).await?;
    show(ui, store.shape(), &selection, hits);
    Ok(Exit::Done)
}

pub async fn similar(installation: &Installation<'_>, arguments: Similar, ui: &Ui) -> Result<Exit> {
    let selection = Selection {
        is_exact: arguments.exact,
        ..arguments.hits.selection()?
    };
    let (store, _sessions) = installation.store(1).await?;
    let hits = store.similar(&arguments.row, &selection).await?;
    show(ui, store.shape(), &selection, hits);
    Ok(Exit::Done)
}

/// What `--json` gives.
#[derive(Serialize)]
struct Document {
    schema: u32,
    table: String,
    metric: &'static str,
    limit: u32,
    /// Whether every row was compared.
    is_exact: bool,
    rows: Vec<Hit>,
}

fn show(ui: &Ui, shape: &Shape, selection: &Selection, hits: Hits) {
    if ui.is_json() {
        ui.json(&Document {
            schema: 1,
            table: shape.qualified(),
            metric: shape.metric.name(),
            limit: selection.limit,
            is_exact: hits.is_exact,
            rows: hits.rows,
        });
        return;
    }
    if hits.rows.is_empty() {
        ui.say("no row answers");
        return;
    }
    let is_full = hits.rows.len() == selection.limit as usize;
    if is_full && hits.is_exact && !selection.is_exact && shape.index.is_some() {
        ui.say("note: the index found fewer rows than were asked for, so every row was compared");
    }
    ui.print(listing::table(&hits.rows, ui.width()));
}

/// A JSON array of numbers.
async fn vector(host: &Host, file: &Path) -> Result<Vec<f32>> {
    let bytes = host.read_input(file, VECTOR_LIMIT).await?;
    let vector = serde_json::from_slice(&bytes);
    Ok(vector.map_err(|error| StoreError::Vector {
        place: file.display().to_string(),
        problem: format!("is no JSON array of numbers: {error}"),
    })?)
}
