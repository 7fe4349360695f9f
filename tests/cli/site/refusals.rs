//! Wrong input: each row ends in one error with its code and a hint, the right exit status, and nothing changed.

use super::SITES;
use crate::place::Place;
use crate::transcript::{Transcript, assert_transcript};

type Row = (&'static [&'static str], &'static str, i32, &'static str);

/// What follows `site`, the error's code, the exit status, and the hint.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    (&["deploy", "--domain", "localhost", "--email", "a@example.com"], "E0120", 2, "--domain gp.example.com"),
    (&["deploy", "--domain", "../x.example", "--email", "a@example.com"], "E0120", 2, "--domain gp.example.com"),
    (&["deploy", "--domain", "bücher.example", "--email", "a@example.com"], "E0120", 2, "--domain gp.example.com"),
    (&["status", "--domain", "a b.example"], "E0120", 2, "--domain gp.example.com"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "nobody"], "E0121", 2, "--email admin@example.com"),
    (&["deploy", "--domain", "wrong.example.com"], "E0121", 2,
        "pgvector-setup site deploy --domain wrong.example.com --email admin@example.com"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--service", "../x"], "E0122", 2,
        "--service gp.example.com.service"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--name", "postgres"], "E0101", 2,
        "choose a name of 1 to 63 bytes without NUL or line break"),
    (&["deploy", "--domain", "first-alternate.example.com", "--email", "a@example.com"], "E0101", 2,
        "choose a name of 1 to 63 bytes without NUL or line break"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--health-url", "ftp://127.0.0.1/"], "E0226", 2,
        "http://localhost:8000, or https://HOST/PATH"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--database", "other"], "E0104", 2,
        "leave out --database"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--role", "other"], "E0104", 2,
        "leave out --role"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--target", "docker"], "E0104", 2,
        "leave out --target docker"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--target", "url"], "E0104", 2,
        "leave out --target url"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--url", "postgresql://a@127.0.0.1/b"], "E0104", 2,
        "leave out --url"),
    (&["deploy", "--email", "a@example.com"], "E0100", 2, "pgvector-setup --help"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com"], "E0107", 3, "add --yes"),
    (&["deploy", "--domain", "first.example.org", "--email", "a@example.com", "--yes"], "E0404", 3,
        "pgvector-setup site deploy --domain first.example.org --name OTHER"),
    (&["deploy", "--domain", "wrong.example.com", "--email", "a@example.com", "--yes", "--name", "first"], "E0404", 3,
        "pgvector-setup site deploy --domain wrong.example.com --name OTHER"),
    (&["deploy", "--domain", "first.example.com", "--name", "other", "--yes"], "E0403", 3,
        "pgvector-setup site remove --domain first.example.com, then deploy it under the other name"),
    (&["deploy", "--domain", "first.example.com", "--dimensions", "4", "--yes"], "E0702", 3,
        "give the settings of before, or take it back first: pgvector-setup --database first --role first_migrator --schema first migrate down --to 2"),
    (&["status", "--domain", "unknown.example.com"], "E0404", 3, "pgvector-setup site list"),
    (&["history", "--domain", "unknown.example.com"], "E0404", 3, "pgvector-setup site list"),
    (&["rotate-password", "--domain", "unknown.example.com", "--yes"], "E0404", 3, "pgvector-setup site list"),
    (&["upgrade", "--domain", "unknown.example.com", "--yes"], "E0404", 3, "pgvector-setup site list"),
    (&["remove", "--domain", "unknown.example.com", "--yes"], "E0404", 3, "pgvector-setup site list"),
    (&["rotate-password", "--domain", "first.example.com"], "E0107", 3, "add --yes"),
    (&["remove", "--domain", "first.example.com"], "E0107", 3, "add --yes"),
    (&["remove", "--domain", "first.example.com", "--yes", "--destroy-data", "other"], "E0108", 3, "type the name exactly: first"),
];

