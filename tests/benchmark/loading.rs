//! The import without index, against psql's `\copy` of the same rows into a table of the same shape.

use std::path::Path;

use super::measure::Sample;
use super::site::Site;
use super::table;

const PAIRS: usize = 7;
const COLUMNS: &str = "id, document, metadata, embedding";

/// Gives the peak of the import's memory in kilobytes.
pub fn measure(site: &Site, whole: &Path, rows: u64) -> f64 {
    let file = site.directory.join("rows.binary").display().to_string();
    // The first of both warms what they have in common: the page cache and the write-ahead log.
    site.import(whole, "shape", "none");
    site.psql(&[&format!(
        "\\copy vectors.shape ({COLUMNS}) to '{file}' with (format binary)"
    )]);
    copy(site, &file);

    let (mut loads, mut wholes, mut copies, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        site.psql(&["CHECKPOINT"]);
        let name = format!("imported_{pair}");
        let (sample, report) = site.import(whole, &name, "none");
        assert_eq!(report["written"].as_u64(), Some(rows));
        site.psql(&[&format!("DROP TABLE vectors.{name}")]);
        loads.push(report["load_seconds"].as_f64().unwrap());
        wholes.push(sample.seconds);
        peaks.push(sample.peak_kilobytes as f64);
        copies.push(copy(site, &file).seconds);
    }
    site.psql(&["DROP TABLE vectors.shape"]);
    std::fs::remove_file(file).unwrap();

    let ratios: Vec<f64> = copies
        .iter()
        .zip(&loads)
        .map(|(copy, load)| copy / load)
        .collect();
    table::row(&format!("\\copy {rows} rows"), &copies, table::SECONDS, "");
    table::row(&format!("load {rows} rows"), &loads, table::SECONDS, "");
    table::row(
        "import with its proof, whole command",
        &wholes,
        table::SECONDS,
        "",
    );
    table::row("row rate of load / of \\copy", &ratios, table::RATIO, "0.9 x");
    let peak = peaks.iter().copied().fold(0.0, f64::max);
    table::single(
        &format!("peak memory, {rows} rows"),
        peak,
        table::MEGABYTES,
        "150 MB",
    );
    peak
}

/// Into a new table, which goes again.
fn copy(site: &Site, file: &str) -> Sample {
    site.psql(&[
        "CREATE TABLE vectors.copied (LIKE vectors.shape INCLUDING ALL)",
        "CHECKPOINT",
    ]);
    let copy = format!("\\copy vectors.copied ({COLUMNS}) from '{file}' with (format binary)");
    let (sample, _) = site.psql(&[&copy]);
    site.psql(&["DROP TABLE vectors.copied"]);
    sample
}
