//! The wizard, driven through a pseudo-terminal.

use std::process::Command;

use crate::place::{BINARY, Place};
use crate::terminal::Terminal;

const DOWN: &str = "j";

#[test]
fn it_asks_until_answers_can_be_meant_then_applies_proves_and_prints_the_same_command() {
    let place = Place::with_bundle();
    let mut terminal = Terminal::run(&place, &[], "xterm");
    terminal
        .answers("Target:", "")
        .answers("Instance [default]:", "no/such")
        .answers("has characters other than", "blue")
        .answers("Database [vectors]:", "a b")
        .answers("Table [articles]:", "")
        .answers("Dimensions [3]:", "abc")
        .sees("dimensions must be a number from 1 to 16000, not \"abc\"")
        .answers("Dimensions [3]:", "4")
        .answers("Metric:", DOWN)
        .answers("Index:", "")
        .answers("Change details", "y")
        .answers("Role [vectors]:", "")
        .answers("Schema [vectors]:", "")
        .answers("Key column [uri]:", "")
        .answers("Embedding column [embedding]:", "uri")
        .answers("one column cannot be both", "")
        .answers("m (connections a layer) [16]:", "8")
        .answers("ef_construction (candidates while building) [64]:", "32")
        .sees("prove it: ")
        .answers("Go on:", "")
        .sees("recall@10")
        .sees("the same without questions:");
    assert_eq!(terminal.exit(), 0);
    let command = terminal
        .shown
        .lines()
        .find(|line| line.contains("up --yes"))
        .unwrap()
        .trim();
    assert!(
        command.ends_with("--instance blue --directory DIR --bundle FILE --database 'a b' --dimensions 4 --metric l2 --m 8 --ef-construction 32"
            .replace("DIR", place.data().to_str().unwrap())
            .replace("FILE", crate::support::bundle::wheel().to_str().unwrap())
            .as_str()),
        "{command}"
    );
    // Typed into a shell that knows nothing of this place, it finds all of it done.
    let again = Command::new("/bin/sh")
        .args(["-c", &command.replacen("pgvector-setup", BINARY, 1)])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&again.stderr), "nothing to do\n");
}

#[test]
fn with_nothing_to_do_it_says_so() {
    let place = &*crate::place::RUNNING;
    let mut terminal = Terminal::run(place, &[], "xterm");
    for question in [
        "Target",
        "Instance",
        "Database",
        "Table",
        "Dimensions",
        "Metric",
        "Index",
        "Change details",
    ] {
        terminal.answers(question, "");
    }
    terminal.sees("nothing to do");
    assert_eq!(terminal.exit(), 0);
}

#[test]
fn declined_at_the_plan_nothing_is_changed() {
    let place = Place::bare();
    let before = place.tree();
    let mut terminal = Terminal::run(&place, &[], "xterm");
    for question in [
        "Target",
        "Instance",
        "Database",
        "Table",
        "Dimensions",
        "Metric",
        "Index",
        "Change details",
    ] {
        terminal.answers(question, "");
    }
    terminal
        .answers("Go on:", &DOWN.repeat(2))
        .sees("nothing was changed");
    assert_eq!((terminal.exit(), place.tree()), (3, before));
}

#[test]
fn a_refused_plan_leads_back_to_the_questions() {
    let place = &*crate::place::RUNNING;
    let mut terminal = Terminal::run(place, &["--port", "1"], "dumb");
    terminal.answers("Target (embedded, system, docker, url) [embedded]:", "");
    for question in [
        "Instance",
        "Database",
        "Table",
        "Dimensions",
        "Metric",
        "Index",
        "Change details",
    ] {
        terminal.answers(question, "");
    }
    terminal
        .sees("error[E0403]")
        .answers("Go on (change, stop) [change]:", "")
        .answers("Target", "")
        .answers("Instance", "")
        .interrupts();
    assert_eq!(terminal.exit(), 130);
}

#[test]
fn ctrl_c_at_any_kind_of_question_leaves_the_terminal_and_the_machine_as_they_were() {
    let place = Place::bare();
    let before = place.tree();
    for answered in 0..8 {
        let questions = [
            "Target",
            "Instance",
            "Database",
            "Table",
            "Dimensions",
            "Metric",
            "Index",
            "Change details",
        ];
        let mut terminal = Terminal::run(&place, &[], "xterm");
        for question in &questions[..answered] {
            terminal.answers(question, "");
        }
        terminal.sees(questions[answered]).interrupts();
        assert_eq!(terminal.exit(), 130, "{}", terminal.shown);
        assert!(terminal.shown.contains("error[E0110]"), "{}", terminal.shown);
    }
    assert_eq!(place.tree(), before);
}

#[test]
fn a_server_is_asked_for_with_its_target_and_its_password_is_not_shown() {
    let place = Place::bare();
    let before = place.tree();
    let mut terminal = Terminal::run(&place, &[], "dumb");
    terminal
        .answers("Target", "url")
        .answers("Server URL", "mysql://nothing")
        .sees("does not begin with postgresql://")
        .answers("Server URL", "postgresql://app@127.0.0.1:1/app")
        .answers("Password", "canary");
    for question in [
        "Database",
        "Table",
        "Dimensions",
        "Metric",
        "Index",
        "Change details",
    ] {
        terminal.answers(question, "");
    }
    terminal
        .sees("error[E0604]")
        .answers("Go on (change, stop) [change]:", "stop");
    assert_eq!((terminal.exit(), place.tree()), (3, before));
    assert!(!terminal.shown.contains("canary"), "{}", terminal.shown);
}
