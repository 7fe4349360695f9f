//! The store's search of 10, against the very statement that it sends, sent by pgbench.

use std::time::Instant;

use pgvector_setup::database::{Endpoint, Login, pool};
use pgvector_setup::settings::{Dimensions, Identifier, Index, Metric, VectorTable};
use pgvector_setup::store::{Hits, Selection, Sharing, VectorStore};
use sqlx::PgPool;

use super::DIMENSIONS;
use super::chroma::rows::Rows;
use super::site::Site;
use super::table;

/// Vectors that are searched for, each so many times. pgbench takes one vector a run.
const QUERIES: u64 = 20;
const TIMES: usize = 100;
/// Vectors that the answers of the index are compared with the exact ones for.
const COMPARED: u64 = 50;
/// All of the index of 100,000 rows, as `doctor` asks for where an index is larger than the default.
const BUFFERS: &str = "ALTER SYSTEM SET shared_buffers = '2GB'";

/// `name`: a table of so many rows with its index.
pub fn measure(site: &Site, name: &str, rows: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    site.psql(&[BUFFERS]);
    site.product(&["stop"]);
    site.product(&["start"]);
    let pool = runtime.block_on(connect(site));
    let settings = vector_table(name);
    let store = runtime
        .block_on(VectorStore::open(pool.clone(), &settings, Sharing::Session))
        .unwrap();
    let all = Rows::new(DIMENSIONS);
    // Rows that the table has not.
    let query = |number: u64| all.vector(rows + 1 + number);

    let recall = runtime.block_on(recall(&store, query));
    let statement = runtime.block_on(statement(&pool));
    let script = site.directory.join("search.sql");
    std::fs::write(&script, statement.replace("$1", ":vector")).unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..QUERIES {
        let vector = query(number);
        ours.extend(runtime.block_on(searches(&store, &vector)));
        theirs.extend(pgbench(site, &script.display().to_string(), &vector));
    }
    runtime.block_on(pool.close());

    let p95 = |figures: &[f64]| table::quantile(figures, 0.95);
    let p50 = |figures: &[f64]| table::quantile(figures, 0.5);
    table::row(
        &format!("search of 10 in {rows} rows"),
        &ours,
        table::MILLISECONDS,
        "2 ms",
    );
    table::row(
        "the same by pgbench -M prepared",
        &theirs,
        table::MILLISECONDS,
        "",
    );
    table::single("search, 95th percentile", p95(&ours), table::MILLISECONDS, "");
    table::single("the same by pgbench", p95(&theirs), table::MILLISECONDS, "");
    table::single(
        "search / pgbench",
        p50(&ours) / p50(&theirs),
        table::RATIO,
        "1.1 x",
    );
    table::single("recall of 10", recall, table::SHARE, "at least 0.95");
}

async fn connect(site: &Site) -> PgPool {
    let endpoint = Endpoint::Socket {
        directory: site.socket(),
        port: site.port,
    };
    let login = Login::Administrator {
        role: "postgres".into(),
    };
    pool(&endpoint, &login, "vectors", None, 1).await.unwrap()
}

fn vector_table(name: &str) -> VectorTable {
    let identifier = |name: &str| Identifier::new(name).unwrap();
    VectorTable {
        schema: identifier("vectors"),
        table: identifier(name),
        key: identifier("id"),
        column: identifier("embedding"),
        dimensions: Dimensions::new(DIMENSIONS as u16).unwrap(),
        metric: Metric::Cosine,
        index: Index::DEFAULT_HNSW,
        extension_schema: identifier("public"),
    }
}

/// The share of the nearest rows that the index finds. Leaves its pages in memory.
async fn recall(store: &VectorStore, query: impl Fn(u64) -> Vec<f32>) -> f64 {
    let exact = Selection {
        is_exact: true,
        ..Selection::default()
    };
    let ids = |hits: &Hits| -> Vec<String> { hits.rows.iter().map(|hit| hit.row.id.clone()).collect() };
    let (mut found, mut wanted) = (0, 0);
    for number in 0..COMPARED {
        let vector = query(number);
        let hits = store.search(&vector, &Selection::default()).await.unwrap();
        assert!(!hits.is_exact, "the index answers");
        let by_index = ids(&hits);
        let nearest = ids(&store.search(&vector, &exact).await.unwrap());
        wanted += nearest.len();
        found += nearest.iter().filter(|id| by_index.contains(id)).count();
    }
    f64::from(u32::try_from(found).unwrap()) / wanted as f64
}

/// What the store has prepared for a search by the index, in the one session that there is.
async fn statement(pool: &PgPool) -> String {
    let prepared = "SELECT statement FROM pg_catalog.pg_prepared_statements
                    WHERE statement LIKE '%set_config%' AND statement LIKE '%ORDER BY%'";
    sqlx::query_scalar(prepared).fetch_one(pool).await.unwrap()
}

/// Seconds of each. The first does not count.
async fn searches(store: &VectorStore, vector: &[f32]) -> Vec<f64> {
    let selection = Selection::default();
    let mut seconds = Vec::new();
    for _ in 0..=TIMES {
        let started = Instant::now();
        let hits = store.search(vector, &selection).await.unwrap();
        seconds.push(started.elapsed().as_secs_f64());
        assert_eq!(hits.rows.len(), 10);
    }
    seconds.split_off(1)
}

/// The same from pgbench's log: the time from the end of one to the end of the next, because the latency that it notes is 0 where
/// the answer is there before it waits for it. The vector goes as text, which takes the server longer to read than the store's binary.
fn pgbench(site: &Site, script: &str, vector: &[f32]) -> Vec<f64> {
    let prefix = site.directory.join("pgbench").display().to_string();
    let components: Vec<String> = vector.iter().map(f32::to_string).collect();
    let definition = format!("vector=[{}]", components.join(","));
    let transactions = (TIMES + 1).to_string();
    let mut argv = site.client("pgbench");
    let options = [
        "-n",
        "-M",
        "prepared",
        "-t",
        &transactions,
        "-f",
        script,
        "-D",
        &definition,
        "--log",
        "--log-prefix",
        &prefix,
    ];
    argv.extend(options.map(String::from));
    site.user.ask(argv);
    let log = std::fs::read_dir(&site.directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.display().to_string().starts_with(&format!("{prefix}.")))
        .expect("pgbench has written its log");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(log).unwrap();
    let ends: Vec<f64> = text.lines().filter_map(end).collect();
    ends.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Seconds since 1970 at the end of a transaction: `client number latency script seconds microseconds`.
fn end(line: &str) -> Option<f64> {
    let mut columns = line.split(' ').skip(4);
    let mut number = || columns.next()?.parse::<f64>().ok();
    Some(number()? + number()? / 1e6)
}
