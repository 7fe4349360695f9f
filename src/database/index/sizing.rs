//! How much memory, how many workers and how many lists a build gets. Pure.

use crate::settings::{ColumnType, Index, Lists, VectorTable};

/// Fewest rows with an embedding that automatic `lists` are chosen for: below, the formula gives less than one list.
const AUTOMATIC_LISTS_FLOOR: i64 = 1_000;
const MEGABYTE: u64 = 1024 * 1024;
/// The server's default; a build never gets less.
const LEAST_MEMORY: u64 = 64 * MEGABYTE;
/// `maintenance_work_mem` is kept in kilobytes as a signed 32-bit number.
const MOST_MEMORY: u64 = i32::MAX as u64 * 1024;
/// PostgreSQL starts a parallel worker only for each 32 MB of `maintenance_work_mem` (`plan_create_index_workers`).
const MEMORY_PER_WORKER: u64 = 32 * MEGABYTE;
/// Below, starting workers costs more than it saves.
const PARALLEL_ROWS: i64 = 1_000;
/// CVE-2026-3172 (parallel HNSW build) is fixed here.
const SAFE_PARALLEL_BUILD: [u32; 3] = [0, 8, 2];

/// What one build may use of the machine that the server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Budget {
    /// Bytes.
    pub memory: u64,
    pub processors: u16,
}

impl Budget {
    /// A quarter of the memory that the machine has to give: the server and its neighbours live there too.
    pub fn of_machine(available: Option<u64>) -> Self {
        let default = Self::default();
        Self {
            memory: available.map_or(default.memory, |bytes| (bytes / 4).max(64 * MEGABYTE)),
            ..default
        }
    }

    /// What fits into a container's `/dev/shm` of this many bytes, beside what queries take there: a parallel build takes all of
    /// its memory from it at once, and fails with 53100 where it does not fit.
    pub fn of_shared_memory(bytes: u64) -> Self {
        let memory = bytes.saturating_sub(64 * MEGABYTE);
        let is_enough = memory >= LEAST_MEMORY;
        Self {
            memory: memory.max(LEAST_MEMORY),
            processors: if is_enough { Self::default().processors } else { 0 },
        }
    }
}

impl Default for Budget {
    /// 1 GiB, and the processors of this machine.
    fn default() -> Self {
        Self {
            memory: 1024 * MEGABYTE,
            processors: std::thread::available_parallelism()
                .map_or(1, |count| u16::try_from(count.get()).unwrap_or(u16::MAX)),
        }
    }
}

/// The session settings of one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Sizing {
    /// `maintenance_work_mem` in kilobytes.
    pub memory_kilobytes: u64,
    /// `max_parallel_maintenance_workers`.
    pub workers: u16,
}

/// Plans a build over `rows` rows that have an embedding.
pub fn sizing(table: &VectorTable, rows: i64, extension_version: &str, budget: Budget) -> Sizing {
    let (index, payload) = (table.effective_index(), payload_bytes(table));
    sizing_of(index, payload, rows, extension_version, budget)
}

/// Plans a build of any index; `payload` is what one row's key takes, in bytes.
pub fn sizing_of(index: Index, payload: u64, rows: i64, extension_version: &str, budget: Budget) -> Sizing {
    let count = u64::try_from(rows).unwrap_or(0);
    let memory = match index {
        // A graph that does not fit is still built, row by row, so the budget is a limit.
        Index::Hnsw { m, .. } => {
            let per_row = payload + 261 + 32 * u64::from(m);
            let whole_graph = count.saturating_mul(per_row) / 100 * 105 + 16 * MEGABYTE;
            whole_graph.min(budget.memory)
        }
        // k-means fails with 54000 where its samples do not fit, so the need is what it gets.
        Index::Ivfflat { lists } => {
            let lists = u64::from(list_count(lists, rows));
            let samples = (50 * lists).max(10_000).min(count.max(1));
            (lists * payload + samples * payload + 4 * samples * lists) / 100 * 115 + 16 * MEGABYTE
        }
        Index::None => LEAST_MEMORY,
    }
    .clamp(LEAST_MEMORY, MOST_MEMORY);
    let workers = if rows < PARALLEL_ROWS || !is_at_least(extension_version, SAFE_PARALLEL_BUILD) {
        0
    } else {
        let affordable = u16::try_from(memory / MEMORY_PER_WORKER - 1).unwrap_or(u16::MAX);
        (budget.processors / 2).min(affordable)
    };
    Sizing {
        memory_kilobytes: memory / 1024,
        workers,
    }
}

