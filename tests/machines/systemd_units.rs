//! The units of `render systemd`, run by systemd: packages are installed under the limits of the one, and the health that
//! the other measures is served by the real node_exporter.

use super::case::Case;
use super::lifecycle::succeeds;
use super::machine::Machine;

const SETTINGS: &str = "mkdir /etc/pgvector-setup
cat > /etc/pgvector-setup/pgvector-setup.toml <<'TOML'
target = \"system\"
source = \"distro\"
dimensions = 3
TOML";

/// Highest exposures, in tenths, as `systemd-analyze security` counts them.
const THRESHOLDS: [(&str, u32); 2] = [
    ("pgvector-setup.service", 38),
    ("pgvector-setup-doctor.service", 20),
];

const METRICS: &str = "/var/lib/prometheus/node-exporter/pgvector-setup.prom";

pub fn provision_and_watch(machine: &Machine, _: &Case) {
    machine.root(SETTINGS);
    machine.root(
        "pgvector-setup render systemd /etc/systemd/system --config /etc/pgvector-setup/pgvector-setup.toml --every 1",
    );
    are_sound(machine);
    retries_what_is_transient(machine);
    stops_the_program_alone(machine);
    provisions(machine);
    watches(machine);
    watches_a_site_that_comes_later(machine);
}

fn are_sound(machine: &Machine) {
    let verified = machine.run(
        "root",
        "cd /etc/systemd/system && systemd-analyze verify pgvector-setup*.service pgvector-setup*.timer 2>&1",
    );
    succeeds(&verified);
    assert_eq!(verified.stdout, "");
    for (unit, threshold) in THRESHOLDS {
        machine.root(&format!(
            "systemd-analyze security --offline=yes --threshold={threshold} /etc/systemd/system/{unit} | tail -n 1"
        ));
    }
}

/// With a program that only ends in one way, each exit status leads to what the unit says of it.
fn retries_what_is_transient(machine: &Machine) {
    for status in [1, 2, 3, 4, 5, 6, 7, 8, 70, 130, 143] {
        machine.root(&format!(
            "mkdir -p /run/systemd/system/pgvector-setup.service.d
             printf '[Service]\\nExecStart=\\nExecStart=/bin/sh -c \"exit {status}\"\\n' > /run/systemd/system/pgvector-setup.service.d/exit.conf
             systemctl daemon-reload; systemctl reset-failed pgvector-setup.service 2>/dev/null; \
             systemctl start --no-block pgvector-setup.service"
        ));
        let expected = if [5, 6].contains(&status) {
            "auto-restart"
        } else {
            "failed"
        };
        machine.until(
            &format!("exit status {status} leads to {expected}"),
            &format!("[ \"$(systemctl show -P SubState pgvector-setup.service)\" = {expected} ]"),
        );
        machine.root("systemctl stop pgvector-setup.service");
    }
    machine.root("rm -r /run/systemd/system/pgvector-setup.service.d; systemctl daemon-reload; systemctl reset-failed pgvector-setup.service");
}

/// What the program started, a package manager at work or a server, outlives a stop.
fn stops_the_program_alone(machine: &Machine) {
    machine.root(
        "printf '%s\\n' '#!/bin/sh' 'sleep 1000 &' 'echo $! > /run/started' 'trap \"exit 143\" TERM' wait > /run/program
         chmod 755 /run/program; mkdir -p /run/systemd/system/pgvector-setup.service.d
         printf '[Service]\\nExecStart=\\nExecStart=/bin/sh /run/program\\n' > /run/systemd/system/pgvector-setup.service.d/stop.conf
         systemctl daemon-reload; systemctl start --no-block pgvector-setup.service",
    );
    machine.until("the program is at work", "[ -s /run/started ]");
    machine.root("systemctl stop pgvector-setup.service");
    let status = machine.root("systemctl show -P ExecMainStatus pgvector-setup.service");
    assert_eq!(status, "143");
    machine.root("kill $(cat /run/started)");
    machine.root("rm -r /run/systemd/system/pgvector-setup.service.d; systemctl daemon-reload; systemctl reset-failed pgvector-setup.service");
}

