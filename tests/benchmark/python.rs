//! The import against what a Python program of the usual kind does: chromadb's `get()` and psycopg's `executemany`.

use std::path::Path;

use super::site::Site;
use super::table;

const VARIABLE: &str = "PGVECTOR_SETUP_BENCHMARK_PYTHON";
const PROGRAM: &str = "tests/benchmark/get_and_executemany.py";
const PAIRS: usize = 2;

/// Only where the variable names a Python that has both packages. From here on `directory` is chromadb's, which opens no other. More
/// than 32,766 rows its `get()` does not give: "too many SQL variables".
pub fn measure(site: &Site, directory: &Path, rows: u64) {
    let what = "row rate of load / of get() + executemany";
    let Ok(python) = std::env::var(VARIABLE) else {
        table::skipped(
            what,
            &format!("{VARIABLE} names no Python with chromadb and psycopg"),
        );
        return;
    };
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAM);
    let program = std::fs::read_to_string(program).unwrap();
    let ask = |arguments: &[&str]| -> String {
        let words = [python.as_str(), "-c", &program];
        let argv = words.iter().chain(arguments).map(|word| (*word).to_owned());
        site.user.ask(argv.collect()).1
    };
    let path = directory.display().to_string();
    site.user.own(directory);
    let connection = format!(
        "host={} port={} user=postgres dbname=vectors",
        site.socket().display(),
        site.port
    );
    let (mut by_python, mut loads) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let name = format!("by_chromadb_{pair}");
        let (_, report) = site.import(directory, &name, "none");
        loads.push(report["load_seconds"].as_f64().unwrap());
        site.psql(&[&format!(
            "CREATE TABLE vectors.by_python (LIKE vectors.{name} INCLUDING ALL)"
        )]);
        by_python.push(ask(&[&path, &connection]).trim().parse().unwrap());
        site.psql(&[
            "DROP TABLE vectors.by_python",
            &format!("DROP TABLE vectors.{name}"),
        ]);
    }
    let ratios: Vec<f64> = by_python
        .iter()
        .zip(&loads)
        .map(|(python, load)| python / load)
        .collect();
    table::row(
        &format!("get() + executemany, {rows} rows"),
        &by_python,
        table::SECONDS,
        "",
    );
    table::row(what, &ratios, table::RATIO, "15 x");
}
