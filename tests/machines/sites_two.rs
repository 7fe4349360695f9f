//! Two sites on a machine that had nothing: deployed, given other passwords under load, broken in two ways, taken away. What is
//! done to one is not felt by the other.

use serde_json::Value;

use super::case::Case;
use super::lifecycle::succeeds;
use super::machine::{Machine, Reply};
use super::site_service::{Load, Site};
use super::sites_secrets::Secrets;

pub const A: Site = Site {
    domain: "a.example.com",
    port: 8001,
};
pub const B: Site = Site {
    domain: "b.example.com",
    port: 8002,
};

/// Requests a second.
pub const RATE: u16 = 20;

const DEPLOY_A: &str = "pgvector-setup site deploy --yes --json --source distro --dimensions 64 --domain a.example.com --email admin@example.com";
const DEPLOY_B: &str = "pgvector-setup site deploy --yes --json --source distro --dimensions 64 --domain b.example.com --email admin@example.com --health-url http://127.0.0.1:8002/health";

const DECLARED: &str = r#"cat > sites.toml <<'TOML'
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
TOML"#;

/// b calls itself well as long as it has its first login.
const UNWELL_AS_ANOTHER: &str = r#"cat > /etc/systemd/system/b.example.com.service.d/health.conf <<'CONF'
[Service]
Environment="HEALTH_QUERY=SELECT 1 / (session_user = 'b')::int"
CONF
systemctl daemon-reload"#;

/// The database of a as `migrate`, `doctor` and `verify` are told of it.
const DATABASE_A: &str =
    "pgvector-setup --target system --database a --role a_migrator --schema a --dimensions 64";

pub fn two_sites(machine: &Machine, _: &Case) {
    machine.root("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends python3-psycopg2 >/dev/null 2>&1");
    for site in [A, B] {
        site.prepare(machine);
    }
    let mut secrets = Secrets::default();
    are_deployed(machine);
    secrets.collect(machine);
    files_are_for_their_services_alone(machine);
    nothing_changes_again(machine);
    are_declared(machine);
    gets_another_password(machine);
    secrets.collect(machine);
    serves_while_the_other_is_renewed(machine);
    breaks_in_two_ways(machine);
    gets_well_again(machine);
    secrets.collect(machine);
    database_is_looked_at(machine);
    are_nowhere_else(machine, &secrets);
    is_removed_without_its_data(machine);
    is_removed_with_its_data(machine);
}

fn are_deployed(machine: &Machine) {
    assert!(json(&machine.run("root", DEPLOY_A))["restarted"] == true);
    // From now on the server's log has every statement.
    administrator(machine, "postgres", "ALTER SYSTEM SET log_statement = 'all'");
    administrator(machine, "postgres", "SELECT pg_reload_conf()");
    assert!(json(&machine.run("root", DEPLOY_B))["restarted"] == true);
    for (site, name) in [(A, "a"), (B, "b")] {
        let items = items(machine, site);
        assert_eq!(
            (&items["database"], &items["login"]),
            (&name.into(), &name.into())
        );
    }
}

fn files_are_for_their_services_alone(machine: &Machine) {
    assert_eq!(
        machine.root("cd /etc/pgvector-setup/sites; stat -c '%n %a %U %G' *"),
        "a.example.com.env 640 root site-8001\nb.example.com.env 640 root site-8002"
    );
    for (reader, succeeds) in [("site-8001", true), ("site-8002", false), ("user", false)] {
        let read = machine.run(
            "root",
            &format!(
                "runuser -u {reader} -- grep -c DATABASE_URL /etc/pgvector-setup/sites/a.example.com.env"
            ),
        );
        assert_eq!(read.exit == 0, succeeds, "{reader}");
    }
}

fn nothing_changes_again(machine: &Machine) {
    let before = starts(machine);
    for deploy in [DEPLOY_A, DEPLOY_B] {
        assert!(json(&machine.run("root", deploy))["changed"] == false);
    }
    assert_eq!(starts(machine), before);
}

/// What was deployed is what is declared; another address to write to is noted, and restarts nothing.
fn are_declared(machine: &Machine) {
    machine.root(DECLARED);
    let before = starts(machine);
    let check = |expected: i32| {
        let plan = machine.run("root", "pgvector-setup --config sites.toml plan --check");
        assert_eq!(plan.exit, expected, "{}{}", plan.stdout, plan.stderr);
    };
    check(0);
    machine.root("sed -i 's/admin@/owner@/' sites.toml");
    check(8);
    let apply = machine.run("root", "pgvector-setup --config sites.toml apply --yes --json");
    assert!(json(&apply)["failed"] == 0);
    check(0);
    assert_eq!(starts(machine), before);
}

