//! S1 the server, S10 its collation.

use super::{Case, quoted};
use crate::health::{Finding, Severity};

/// The oldest major that still gets fixes from the PostgreSQL project.
const OLDEST_SUPPORTED: u32 = 140_000;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    vec![server(case), collation(case)]
}

fn server(case: &Case<'_>) -> Finding {
    let server = &case.seen.catalog.server;
    let evidence = format!(
        "PostgreSQL {}, database {}, role {}",
        server.version, server.database, server.role
    );
    if server.in_recovery {
        return Finding::new(
            "S1",
            Severity::Low,
            "the server is a standby and takes no writes",
            evidence,
        );
    }
    if server.read_only {
        return Finding::new(
            "S1",
            Severity::Critical,
            "new transactions are read-only",
            evidence,
        )
        .fix(format!(
            "ALTER DATABASE {} SET default_transaction_read_only = off;",
            quoted(&server.database)
        ));
    }
    if server.version_number < OLDEST_SUPPORTED {
        return Finding::new(
            "S1",
            Severity::Medium,
            "this PostgreSQL gets no more fixes",
            evidence,
        )
        .fix(case.command("plan"));
    }
    Finding::new("S1", Severity::Ok, "the server takes writes", evidence)
}

fn collation(case: &Case<'_>) -> Finding {
    let server = &case.seen.catalog.server;
    let (Some(recorded), Some(actual)) = (&server.collation_recorded, &server.collation_actual) else {
        return Finding::new(
            "S10",
            Severity::Ok,
            "the collation has no versions",
            "C and POSIX sort by bytes",
        );
    };
    let evidence = format!("recorded {recorded}, provided {actual}");
    if recorded != actual {
        let database = quoted(&server.database);
        return Finding::new(
            "S10",
            Severity::Medium,
            "the system's collation is another version than the text indexes were built with",
            evidence,
        )
        .fix(format!(
            "REINDEX DATABASE {database}; ALTER DATABASE {database} REFRESH COLLATION VERSION;"
        ));
    }
    Finding::new(
        "S10",
        Severity::Ok,
        "the collation is the one the text indexes were built with",
        evidence,
    )
}
