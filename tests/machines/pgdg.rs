//! Machines that need PGDG. A look-alike of it, signed with a key of its own, is served on the machine's loopback; it
//! holds pgvector alone, the server is Debian's. See `docker/pgdg/build`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::case::Case;
use super::lifecycle::{settled_then_undone, succeeds};
use super::machine::{Machine, Reply};
use super::state::State;

pub const MIRROR: &str = "--pgdg-mirror http://127.0.0.1:8087 --pgdg-key /srv/pgdg/key.asc";
/// A clock that contradicts the repository is given a moment.
pub const MIRROR_WAITED_FOR: &str =
    "--pgdg-mirror http://127.0.0.1:8087 --pgdg-key /srv/pgdg/key.asc --repository-timeout 2";
/// The key of PGDG itself is expected then, which signed nothing here.
pub const MIRROR_WITHOUT_KEY: &str = "--pgdg-mirror http://127.0.0.1:8087";

/// Nothing to proof through a repository that is added, and back to the machine as it was.
pub fn from_nothing(machine: &Machine, case: &Case) {
    serve(machine, case, "repository");
    let before = State::of(machine);
    succeeds(&case.up(machine));
    assert!(
        machine
            .root("dpkg-query --show --showformat '${Version}\\n' 'postgresql-*-pgvector'")
            .contains(".pgdg"),
        "pgvector is PGDG's, although Debian may have one of its own"
    );
    settled_then_undone(machine, case, &before);
    is_unknown_to_apt(machine);
}

/// Nobody serves the mirror.
pub fn dead_mirror(machine: &Machine, case: &Case) {
    unpack(machine, case);
    is_undone(machine, case, "did not answer");
}

pub fn wrong_key(machine: &Machine, case: &Case) {
    serve(machine, case, "repository");
    is_undone(machine, case, "not signed by a key");
}

pub fn expired_release(machine: &Machine, case: &Case) {
    serve(machine, case, "expired");
    let reply = is_undone(machine, case, "not valid at the time");
    for text in [
        "waiting: up to 2 s for the package repositories",
        "this machine's clock says 20",
        " is valid until 20",
    ] {
        assert!(
            reply.stderr.contains(text),
            "{text:?} is not told:\n{}",
            reply.stderr
        );
    }
}

pub fn missing_package(machine: &Machine, case: &Case) {
    serve(machine, case, "repository");
    machine.root("rm /srv/pgdg/repository/pool/main/p/pgvector/*.deb");
    is_undone(machine, case, "no longer has a file");
}

/// One byte in the middle of the package is another one.
pub fn changed_package(machine: &Machine, case: &Case) {
    serve(machine, case, "repository");
    machine.root(
        "for file in /srv/pgdg/repository/pool/main/p/pgvector/*.deb; do
           printf X | dd of=$file bs=1 seek=10000 conv=notrunc status=none
         done",
    );
    is_undone(machine, case, "size or hash");
}

/// Failed, undone: its exit status, cause and way out; the machine as it was; and the user's apt still works.
fn is_undone(machine: &Machine, case: &Case, cause: &str) -> Reply {
    let before = State::of(machine);
    let reply = case.up(machine);
    assert_eq!(reply.exit, 4, "up ends as failed and undone:\n{}", reply.stderr);
    for text in [cause, "127.0.0.1:8087", "taken back", "hint:", "--pgdg-mirror"] {
        assert!(
            reply.stderr.contains(text),
            "the failure does not say {text:?}:\n{}",
            reply.stderr
        );
    }
    let changed = before.differences(&State::of(machine), &[]);
    assert!(
        changed.is_empty(),
        "what was added is not all taken back:\n{}",
        changed.join("\n")
    );
    is_unknown_to_apt(machine);
    machine.root("apt-get update -qq -o APT::Update::Error-Mode=any");
    reply
}

/// apt neither asks the repository nor keeps what it read of it.
fn is_unknown_to_apt(machine: &Machine) {
    let known = machine.root(
        "apt-get indextargets | grep -F 127.0.0.1 || true
         find /var/lib/apt/lists -name '127.0.0.1*'",
    );
    assert_eq!(known, "", "apt still knows the repository");
}

fn serve(machine: &Machine, case: &Case, tree: &str) {
    unpack(machine, case);
    machine.background(
        "root",
        &format!("cd /srv/pgdg/{tree} && exec python3 -m http.server --bind 127.0.0.1 8087 >/dev/null 2>&1"),
    );
    machine.until("the repository is served", "grep -q ':1F97 .* 0A ' /proc/net/tcp");
}

fn unpack(machine: &Machine, case: &Case) {
    machine.copy_in(&archive(case.image.suite), "/srv/pgdg.tar");
    machine.root("mkdir /srv/pgdg && tar --extract --directory /srv/pgdg --file /srv/pgdg.tar");
}

/// Built once; see the script.
fn archive(suite: &str) -> PathBuf {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docker/pgdg/build"))
        .arg(suite)
        .stdin(Stdio::null())
        .output()
        .expect("docker/pgdg/build starts");
    assert!(
        output.status.success(),
        "no look-alike of PGDG for {suite}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().into()
}
