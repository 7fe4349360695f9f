//! The whole file for each set of options, compared byte for byte and then read by every compose that is here.

use crate::consumer::{consumers, words};
use crate::project::Project;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/render/compose");

/// Name of the file, options.
const CASES: [(&str, &[&str]); 6] = [
    ("postgresql-18", &[]),
    ("postgresql-17", &["--pg=17", "--memory=512m"]),
    ("postgresql-15", &["--pg=15", "--index=ivfflat", "--port=6000"]),
    ("ankane", &["--image=ankane/pgvector:v0.6.0"]),
    (
        "application",
        &[
            "--app-image=registry.example:5000/team/app:1.4",
            "--publish=2001:db8::5",
            "--role=shop",
            "--memory=16g",
        ],
    ),
    (
        "hostile",
        &[
            "--app-image=app:1",
            "--role=-${HOME} $$ $x",
            "--database=\"'; DROP #",
            "--table=*a: !b &c",
            "--column=\u{202e}\u{7}\u{1f600}\t",
            "--schema= no ",
            "--index=none",
        ],
    ),
];

#[test]
fn each_set_of_options_renders_to_its_file() {
    for (name, options) in CASES {
        let path = format!("{DIRECTORY}/{name}.yaml");
        let options: Vec<&str> = ["-"].iter().chain(options).copied().collect();
        let rendered = Project::new().rendered(&options);
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            rendered == expected,
            "differs from {path}; after a look it is written by: pgvector-setup render compose {options:?}\n{rendered}"
        );
    }
}

#[test]
fn every_compose_reads_each_file() {
    for consumer in consumers() {
        for (name, options) in CASES {
            let project = Project::new();
            project.rendered_here(options);
            let config = consumer.config(project.directory(), "prod");
            let server = &config["services"]["database"];
            assert_eq!(words(&config, "database")[..2], ["postgres", "-c"], "{name}");
            assert_eq!(server["read_only"], true, "{name}");
            assert_eq!(config["services"]["migrate"]["restart"], "no", "{name}");
        }
    }
}

#[test]
fn each_profile_starts_what_it_should() {
    let migrated = ["database", "migrate"];
    let with_application = ["app", "database", "migrate"];
    let cases: [(&[&str], [&[&str]; 3]); 2] = [
        (&[], [&migrated, &migrated, &migrated]),
        (
            &["--app-image=app:1"],
            [&with_application, &migrated, &with_application],
        ),
    ];
    for consumer in consumers() {
        for (options, expected) in cases {
            let project = Project::new();
            project.rendered_here(options);
            for (profile, expected) in ["dev", "postgres", "prod"].into_iter().zip(expected) {
                assert_eq!(
                    consumer.services(project.directory(), profile),
                    expected,
                    "{profile}"
                );
            }
        }
    }
}

#[test]
fn a_change_of_the_users_own_is_read_from_the_file_beside() {
    for consumer in consumers() {
        let project = Project::new();
        project.rendered_here(&[]);
        project.write("compose.override.yaml", "services:\n  database:\n    cpus: 2\n");
        let config = consumer.config(project.directory(), "postgres");
        assert_eq!(config["services"]["database"]["cpus"].as_f64(), Some(2.0));
        assert_eq!(project.render(&["--check"]).exit, 0);
    }
}

#[test]
fn every_compose_hands_hostile_names_on_as_they_are() {
    let (_, options) = CASES[5];
    for consumer in consumers() {
        let project = Project::new();
        project.rendered_here(options);
        let config = consumer.config(project.directory(), "prod");
        let words = words(&config, "migrate");
        for option in options
            .iter()
            .filter(|option| !option.starts_with("--app") && **option != ".")
        {
            assert!(words.contains(option), "{option:?} in {words:?}");
        }
        assert_eq!(
            config["services"]["app"]["environment"]["PGUSER"],
            "-${HOME} $$ $x"
        );
    }
}
