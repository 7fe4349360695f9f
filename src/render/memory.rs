//! How the memory of a server's container is shared out. Pure.

use crate::settings::Memory;

/// Docker's own size of /dev/shm: what queries with parallel workers have been living with.
const SHARED_FOR_QUERIES: u32 = 64;
/// The server's default; an index build never asks for less (`database::index::sizing`).
const LEAST_MAINTENANCE: u32 = 64;
/// The server starts a parallel worker for each 32 MB of `maintenance_work_mem` (`plan_create_index_workers`).
const MEMORY_PER_WORKER: u32 = 32;
const MOST_WORKERS: u32 = 4;
/// `maintenance_work_mem` is kept in kilobytes as a signed 32-bit number.
const MOST_MAINTENANCE: u32 = 2_097_151;

/// Settings of the server and of its container, in mebibytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct MemoryPlan {
    /// Of the whole container; beyond it the kernel ends processes.
    pub limit: u32,
    pub shared_buffers: u32,
    pub maintenance_work_mem: u32,
    /// Each of three workers of autovacuum may take this, and would take `maintenance_work_mem` if nothing was said.
    pub autovacuum_work_mem: u32,
    pub effective_cache_size: u32,
    /// Size of /dev/shm. A parallel HNSW build takes all of `maintenance_work_mem` from there at once, and fails with
    /// 53100 where it does not fit (pgvector README, "Index Build Time").
    pub shm_size: u32,
    pub max_parallel_maintenance_workers: u32,
}

impl MemoryPlan {
    /// A quarter for the buffers, a quarter for one index build, the rest for sessions and the kernel's cache.
    /// `parallel_build_is_safe` is false for a pgvector with CVE-2026-3172: then indexes are built without workers.
    pub fn of(memory: Memory, parallel_build_is_safe: bool) -> Self {
        let limit = memory.mebibytes();
        let maintenance_work_mem = (limit / 4).clamp(LEAST_MAINTENANCE, MOST_MAINTENANCE);
        let workers = (maintenance_work_mem / MEMORY_PER_WORKER - 1).min(MOST_WORKERS);
        Self {
            limit,
            shared_buffers: limit / 4,
            maintenance_work_mem,
            autovacuum_work_mem: (limit / 32).clamp(16, 256),
            effective_cache_size: limit / 2,
            shm_size: maintenance_work_mem + SHARED_FOR_QUERIES,
            max_parallel_maintenance_workers: if parallel_build_is_safe { workers } else { 0 },
        }
    }

    /// The settings as the server takes them: `NAME=VALUE`.
    pub fn server_settings(&self) -> Vec<String> {
        vec![
            format!("shared_buffers={}MB", self.shared_buffers),
            format!("effective_cache_size={}MB", self.effective_cache_size),
            format!("maintenance_work_mem={}MB", self.maintenance_work_mem),
            format!("autovacuum_work_mem={}MB", self.autovacuum_work_mem),
            format!(
                "max_parallel_maintenance_workers={}",
                self.max_parallel_maintenance_workers
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_leaves_room_for_one_build_beside_the_buffers() {
        let cases = [
            ("256m", (64, 64, 128, 1)),
            ("512m", (128, 128, 192, 3)),
            ("2g", (512, 512, 576, 4)),
            ("64g", (16_384, 16_384, 16_448, 4)),
            ("16384g", (4_194_304, 2_097_151, 2_097_215, 4)),
        ];
        for (memory, expected) in cases {
            let plan = MemoryPlan::of(memory.parse().unwrap(), true);
            let found = (
                plan.shared_buffers,
                plan.maintenance_work_mem,
                plan.shm_size,
                plan.max_parallel_maintenance_workers,
            );
            assert_eq!(found, expected, "{memory}");
            assert!(plan.shm_size > plan.maintenance_work_mem, "{memory}");
            let taken = plan.shared_buffers + plan.maintenance_work_mem + 3 * plan.autovacuum_work_mem;
            assert!(taken < plan.limit, "{memory}: {plan:?}");
        }
    }

    #[test]
    fn an_affected_pgvector_builds_without_workers() {
        let plan = MemoryPlan::of(Memory::default(), false);
        assert!(
            plan.server_settings()
                .contains(&"max_parallel_maintenance_workers=0".to_owned())
        );
    }
}
