//! `systemd-analyze` on the rendered units, for every target.

use std::process::Command;

use crate::programs::{program, render, said};

const TARGETS: [(&str, &[&str]); 4] = [
    ("embedded", &[]),
    ("system", &["--recall", "--every=1440"]),
    ("docker", &["--publish=0.0.0.0"]),
    ("url", &["--url=postgresql://app@db.example/app"]),
];

/// Highest exposures, in tenths.
const THRESHOLDS: [(&str, &str); 2] = [
    ("pgvector-setup.service", "38"),
    ("pgvector-setup-doctor.service", "20"),
];

fn for_each_target(judge: impl Fn(&str, &std::path::Path)) {
    if program("systemd-analyze").is_none() {
        return;
    }
    for (target, options) in TARGETS {
        let place = tempfile::tempdir().unwrap();
        let (target_option, binary) = (
            format!("--target={target}"),
            format!("--binary={}", env!("CARGO_BIN_EXE_pgvector-setup")),
        );
        let words: Vec<&str> = ["systemd", &target_option, &binary]
            .iter()
            .chain(options)
            .copied()
            .collect();
        render(place.path(), &words);
        judge(target, place.path());
    }
}

#[test]
fn systemd_understands_every_line() {
    for_each_target(|target, place| {
        let mut verify = Command::new("systemd-analyze");
        verify.current_dir(place).args([
            "verify",
            "./pgvector-setup.service",
            "./pgvector-setup-doctor.service",
            "./pgvector-setup-doctor.timer",
        ]);
        assert_eq!(said(&mut verify), (true, String::new()), "{target}");
    });
}

#[test]
fn nothing_is_exposed_beyond_what_the_work_takes() {
    for_each_target(|target, place| {
        for (unit, threshold) in THRESHOLDS {
            let exposure = |threshold: &str| {
                let mut security = Command::new("systemd-analyze");
                security.args([
                    "security",
                    "--no-pager",
                    "--offline=yes",
                    "--threshold",
                    threshold,
                ]);
                said(security.arg(place.join(unit)))
            };
            let (is_below, text) = exposure(threshold);
            assert!(is_below, "{target} {unit}\n{text}");
            assert!(
                !exposure("10").0,
                "a threshold that no unit can miss proves nothing"
            );
        }
    });
}
