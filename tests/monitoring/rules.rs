//! promtool on the alert rules: they are sound, and each fires when it should and not otherwise.

use std::path::Path;
use std::process::Command;

use crate::programs::{program, render, said};

const CASES: [(&str, &str); 2] = [
    (
        "rules.test.yaml",
        include_str!("../fixtures/monitoring/rules.test.yaml"),
    ),
    (
        "week.test.yaml",
        include_str!("../fixtures/monitoring/week.test.yaml"),
    ),
];
pub const RULES: &str = "pgvector-setup.rules.yaml";

#[test]
fn every_rule_is_sound() {
    let Some(promtool) = program("promtool") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    render(place.path(), &["monitoring"]);
    let mut check = Command::new(&promtool);
    check.args(["check", "rules", "--lint=all", "--lint-fatal"]);
    let (is_sound, text) = said(check.arg(place.path().join(RULES)));
    assert!(is_sound && text.contains("SUCCESS: 10 rules found"), "{text}");
}

#[test]
fn every_alert_fires_when_it_should_and_not_otherwise() {
    let Some(promtool) = program("promtool") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    render(place.path(), &["monitoring"]);
    let (is_done, text) = tested(&promtool, place.path());
    assert!(is_done, "{text}");

    let rules = std::fs::read_to_string(place.path().join(RULES)).unwrap();
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        let fires = asked(alert);
        assert!(
            fires.contains(&true) && fires.contains(&false),
            "{alert}: {fires:?}"
        );
    }
}

/// For each time that the cases ask for an alert, whether it is to fire.
fn asked(alert: &str) -> Vec<bool> {
    let texts = CASES
        .iter()
        .flat_map(|(_, text)| text.split("alertname: ").skip(1));
    let answers = texts.filter_map(|rest| rest.strip_prefix(alert)?.strip_prefix('\n'));
    answers
        .map(|answer| !answer.trim_start().starts_with("exp_alerts: []"))
        .collect()
}

#[test]
fn other_thresholds_move_the_alerts() {
    let Some(promtool) = program("promtool") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    render(place.path(), &["monitoring", "--coverage=30", "--every=60"]);
    let (is_done, text) = tested(&promtool, place.path());
    assert!(!is_done, "the cases are for the usual thresholds");
    for alert in ["PgvectorCoverageLow", "PgvectorMetricsStale"] {
        assert!(text.contains(&format!("alertname: {alert}")), "{text}");
    }
    assert!(!text.contains("alertname: PgvectorRecallLow"), "{text}");
}

fn tested(promtool: &Path, place: &Path) -> (bool, String) {
    let mut test = Command::new(promtool);
    test.args(["test", "rules"]).current_dir(place);
    for (name, text) in CASES {
        std::fs::write(place.join(name), text).unwrap();
        test.arg(name);
    }
    said(&mut test)
}
