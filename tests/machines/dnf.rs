//! Machines with dnf and rpm: signed repositories in the layouts of PGDG and Fedora, modules, excludes, locks.
//!
//! The distributions themselves cannot be had here: Debian is underneath, and its binaries are in the packages.

use super::case::Case;
use super::lifecycle::{is_as_it_was, lifecycle, settled_then_undone, succeeds};
use super::machine::Machine;
use super::state::State;

/// PGDG's layout on the machine itself, signed by a key of the tests.
pub const MIRROR: &str = "--pg 17 --pgdg-mirror http://127.0.0.1:8017 --pgdg-key /srv/keys/test.asc";
pub const WRONG_KEY: &str = "--pg 17 --pgdg-mirror http://127.0.0.1:8017 --pgdg-key /srv/keys/other.asc";

/// The mirror answers on loopback.
fn serve(machine: &Machine) {
    machine.background(
        "root",
        "cd /dev/shm && exec python3 -m http.server --bind 127.0.0.1 --directory /srv/pgdg 8017",
    );
    // 8017 is 1F51 in the kernel's list.
    machine.until("the mirror answers", "grep -q ':1F51 .* 0A ' /proc/net/tcp");
}

/// From nothing to `verify` through PGDG's layout, and back.
pub fn through_pgdg(machine: &Machine, case: &Case) {
    serve(machine);
    lifecycle(machine, case);
}

/// PGDG as somebody set it up before us.
const THEIR_REPOSITORY: &str = "cat >/etc/yum.repos.d/pgdg.repo <<'REPOSITORY'
[pgdg17]
name=pgdg17
baseurl=file:///srv/pgdg/17/redhat/rhel-9-x86_64
enabled=1
gpgcheck=1
gpgkey=file:///srv/keys/test.asc
REPOSITORY
dnf -y -q makecache >/dev/null 2>&1";

/// A server of theirs, as PGDG's packages make it: `ident` over loopback, and no pgvector.
const THEIR_SERVER: &str =
    "dnf -y -q install --setopt=install_weak_deps=False postgresql17-server >/dev/null 2>&1
/usr/pgsql-17/bin/postgresql-17-setup initdb >/dev/null
systemctl enable --quiet --now postgresql-17";

/// The server that is there is kept: pgvector comes for it, two lines let our role in, and all of it goes again.
pub fn their_server(machine: &Machine, case: &Case) {
    machine.root(THEIR_REPOSITORY);
    machine.root(THEIR_SERVER);
    let before = State::of(machine);
    let rules = machine.root("cat /var/lib/pgsql/17/data/pg_hba.conf");
    assert!(rules.contains(" ident"), "{rules}");
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
    assert_eq!(
        rules,
        machine.root("cat /var/lib/pgsql/17/data/pg_hba.conf"),
        "their rules, to the byte"
    );
}

/// The repository is signed by another key than the one that is trusted: nothing of it is left.
pub fn wrong_key(machine: &Machine, case: &Case) {
    serve(machine);
    let before = State::of(machine);
    let reply = case.up(machine);
    assert_eq!(reply.exit, 4, "failed and undone:\n{}", reply.stderr);
    assert!(
        reply
            .stderr
            .contains("is not signed by a key that this machine trusts"),
        "{}",
        reply.stderr
    );
    is_as_it_was(machine, case, &before);
    assert_eq!(
        machine.root("rpm --query --all 'gpg-pubkey*'"),
        "",
        "no key is left"
    );
}

/// Without consent the data stays; a new `up` goes on with it, and it is still ours to destroy.
pub fn data_kept(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    succeeds(&case.up(machine));
    let undone = case.rollback(machine, "");
    succeeds(&undone);
    assert!(
        undone
            .stderr
            .contains("kept the cluster 17/postgresql: data is only removed with --destroy-data"),
        "what stays is told: {}",
        undone.stderr
    );
    machine.root("test -e /var/lib/pgsql/data/PG_VERSION");
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

/// A package that nobody signed is in the repository, whose own list is signed: nothing is installed, and `rollback`
/// leaves nothing.
pub fn unsigned(machine: &Machine, case: &Case) {
    machine.root("sed -i s,/srv/distro,/srv/unsigned, /etc/yum.repos.d/fedora.repo");
    let before = State::of(machine);
    let reply = case.up(machine);
    assert_eq!(reply.exit, 5, "it can go on once it is signed:\n{}", reply.stderr);
    assert!(
        reply
            .stderr
            .contains("Package pgvector-0.8.0-1.fc42.x86_64.rpm is not signed"),
        "{}",
        reply.stderr
    );
    assert_eq!(
        machine.root("rpm --query --all 'postgresql*' 'pgvector*'"),
        "",
        "not one package is installed"
    );
    succeeds(&case.rollback(machine, ""));
    is_as_it_was(machine, case, &before);
}

/// Somebody told dnf to leave pgvector out: told before anything is changed, with the file.
pub fn excluded(machine: &Machine, case: &Case) {
    machine.root(THEIR_REPOSITORY);
    machine.root("echo 'excludepkgs=pgvector*' >>/etc/dnf/dnf.conf");
    refused(machine, case, &["leave pgvector_17 out", "/etc/dnf/dnf.conf"]);
}

/// Somebody chose a stream of the module, which hides PGDG's packages.
pub fn module_stream(machine: &Machine, case: &Case) {
    serve(machine);
    machine.root("dnf -y -q module enable postgresql:15 >/dev/null 2>&1");
    refused(
        machine,
        case,
        &["postgresql:15 is enabled", "dnf module reset postgresql"],
    );
}

/// Another program holds rpm's database for a moment: it is named, and its end is waited for.
pub fn locked(machine: &Machine, case: &Case) {
    serve(machine);
    machine.background(
        "root",
        "python3 -c '
import fcntl, time
file = open(\"/var/lib/rpm/.rpm.lock\", \"w\")
fcntl.lockf(file, fcntl.LOCK_EX)
open(\"/dev/shm/held\", \"w\")
time.sleep(4)'",
    );
    machine.until("the lock is held", "test -e /dev/shm/held");
    let reply = case.up(machine);
    succeeds(&reply);
    assert!(
        reply
            .stderr
            .contains("waiting: up to 300 s for the package manager: python3 (process"),
        "the holder is named:\n{}",
        reply.stderr
    );
}

/// Refused before any change: what it says, and the machine exactly as it was.
fn refused(machine: &Machine, case: &Case, says: &[&str]) {
    let before = State::of(machine);
    let reply = case.up(machine);
    assert_eq!(reply.exit, 3, "up refuses:\n{}", reply.stderr);
    for text in says.iter().chain(&["hint:"]) {
        assert!(
            reply.stderr.contains(text),
            "{text:?} is not in:\n{}",
            reply.stderr
        );
    }
    is_as_it_was(machine, case, &before);
}