fn provisions(machine: &Machine) {
    machine.root("apt-get update -qq");
    let started = machine.run(
        "root",
        "systemctl enable --now pgvector-setup.service || { journalctl --no-pager -u pgvector-setup.service >&2; exit 1; }",
    );
    succeeds(&started);
    assert_eq!(
        machine.root("systemctl show -P SubState pgvector-setup.service"),
        "exited"
    );
    machine.root("systemctl restart pgvector-setup.service");
    assert!(
        machine
            .root("journalctl --no-pager -o cat -u pgvector-setup.service")
            .contains("nothing to do")
    );
}

fn watches(machine: &Machine) {
    machine.root("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus-node-exporter >/dev/null");
    machine.root("systemctl enable --now pgvector-setup-doctor.timer");
    machine.until("the timer has the health measured", &format!("[ -e {METRICS} ]"));
    machine.until(
        "the doctor is done",
        "[ \"$(systemctl show -P ActiveState pgvector-setup-doctor.service)\" = inactive ]",
    );
    // The table is empty, and this pgvector has advisories: it is read, whatever is thought of it.
    is_told(machine, "pgvector_setup_up", 1);
    let index = metric(machine, "pgvector_setup_index_valid");
    assert!(index.contains("index=\"articles_embedding_idx\""), "{index}");
    let version = metric(machine, "pgvector_setup_version_info");
    assert!(
        version.contains("package=\"postgresql-17-pgvector 0.8.0-1"),
        "{version}"
    );
    let mode = machine.root(&format!(
        "stat -c '%a %U' {METRICS}; ls -A /var/lib/prometheus/node-exporter"
    ));
    assert_eq!(mode, "644 root\npgvector-setup.prom");

    machine.root("systemctl stop pgvector-setup-doctor.timer postgresql@17-main.service");
    machine.run("root", "systemctl start pgvector-setup-doctor.service");
    assert_eq!(
        machine.root("systemctl show -P ExecMainStatus pgvector-setup-doctor.service"),
        "3"
    );
    is_told(machine, "pgvector_setup_up", 0);
    machine.root("systemctl start postgresql@17-main.service");
    machine.root("systemctl start pgvector-setup-doctor.service");
    is_told(machine, "pgvector_setup_up", 1);
}

/// A site that came after the units is looked at by them, beside the database that was there before.
fn watches_a_site_that_comes_later(machine: &Machine) {
    machine.root(
        "pgvector-setup --config /etc/pgvector-setup/pgvector-setup.toml \
         site deploy --yes --domain gp.example.com --email admin@example.com",
    );
    machine.root("systemctl start pgvector-setup-doctor.service");
    let up: Vec<String> = machine
        .root(&format!("grep ^pgvector_setup_up {METRICS}"))
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        up,
        [
            r#"pgvector_setup_up{site="gp.example.com",database="gp",schema="gp",table="articles"} 1"#,
            r#"pgvector_setup_up{database="vectors",schema="vectors",table="articles"} 1"#,
        ]
    );
    let again = machine.run("root", "systemctl restart pgvector-setup.service");
    succeeds(&again);
}

/// As node_exporter tells it.
fn is_told(machine: &Machine, name: &str, value: u8) {
    let line = metric(machine, name);
    assert!(line.ends_with(&format!("}} {value}")), "{line}");
    assert_eq!(
        metric(machine, "node_textfile_scrape_error"),
        "node_textfile_scrape_error 0"
    );
}

fn metric(machine: &Machine, name: &str) -> String {
    machine.root(&format!(
        "bash -c 'exec 3<>/dev/tcp/127.0.0.1/9100; printf \"GET /metrics HTTP/1.0\\r\\n\\r\\n\" >&3; cat <&3' | grep '^{name}[ {{]'"
    ))
}
