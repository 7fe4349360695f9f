//! `--json --progress`: what a program reads that follows a run.

use std::process::{Command, Stdio};

use pgvector_setup::import::Space;
use serde_json::Value;

use crate::chroma::rows::Rows;
use crate::chroma::synthetic;
use crate::place::{Place, RUNNING};
use crate::support::embedder::EmbedderService;
use crate::transcript::assert_transcript;

/// Every line that a command printed with `--json --progress`, as JSON, and its exit status.
fn events(place: &Place, words: &[&str]) -> (Vec<Value>, i32) {
    events_of(&mut place.command(words))
}

fn events_of(command: &mut Command) -> (Vec<Value>, i32) {
    let output = command.args(["--json", "--progress"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "", "events are all there is: {command:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    (lines, output.status.code().unwrap())
}

/// The events of one kind.
fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

/// What every line has, in order; and that the result is the last and only one.
fn assert_well_formed(lines: &[Value], exit: i32) -> &Value {
    let mut before = (0, String::new());
    for line in lines {
        assert_eq!(line["schema"], 1, "{line}");
        let at = line["at"].as_str().unwrap().to_owned();
        let now = (line["elapsed_ms"].as_u64().unwrap(), at);
        assert_eq!((now.1.len(), now.1.ends_with('Z')), (24, true), "{line}");
        assert!(before <= now, "time goes back: {before:?} {now:?}");
        before = now;
    }
    assert_eq!(of(lines, "result").len(), 1);
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["exit"]), (&"result".into(), &exit.into()));
    last
}

#[test]
fn a_run_tells_each_step_and_ends_with_its_document_and_so_does_what_takes_it_back() {
    let place = Place::with_bundle();
    let (lines, exit) = events(&place, &["up", "--yes"]);
    let result = assert_well_formed(&lines, exit);
    assert_eq!((exit, &result["changed"]), (0, &true.into()));
    assert_eq!(result["verification"]["passed"], true);
    let (started, finished) = (of(&lines, "started"), of(&lines, "finished"));
    let total = result["steps"].as_u64().unwrap();
    for (index, (started, finished)) in started.iter().zip(&finished).enumerate() {
        assert_eq!(started["step"], index + 1);
        assert_eq!(started["total_steps"], total, "{started}");
        for member in ["step", "total_steps", "kind", "title"] {
            assert_eq!(started[member], finished[member]);
        }
        // The proof changes nothing.
        let outcome = if finished["kind"] == "verify" {
            "skipped"
        } else {
            "changed"
        };
        assert_eq!(finished["outcome"], outcome, "{finished}");
    }
    assert_eq!(started.len() as u64, total);
    assert_eq!(finished.len(), started.len());
    assert!(
        started
            .iter()
            .any(|step| step["kind"] == "create_role" && step["title"] == "create role \"vectors\"")
    );
    let password = std::fs::read_to_string(place.instance().join("credentials")).unwrap();
    let password = password.trim().rsplit(':').next().unwrap().to_owned();
    assert!(password.len() > 15);
    assert!(!lines.iter().any(|line| line.to_string().contains(&password)));

    let (lines, exit) = events(&place, &["up", "--yes"]);
    let result = assert_well_formed(&lines, exit);
    assert_eq!((exit, &result["changed"]), (0, &false.into()));
    assert!(of(&lines, "started").is_empty());

    let (lines, exit) = events(&place, &["migrate", "up"]);
    let result = assert_well_formed(&lines, exit);
    assert_eq!((exit, &result["changed"]), (0, &false.into()));
    assert_eq!(result["migrations"].as_array().unwrap().len(), 4);

    let (lines, exit) = events(&place, &["rollback", "--yes", "--destroy-data", "default"]);
    let result = assert_well_formed(&lines, exit);
    assert_eq!((exit, &result["changed"]), (0, &true.into()));
    assert_eq!(
        of(&lines, "undoing")
            .first()
            .map(|line| line["title"].is_string()),
        Some(true)
    );

    let (lines, exit) = events(&place, &["rollback", "--yes"]);
    let result = assert_well_formed(&lines, exit);
    assert_eq!((exit, &result["changed"]), (0, &false.into()));
}

#[test]
fn migrations_that_are_applied_are_a_change() {
    let (_turn, option) = RUNNING.database("migrated");
    let words = ["migrate", "down", "--to", "3", &option];
    assert_eq!(RUNNING.json(&words)["changed"], true);
    let words = ["migrate", "up", &option];
    assert_eq!(RUNNING.json(&words)["changed"], true);
    assert_eq!(RUNNING.json(&words)["changed"], false);
}

