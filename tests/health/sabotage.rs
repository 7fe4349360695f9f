//! Breaking one thing in a healthy database, and what must be said about it.

use pgvector_setup::health::{DoctorOptions, Finding, HealthReport, Severity, doctor, report};
use pgvector_setup::settings::VectorTable;

use crate::site::{articles, connect_to, each, heal};

/// One thing that is broken, and what must be said about it.
pub struct Sabotage {
    /// SQL that breaks it, after the healthy state was made.
    pub sql: &'static str,
    /// SQL of the session in which `doctor` runs.
    pub session: &'static str,
    /// What was asked for, where that is not the default.
    table: fn(VectorTable) -> VectorTable,
    id: &'static str,
    severity: Severity,
    fact: &'static str,
}

pub const fn broken(sql: &'static str, id: &'static str, severity: Severity, fact: &'static str) -> Sabotage {
    Sabotage {
        sql,
        session: "",
        table: |table| table,
        id,
        severity,
        fact,
    }
}

impl Sabotage {
    pub const fn in_session(mut self, session: &'static str) -> Self {
        self.session = session;
        self
    }

    pub const fn asking_for(mut self, table: fn(VectorTable) -> VectorTable) -> Self {
        self.table = table;
        self
    }
}

/// Makes the healthy state, breaks it, and looks.
pub async fn examine(database: &str, case: &Sabotage, options: &DoctorOptions) -> HealthReport {
    heal(database, case.sql).await;
    look(database, case, options).await
}

/// Looks from a session of its own.
pub async fn look(database: &str, case: &Sabotage, options: &DoctorOptions) -> HealthReport {
    let mut connection = connect_to(database).await;
    each(&mut connection, case.session).await;
    doctor(&mut connection, &(case.table)(articles()), options)
        .await
        .unwrap()
}

pub fn expect(report: &HealthReport, case: &Sabotage) {
    let (id, severity, fact) = (case.id, case.severity.word(), case.fact);
    assert!(
        find(report, case).is_some(),
        "{id} {severity} {fact:?} after {:?} {:?}:\n{}",
        case.sql,
        case.session,
        report::doctor(report)
    );
    if case.severity.is_unhealthy() {
        assert!(!report.healthy, "{report:#?}");
    }
}

/// Runs the suggested SQL as it stands; afterwards the finding is gone.
pub async fn type_the_fix(database: &str, report: &HealthReport, case: &Sabotage) {
    let finding = find(report, case).unwrap();
    // Counters of past updates stay; a command of this program is not SQL.
    let Some(sql) = finding
        .fix
        .as_ref()
        .filter(|fix| fix.ends_with(';') && !finding.fact.contains("most updates"))
    else {
        return;
    };
    let mut connection = connect_to(database).await;
    each(&mut connection, sql).await;
    each(&mut connection, "SELECT pg_stat_force_next_flush(); SELECT 1").await;
    let after = look(database, case, &DoctorOptions::default()).await;
    assert!(
        find(&after, case).is_none(),
        "after {sql}\n{}",
        report::doctor(&after)
    );
}

pub fn find<'a>(report: &'a HealthReport, case: &Sabotage) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| {
        (finding.id, finding.severity) == (case.id, case.severity) && finding.fact.contains(case.fact)
    })
}
