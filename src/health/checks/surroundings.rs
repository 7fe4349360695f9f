//! S9 who would keep an index build waiting, S11 stored settings of pgvector, S19 what the WAL of a build would meet.

use super::{Case, quoted};
use crate::health::doctor::catalog::{StoredSetting, Surroundings};
use crate::health::{Finding, Severity};

/// The settings of pgvector 0.8; others that begin like these are dropped with a warning when the library loads.
const KNOWN: [&str; 7] = [
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "hnsw.max_scan_tuples",
    "hnsw.scan_mem_multiplier",
    "ivfflat.probes",
    "ivfflat.iterative_scan",
    "ivfflat.max_probes",
];
/// pgvector's own default; a search for 10 neighbours with less is short of candidates.
const USUAL_EF_SEARCH: u32 = 40;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let Some(surroundings) = &case.seen.catalog.surroundings else {
        return Vec::new();
    };
    let mut findings = vec![blockers(surroundings)];
    findings.extend(stored(surroundings));
    findings.push(slots(surroundings));
    findings
}

fn blockers(surroundings: &Surroundings) -> Finding {
    let Surroundings {
        old_transactions,
        prepared,
        sees_all_sessions,
        ..
    } = surroundings;
    if let Some(oldest) = old_transactions.first() {
        return Finding::new(
            "S9",
            Severity::Medium,
            format!(
                "{} transactions are open for longer than 5 s: an index build waits for their end",
                old_transactions.len()
            ),
            format!(
                "the oldest: server process {}, {} s, {}, {}",
                oldest.process, oldest.seconds, oldest.state, oldest.application
            ),
        )
        .fix(format!("SELECT pg_terminate_backend({});", oldest.process));
    }
    if let Some(name) = prepared.first() {
        return Finding::new(
            "S9",
            Severity::Medium,
            "a prepared transaction is open: an index build waits for its end",
            format!("{} in pg_prepared_xacts, {name} among them", prepared.len()),
        )
        .fix(format!(
            "ROLLBACK PREPARED {};",
            crate::database::sql::literal(name)
        ));
    }
    let evidence = if *sees_all_sessions {
        "all sessions of this database"
    } else {
        "this role's own sessions; others are seen by members of pg_read_all_stats"
    };
    Finding::new(
        "S9",
        Severity::Ok,
        "no open transaction is in a build's way",
        evidence,
    )
}

fn stored(surroundings: &Surroundings) -> Vec<Finding> {
    let findings: Vec<Finding> = surroundings.stored.iter().filter_map(judge).collect();
    if findings.is_empty() {
        let evidence = format!("{} stored", surroundings.stored.len());
        let fact = "the stored settings of pgvector are in order";
        return vec![Finding::new("S11", Severity::Ok, fact, evidence)];
    }
    findings
}

fn judge(setting: &StoredSetting) -> Option<Finding> {
    let StoredSetting { name, value, .. } = setting;
    let evidence = format!("{name} = {value}, stored for {}", place(setting));
    let found = |severity, fact: String| {
        Some(Finding::new("S11", severity, fact, evidence.clone()).fix(reset(setting)))
    };
    if !KNOWN.contains(&name.as_str()) {
        return found(
            Severity::Medium,
            format!("{name} is no setting of pgvector, so it does nothing"),
        );
    }
    match name.as_str() {
        "hnsw.ef_search" if value.parse().is_ok_and(|value: u32| value < USUAL_EF_SEARCH) => found(
            Severity::Medium,
            format!(
                "hnsw.ef_search is stored as {value}: a search gets at most so many rows, and misses near ones"
            ),
        ),
        "hnsw.iterative_scan" | "ivfflat.iterative_scan" if value == "off" => found(
            Severity::Low,
            format!("{name} is stored as off: a filtered search can return too few rows"),
        ),
        _ => None,
    }
}

fn place(setting: &StoredSetting) -> String {
    match (&setting.role, &setting.database) {
        (Some(role), Some(database)) => format!("role {role} in database {database}"),
        (Some(role), None) => format!("role {role}"),
        (None, Some(database)) => format!("database {database}"),
        (None, None) => "all roles".to_owned(),
    }
}

fn reset(setting: &StoredSetting) -> String {
    let name = &setting.name;
    match (&setting.role, &setting.database) {
        (Some(role), Some(database)) => format!(
            "ALTER ROLE {} IN DATABASE {} RESET {name};",
            quoted(role),
            quoted(database)
        ),
        (Some(role), None) => format!("ALTER ROLE {} RESET {name};", quoted(role)),
        (None, Some(database)) => format!("ALTER DATABASE {} RESET {name};", quoted(database)),
        (None, None) => format!("ALTER ROLE ALL RESET {name};"),
    }
}

fn slots(surroundings: &Surroundings) -> Finding {
    match surroundings.inactive_slots.first() {
        Some(slot) => Finding::new(
            "S19",
            Severity::Medium,
            "an unused replication slot keeps all WAL, and an index build writes as much as the index is large",
            format!(
                "{} inactive, {slot} among them; max_slot_wal_keep_size = -1",
                surroundings.inactive_slots.len()
            ),
        )
        .fix(format!(
            "SELECT pg_drop_replication_slot({});",
            crate::database::sql::literal(slot)
        )),
        None => Finding::new(
            "S19",
            Severity::Ok,
            "no unused replication slot keeps WAL without limit",
            "pg_replication_slots",
        ),
    }
}
