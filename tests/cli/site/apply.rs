//! `apply`: every site of the settings file at once, and what becomes of the others when one fails.

use crate::place::Place;
use crate::transcript::assert_transcript;

const TWO: &str = r#"
dimensions = 3

[[sites]]
domain = "one.example.com"
email = "one@example.com"

[[sites]]
domain = "two.example.com"
email = "two@example.com"
table = "pages"
dimensions = 8
index = "none"
"#;

fn site(domain: &str, email: &str) -> String {
    format!("\n[[sites]]\ndomain = \"{domain}\"\nemail = \"{email}\"\n")
}

#[test]
fn what_is_declared_is_made_and_what_fails_stops_nothing_else() {
    let place = Place::for_sites();
    place.declare(TWO);
    let check = |exit: i32| {
        let told = place.run(&["plan", "--check"]);
        assert_eq!(told.exit, exit, "{told}");
    };
    check(8);
    let refused = place.run(&["apply"]);
    assert_eq!(refused.exit, 3, "{refused}");
    let json = place.json(&["apply", "--yes"]);
    assert_eq!(
        (&json["changed"], &json["exit"], &json["failed"]),
        (&true.into(), &0.into(), &0.into()),
        "{json:#}"
    );
    check(0);
    assert_transcript!(place.run(&["apply", "--yes"]), @"
    $ pgvector-setup apply --yes
    2 sites: 0 changed, 0 failed, 2 as before
    exit 0
    ");
    assert_eq!(place.json(&["apply"])["changed"], false);
    for (database, table, dimensions) in [("one", "one.articles", 3), ("two", "two.pages", 8)] {
        let column =
            format!("FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attname = 'embedding'");
        place.sql(
            database,
            &format!("DO $$ BEGIN ASSERT (SELECT atttypmod {column}) = {dimensions}; END $$"),
        );
    }

    // One that is not declared, and whose record nobody can read, is told and changes nothing else.
    let undeclared = place.data().join("sites/old.example.com");
    std::fs::create_dir(&undeclared).unwrap();
    std::fs::write(undeclared.join("site.json"), "{}").unwrap();
    let told = place.run(&["apply", "--yes"]);
    assert_eq!(told.exit, 0, "{told}");
    assert!(
        told.to_string()
            .contains("old.example.com is not declared, and its record"),
        "{told}"
    );
    std::fs::remove_dir_all(undeclared).unwrap();

    // A third whose database is somebody else's, and a fourth that is well.
    place.sql("postgres", "CREATE DATABASE three");
    place.declare(
        &[
            TWO,
            &site("three.example.com", "a@example.com"),
            &site("four.example.com", "a@example.com"),
        ]
        .concat(),
    );
    let told = place.run(&["apply", "--yes"]);
    assert_transcript!(told, @r#"
    $ pgvector-setup apply --yes
    4 sites: 1 changed, 1 failed, 2 as before
    | note: four.example.com: there is no service four.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/four.example.com.env
    | three.example.com: error[E0404]: there is a database three already, and it is not known to be that of three.example.com
    | three.example.com: hint: pgvector-setup site deploy --domain three.example.com --name OTHER
    | four.example.com: [1/15] note what was declared of four.example.com
    | four.example.com: [2/15] create role "four_migrator", which nobody logs in as
    | four.example.com: [3/15] create database "four"
    | four.example.com: [4/15] limit who may use database "four"
    | four.example.com: [5/15] note on database "four" whose it is
    | four.example.com: [6/15] prepare schema "four"
    | four.example.com: [7/15] make a password for four
    | four.example.com: [8/15] let "four" log in by its password
    | four.example.com: [9/15] let "four" use what the migrations make
    | four.example.com: [10/15] migration 1: extension
    | four.example.com: [11/15] migration 2: table
    | four.example.com: [12/15] migration 3: embedding column
    | four.example.com: [13/15] migration 4: embedding index
    | four.example.com: [14/15] prove it as four: 1000 vectors of 3 dimensions, index used, recall, write and delete
    | four.example.com:       measures, and leaves nothing behind
    | four.example.com: [15/15] write [DIR]/sites/four.example.com.env, for root to read
    exit 3
    "#);
    let json = place.json(&["apply", "--yes"]);
    assert_eq!(
        (&json["exit"], &json["failed"]),
        (&3.into(), &1.into()),
        "{json:#}"
    );
    let of = |domain: &str| {
        json["sites"]
            .as_array()
            .unwrap()
            .iter()
            .find(|site| site["domain"] == domain)
            .unwrap()
    };
    assert_eq!(of("three.example.com")["error"]["code"], "E0404", "{json:#}");
    assert_eq!(of("four.example.com")["changed"], false, "{json:#}");

    // What is no longer declared stays, and that is said.
    place.declare(&site("one.example.com", "other@example.com"));
    assert_transcript!(place.run(&["plan"]), @r#"
    $ pgvector-setup plan
    one.example.com:
    note: there is no service one.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/one.example.com.env
      1. note what was declared of one.example.com
      2. note on database "one" whose it is
           COMMENT ON DATABASE "one" IS 'pgvector-setup site one.example.com, contact other@example.com'
    | note: four.example.com is not declared and stays as it is: pgvector-setup site remove --domain four.example.com
    | note: two.example.com is not declared and stays as it is: pgvector-setup site remove --domain two.example.com
    exit 0
    "#);
    assert_transcript!(place.run(&["apply", "--yes"]), @r#"
    $ pgvector-setup apply --yes
    1 site: 1 changed, 0 failed, 0 as before
    | note: one.example.com: there is no service one.example.com.service: one that is to use the site needs EnvironmentFile=[DIR]/sites/one.example.com.env
    | one.example.com: [1/2] note what was declared of one.example.com
    | one.example.com: [2/2] note on database "one" whose it is
    | note: four.example.com is not declared and stays as it is: pgvector-setup site remove --domain four.example.com
    | note: two.example.com is not declared and stays as it is: pgvector-setup site remove --domain two.example.com
    exit 0
    "#);
    assert_eq!(
        place.json(&["site", "list"])["sites"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn two_that_would_share_a_domain_a_database_or_a_service_are_refused() {
    let place = Place::for_sites();
    let before = place.tree();
    for (sites, what) in [
        (
            [
                site("a.example.com", "a@example.com"),
                site("A.example.com", "a@example.com"),
            ],
            "domain a.example.com",
        ),
        (
            [
                site("a.example.com", "a@example.com"),
                site("a.example.org", "a@example.com"),
            ],
            "database a",
        ),
        (
            [
                site("a.example.com", "a@example.com"),
                site("b.example.com", "a@example.com") + "service = \"a.example.com\"\n",
            ],
            "service a.example.com.service",
        ),
    ] {
        place.declare(&sites.concat());
        let told = place.run(&["apply", "--yes"]);
        assert_eq!(told.exit, 2, "{told}");
        assert!(
            told.stderr.contains("error[E0123]") && told.stderr.contains(what),
            "{told}"
        );
    }
    place.declare("");
    assert_eq!(place.tree(), before);
}

#[test]
fn without_a_file_nothing_is_declared_and_nothing_is_made() {
    let place = Place::bare();
    assert_transcript!(place.run(&["apply", "--yes"]), @"
    $ pgvector-setup apply --yes
    | error[E0124]: nothing is declared: there is no pgvector-setup.toml here, and --config names no other file
    | hint: pgvector-setup apply --config FILE
    exit 2
    ");
    assert!(!place.data().exists());
}
