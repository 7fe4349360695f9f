//! Bad input: each row ends in exactly one error with its code and a hint, the right exit status, and nothing changed.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::place::{Place, RUNNING, set_mode};
use crate::support::bundle;
use crate::transcript::Transcript;

/// What to do to the place first, what to run, the error's code, the exit status.
type Row = (fn(&Place), &'static [&'static str], &'static str, i32);

const NOTHING: fn(&Place) = |_| {};
/// 64 bytes in 32 characters.
const LONG: &str = "éééééééééééééééééééééééééééééééé";

#[test]
fn settings_that_cannot_be_meant_are_usage_errors() {
    let rows: &[Row] = &[
        (NOTHING, &["plan", "--dimensions", "0"], "E0102", 2),
        (NOTHING, &["plan", "--dimensions", "16001"], "E0102", 2),
        (NOTHING, &["plan", "--dimensions", "abc"], "E0102", 2),
        (NOTHING, &["plan", "--metric", "manhattan"], "E0100", 2),
        (NOTHING, &["plan", "--port", "0"], "E0103", 2),
        (NOTHING, &["plan", "--port", "70000"], "E0100", 2),
        (NOTHING, &["plan", "--no-such-flag"], "E0100", 2),
        (NOTHING, &["no-such-command"], "E0100", 2),
        (NOTHING, &["plan", "--table", ""], "E0101", 2),
        (NOTHING, &["plan", "--table", LONG], "E0101", 2),
        (
            |place| place.configure("table = \"a\\u0000b\""),
            &["plan"],
            "E0101",
            2,
        ),
        (
            |place| place.configure("tabel = \"articles\""),
            &["plan"],
            "E0106",
            2,
        ),
        (|place| place.configure("dimensions = []"), &["plan"], "E0106", 2),
        (NOTHING, &["plan", "--config", "missing.toml"], "E0106", 2),
        (NOTHING, &["plan", "--instance", "../x"], "E0105", 2),
        (NOTHING, &["plan", "--role", "pg_monitor"], "E0101", 2),
    ];
    check(rows);
}

#[test]
fn places_that_cannot_be_used_are_refused() {
    let rows: &[Row] = &[
        (NOTHING, &["up"], "E0107", 3),
        (
            NOTHING,
            &["rollback", "--target", "embedded", "--config", "missing.toml"],
            "E0106",
            2,
        ),
        (NOTHING, &["stop"], "E0404", 3),
        (NOTHING, &["env"], "E0404", 3),
        (
            NOTHING,
            &["up", "--yes", "--directory", "/proc/nowhere"],
            "E0404",
            3,
        ),
        (
            |place| place.plant_cluster("18"),
            &["up", "--yes", "--pg", "16"],
            "E0403",
            3,
        ),
        (|place| place.plant_cluster("17"), &["up", "--yes"], "E0404", 3),
        (|place| place.plant_cluster("16"), &["up", "--yes"], "E0404", 3),
        (
            |place| std::fs::write(place.data(), "a file").unwrap(),
            &["up", "--yes"],
            "E0404",
            3,
        ),
    ];
    check(rows);
}

#[test]
fn links_planted_where_files_are_written_are_refused() {
    let rows: &[Row] = &[
        (
            |place| place.plant_link("credentials"),
            &["up", "--yes"],
            "E0205",
            3,
        ),
        (
            |place| place.plant_link("receipt.jsonl"),
            &["up", "--yes"],
            "E0205",
            3,
        ),
        (|place| place.plant_link("lock"), &["up", "--yes"], "E0205", 3),
        (
            |place| place.plant_link("start.log"),
            &["up", "--yes"],
            "E0205",
            3,
        ),
        (|place| place.plant_link("data"), &["up", "--yes"], "E0205", 3),
    ];
    check(rows);
}

