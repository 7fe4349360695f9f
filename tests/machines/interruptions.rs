//! `kill -9` in the middle, and others in the way: the next `up` ends in the same state.

use super::case::Case;
use super::lifecycle::{lifecycle, settled_then_undone, succeeds};
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
