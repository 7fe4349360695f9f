//! Several runs at once.

use std::process::Output;
use std::time::{Duration, Instant};

use super::SITES;
use crate::place::Place;

const BUSY: Option<i32> = Some(6);
/// It waits for 5 s, and looks at the server before: on a machine that has other work, that takes its time, too.
const LONGEST: Duration = Duration::from_secs(20);

/// The words of each, all started together; how each ended and how long it took.
fn at_once(place: &Place, commands: &[Vec<&str>]) -> Vec<(Output, Duration)> {
    std::thread::scope(|scope| {
        let running: Vec<_> = commands
            .iter()
            .map(|words| {
                scope.spawn(|| {
                    let started = Instant::now();
                    (place.command(words).output().unwrap(), started.elapsed())
                })
            })
            .collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn deploy(domain: &str) -> Vec<&str> {
    vec![
        "site",
        "deploy",
        "--domain",
        domain,
        "--email",
        "admin@example.com",
        "--yes",
    ]
}

#[test]
fn of_two_deploys_of_one_site_the_second_waits_or_is_told_who_is_at_work() {
    let ends = at_once(&SITES, &[deploy("both.example.com"), deploy("both.example.com")]);
    for (output, took) in &ends {
        match output.status.code() {
            Some(0) => {}
            BUSY => {
                let said = said(output);
                assert!(
                    said.contains("process ") && said.contains("site deploy"),
                    "{said}"
                );
                assert!(*took < LONGEST, "{took:?}");
            }
            other => panic!("{other:?}: {}", said(output)),
        }
    }
    assert!(ends.iter().any(|(output, _)| output.status.success()));
    SITES.succeeds(&["site", "status", "--domain", "both.example.com"]);
}

#[test]
fn a_deploy_of_a_site_that_another_holds_is_refused_within_seconds_with_the_holder() {
    let domain = "held.example.com";
    SITES.deploy(domain);
    let lock = std::fs::OpenOptions::new()
        .append(true)
        .open(SITES.data().join("sites").join(domain).join("lock"))
        .unwrap();
    lock.lock().unwrap();
    std::io::Write::write_all(&mut &lock, b"process 4242 (site deploy)\n").unwrap();
    let started = Instant::now();
    let told = SITES.run(&["site", "rotate-password", "--domain", domain, "--yes"]);
    let took = started.elapsed();
    assert_eq!(told.exit, 6, "{told}");
    assert!(told.stderr.contains("process 4242 (site deploy)"), "{told}");
    assert!((Duration::from_secs(4)..LONGEST).contains(&took), "{took:?}");
    drop(lock);
    SITES.succeeds(&["site", "rotate-password", "--domain", domain, "--yes"]);
}

#[test]
fn deploys_of_different_sites_at_once_all_end_well() {
    let domains = [
        "north.example.com",
        "east.example.com",
        "south.example.com",
        "west.example.com",
    ];
    for (output, _) in at_once(&SITES, &domains.map(deploy)) {
        assert!(output.status.success(), "{}", said(&output));
    }
    for domain in domains {
        SITES.succeeds(&["site", "status", "--domain", domain]);
    }
}

#[test]
fn eight_that_apply_on_nothing_at_once_come_to_one_end() {
    let place = Place::for_sites();
    let sites: String = (1..=3)
        .map(|number| format!("\n[[sites]]\ndomain = \"s{number}.example.com\"\nemail = \"a@example.com\"\n"))
        .collect();
    place.declare(&sites);
    let ends = at_once(&place, &vec![vec!["apply", "--yes"]; 8]);
    for (output, _) in &ends {
        let said = said(output);
        assert!(matches!(output.status.code(), Some(0) | BUSY), "{said}");
        assert!(output.status.success() || said.contains("process "), "{said}");
    }
    assert!(ends.iter().any(|(output, _)| output.status.success()));
    let told = place.run(&["apply", "--yes"]);
    assert_eq!(told.exit, 0, "{told}");
    assert!(told.stdout.contains("3 sites: 0 changed, 0 failed"), "{told}");
}