#[test]
fn a_bundle_that_is_not_the_one_is_refused_before_anything_is_made() {
    let rows: &[Row] = &[
        (NOTHING, &["up", "--yes", "--bundle", "missing.whl"], "E0404", 3),
        (
            |place| place.bundle(b"not a zip"),
            &["up", "--yes", "--bundle", "given.whl"],
            "E0404",
            3,
        ),
        (
            |place| place.bundle(&wheel()[..1_000_000]),
            &["up", "--yes", "--bundle", "given.whl"],
            "E0404",
            3,
        ),
        (
            |place| {
                let mut bytes = wheel();
                bytes[5_000_000] ^= 1;
                place.bundle(&bytes);
            },
            &["up", "--yes", "--bundle", "given.whl"],
            "E0404",
            3,
        ),
        (
            |place| std::fs::create_dir(place.work().join("given.whl")).unwrap(),
            &["up", "--yes", "--bundle", "given.whl"],
            "E0404",
            3,
        ),
    ];
    check(rows);
}

#[test]
fn a_receipt_that_was_changed_is_refused_and_a_torn_last_line_is_not() {
    let place = Place::with_bundle();
    place.succeeds(&["up", "--yes"]);
    let receipt = place.instance().join("receipt.jsonl");
    let whole = std::fs::read(&receipt).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let tampered = [
        text.replacen("begun", "ended", 1),
        text.replacen("\"sequence\":2", "\"sequence\":3", 1),
        text.lines().skip(1).collect::<Vec<_>>().join("\n") + "\n",
        text.replacen("\"schema\":1", "\"schema\":99", 1),
        format!("{text}not json\n"),
    ];
    for tampered in tampered {
        std::fs::write(&receipt, tampered).unwrap();
        refused(&place, &["rollback", "--yes"], "E0503", 3);
        refused(&place, &["migrate", "up"], "E0503", 3);
    }
    for length in [whole.len() - 1, whole.len() / 2, whole.len() / 3, 10, 0] {
        std::fs::write(&receipt, &whole[..length]).unwrap();
        // The steps whose ends are lost may have been cut off: the proof, which no catalog shows, is given again.
        place.succeeds(&["up", "--yes"]);
        assert!(place.run(&["up", "--yes"]).stderr.contains("nothing to do"));
        place.succeeds(&["migrate", "up"]);
    }
}

#[test]
fn a_port_that_somebody_else_has_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    refused(&Place::bare(), &["up", "--yes", "--port", &port], "E0404", 3);
}

#[test]
fn tables_that_differ_are_refused_before_any_statement() {
    let place = &*RUNNING;
    place.succeeds(&["up", "--yes", "--database", "taken"]);
    place.sql(
        "taken",
        "CREATE VIEW vectors.seen AS SELECT 'a'::text AS uri; \
                        CREATE TABLE vectors.keyless (name text); \
                        CREATE TABLE vectors.other (uri text PRIMARY KEY, embedding public.vector(7)); \
                        CREATE TABLE vectors.words (uri text PRIMARY KEY, embedding text)",
    );
    for table in ["seen", "keyless", "other", "words"] {
        refused(
            place,
            &["up", "--yes", "--database", "taken", "--table", table],
            "E0403",
            3,
        );
    }
}

#[test]
fn hostile_names_are_only_names() {
    let place = &*RUNNING;
    place.succeeds(&["up", "--yes", "--database", "guarded"]);
    let hostile = "\"; DROP TABLE articles; --";
    place.succeeds(&[
        "up",
        "--yes",
        "--database",
        "guarded",
        "--table",
        hostile,
        "--column",
        "it's",
        "--key",
        "a b",
    ]);
    place.sql("guarded", "SELECT \"a b\", \"it's\" FROM vectors.\"\"\"; DROP TABLE articles; --\"; SELECT uri FROM vectors.articles");
    place.succeeds(&["up", "--yes", "--database", hostile]);
    place.succeeds(&["verify", "--database", hostile]);
}