fn gets_another_password(machine: &Machine) {
    machine.root("install -m 600 /etc/pgvector-setup/sites/a.example.com.env /dev/shm/before.env");
    let load = Load::start(machine, A, RATE);
    succeeds(&machine.run(
        "root",
        "pgvector-setup site rotate-password --yes --domain a.example.com",
    ));
    loses_nothing(load);
    assert_eq!(items(machine, A)["login"], "a_alternate");
    let log_in = |file: &str| {
        machine.run(
            "root",
            &format!("set -a; . {file}; psql -XAtc 'SELECT current_user'"),
        )
    };
    assert_eq!(
        log_in("/etc/pgvector-setup/sites/a.example.com.env").stdout,
        "a_alternate\n"
    );
    let before = log_in("/dev/shm/before.env");
    assert!(
        before.stderr.contains("password authentication failed"),
        "{}",
        before.stderr
    );
    machine.root("rm /dev/shm/before.env");
}

/// A migration of a is taken back and made again, which restarts its service; its extension is at the newest already.
fn serves_while_the_other_is_renewed(machine: &Machine) {
    let load = Load::start(machine, B, RATE);
    machine.root(&format!("{DATABASE_A} migrate down --to 3"));
    let deployed = json(&machine.run("root", DEPLOY_A));
    assert!(deployed["restarted"] == true && deployed["login"] == "a_alternate");
    succeeds(&machine.run("root", "pgvector-setup site upgrade --yes --domain a.example.com"));
    loses_nothing(load);
}

/// The health URL of b answers with 500 once it has another login, which is waited for; meanwhile the index of a cannot be built.
/// Neither service is left worse than it was.
fn breaks_in_two_ways(machine: &Machine) {
    machine.root(&format!("{DATABASE_A} migrate down --to 3"));
    machine.root(UNWELL_AS_ANOTHER);
    machine.root("cp -p /etc/pgvector-setup/sites/b.example.com.env /dev/shm/before.env");
    machine.background(
        "root",
        "pgvector-setup site rotate-password --yes --json --domain b.example.com >/dev/shm/rotated 2>/dev/null; echo $? >/dev/shm/exit",
    );
    let load = Load::start(machine, A, RATE);
    index_cannot_be_built(machine);
    loses_nothing(load);
    machine.until("b is given up", "test -s /dev/shm/exit");

    assert_eq!(machine.root("cat /dev/shm/exit"), "4");
    let told: Value = serde_json::from_str(&machine.root("cat /dev/shm/rotated")).expect("JSON");
    let (error, text) = (&told["error"], told.to_string());
    assert_eq!(
        (&error["code"], &error["hint"]),
        (
            &"E0561".into(),
            &"journalctl -u b.example.com.service -n 50".into()
        )
    );
    assert!(text.contains("its health URL answers with status 500"), "{text}");
    machine
        .root("cmp /dev/shm/before.env /etc/pgvector-setup/sites/b.example.com.env; rm /dev/shm/before.env");
    assert_eq!(items(machine, B)["login"], "b");
}

/// Its name is taken, which a plan sees; and then the server refuses, which only a deploy finds out.
fn index_cannot_be_built(machine: &Machine) {
    let (before, _) = starts(machine);
    administrator(machine, "a", "CREATE TABLE a.articles_embedding_idx ()");
    let taken = machine.run("root", DEPLOY_A);
    assert_eq!(taken.exit, 3, "{}", taken.stderr);
    let error: Value = serde_json::from_str(&taken.stdout).expect("JSON");
    assert_eq!(error["error"]["code"], "E0707");
    let hint = error["error"]["hint"].as_str().expect("a hint");
    assert!(hint.starts_with("ALTER TABLE "), "{hint}");
    administrator(machine, "a", hint);

    administrator(
        machine,
        "a",
        "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no index by day'; END$$",
    );
    administrator(
        machine,
        "a",
        "CREATE EVENT TRIGGER by_day ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.refuse()",
    );
    let refused = machine.run("root", DEPLOY_A);
    assert_eq!(refused.exit, 5, "{}", refused.stderr);
    let error: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert!(
        error["error"]["message"]
            .as_str()
            .is_some_and(|message| message.contains("no index by day")),
        "{error}"
    );
    let hint = error["error"]["hint"].as_str().expect("a hint");
    let looked_at = machine.run("root", hint);
    assert_eq!(looked_at.exit, 1, "{hint}: {}", looked_at.stderr);
    assert_eq!(starts(machine).0, before);

    administrator(machine, "a", "DROP EVENT TRIGGER by_day");
    assert!(json(&machine.run("root", DEPLOY_A))["restarted"] == true);
}

fn gets_well_again(machine: &Machine) {
    machine.root("rm /etc/systemd/system/b.example.com.service.d/health.conf; systemctl daemon-reload");
    succeeds(&machine.run(
        "root",
        "pgvector-setup site rotate-password --yes --domain b.example.com",
    ));
    assert_eq!(items(machine, B)["login"], "b_alternate");
    for site in [A, B] {
        succeeds(&machine.run(
            "root",
            &format!("pgvector-setup site status --domain {}", site.domain),
        ));
    }
}

