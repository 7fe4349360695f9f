//! Ctrl-C while steps run.

use crate::place::Place;
use crate::terminal::Terminal;

#[test]
fn ctrl_c_between_steps_stops_there_and_the_same_command_goes_on() {
    let place = Place::with_bundle();
    let mut terminal = Terminal::run(&place, &["up"], "xterm");
    terminal
        .answers("Go on?", "y")
        .sees("] initialise a PostgreSQL")
        .interrupts()
        .sees("stopping at the next safe point");
    assert_eq!(terminal.exit(), 130, "{}", terminal.shown);
    assert!(terminal.shown.contains("error[E0506]"), "{}", terminal.shown);
    place.succeeds(&["up", "--yes"]);
    place.succeeds(&["plan", "--check"]);
}

#[test]
fn no_at_the_question_changes_nothing() {
    let place = Place::bare();
    let before = place.tree();
    let mut terminal = Terminal::run(&place, &["up"], "xterm");
    terminal.answers("Go on?", "").sees("nothing was changed");
    assert_eq!((terminal.exit(), place.tree()), (3, before));
}
