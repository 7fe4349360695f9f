//! Servers that run already, whoever started them: pgvector comes to that server, by the way that is open to it.

use rexpect::reader::Options;

use super::case::{ByHand, Case, Target};
use super::lifecycle::{is_as_it_was, settled_then_undone, succeeds};
use super::machine::Machine;
use super::state::State;

/// A plain user's own, by Debian's programs.
pub const OWN_SERVER: ByHand = ByHand {
    owner: "user",
    programs: "/usr/lib/postgresql/18/bin",
    data: "/home/user/data",
    port: 5433,
};

/// A service's, by programs that no package owns: Debian's, copied elsewhere, which looks for its files there.
pub const RELOCATED_SERVER: ByHand = ByHand {
    owner: "keeper",
    programs: "/opt/pg/lib/postgresql/18/bin",
    data: "/srv/data",
    port: 5433,
};

const INSTALL_SERVER: &str = "export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends postgresql-18 >/dev/null 2>&1";

const COPY_PROGRAMS: &str = "mkdir -p /opt/pg/lib/postgresql /opt/pg/share/postgresql
cp -a /usr/lib/postgresql/18 /opt/pg/lib/postgresql/
cp -a /usr/share/postgresql/18 /opt/pg/share/postgresql/
useradd --system --create-home keeper
install -d -o keeper /srv/data";

/// PostgreSQL 18 of a plain user, and no way to root: the signed package is unpacked for this server alone, and the
/// settings are afterwards what they were, in every byte.
pub fn without_root(machine: &Machine, case: &Case) {
    machine.root("mkdir -p /etc/postgresql-common; echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf");
    machine.root(INSTALL_SERVER);
    start(machine, case);
    sql(machine, case, "ALTER SYSTEM SET dynamic_library_path = '$libdir'");
    let before = (State::of(machine), settings_file(machine, case));
    succeeds(&case.up(machine));
    assert_ne!(
        settings_file(machine, case),
        before.1,
        "the server was told where to look"
    );
    assert_eq!(
        machine.root("dpkg-query -W -f '${db:Status-Status}' postgresql-18-pgvector 2>/dev/null || true"),
        "",
        "nothing was installed"
    );
    settled_then_undone(machine, case, &before.0);
    assert_eq!(
        settings_file(machine, case),
        before.1,
        "the settings are as they were"
    );
}

/// Debian's own cluster beside a server under `/opt`: refused with the list, taken by its port, chosen in the wizard.
pub fn told_apart(machine: &Machine, case: &Case) {
    machine.root(INSTALL_SERVER);
    machine.root("pg_ctlcluster 18 main start || true");
    machine.root(COPY_PROGRAMS);
    start(machine, case);
    let before = State::of(machine);

    let refused = machine.run("root", "pgvector-setup up --yes --target system");
    assert_eq!(refused.exit, 3, "two servers are refused: {}", refused.stderr);
    for line in [
        "port 5432: PostgreSQL 18, online, of postgres in /var/lib/postgresql/18/main (apt packages)",
        "port 5433: PostgreSQL 18, online, of keeper in /srv/data (no package)",
        "hint: name one by its port: pgvector-setup up --target system --port 5432",
    ] {
        assert!(
            refused.stderr.contains(line),
            "no {line:?} in:\n{}",
            refused.stderr
        );
    }
    is_as_it_was(machine, case, &before);
    chosen_in_the_wizard(machine);
    is_as_it_was(machine, case, &before);

    succeeds(&case.up(machine));
    let others = "cd /; runuser -u postgres -- psql -XAtqp 5432 -c \"SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'\"";
    assert_eq!(machine.root(others), "0", "the other server was left alone");
    settled_then_undone(machine, case, &before);
}