#[test]
fn an_import_and_a_backfill_tell_how_far_they_are_in_records_and_rows() {
    let place = Place::with_bundle();
    place.succeeds(&["up", "--yes", "--quiet"]);
    let rows = Rows::new(3);
    let records = (1..=40).map(|number| rows.record(number));
    synthetic::write(&place.work().join("chroma"), Space::Cosine, 3, 30, records);
    let import = ["import", "chroma", "chroma", "--into", "imported", "--yes"];
    let (lines, exit) = events(&place, &import);
    let result = assert_well_formed(&lines, exit);
    assert_eq!(
        (exit, &result["changed"], &result["proven"]),
        (0, &true.into(), &true.into()),
        "{result}"
    );
    assert_eq!(of(&lines, "started")[0]["kind"], "import");
    let progress = of(&lines, "progress");
    assert!(
        progress
            .iter()
            .any(|far| far["what"] == "records" && far["total"] == 40),
        "{progress:?}"
    );
    let (lines, exit) = events(&place, &import);
    let result = assert_well_formed(&lines, exit);
    assert_eq!((exit, &result["changed"]), (0, &false.into()));

    place.sql(
        "vectors",
        "INSERT INTO vectors.articles (uri, document) SELECT 'uri' || n, 'article ' || n FROM generate_series(1, 9) n",
    );
    let service = EmbedderService::start(3);
    let backfill = || {
        let mut command = place.command(&["embed", "backfill", "--yes"]);
        command
            .env("PGVECTOR_SETUP_EMBEDDER_URL", service.url())
            .env("PGVECTOR_SETUP_EMBEDDER_MODEL", "words");
        events_of(&mut command)
    };
    let (lines, exit) = backfill();
    let result = assert_well_formed(&lines, exit);
    assert_eq!((exit, &result["changed"]), (0, &true.into()));
    let progress = of(&lines, "progress");
    assert_eq!(
        (&progress[0]["what"], &progress[0]["total"]),
        (&"rows".into(), &9.into())
    );
    let (lines, exit) = backfill();
    assert_eq!(assert_well_formed(&lines, exit)["changed"], false);
}

#[test]
fn a_step_that_fails_tells_its_code_and_the_hint_that_names_this_installation() {
    let place = Place::bare();
    let mut command = place.command(&["up", "--yes", "--instance", "two"]);
    command.env_remove("PGVECTOR_SETUP_BUNDLE").envs([
        ("PIP_INDEX_URL", "http://127.0.0.1:1/simple"),
        ("PIP_RETRIES", "0"),
    ]);
    let (lines, exit) = events_of(&mut command);
    let result = assert_well_formed(&lines, exit);
    let failed = of(&lines, "finished").pop().unwrap();
    assert_eq!(
        (&failed["kind"], &failed["outcome"]),
        (&"fetch_bundle".into(), &"failed".into())
    );
    assert_eq!(failed["error"], result["error"]);
    assert_eq!(failed["error"]["code"], "E0508");
    assert_eq!(failed["error"]["exit"], exit);
    let hint = failed["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("pgvector-setup --instance two "), "{hint}");
    assert_eq!(result["changed"], true, "directories were made");
}

#[test]
fn what_is_refused_changes_nothing_and_says_so_in_one_line() {
    let place = Place::bare();
    for (words, code) in [
        (&["up"][..], "E0107"),
        (&["up", "--dimensions", "0"], "E0102"),
        (&["up", "--nonsense"], "E0100"),
        (&["psql"], "E0104"),
    ] {
        let (lines, exit) = events(&place, words);
        let result = assert_well_formed(&lines, exit);
        assert_eq!(result["changed"], false, "{words:?}");
        assert_eq!(result["error"]["code"], code, "{words:?}");
        assert_eq!(of(&lines, "started").len(), 0, "{words:?}");
    }
}

#[test]
fn a_password_in_a_command_line_is_in_no_event() {
    let place = Place::bare();
    let url = "postgresql://somebody:correct-horse@127.0.0.1:1/vectors?sslmode=disable";
    let (lines, exit) = events(&place, &["up", "--yes", "--allow-plaintext", "--url", url]);
    assert_well_formed(&lines, exit);
    assert_ne!(exit, 0);
    assert!(!of(&lines, "note").is_empty(), "that it can be seen is noted");
    assert!(
        !lines
            .iter()
            .any(|line| line.to_string().contains("correct-horse"))
    );
}

#[test]
fn progress_without_json_is_told_what_it_needs() {
    assert_transcript!(RUNNING.run(&["status", "--progress"]), @r"
    $ pgvector-setup status --progress
    | error[E0118]: --progress means nothing without --json
    | hint: add --json
    exit 2
    ");
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    let place = Place::with_bundle();
    let mut child = place
        .command(&["up", "--yes", "--json", "--progress"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    place.succeeds(&["plan", "--check"]);
}
