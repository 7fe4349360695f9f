//! The memory of an import of ten times the rows.

use super::site::Site;
use super::{directory, table};

const VARIABLE: &str = "PGVECTOR_SETUP_BENCHMARK_MEMORY";

/// `before`: the peak of an import of `rows` in kilobytes. Only where the variable is set: the directory, the table and the
/// write-ahead log of 500,000 rows are 3 to 4 GB each.
pub fn measure(site: &Site, rows: u64, before: f64) {
    let rows = rows * 10;
    let what = format!("peak memory, {rows} rows");
    if std::env::var_os(VARIABLE).is_none() {
        table::skipped(&what, &format!("{VARIABLE} is not set"));
        return;
    }
    let directory = directory(site, rows);
    let (sample, report) = site.import(&directory, "many", "none");
    assert_eq!(report["written"].as_u64(), Some(rows));
    site.psql(&["DROP TABLE vectors.many", "CHECKPOINT"]);
    std::fs::remove_dir_all(directory).unwrap();
    let peak = sample.peak_kilobytes as f64;
    table::single(&what, peak, table::MEGABYTES, "150 MB");
    table::single(
        "its growth over ten times the rows",
        peak / before,
        table::RATIO,
        "1.2 x",
    );
}
