//! `kill -9` in the middle, and others in the way: the next `up` ends in the same state.

use super::case::Case;
use super::lifecycle::{is_as_it_was, lifecycle, settled_then_undone, succeeds};
use super::machine::Machine;
use super::state::State;

/// A signal is only delivered at once, not obeyed at once: the dead are waited for.
const KILLED_UNPACKING: &str = "grep -qs 'status unpacked postgresql-client-common' /var/log/dpkg.log && {
  kill -9 $(pidof pgvector-setup apt-get dpkg) 2>/dev/null
  while pidof pgvector-setup apt-get dpkg >/dev/null; do :; done
}";

/// The program, apt and dpkg die while packages are half installed.
pub fn killed_while_dpkg_unpacks(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    up_until(machine, case, KILLED_UNPACKING);
    assert_ne!(
        machine.root("dpkg --audit | head -n 3"),
        "",
        "packages are half installed"
    );
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

/// Everything dies as dpkg begins to unpack the files of PACKAGE: dpkg asks dpkg-deb for them, in whose place this is. That
/// leaves the package half installed, those before it unpacked, and dpkg's journal.
const CUT_OFF: &str = r#"mv /usr/bin/dpkg-deb /usr/bin/dpkg-deb.whole
cat >/usr/bin/dpkg-deb <<'END'
#!/bin/sh
case "$*" in
--fsys-tarfile*[-/]PACKAGE_*)
    mv /usr/bin/dpkg-deb.whole /usr/bin/dpkg-deb
    kill -9 $PPID $(pidof apt-get pgvector-setup)
    exit 1 ;;
esac
exec /usr/bin/dpkg-deb.whole "$@"
END
chmod 755 /usr/bin/dpkg-deb"#;

/// What a kill leaves in the instant between dpkg's notes "unpacked" and "and whole", which nothing outside of dpkg meets
/// for sure: the records are given the note that the second one replaces.
const NOT_YET_WHOLE: &str = "for package in libperl5.40 perl postgresql-client-common; do
  sed -i \"/^Package: $package$/,/^Status: /s/^Status: install ok unpacked/Status: install reinstreq unpacked/\" \
    /var/lib/dpkg/status $(find /var/lib/dpkg/updates -type f)
done";

const RECORDS: &str = "dpkg-query --show --showformat '${db:Status-Eflag} ${db:Status-Status} ${Package}\\n'";

/// dpkg dies as it unpacks, and has to be given some packages again; its journal is still there.
pub fn cut_off_in_unpacking(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    up_cut_off(machine, case, "ssl-cert");
    machine.root(NOT_YET_WHOLE);
    assert_eq!(
        broken(machine),
        "half-installed ssl-cert, unpacked libperl5.40, unpacked perl, unpacked postgresql-client-common"
    );
    assert_ne!(machine.root("ls /var/lib/dpkg/updates"), "", "there is a journal");
    succeeds(&case.up(machine));
    assert_eq!(machine.root("dpkg --audit"), "");
    settled_then_undone(machine, case, &before);
}

/// The same, and somebody has let dpkg try meanwhile: it took its journal over, and could not go on.
pub fn cut_off_and_tried_by_hand(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    up_cut_off(machine, case, "postgresql-17");
    machine.root(NOT_YET_WHOLE);
    let tried = machine.run("root", "dpkg --configure -a");
    assert_eq!(tried.exit, 1, "dpkg alone does not repair it:\n{}", tried.stderr);
    assert_eq!(
        broken(machine),
        "half-installed postgresql-17, unpacked libperl5.40, unpacked perl, unpacked postgresql-client-common"
    );
    assert_eq!(
        machine.root("ls /var/lib/dpkg/updates"),
        "",
        "there is no journal"
    );
    succeeds(&case.up(machine));
    assert_eq!(machine.root("dpkg --audit"), "");
    settled_then_undone(machine, case, &before);
}

/// The user does not want to go on: what was cut off is taken back.
pub fn cut_off_then_rolled_back(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    up_cut_off(machine, case, "ssl-cert");
    machine.root(NOT_YET_WHOLE);
    succeeds(&case.rollback(machine, ""));
    is_as_it_was(machine, case, &before);
}

