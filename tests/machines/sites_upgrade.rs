//! Two sites on a server with the pgvector of before. A newer package comes; one site is brought to it, and then the other. Each is restarted
//! once, because its sessions have the library of before, and both serve all the while.

use serde_json::Value;

use super::case::Case;
use super::machine::Machine;
use super::site_service::Load;
use super::sites_two::{A, B, RATE, administrator, items, json, loses_nothing, starts};
use super::upgrade::{INSTALL_POSTGRESQL, PACKAGE_OF_BEFORE};

const PREPARE: &str = "DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends python3-psycopg2 >/dev/null 2>&1";
const NEWER_PACKAGE: &str = "DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends postgresql-18-pgvector >/dev/null 2>&1
runuser -u postgres -- psql -XAtqc \"SELECT default_version FROM pg_available_extensions WHERE name = 'vector'\"";

pub fn one_of_two(machine: &Machine, _: &Case) {
    machine.copy_in(&PACKAGE_OF_BEFORE, "/srv/");
    machine.root(INSTALL_POSTGRESQL);
    machine.root(PREPARE);
    for site in [A, B] {
        site.prepare(machine);
        let deploy = format!(
            "pgvector-setup site deploy --yes --json --port 5432 --dimensions 64 --domain {} --email admin@example.com",
            site.domain
        );
        assert!(json(&machine.run("root", &deploy))["restarted"] == true);
    }
    assert_eq!(versions(machine), ["0.8.0", "0.8.0"]);
    let newer = machine.root(&format!("cd /; {NEWER_PACKAGE}"));
    assert_ne!(newer, "0.8.0");
    assert_eq!(
        versions(machine),
        ["0.8.0", "0.8.0"],
        "a package changes no database"
    );

    let before = starts(machine);
    let loads = [A, B].map(|site| Load::start(machine, site, RATE));
    let upgrade = |domain: &str| {
        json(&machine.run(
            "root",
            &format!("pgvector-setup site upgrade --yes --json --port 5432 --domain {domain}"),
        ))
    };
    assert_eq!(upgrade(A.domain)["changed"], Value::from(true));
    assert_eq!(versions(machine), [newer.as_str(), "0.8.0"]);
    let with_newer = starts(machine);
    assert_ne!(with_newer.0, before.0);
    assert_eq!(with_newer.1, before.1);
    assert_eq!(upgrade(A.domain)["changed"], Value::from(false));
    assert_eq!(starts(machine), with_newer);
    assert_eq!(upgrade(B.domain)["changed"], Value::from(true));
    assert_eq!(versions(machine), [newer.as_str(), newer.as_str()]);
    loads.into_iter().for_each(loses_nothing);
    assert_eq!(starts(machine).0, with_newer.0);
    for (site, name) in [(A, "a"), (B, "b")] {
        assert_eq!(items(machine, site)["database"], Value::from(name));
    }
}

fn versions(machine: &Machine) -> [String; 2] {
    let sql = "SELECT extversion FROM pg_extension WHERE extname = 'vector'";
    ["a", "b"].map(|database| administrator(machine, database, sql))
}