/// The number of lists: as asked, or rows/1000 up to a million rows and the square root above (pgvector README).
pub fn list_count(lists: Lists, rows: i64) -> u16 {
    match lists {
        Lists::Count(count) => count,
        Lists::Auto if rows <= 1_000_000 => u16::try_from((rows / 1000).max(1)).unwrap_or(1),
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 1..=32768 first"
        )]
        Lists::Auto => (rows as f64).sqrt().clamp(1.0, 32_768.0) as u16,
    }
}

/// Fewest rows with an embedding that an IVFFlat index may be built over; `None` for other indexes.
pub fn rows_needed(index: Index) -> Option<i64> {
    match index {
        Index::Ivfflat {
            lists: Lists::Count(lists),
        } => Some(10 * i64::from(lists)),
        Index::Ivfflat { lists: Lists::Auto } => Some(AUTOMATIC_LISTS_FLOOR),
        Index::Hnsw { .. } | Index::None => None,
    }
}

/// Compares the numbers of a version such as `0.8.2`; what is not a number counts as 0.
pub fn is_at_least(version: &str, floor: [u32; 3]) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let version: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap_or(0));
    version >= floor
}

fn payload_bytes(table: &VectorTable) -> u64 {
    let component = match table.column_type() {
        ColumnType::Vector => 4,
        ColumnType::Halfvec => 2,
    };
    8 + component * u64::from(table.dimensions.count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Dimensions, Identifier, Metric};

    fn table(dimensions: u16, index: Index) -> VectorTable {
        let name = |text: &str| Identifier::new(text).unwrap();
        VectorTable {
            schema: name("app"),
            table: name("articles"),
            key: name("uri"),
            column: name("embedding"),
            dimensions: Dimensions::new(dimensions).unwrap(),
            metric: Metric::Cosine,
            index,
            extension_schema: name("public"),
        }
    }

    #[test]
    fn a_million_openai_vectors_need_the_seven_gigabytes_that_were_measured() {
        let budget = Budget {
            memory: 64 << 30,
            processors: 16,
        };
        let sizing = sizing(&table(1536, Index::DEFAULT_HNSW), 1_000_000, "0.8.5", budget);
        assert_eq!((sizing.memory_kilobytes / 1024 / 100, sizing.workers), (69, 8));
    }

    #[test]
    fn the_budget_the_version_and_the_rows_bound_memory_and_workers() {
        let budget = Budget {
            memory: 256 << 20,
            processors: 16,
        };
        let hnsw = table(1536, Index::DEFAULT_HNSW);
        let cases = [
            (1_000_000, "0.8.5", 256, 7),
            (1_000_000, "0.8.1", 256, 0),
            (1_000_000, "0.9", 256, 7),
            (94, "0.8.5", 64, 0),
            (0, "0.8.5", 64, 0),
        ];
        for (rows, version, megabytes, workers) in cases {
            let planned = sizing(&hnsw, rows, version, budget);
            assert_eq!(
                (planned.memory_kilobytes / 1024, planned.workers),
                (megabytes, workers),
                "{rows} rows, {version}"
            );
        }
    }

    #[test]
    fn ivfflat_gets_the_memory_without_which_its_training_fails() {
        let lists = Lists::Count(100);
        let budget = Budget {
            memory: 1,
            processors: 1,
        };
        let planned = sizing(&table(1536, Index::Ivfflat { lists }), 20_000, "0.8.5", budget);
        assert!(planned.memory_kilobytes > 65 * 1024, "{planned:?}");
    }

    #[test]
    fn lists_follow_the_rows() {
        let cases = [
            (1_000, 1),
            (94_500, 94),
            (1_000_000, 1_000),
            (4_000_000, 2_000),
            (i64::MAX, 32_768),
        ];
        for (rows, lists) in cases {
            assert_eq!(list_count(Lists::Auto, rows), lists, "{rows} rows");
        }
    }
}
