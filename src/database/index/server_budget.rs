//! What one build may take of a server whose machine is not this one, or is a container with limits of its own.

use sqlx::PgConnection;

use super::Budget;
use crate::database::DatabaseError;

/// Asks the server. Its machine's memory it does not tell, but whoever set `maintenance_work_mem` knew it; the default of
/// 64 MB was set by nobody, and [`Budget::default`] goes before it. In a container more than that setting need not fit
/// into /dev/shm, from where a parallel build takes all of its memory.
///
/// # Errors
/// [`DatabaseError`] when the settings cannot be read.
pub async fn server_budget(connection: &mut PgConnection) -> Result<Budget, DatabaseError> {
    // The session's own value is not what the server was given.
    let chosen: Vec<(String, i64)> = sqlx::query_as(
        "SELECT name, reset_val::bigint FROM pg_catalog.pg_settings
         WHERE name IN ('maintenance_work_mem', 'max_parallel_maintenance_workers')
           AND source <> 'default'",
    )
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::statement("read what a build may take"))?;
    Ok(within(Budget::default(), &chosen))
}

fn within(budget: Budget, chosen: &[(String, i64)]) -> Budget {
    let find = |wanted: &str| chosen.iter().find(|(name, _)| name == wanted);
    let memory = find("maintenance_work_mem").and_then(|(_, kilobytes)| u64::try_from(*kilobytes).ok());
    let workers = find("max_parallel_maintenance_workers").and_then(|(_, count)| u16::try_from(*count).ok());
    Budget {
        memory: memory.map_or(budget.memory, |kilobytes| kilobytes * 1024),
        // A build takes half of the processors for its workers.
        processors: workers.map_or(budget.processors, |count| {
            budget.processors.min(count.saturating_mul(2))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::index::sizing_of;
    use crate::render::memory::MemoryPlan;
    use crate::settings::{Index, Memory};

    #[test]
    fn a_build_in_a_rendered_container_fits_into_its_shared_memory_whatever_the_size_of_the_machine() {
        let machine = Budget {
            memory: 64 << 30,
            processors: 64,
        };
        for memory in ["256m", "512m", "2g", "64g"] {
            let plan = MemoryPlan::of(memory.parse::<Memory>().unwrap(), true);
            let chosen = [
                (
                    "maintenance_work_mem".to_owned(),
                    i64::from(plan.maintenance_work_mem) * 1024,
                ),
                (
                    "max_parallel_maintenance_workers".to_owned(),
                    i64::from(plan.max_parallel_maintenance_workers),
                ),
            ];
            let budget = within(machine, &chosen);
            let build = sizing_of(Index::DEFAULT_HNSW, 6_152, 100_000_000, "0.8.7", budget);
            assert!(
                build.memory_kilobytes < u64::from(plan.shm_size) * 1024,
                "{memory}: {build:?}"
            );
            assert!(
                build.workers > 0 && u32::from(build.workers) <= plan.max_parallel_maintenance_workers,
                "{memory}: {build:?}"
            );
        }
    }

    #[test]
    fn what_nobody_chose_leaves_the_default() {
        assert_eq!(within(Budget::default(), &[]), Budget::default());
    }
}
