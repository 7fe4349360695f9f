//! S18: package repositories whose signatures nobody checks.

use super::{Finding, HealthReport, Severity};
use crate::facts::apt::Unchecked;

impl HealthReport {
    /// Adds what of the machine's package repositories is not checked.
    pub fn add_unchecked_sources(&mut self, unchecked: &[Unchecked]) {
        self.findings.extend(findings(unchecked));
        self.findings.sort_by_key(|finding| finding.severity);
    }
}

/// Not unhealthy by itself: the database is what it was, and the next package could be anybody's.
fn findings(unchecked: &[Unchecked]) -> Vec<Finding> {
    let finding = |found: &Unchecked| {
        let evidence = "apt installs what it sends, whoever sent it";
        Finding::new("S18", Severity::Medium, found.fact.clone(), evidence).fix(found.repair.clone())
    };
    unchecked.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_without_checks_is_a_finding_with_its_repair() {
        let unchecked = Unchecked {
            fact: "x.list takes packages without a valid signature (trusted=yes)".to_owned(),
            repair: "sudo sed".to_owned(),
        };
        let mut report = HealthReport::unavailable("no server");
        report.add_unchecked_sources(&[unchecked]);
        let finding = report.findings.last().unwrap();
        assert_eq!((finding.id, finding.severity), ("S18", Severity::Medium));
        assert_eq!(finding.fix.as_deref(), Some("sudo sed"));
    }
}