/// The wizard shows both servers and plans for the one that is picked.
fn chosen_in_the_wizard(machine: &Machine) {
    let options = Options::new().timeout_ms(Some(60_000));
    let command = machine.on_terminal("root", &["pgvector-setup"]);
    let mut wizard = rexpect::session::spawn_with_options(command, options).expect("docker starts");
    for (question, answer) in [
        ("Target", "system"),
        ("Server (5432, 5433) [5432]:", "6000"),
        ("no server here has the port 6000", "5433"),
        ("Database", ""),
        ("Table", ""),
        ("Dimensions", ""),
        ("Metric", ""),
        ("Index", ""),
        ("Change details", ""),
        ("PostgreSQL 18 in /srv/data on port 5433", ""),
        ("Go on", "stop"),
    ] {
        if let Err(error) = wizard.exp_string(question) {
            panic!("the wizard does not show {question:?}: {error}");
        }
        // The plan is no question.
        if !question.starts_with("PostgreSQL") {
            wizard.send_line(answer).expect("the wizard reads");
        }
    }
    wizard
        .exp_string("nothing was changed")
        .expect("the wizard stops");
}

/// Debian's cluster does not see what its package brings: told before the installation where that can be known, and
/// after it where it cannot.
pub fn sees_nothing(machine: &Machine, case: &Case) {
    machine.root(INSTALL_SERVER);
    machine.root("pg_ctlcluster 18 main start || true");
    let as_postgres =
        |sql: &str| machine.root(&format!("cd /; runuser -u postgres -- psql -XAtqc \"{sql}\""));
    as_postgres("ALTER SYSTEM SET extension_control_path = '/srv/own'");
    as_postgres("SELECT pg_reload_conf()");
    let before = State::of(machine);
    let refused = case.up(machine);
    assert_eq!(refused.exit, 3, "{}", refused.stderr);
    let places =
        "packages write to /usr/share/postgresql/18/extension, and this server reads /srv/own/extension";
    assert!(refused.stderr.contains(places), "{}", refused.stderr);
    is_as_it_was(machine, case, &before);

    as_postgres("ALTER SYSTEM RESET extension_control_path");
    as_postgres("SELECT pg_reload_conf()");
    machine
        .root("echo 'path-exclude=/usr/share/postgresql/18/extension/vector*' > /etc/dpkg/dpkg.cfg.d/slim");
    let before = State::of(machine);
    let stopped = case.up(machine);
    assert_eq!(stopped.exit, 5, "{}", stopped.stderr);
    for text in [
        "error[E0512]",
        "postgresql-18-pgvector writes to /usr/share/postgresql/18/extension",
        "dpkg --verify postgresql-18-pgvector",
    ] {
        assert!(
            stopped.stderr.contains(text),
            "no {text:?} in:\n{}",
            stopped.stderr
        );
    }
    succeeds(&case.rollback(machine, ""));
    is_as_it_was(machine, case, &before);
}

/// Makes the server's cluster and starts it, as its owner would.
fn start(machine: &Machine, case: &Case) {
    let ByHand {
        owner,
        programs,
        data,
        port,
    } = server(case);
    machine.root(&format!(
        "cd /
runuser -u {owner} -- {programs}/initdb --pgdata {data} --auth-local peer --auth-host scram-sha-256 >/dev/null
runuser -u {owner} -- {programs}/pg_ctl --pgdata {data} -o '-p {port} -k /tmp' --log {data}/server.log -w start >/dev/null"
    ));
}

fn sql(machine: &Machine, case: &Case, sql: &str) {
    let ByHand { owner, port, .. } = server(case);
    machine.root(&format!(
        "cd /; runuser -u {owner} -- psql -h /tmp -p {port} -d postgres -XAtqc \"{}\"",
        sql.replace('$', "\\$")
    ));
}

fn settings_file(machine: &Machine, case: &Case) -> String {
    machine.root(&format!("cat {}/postgresql.auto.conf", server(case).data))
}

fn server(case: &Case) -> ByHand {
    match case.target {
        Target::ByHand(server) => server,
        _ => unreachable!("the case is of a server that was started by hand"),
    }
}