#[test]
fn a_bare_environment_is_enough() {
    let place = Place::bare();
    for remove in [&["HOME"][..], &["HOME", "XDG_DATA_HOME", "COLUMNS"]] {
        let mut command = place.command(&["plan"]);
        for name in remove {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("TERM", "nonsense");
        let transcript = Transcript::of(&mut command, &["plan"]);
        assert_eq!(transcript.exit, 0, "{transcript}");
    }
}

/// Needs to mount file systems, so it runs as root alone.
#[test]
fn full_and_read_only_file_systems_are_refused() {
    let place = Place::bare();
    if !rustix::process::geteuid().is_root() {
        return read_only_directory(&place);
    }
    std::fs::create_dir(place.data()).unwrap();
    for (options, code) in [("size=64m", "E0404"), ("size=1g,ro", "E0404")] {
        mount(&place.data(), options);
        refused(&place, &["up", "--yes"], code, 3);
        assert!(
            std::process::Command::new("umount")
                .arg(place.data())
                .status()
                .unwrap()
                .success()
        );
    }
}

fn read_only_directory(place: &Place) {
    std::fs::create_dir(place.data()).unwrap();
    set_mode(&place.data(), 0o555);
    refused(place, &["up", "--yes"], "E0404", 3);
}

fn mount(directory: &Path, options: &str) {
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(directory)
        .status()
        .unwrap();
    assert!(mounted.success(), "root cannot mount a tmpfs here");
}

fn check(rows: &[Row]) {
    for (prepare, words, code, exit) in rows {
        let place = Place::bare();
        prepare(&place);
        refused(&place, words, code, *exit);
    }
}

/// Exactly one error, with this code and a hint, and everything as it was.
#[track_caller]
fn refused(place: &Place, words: &[&str], code: &str, exit: i32) {
    let before = place.tree();
    let transcript = place.run(words);
    let said = transcript.stderr.lines();
    let errors: Vec<&str> = said.clone().filter(|line| line.starts_with("error")).collect();
    assert!(
        matches!(errors[..], [error] if error.starts_with(&format!("error[{code}]: "))),
        "not one {code}: {transcript}"
    );
    assert!(
        said.clone().any(|line| line.starts_with("hint: ")),
        "no hint: {transcript}"
    );
    assert_eq!(transcript.exit, exit, "{transcript}");
    assert_eq!(transcript.stdout, "", "{transcript}");
    let after = place.tree();
    let changed: Vec<_> = before
        .iter()
        .filter(|(path, entry)| after.get(*path) != Some(entry))
        .chain(after.iter().filter(|(path, _)| !before.contains_key(*path)))
        .map(|(path, _)| path)
        .collect();
    assert!(changed.is_empty(), "changed {changed:?}: {transcript}");
}

fn wheel() -> Vec<u8> {
    std::fs::read(bundle::wheel()).unwrap()
}

impl Place {
    fn configure(&self, text: &str) {
        std::fs::write(self.work().join("pgvector-setup.toml"), text).unwrap();
    }

    fn bundle(&self, content: &[u8]) {
        std::fs::write(self.work().join("given.whl"), content).unwrap();
    }

    /// A link to a file that somebody would like to see overwritten.
    fn plant_link(&self, name: &str) {
        std::fs::create_dir_all(self.instance()).unwrap();
        std::fs::write(self.root().join("victim"), "untouched").unwrap();
        symlink(self.root().join("victim"), self.instance().join(name)).unwrap();
    }

    /// What a stopped cluster of 18 leaves, with the version file saying something.
    fn plant_cluster(&self, version: &str) {
        let data = self.instance().join("data");
        std::fs::create_dir_all(data.join("global")).unwrap();
        std::fs::write(data.join("PG_VERSION"), format!("{version}\n")).unwrap();
        let mut control = 7_u64.to_ne_bytes().to_vec();
        control.extend(1800_u32.to_ne_bytes());
        std::fs::write(data.join("global/pg_control"), control).unwrap();
        std::fs::write(
            data.join("postgresql.conf"),
            "port = 54399\nunix_socket_directories = '/tmp/x'\n",
        )
        .unwrap();
    }
}
