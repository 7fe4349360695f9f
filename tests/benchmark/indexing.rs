//! The build of the index by the product, against `CREATE INDEX` on the same rows with settings of a person's own.

use std::path::Path;

use super::site::Site;
use super::table;

const PAIRS: usize = 2;
/// Enough for the graph of all rows, so that nothing is built twice.
const TUNED: &str = "SET maintenance_work_mem = '2GB'";
const CREATE: &str =
    "CREATE INDEX by_hand ON vectors.{table} USING hnsw (embedding public.vector_cosine_ops)";

pub fn measure(site: &Site, directory: &Path, rows: u64) {
    let (mut product, mut serial, mut parallel, mut default) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let name = format!("indexed_{pair}");
        let (_, report) = site.import(directory, &name, "hnsw");
        product.push(report["index_seconds"].as_f64().unwrap());
        serial.push(build(site, &name, &[TUNED, &workers(0)]));
        parallel.push(build(site, &name, &[TUNED, &workers(1)]));
        parallel.push(build(site, &name, &[TUNED, &workers(2)]));
        default.push(build(site, &name, &[]));
        site.psql(&[&format!("DROP TABLE vectors.{name}")]);
    }
    let least = |seconds: &[f64]| seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let best = least(&serial).min(least(&parallel));
    let limit = "";
    table::row(
        &format!("CREATE INDEX, defaults, {rows} rows"),
        &default,
        table::SECONDS,
        limit,
    );
    table::row("CREATE INDEX, 2 GB, no worker", &serial, table::SECONDS, limit);
    table::row(
        "CREATE INDEX, 2 GB, 1 and 2 workers",
        &parallel,
        table::SECONDS,
        limit,
    );
    table::row(
        "build by the product, with ANALYZE",
        &product,
        table::SECONDS,
        limit,
    );
    table::single(
        "build by the product / best",
        least(&product) / best,
        table::RATIO,
        "1.05 x",
    );
    table::single(
        "build by the product / defaults",
        least(&product) / least(&default),
        table::RATIO,
        "1 x",
    );
}

/// The one large build, which the searches are of. Gives the name of the table.
pub fn of_all(site: &Site, directory: &Path, rows: u64) -> String {
    let (_, report) = site.import(directory, "searched", "hnsw");
    table::single(
        &format!("build by the product, {rows} rows"),
        report["index_seconds"].as_f64().unwrap(),
        table::SECONDS,
        "",
    );
    std::fs::remove_dir_all(directory).unwrap();
    "searched".to_owned()
}

fn workers(count: u32) -> String {
    format!("SET max_parallel_maintenance_workers = {count}")
}

/// Seconds. The index goes again.
fn build(site: &Site, name: &str, settings: &[&str]) -> f64 {
    let create = CREATE.replace("{table}", name);
    let statements: Vec<&str> = settings.iter().copied().chain([create.as_str()]).collect();
    let (sample, _) = site.psql(&statements);
    site.psql(&["DROP INDEX vectors.by_hand", "CHECKPOINT"]);
    sample.seconds
}
