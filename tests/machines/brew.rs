//! Homebrew, by a STAND-IN for brew (`standin/brew`): what is told of these cases is told of the stand-in. Its answers are those
//! recorded of the real brew on Linux, its kegs hold real binaries, its services are real ones of the user's own systemd.

use std::path::Path;

use super::bundle;
use super::case::Case;
use super::lifecycle::{is_as_it_was, lifecycle, settled_then_undone, succeeds};
use super::machine::Machine;
use super::proof::prove;
use super::refusals::refused;
use super::state::State;

/// What brew keeps for itself: its locks' files, and the directories of stopped services in the user's configuration.
pub const KEPT_BY_BREW: &[&str] = &[
    "/home/linuxbrew/.config",
    "/home/linuxbrew/.linuxbrew/var/homebrew/locks/",
];

/// And the data, the logs and the links of a server that is there before.
pub const THEIR_BREW: &[&str] = &["/home/linuxbrew/.config", "/home/linuxbrew/.linuxbrew/var/"];

const BREW: &str = "HOMEBREW_NO_ANALYTICS=1 HOMEBREW_NO_AUTO_UPDATE=1 HOMEBREW_NO_ENV_HINTS=1 \
    HOMEBREW_NO_INSTALL_CLEANUP=1 HOMEBREW_NO_INSTALL_UPGRADE=1 USER=linuxbrew XDG_RUNTIME_DIR=/run/user/$(id -u) \
    /home/linuxbrew/.linuxbrew/bin/brew";

/// A session of the user's own systemd, as `loginctl enable-linger` begins one. These images lack the PAM module that
/// would say where its sockets are.
const SESSION: &str = "mkdir -p /etc/systemd/system/user@.service.d
printf '[Service]\\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\\n' > /etc/systemd/system/user@.service.d/runtime.conf
systemctl daemon-reload
systemctl start user@$(id -u linuxbrew)";

/// The formulae described as homebrew/core does: with bottles, and pgvector for 17 and 18.
const CORE: &str = "touch /opt/standin-formulae/core";

fn prepare(machine: &Machine) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    machine.copy_in(&bundle::wheel(), "/srv/");
    for file in [
        "machines/standin/brew",
        "machines/standin/prepare",
        "fixtures/brew/info-not-installed.txt",
    ] {
        machine.copy_in(&tests.join(file), "/srv/");
    }
    machine.root("sh /srv/prepare");
}

fn brew(machine: &Machine, words: &str) {
    succeeds(&machine.run("linuxbrew", &format!("{BREW} {words}")));
}

/// Exactly what was done by brew since the machine was prepared.
fn calls(machine: &Machine) -> Vec<String> {
    let calls = machine.root("cat /home/linuxbrew/calls");
    calls.lines().map(str::to_owned).collect()
}

/// From nothing to the proof, again nothing to do, and back, by the commands that are listed here and no other.
pub fn nothing_to_verify(machine: &Machine, case: &Case) {
    prepare(machine);
    machine.root(SESSION);
    lifecycle(machine, case);
    assert_eq!(
        calls(machine),
        [
            "brew install --build-from-source postgresql@18",
            "brew install --build-from-source pgvector",
            "brew services start postgresql@18",
            "brew services stop postgresql@18",
            "brew uninstall pgvector",
            "brew uninstall postgresql@18",
        ]
    );
}

/// Without consent the data stays; a new `up` goes on with it, and it is still ours to destroy.
pub fn data_kept(machine: &Machine, case: &Case) {
    prepare(machine);
    machine.root(SESSION);
    let before = State::of(machine);
    succeeds(&case.up(machine));
    let undone = case.rollback(machine, "");
    succeeds(&undone);
    assert!(
        undone
            .stderr
            .contains("var/postgresql@18: data is only removed with consent"),
        "what stays is told: {}",
        undone.stderr
    );
    machine.root("test -e /home/linuxbrew/.linuxbrew/var/postgresql@18/PG_VERSION");
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

/// A server with somebody's database runs: it gets pgvector and our database, keeps everything else, and runs on.
pub fn running_server(machine: &Machine, case: &Case) {
    prepare(machine);
    machine.root(&format!("{SESSION}\n{CORE}"));
    brew(machine, "install postgresql@18");
    brew(machine, "services start postgresql@18");
    machine.until(
        "the server answers",
        "grep -q ready /home/linuxbrew/.linuxbrew/var/postgresql@18/postmaster.pid",
    );
    sql(machine, "CREATE DATABASE shop");
    let process = server_process(machine);
    let before = State::of(machine);
    machine.root(": > /home/linuxbrew/calls");

    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);

    assert_eq!(
        calls(machine),
        ["brew install pgvector", "brew uninstall pgvector"]
    );
    assert_eq!(server_process(machine), process, "the server was never stopped");
    assert_eq!(
        sql(
            machine,
            "SELECT string_agg(datname, ' ' ORDER BY oid) FROM pg_database WHERE NOT datistemplate"
        ),
        "postgres shop"
    );
}

