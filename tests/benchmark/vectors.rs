//! `cargo bench --bench vectors`: what README claims about vectors, measured in one run on this machine.
//!
//! Import, index build and search, each against the best way without the product; the two alternate, so that whatever else the
//! machine does hits both. `PGVECTOR_SETUP_BENCHMARK_ROWS` is how many rows of 1,536 dimensions are imported; twice as many are
//! searched. With `PGVECTOR_SETUP_BENCHMARK_MEMORY=1` ten times as many are imported too, for their memory: that takes 10 GB of disk.

#![allow(clippy::print_stdout, reason = "the figures are the output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark does by hand what the product does through its host"
)]

#[path = "../support/chroma/mod.rs"]
mod chroma;
mod indexing;
mod loading;
mod measure;
mod memory;
mod python;
mod reading;
mod searching;
mod site;
mod table;

use std::path::PathBuf;

use chroma::rows::Rows;
use chroma::synthetic;
use pgvector_setup::import::Space;
use site::Site;

const DIMENSIONS: usize = 1536;
const DEFAULT_ROWS: u64 = 50_000;

fn main() {
    let rows = std::env::var("PGVECTOR_SETUP_BENCHMARK_ROWS").map_or(DEFAULT_ROWS, |rows| {
        rows.parse().expect("PGVECTOR_SETUP_BENCHMARK_ROWS is a number")
    });
    let site = Site::up();
    let whole = directory(&site, rows);
    let fifth = directory(&site, rows / 5);

    table::heading();
    reading::measure(&whole, rows);
    let peak = loading::measure(&site, &whole, rows);
    memory::measure(&site, rows, peak);
    indexing::measure(&site, &fifth, rows / 5);
    python::measure(&site, &fifth, rows / 5);
    let twice = directory(&site, rows * 2);
    let table = indexing::of_all(&site, &twice, rows * 2);
    searching::measure(&site, &table, rows * 2);
}

/// A directory as Chroma leaves it: of fifty vectors one is in the write-ahead log alone.
fn directory(site: &Site, count: u64) -> PathBuf {
    let directory = site.directory.join(format!("chroma-{count}"));
    let rows = Rows::new(DIMENSIONS);
    let records = (1..=count).map(|number| rows.record(number));
    synthetic::write(&directory, Space::Cosine, DIMENSIONS, count - count / 50, records);
    directory
}
