//! A signal while a site is deployed.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::SITES;

#[test]
fn a_signal_stops_between_steps_and_the_way_on_is_one_for_sites() {
    let domain = "stopped.example.com";
    let deploy = [
        "site",
        "deploy",
        "--domain",
        domain,
        "--email",
        "admin@example.com",
        "--yes",
    ];
    let mut child = SITES.command(&deploy).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first = lines.by_ref().find(|line| line.starts_with('['));
    assert!(first.is_some(), "a step begins");
    pgvector_setup::host::terminate(child.id());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{rest:?}");
    let error = rest
        .iter()
        .position(|line| line.starts_with("error[E0506]"))
        .unwrap();
    assert_eq!(
        rest[error..],
        [
            "error[E0506]: stopped by a signal; what was done is recorded",
            "hint: run the same command again to go on, or see how far it is: pgvector-setup site status --domain \
             stopped.example.com",
        ]
    );
    SITES.deploy(domain);
    SITES.succeeds(&["site", "status", "--domain", domain]);
}
