//! The first boot of a machine: no network yet, nothing in the environment, and others who want the package manager too.

use super::case::Case;
use super::machine::Machine;
use super::proof::prove;

/// Holds the lock of apt's downloads, which apt-get does not wait for, from before the network comes until it is told to let
/// go, as unattended upgrades do.
const HOLD_DOWNLOADS: &str = "exec python3 -c 'import fcntl, os, signal
lock = open(\"/var/cache/apt/archives/lock\", \"w\")
fcntl.lockf(lock, fcntl.LOCK_EX)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
open(\"/dev/shm/held.new\", \"w\").write(str(os.getpid()))
os.rename(\"/dev/shm/held.new\", \"/dev/shm/held\")
signal.pause()'";

/// What is here when cloud-init runs a script: next to nothing.
const NOTHING: &str =
    "mkdir /root/gone && cd /root/gone && rmdir /root/gone && umask 077 && exec 0<&- && exec env -i";

/// `up` waits for the network until it is told to stop. The next one waits for it and then for the lock, tells both, and
/// ends as ever.
pub fn from_nothing(machine: &Machine, case: &Case) {
    machine.unplug();
    let stopped = machine.run(
        "root",
        &format!("timeout --preserve-status --signal=TERM 10 {}", case.up_command()),
    );
    assert_eq!(stopped.exit, 143, "a pause ends by a signal:\n{}", stopped.stderr);
    machine.background("root", HOLD_DOWNLOADS);
    machine.until("the downloads are locked", "test -e /dev/shm/held");
    let up = case
        .up_command()
        .replace("pgvector-setup", "/usr/local/bin/pgvector-setup");
    machine.background(
        "root",
        &format!(
            "({NOTHING} {up} --json --progress) >/dev/shm/events 2>/dev/shm/said; echo $? >/dev/shm/exit"
        ),
    );
    machine.until(
        "the network is waited for",
        "grep '\"event\":\"waiting\"' /dev/shm/events | grep -q 'Temporary failure resolving'",
    );
    machine.plug_in();
    machine.until(
        "the lock is waited for",
        "grep '\"event\":\"waiting\"' /dev/shm/events | grep -q /var/cache/apt/archives/lock",
    );
    machine.root("kill $(cat /dev/shm/held)");
    machine.root(
        "tail --pid=$(pidof pgvector-setup) --follow /dev/null; until [ -s /dev/shm/exit ]; do :; done",
    );
    let events = machine.root("cat /dev/shm/said /dev/shm/events");
    assert_eq!(machine.root("cat /dev/shm/exit"), "0", "{events}");
    let last: serde_json::Value =
        serde_json::from_str(events.lines().last().unwrap_or_default()).expect(&events);
    assert_eq!(
        (&last["event"], &last["changed"]),
        (&"result".into(), &true.into())
    );
    prove(machine, case);
}
