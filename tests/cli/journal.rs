//! What is said to systemd's journal, which names its stream by device and inode.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use crate::place::Place;

/// Standard error of a command whose journal is the file that it writes to, or another one.
fn said(place: &Place, words: &[&str], is_journal: bool) -> String {
    let path = place.root().join("journal");
    let file = File::create(&path).unwrap();
    let metadata = file.metadata().unwrap();
    let inode = metadata.ino() + u64::from(!is_journal);
    let stream = format!("{}:{inode}", metadata.dev());
    let mut command = place.command(words);
    command.env("JOURNAL_STREAM", stream).stderr(file);
    let status = command.stdout(std::process::Stdio::null()).status().unwrap();
    assert!(status.code().is_some());
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn each_line_has_its_level_and_what_was_changed_can_be_told_from_what_was_tried() {
    let place = Place::with_bundle();
    let text = said(&place, &["up", "--yes"], true);
    assert!(
        text.lines()
            .all(|line| ["<4>", "<5>", "<6>"].contains(&&line[..3])),
        "{text}"
    );
    for line in [
        "<4>note: uses PostgreSQL 18 in ",
        "<6>[1/",
        "<5>changed: create role \"vectors\"\n",
        "<6>passed\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let text = said(&place, &["rollback", "--yes"], true);
    assert!(text.contains("<5>undo: "), "{text}");
}

#[test]
fn all_of_an_error_and_its_hint_are_entries_of_level_error() {
    let place = Place::bare();
    let text = said(&place, &["up", "--dimensions", "0"], true);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("<3>error[E0102]: "), "{text}");
    assert!(lines[1].starts_with("<3>hint: "), "{text}");
}

#[test]
fn a_stream_that_is_not_the_journals_is_spoken_to_as_ever() {
    let place = Place::bare();
    let text = said(&place, &["up", "--dimensions", "0"], false);
    assert!(text.starts_with("error[E0102]: "), "{text}");
}