#[test]
fn what_cannot_be_meant_is_refused_with_a_hint_before_anything_changes() {
    let site = || SITES.data().join("sites/wrong.example.com");
    let receipt = || std::fs::read(SITES.data().join("sites/first.example.com/receipt.jsonl")).unwrap();
    let before = receipt();
    let mut seen = Vec::new();
    for (words, code, exit, hint) in ROWS {
        let told = SITES.run(&[&["site"], *words].concat());
        let found = of(&told);
        if found != (code.to_string(), *exit, hint.to_string()) {
            seen.push(told.to_string());
        }
    }
    assert!(seen.is_empty(), "{}", seen.join("\n"));
    assert!(!site().exists());
    assert_eq!(receipt(), before);
}

fn of(told: &Transcript) -> (String, i32, String) {
    let between = |from: &str, to: &str| {
        let (_, rest) = told.stderr.split_once(from)?;
        Some(rest.split_once(to)?.0.to_owned())
    };
    let hint = between("hint: ", "\n").unwrap_or_default();
    (between("error[", "]").unwrap_or_default(), told.exit, hint)
}

#[test]
fn a_hint_names_the_server_that_flags_have_named() {
    let (data, sites) = (SITES.data(), SITES.site_directory());
    let flags = [
        "--target",
        "embedded",
        "--directory",
        data.to_str().unwrap(),
        "--site-directory",
        sites.to_str().unwrap(),
    ];
    let words = [&["site", "status", "--domain", "unknown.example.com"], &flags[..]].concat();
    // Where no settings file says the same.
    let mut command = SITES.command(&words);
    command
        .current_dir(SITES.root())
        .env_remove("PGVECTOR_SETUP_DIRECTORY");
    let told = Transcript::of(&mut command, &words);
    let hint = format!(
        "pgvector-setup --target embedded --directory {} --site-directory {} site list",
        data.display(),
        sites.display()
    );
    assert_eq!(of(&told), ("E0404".into(), 3, hint));
}

#[test]
fn a_second_site_with_the_same_first_label_needs_a_name_of_its_own() {
    SITES.deploy("shop.example.com");
    let words = [
        "site",
        "deploy",
        "--domain",
        "shop.example.org",
        "--email",
        "admin@example.com",
        "--yes",
    ];
    assert_transcript!(SITES.run(&words), @"
    $ pgvector-setup site deploy --domain shop.example.org --email admin@example.com --yes
    | error[E0404]: the database shop is that of the site shop.example.com
    | hint: pgvector-setup site deploy --domain shop.example.org --name OTHER
    exit 3
    ");
    SITES.succeeds(&[&words[..], &["--quiet", "--name", "second-shop"]].concat());
    assert_eq!(
        SITES.json(&["site", "status", "--domain", "shop.example.org"])["database"],
        "second-shop"
    );
    SITES.succeeds(&["site", "status", "--domain", "shop.example.com"]);
}

#[test]
fn somebodys_database_and_role_are_not_taken_for_a_sites() {
    SITES.sql("postgres", "CREATE DATABASE theirs");
    SITES.sql("postgres", "CREATE ROLE alone LOGIN");
    for (domain, what) in [("theirs.example.com", "database"), ("alone.example.com", "role")] {
        let words = [
            "site",
            "deploy",
            "--domain",
            domain,
            "--email",
            "admin@example.com",
            "--yes",
        ];
        let told = SITES.run(&words);
        assert_eq!(
            (told.exit, of(&told).0.as_str()),
            (3, "E0404"),
            "the {what}: {told}"
        );
    }
}

#[test]
fn a_first_deploy_without_consent_shows_the_whole_plan_with_the_port_that_will_be() {
    let place = Place::for_sites();
    let words = [
        "site",
        "deploy",
        "--domain",
        "gp.example.com",
        "--email",
        "admin@example.com",
    ];
    let shown = place.run(&words).stderr;
    let between = |from: &str| shown.split_once(from).unwrap().1.split_once('\n').unwrap().0;
    assert_eq!(between("+ port = "), between("+ PGPORT="), "{shown}");
}
