//! Machines on which `up` cannot do what it was asked: it says so before it changes anything, and says what would work.

use std::time::Duration;

use super::case::Case;
use super::machine::{Machine, Reply};
use super::state::State;

/// A user without sudo asks for packages: refused at once, with the steps that need privilege.
pub fn without_privilege(machine: &Machine, case: &Case) {
    let reply = refused(machine, case, &["apt-get", "sudo", "--target embedded"]);
    assert!(
        reply.took < Duration::from_secs(5),
        "a refusal takes less than 5 s, not {:?}",
        reply.took
    );
}

/// Debian 12 has no package of pgvector: refused when planning, with what that machine could do instead.
pub fn no_package(machine: &Machine, case: &Case) {
    refused(machine, case, &["pgvector", "--target embedded"]);
}

/// No pip, no bundle, no PostgreSQL: the refusal names each way out.
pub fn no_pip(machine: &Machine, case: &Case) {
    machine.root("dpkg --purge --force-depends python3-pip >/dev/null");
    refused(machine, case, &["pip", "--bundle"]);
}

/// Refused before any change: its exit code, what it says, and the machine exactly as it was. `plan` says the same.
pub fn refused(machine: &Machine, case: &Case, says: &[&str]) -> Reply {
    let before = State::of(machine);
    let reply = case.up(machine);
    assert_eq!(reply.exit, 3, "up refuses:\n{}", reply.stderr);
    for text in says.iter().chain(&["hint:"]) {
        assert!(
            reply.stderr.contains(text),
            "the refusal does not say {text:?}:\n{}",
            reply.stderr
        );
    }
    let changed = before.differences(&State::of(machine), &[]);
    assert!(
        changed.is_empty(),
        "the refusal changed the machine:\n{}",
        changed.join("\n")
    );
    reply
}
