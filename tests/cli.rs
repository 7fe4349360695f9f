//! The binary as a person meets it: whole exchanges, the wizard on a pseudo-terminal, and what it says to bad input.

mod support;

#[test]
fn bundle_is_there() {
    assert!(support::bundle::wheel().is_file());
}
