//! A database that `site remove` has left, and what takes it after all.

use crate::place::Place;

#[test]
fn a_database_that_was_left_is_taken_later_by_its_name_and_by_its_own_domain_alone() {
    let place = Place::new();
    let settings = place.path("pgvector-setup.toml");
    place.declare(&settings, &[]);
    let site = |words: &[&str]| {
        let output = place
            .product(&settings, &[&["site"], words].concat())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    let domain = "--domain=gp.example.com";
    let (exit, text) = site(&["deploy", "--yes", domain, "--email=admin@example.com"]);
    assert_eq!(exit, Some(0), "{text}");
    let (exit, text) = site(&["remove", "--yes", domain]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("--destroy-data gp takes it too"), "{text}");

    let (exit, text) = site(&["remove", "--yes", "--domain=gp.example.org", "--destroy-data=gp"]);
    assert_eq!(exit, Some(3), "{text}");
    let (exit, text) = site(&["remove", "--yes", domain, "--destroy-data=other"]);
    assert_eq!(exit, Some(3), "there is no such database: {text}");
    let (exit, text) = site(&["remove", "--yes", domain, "--destroy-data=gp"]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(
        text.contains("drop database \"gp\"") && text.contains("drop role \"gp_migrator\""),
        "{text}"
    );
}