/// No session, no service: refused before anything is installed; a server that the user starts by hand, as the hint
/// says, is adopted.
pub fn no_session(machine: &Machine, case: &Case) {
    prepare(machine);
    let before = State::of(machine);
    refused(
        machine,
        case,
        &[
            "brew services cannot start postgresql@18",
            "pg_ctl -D",
            "--target embedded",
        ],
    );
    brew(machine, "install --build-from-source postgresql@18");
    succeeds(&machine.run(
        "linuxbrew",
        "cd .linuxbrew && opt/postgresql@18/bin/pg_ctl -D $PWD/var/postgresql@18 -l var/log/postgresql@18.log -w start",
    ));
    succeeds(&case.up(machine));
    prove(machine, case);
    succeeds(&case.rollback(machine, case.consent()));
    succeeds(&machine.run(
        "linuxbrew",
        ".linuxbrew/opt/postgresql@18/bin/pg_ctl -D .linuxbrew/var/postgresql@18 -m fast stop",
    ));
    brew(machine, "uninstall postgresql@18");
    is_as_it_was(machine, case, &before);
}

/// brew is never started as root, whoever owns it.
pub fn as_root(machine: &Machine, case: &Case) {
    prepare(machine);
    refused(
        machine,
        case,
        &["belongs to linuxbrew", "never runs as root", "sudo -u linuxbrew"],
    );
    assert!(calls(machine).is_empty());
}

/// What is in the way is named before anything is installed: another's prefix, a port that is taken, a server of a
/// major that pgvector does not serve.
pub fn in_the_way(machine: &Machine, case: &Case) {
    prepare(machine);
    machine.root(&format!("{SESSION}\n{CORE}"));
    let theirs = Case {
        user: "user",
        ..*case
    };
    refused(
        machine,
        &theirs.with("--source brew"),
        &["belongs to linuxbrew", "user may not change it"],
    );

    machine.background(
        "root",
        "cd /dev/shm && exec python3 -m http.server --bind 127.0.0.1 5432",
    );
    machine.until("port 5432 is taken", "grep -q ':1538 .* 0A ' /proc/net/tcp");
    refused(
        machine,
        case,
        &["postgresql@18 would listen on port 5432", "lsof"],
    );
    machine.root("kill $(ps -C python3 -o pid=)");
    machine.until("port 5432 is free", "! grep -q ':1538 .* 0A ' /proc/net/tcp");

    brew(machine, "install postgresql@16");
    brew(machine, "services start postgresql@16");
    machine.until(
        "the server answers",
        "grep -q ready /home/linuxbrew/.linuxbrew/var/postgresql@16/postmaster.pid",
    );
    let reply = machine.run("linuxbrew", &case.up_command());
    assert_eq!(reply.exit, 3, "{}", reply.stderr);
    for text in [
        "pgvector serves PostgreSQL 17 and 18, not postgresql@16 on port 5432, online",
        "--pg 18",
        "--target embedded",
    ] {
        assert!(reply.stderr.contains(text), "{text} is told: {}", reply.stderr);
    }
    assert_eq!(
        calls(machine),
        ["brew install postgresql@16", "brew services start postgresql@16"]
    );

    // What the hint says, typed: a server of a served major beside it, on a port of its own.
    assert!(
        reply.stderr.contains("echo 'port = 5433' >> "),
        "{}",
        reply.stderr
    );
    brew(machine, "install postgresql@18");
    machine.root("echo 'port = 5433' >> /home/linuxbrew/.linuxbrew/var/postgresql@18/postgresql.conf");
    succeeds(&case.with("--pg 18").up(machine));
    let listening = machine.root("sed -n 4p /home/linuxbrew/.linuxbrew/var/postgresql@18/postmaster.pid");
    assert_eq!(listening, "5433");
    succeeds(&case.with("--pg 18").rollback(machine, case.consent()));
    machine.root("grep -q ready /home/linuxbrew/.linuxbrew/var/postgresql@16/postmaster.pid");
}

/// Killed while brew installs, which goes on alone: busy as long as it does, then the same command ends where an
/// undisturbed one does.
pub fn killed_while_brew_installs(machine: &Machine, case: &Case) {
    prepare(machine);
    machine.root(SESSION);
    let before = State::of(machine);
    machine.root("touch /opt/standin-formulae/slow");
    machine.background("linuxbrew", &case.up_command());
    machine.until(
        "brew installs",
        "test -e /home/linuxbrew/.linuxbrew/Cellar/postgresql@18",
    );
    machine.root("kill -9 $(ps -C pgvector-setup -o pid=)");

    let busy = case.up(machine);
    assert_eq!(busy.exit, 6, "{}", busy.stderr);
    assert!(busy.stderr.contains("another brew is at work"), "{}", busy.stderr);
    machine.root("rm /opt/standin-formulae/slow");
    machine.until("brew is done", "! pgrep -u linuxbrew -f bin/brew");

    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

fn sql(machine: &Machine, sql: &str) -> String {
    let psql =
        "/home/linuxbrew/.linuxbrew/opt/postgresql@18/bin/psql -h /tmp -d postgres -XAtqv ON_ERROR_STOP=1";
    let reply = machine.run("linuxbrew", &format!("{psql} <<'SQL'\n{sql}\nSQL"));
    succeeds(&reply);
    reply.stdout.trim_end().to_owned()
}

fn server_process(machine: &Machine) -> String {
    machine.root("head -n 1 /home/linuxbrew/.linuxbrew/var/postgresql@18/postmaster.pid")
}
