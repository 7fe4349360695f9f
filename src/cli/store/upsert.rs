//! `upsert`: batch by batch, each checked whole before any of it is written.

use serde::Serialize;

use super::lines::{self, Line};
use super::{Upsert, embedder};
use crate::apply::interrupt;
use crate::cli::{Address, Ui, bar};
use crate::embedding::Embedder;
use crate::error::{Error, Exit, Result};
use crate::pipeline::Installation;
use crate::store::{Checked, Item, StoreError, VectorStore};

/// Wrong lines that are named; more are counted.
const NAMED: usize = 10;

/// What `--json` gives.
#[derive(Serialize)]
struct Document {
    schema: u32,
    table: String,
    /// Rows that were written, made or changed.
    written: u64,
    /// Rows with a document that were given no vector.
    without_vector: u64,
    /// Of these, rows whose vector was of another document and is gone.
    cleared: u64,
}

pub async fn upsert(installation: &Installation<'_>, arguments: Upsert, ui: &Ui) -> Result<Exit> {
    let embedder = match &installation.settings.embedder.url {
        Some(_) => Some(embedder(installation)?),
        None => None,
    };
    let (store, _sessions) = installation.store(1).await?;
    let mut document = Document {
        schema: 1,
        table: store.shape().qualified(),
        written: 0,
        without_vector: 0,
        cleared: 0,
    };
    let mut batches = lines::read(installation.host, &arguments.file);
    let exit = loop {
        let batch = tokio::select! {
            batch = batches.recv() => batch,
            exit = interrupt::wait() => break exit,
        };
        let Some(batch) = batch else {
            break Exit::Done;
        };
        let mut items = parsed(&store, batch?, document.written)?;
        if let Some(embedder) = &embedder {
            embed(&store, &mut items, embedder).await?;
        }
        let is_bare = |(_, item): &&(u64, Item)| item.document.is_some() && item.embedding.is_none();
        document.without_vector += items.iter().filter(is_bare).count() as u64;
        let items = checked(&store, items, document.written)?;
        let written = store.write(items).await?;
        document.written += written.rows;
        document.cleared += written.cleared;
        ui.count(&format!("{} rows", document.written));
    };
    bar::clear();
    if ui.is_json() {
        ui.json(&document);
        return Ok(exit);
    }
    ui.say(format!("{} rows written to {}", document.written, document.table));
    if document.without_vector > 0 {
        let cleared = match document.cleared {
            0 => String::new(),
            cleared => format!(", and {cleared} of these had one of another document, which is gone"),
        };
        let note = format!(
            "note: {} of them have a document and were given no vector{cleared}: pgvector-setup embed backfill",
            document.without_vector
        );
        ui.say(Address::of(installation.settings, installation.host).complete(&note));
    }
    Ok(exit)
}

/// Items with the numbers of their lines, each of which the table can take as far as it goes.
fn parsed(store: &VectorStore, lines: Vec<Line>, written: u64) -> Result<Vec<(u64, Item)>, StoreError> {
    let parsed = lines.into_iter().map(|Line { number, bytes }| {
        let item: Item = serde_json::from_slice(&bytes).map_err(|error| format!("line {number}: {error}"))?;
        let checked = store.check(item.clone(), &format!("line {number}"));
        checked.map(|_| (number, item)).map_err(|error| error.to_string())
    });
    collected(parsed, written)
}

fn checked(store: &VectorStore, items: Vec<(u64, Item)>, written: u64) -> Result<Vec<Checked>, StoreError> {
    let checked = items.into_iter().map(|(number, item)| {
        let checked = store.check(item, &format!("line {number}"));
        checked.map_err(|error| error.to_string())
    });
    collected(checked, written)
}

/// All, or what is wrong with each that is.
fn collected<T>(items: impl Iterator<Item = Result<T, String>>, written: u64) -> Result<Vec<T>, StoreError> {
    let (mut good, mut problems) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(item) => good.push(item),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return Ok(good);
    }
    let more = problems.len().saturating_sub(NAMED);
    problems.truncate(NAMED);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    Err(StoreError::Lines { problems, written })
}

/// Gives those with a document and no vector one.
async fn embed(store: &VectorStore, items: &mut [(u64, Item)], embedder: &dyn Embedder) -> Result<(), Error> {
    let items: Vec<&mut Item> = items.iter_mut().map(|(_, item)| item).collect();
    Ok(store.embed(items, embedder).await?)
}