/// Where nothing is said of a database, the sites are named; a site says what is typed for its database.
fn database_is_looked_at(machine: &Machine) {
    let lost = machine.run("root", "pgvector-setup doctor");
    assert_eq!(lost.exit, 3);
    assert!(
        lost.stderr
            .contains("hint: pgvector-setup site status --domain a.example.com"),
        "{}",
        lost.stderr
    );
    let status = machine.root("pgvector-setup site status --domain a.example.com");
    let typed = status.lines().find_map(|line| line.strip_prefix("doctor:"));
    let doctor = machine.run("root", typed.expect("a command"));
    // This pgvector has advisories: it is read, whatever is thought of it.
    assert_eq!(doctor.exit, 1, "{}", doctor.stderr);
    assert!(
        doctor.stdout.contains("articles_embedding_idx"),
        "{}",
        doctor.stdout
    );
    succeeds(&machine.run("root", &format!("{DATABASE_A} verify")));
}

fn are_nowhere_else(machine: &Machine, secrets: &Secrets) {
    assert_eq!(secrets.count(), 4);
    assert_eq!(
        secrets.places(machine),
        [
            "/etc/pgvector-setup/sites/a.example.com.env",
            "/etc/pgvector-setup/sites/b.example.com.env",
            "environ of site-8001",
            "environ of site-8002",
        ]
    );
}

fn is_removed_without_its_data(machine: &Machine) {
    let (_, before) = starts(machine);
    let items_of_b = items(machine, B);
    succeeds(&machine.run("root", "pgvector-setup site remove --yes --domain a.example.com"));
    assert_eq!(starts(machine).1, before);
    assert_eq!(items(machine, B), items_of_b);
    assert_eq!(
        machine.root("ls /etc/pgvector-setup/sites /etc/systemd/system/a.example.com.service.d 2>&1 || true"),
        "ls: cannot access '/etc/systemd/system/a.example.com.service.d': No such file or directory\n/etc/pgvector-setup/sites:\nb.example.com.env"
    );
    let roles = administrator(
        machine,
        "postgres",
        "SELECT rolname FROM pg_roles WHERE rolname ~ '^[ab]' ORDER BY 1",
    );
    assert_eq!(roles, "a_migrator\nb\nb_alternate\nb_migrator");

    let deployed = json(&machine.run("root", DEPLOY_A));
    assert!(deployed["restarted"] == true && deployed["login"] == "a");
    let kept = items(machine, A);
    assert!(
        kept["items"].as_array().is_some_and(|items| !items.is_empty()),
        "{kept}"
    );
}

fn is_removed_with_its_data(machine: &Machine) {
    let (_, before) = starts(machine);
    let items_of_b = items(machine, B);
    let remove = |flags: &str| {
        machine.run(
            "root",
            &format!("pgvector-setup site remove --yes --domain a.example.com {flags}"),
        )
    };
    assert_eq!(remove("--destroy-data b").exit, 3);
    succeeds(&remove("--export a.dump --destroy-data a"));
    assert_eq!(machine.root("stat -c '%a %U' a.dump"), "600 root");
    assert!(
        machine
            .root("pg_restore --list a.dump")
            .contains("TABLE DATA a articles")
    );
    let left = "SELECT datname FROM pg_database WHERE datname = 'a' UNION ALL SELECT rolname FROM pg_roles WHERE rolname ~ '^a'";
    assert_eq!(administrator(machine, "postgres", left), "");
    assert_eq!(starts(machine).1, before);
    assert_eq!(items(machine, B), items_of_b);
    assert!(!machine.root("pgvector-setup site list").contains(A.domain));
}

pub fn json(reply: &Reply) -> Value {
    succeeds(reply);
    serde_json::from_str(&reply.stdout).expect("JSON")
}

pub fn items(machine: &Machine, site: Site) -> Value {
    json(&site.get(machine, "/items"))
}

pub fn loses_nothing(load: Load<'_>) {
    let (requests, failed) = load.end();
    assert!(requests > 0);
    assert_eq!(failed, 0, "of {requests}");
}

/// For a and b: which process it is, and when it became active.
pub fn starts(machine: &Machine) -> (String, String) {
    let of = |site: Site| {
        machine.root(&format!(
            "systemctl show -P MainPID -P ActiveEnterTimestampMonotonic {}",
            site.domain
        ))
    };
    (of(A), of(B))
}

pub fn administrator(machine: &Machine, database: &str, sql: &str) -> String {
    machine.root(&format!(
        "cd / && runuser -u postgres -- psql -XAtd {database} <<'SQL'\n{sql}\nSQL"
    ))
}