/// An installation that was not ours: it is left alone, and what is told to type repairs it.
pub fn cut_off_by_others(machine: &Machine, case: &Case) {
    machine.root("apt-get update");
    machine.root(&CUT_OFF.replace("PACKAGE", "ssl-cert"));
    machine.run("root", "apt-get install -y --no-install-recommends ssl-cert");
    assert_eq!(broken(machine), "half-installed ssl-cert");
    let before = State::of(machine);
    let reply = case.up(machine);
    assert_eq!(reply.exit, 3, "it is refused:\n{}", reply.stderr);
    let hint = "sudo dpkg --configure -a; sudo apt-get install --reinstall ssl-cert";
    assert!(
        reply.stderr.contains(hint),
        "the hint says how:\n{}",
        reply.stderr
    );
    let changed = before.differences(&State::of(machine), &["/var/lib/pgvector-setup"]);
    assert!(
        changed.is_empty(),
        "the machine was changed:\n{}",
        changed.join("\n")
    );
    machine.root(hint);
    assert_eq!(machine.root("dpkg --audit"), "");
    succeeds(&case.up(machine));
}

fn up_cut_off(machine: &Machine, case: &Case, package: &str) {
    machine.root(&CUT_OFF.replace("PACKAGE", package));
    let killed = case.up(machine);
    assert_eq!(killed.exit, 137, "up is killed:\n{}", killed.stderr);
    machine.root("while pidof pgvector-setup apt-get dpkg >/dev/null; do :; done");
}

/// The packages that have to be installed again, in one line.
fn broken(machine: &Machine) -> String {
    let lines = machine.root(&format!("{RECORDS} | sed -n 's/^reinstreq //p' | sort"));
    lines.replace('\n', ", ")
}

/// The program dies while initdb fills the directory that is not yet the cluster's.
pub fn killed_while_initdb_runs(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    up_until(
        machine,
        case,
        "pidof initdb >/dev/null && kill -9 $(pidof pgvector-setup)",
    );
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

/// Starts `up` and comes back as soon as `moment`, a shell command, succeeds while it runs.
fn up_until(machine: &Machine, case: &Case, moment: &str) {
    machine.background(case.user, &format!("{}; touch /dev/shm/ended", case.up_command()));
    machine.root(&format!(
        "until {moment}; do if [ -e /dev/shm/ended ]; then echo 'it ended before' >&2; exit 1; fi; done"
    ));
}

/// After a power cut the server is down and has left its pid file, whose number then belongs to another process: `up`
/// starts it each time.
pub fn server_killed(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    succeeds(&case.up(machine));
    let kill = "kill -9 $(pidof postgres); while pidof postgres; do :; done";
    machine.root(kill);
    succeeds(&case.up(machine));
    let pid_file = "$(find /home /var/lib -path '*/data/postmaster.pid')";
    machine.root(&format!("{kill}; sed -i '1s/.*/1/' {pid_file}"));
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

/// Another package manager holds the lock for a while: `up` waits for it.
pub fn dpkg_locked_for_a_while(machine: &Machine, case: &Case) {
    machine.background("root", &hold_the_lock(10));
    machine.until("the lock is held", "test -e /dev/shm/held");
    lifecycle(machine, case);
}

/// It never lets go: `up` ends as busy and names the holder.
pub fn dpkg_locked_for_good(machine: &Machine, case: &Case) {
    machine.background("root", &hold_the_lock(600));
    machine.until("the lock is held", "test -e /dev/shm/held");
    let before = State::of(machine);
    let reply = case.up(machine);
    assert_eq!(reply.exit, 6, "a held lock is busy:\n{}", reply.stderr);
    let holder = machine.root("cat /dev/shm/held");
    assert!(
        reply.stderr.contains(&holder),
        "the holder {holder} is named:\n{}",
        reply.stderr
    );
    let changed = before.differences(&State::of(machine), &["/var/lib/pgvector-setup"]);
    assert!(
        changed.is_empty(),
        "the machine was changed:\n{}",
        changed.join("\n")
    );
}

fn hold_the_lock(seconds: u32) -> String {
    format!(
        "python3 -c 'import fcntl, os, time
lock = open(\"/var/lib/dpkg/lock-frontend\", \"w\")
fcntl.lockf(lock, fcntl.LOCK_EX)
open(\"/dev/shm/held.new\", \"w\").write(str(os.getpid()))
os.rename(\"/dev/shm/held.new\", \"/dev/shm/held\")
time.sleep({seconds})'"
    )
}
