//! A machine that is to come up with its sites by itself: the unit of `render systemd` applies what the file declares, the power
//! fails meanwhile, and the next boot brings it to the end.

use std::collections::BTreeSet;

use serde_json::Value;

use super::case::Case;
use super::machine::Machine;
use super::site_service::Site;
use super::sites_secrets::Secrets;

const SITES: [Site; 3] = [
    Site {
        domain: "a.example.com",
        port: 8001,
    },
    Site {
        domain: "b.example.com",
        port: 8002,
    },
    Site {
        domain: "c.example.com",
        port: 8003,
    },
];

/// The third gets its URL as a credential, and its unit waits for the one that applies.
const DECLARED: &str = r#"mkdir /etc/pgvector-setup
cat > /etc/pgvector-setup/pgvector-setup.toml <<'TOML'
target = "system"
source = "distro"
dimensions = 64

[[sites]]
domain = "a.example.com"
email = "admin@example.com"

[[sites]]
domain = "b.example.com"
email = "admin@example.com"
health-url = "http://127.0.0.1:8002/health"

[[sites]]
domain = "c.example.com"
email = "admin@example.com"
credentials = true
TOML
pgvector-setup render systemd /etc/systemd/system --config /etc/pgvector-setup/pgvector-setup.toml
mkdir /etc/systemd/system/c.example.com.service.d
printf '[Unit]\nWants=pgvector-setup.service\nAfter=pgvector-setup.service\n' > /etc/systemd/system/c.example.com.service.d/needs.conf
systemctl enable pgvector-setup.service"#;

pub fn power_fails_in_apply(machine: &Machine, _: &Case) {
    for site in SITES {
        site.prepare(machine);
    }
    machine.root(DECLARED);
    machine.root("systemctl start --no-block pgvector-setup.service");
    machine.until(
        "the database of a site is made, and its schema begun",
        "cat /var/lib/pgvector-setup/sites/*/receipt.jsonl | grep -q create_schema",
    );
    machine.lose_power();
    machine.until(
        "the sites are applied, and what waits for that is started",
        "[ \"$(systemctl show -P SubState pgvector-setup.service c.example.com.service | xargs)\" = 'exited running' ]",
    );
    all_answer(machine);
    went_on_where_it_was(machine);
    says_how_grave_a_line_is(machine);
    reads_a_credential(machine);
    keeps_passwords_to_itself(machine);
    changes_nothing_again(machine);
}

fn all_answer(machine: &Machine) {
    for (site, name) in SITES.iter().zip(["a", "b", "c"]) {
        let items: Value = serde_json::from_str(&site.get(machine, "/items").stdout).expect("JSON");
        assert_eq!(
            (&items["database"], &items["login"]),
            (&name.into(), &name.into())
        );
    }
}

/// The second run has done no more than what was missing: the databases had been made, and no site was whole.
fn went_on_where_it_was(machine: &Machine) {
    let journal = machine.quietly("journalctl --no-pager --output cat -u pgvector-setup.service");
    let runs: Vec<&str> = journal.split("Starting pgvector-setup.service").skip(1).collect();
    let [first, second] = runs[..] else {
        panic!("{journal}")
    };
    assert!(!first.contains("3 sites"), "{first}");
    assert!(
        second.matches("create database").count() < SITES.len(),
        "{second}"
    );
    assert!(
        second.contains("3 sites: 3 changed, 0 failed, 0 as before"),
        "{second}"
    );
}

/// In syslog's numbers, as everything that reads a journal knows them.
fn says_how_grave_a_line_is(machine: &Machine) {
    let journal =
        machine.quietly("journalctl --no-pager --output json -u pgvector-setup.service _COMM=pgvector-setup");
    let entries = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let levels: BTreeSet<String> = entries
        .filter_map(|entry| entry["PRIORITY"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(levels.iter().map(String::as_str).collect::<Vec<_>>(), ["5", "6"]);
}

fn reads_a_credential(machine: &Machine) {
    assert_eq!(
        machine.root("cd /etc/pgvector-setup/sites; stat -c '%n %a %U %G' *"),
        "a.example.com.env 640 root site-8001\nb.example.com.env 640 root site-8002\nc.example.com.credential 600 root root"
    );
    let environment =
        machine.root("tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID c.example.com)/environ");
    assert!(
        environment.contains("CREDENTIALS_DIRECTORY=/run/credentials/c.example.com.service")
            && !environment.contains("DATABASE_URL")
            && !environment.contains("PG"),
        "{environment}"
    );
}

fn keeps_passwords_to_itself(machine: &Machine) {
    let mut secrets = Secrets::default();
    secrets.collect(machine);
    assert_eq!(secrets.count(), 3);
    let mut places = secrets.places(machine);
    // A service that comes up before its database says so, and what it says is its own.
    places.retain(|place| {
        SITES
            .iter()
            .all(|site| *place != format!("journal of {}.service", site.domain))
    });
    assert_eq!(
        places,
        [
            "/etc/pgvector-setup/sites/a.example.com.env",
            "/etc/pgvector-setup/sites/b.example.com.env",
            "/etc/pgvector-setup/sites/c.example.com.credential",
            "/run/credentials/c.example.com.service/database-url",
            "environ of site-8001",
            "environ of site-8002",
        ]
    );
}

fn changes_nothing_again(machine: &Machine) {
    let processes = || machine.root("systemctl show -P MainPID a.example.com b.example.com c.example.com");
    let before = processes();
    machine.root("systemctl restart pgvector-setup.service");
    assert_eq!(processes(), before);
    assert!(
        machine
            .root("journalctl --no-pager -o cat -u pgvector-setup.service")
            .contains("3 sites: 0 changed, 0 failed, 3 as before")
    );
}
