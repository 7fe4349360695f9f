//! `(facts, settings) -> plan or refusal`, over facts as they were recorded on real machines.
//!
//! Trixie's own pgvector is affected, so that these rows ask for the distribution's packages: they are about what packages
//! do to a machine. Where packages come from is in [`origins`].

mod origins;

use super::*;
use crate::facts::apt::{
    FINGERPRINT, KeyOrigin, LockHolder, PgdgFacts, SigningKey, broken_packages, parse_policy,
    parse_simulation, parse_sources,
};
use crate::facts::clusters::Cluster;
use crate::facts::manager::Manager;
use crate::facts::os::{Libc, OperatingSystem, from_release};
use crate::facts::os_release;
use crate::facts::overlay::OverlayFacts;
use crate::facts::privilege::Elevation;
use crate::plan::system::{permitted, server_plan};
use crate::settings::{
    DEFAULT_LOCK_TIMEOUT, Dimensions, Identifier, Index, InstanceName, Metric, PackageSettings, Target,
    VectorTable,
};

/// A Debian 13 as it is installed, as root, without systemd, with fresh package lists and no PostgreSQL.
fn trixie() -> SystemFacts {
    SystemFacts {
        os: os(include_str!("../../../../tests/corpus/os-release/debian-13")),
        user: "root".to_owned(),
        elevation: Elevation::Root,
        manager: Some(Manager::Apt),
        dnf: None,
        brew: None,
        apt: Some(AptFacts {
            architecture: "amd64".to_owned(),
            pgdg: pgdg(),
            policies: parse_policy(include_str!("../../../../tests/fixtures/apt/policy-trixie.txt")),
            lists_age: Some(60),
            simulation: Some(parse_simulation(
                include_str!("../../../../tests/fixtures/apt/simulate-trixie.txt"),
                "",
            )),
            ..AptFacts::default()
        }),
        clusters: Vec::new(),
        cluster_remains: Vec::new(),
        extension_files: Vec::new(),
        systemd: false,
        makes_main_cluster: true,
        pgdg_configured: false,
        docker: false,
        unfinished_installation: false,
        has_adopted: false,
        overlay: OverlayFacts::default(),
    }
}

fn os(release: &str) -> OperatingSystem {
    let mut os = from_release(os_release::parse(release), Libc::Unknown);
    os.architecture = "x86_64".to_owned();
    os
}

fn pgdg() -> PgdgFacts {
    PgdgFacts {
        key: Some(Ok(SigningKey {
            fingerprint: FINGERPRINT.to_owned(),
            origin: KeyOrigin::Embedded,
            armored: "-----BEGIN PGP PUBLIC KEY BLOCK-----".to_owned(),
        })),
        keyrings_exist: true,
        certificates_exist: true,
        ..PgdgFacts::default()
    }
}

fn settings() -> Settings {
    Settings {
        target: Target::System,
        instance: InstanceName::default(),
        directory: None,
        port: None,
        postgres_major: None,
        lock_timeout: DEFAULT_LOCK_TIMEOUT,
        packages: PackageSettings {
            source: Some(Source::Distro),
            ..PackageSettings::default()
        },
        bundle: None,
        database: name("vectors"),
        role: name("vectors"),
        table: VectorTable {
            schema: name("vectors"),
            table: name("articles"),
            key: name("uri"),
            column: name("embedding"),
            dimensions: Dimensions::new(3).unwrap(),
            metric: Metric::Cosine,
            index: Index::None,
            extension_schema: name("public"),
        },
        network: Default::default(),
        server_url: None,
        role_password_file: None,
        embedder: Default::default(),
        containers: crate::settings::ContainerSettings::default(),
    }
}

fn name(name: &str) -> Identifier {
    Identifier::new(name).unwrap()
}

fn cluster(major: u16, port: u16, status: ClusterStatus) -> Cluster {
    Cluster {
        major,
        name: "main".to_owned(),
        port,
        socket_directory: "/var/run/postgresql".into(),
        data_directory: format!("/var/lib/postgresql/{major}/main").into(),
        owner: "postgres".to_owned(),
        status,
        log: "/dev/null".into(),
        ..Cluster::default()
    }
}

/// The plan or the refusal in as few words as tell them apart.
fn outline(facts: &SystemFacts, settings: &Settings) -> String {
    let plan = match server_plan(facts, settings) {
        Ok(plan) => plan,
        Err(refusal) => {
            let kind = match &refusal {
                Refusal::Unavailable { .. } => "unavailable",
                Refusal::Blocked { .. } => "blocked",
                Refusal::Privilege { .. } => "privilege",
                Refusal::Differs { .. } => "differs",
                Refusal::Rights { .. } => "rights",
                Refusal::NotOffered { .. } => "not offered",
            };
            return format!("{kind}: {refusal}");
        }
    };
    let steps = plan.steps.iter().map(|step| match step {
        Step::RefreshPackageIndex { .. } => "refresh".to_owned(),
        Step::InstallPackages {
            packages, clusters, ..
        } => format!("install {} making [{}]", packages.len(), clusters.join(" ")),
        Step::AddRepository { suite, uri, .. } if uri.contains("apt.postgresql.org") => {
            format!("add {suite}")
        }
        Step::AddRepository { suite, uri, .. } => format!("add {suite} of {uri}"),
        Step::ConfigurePackages { .. } => "configure".to_owned(),
        Step::SettleJournal { .. } => "settle".to_owned(),
        Step::ReinstallPackages { argv, .. } => {
            let is_option = |word: &&String| word.starts_with('-') || word.contains("::");
            let words = argv.iter().skip(2).filter(|word| !is_option(word));
            format!("reinstall {}", words.cloned().collect::<Vec<_>>().join(" "))
        }
        Step::CreateSystemCluster { major, name, .. } => format!("create {major}/{name}"),
        Step::StartService { cluster, argv, .. } => format!("start {cluster} by {}", argv[0]),
        other => format!("{other:?}"),
    });
    steps.collect::<Vec<_>>().join(", ")
}

/// What a machine is changed to before it is planned for, and the outline of the plan.
type Case = (&'static str, fn(&mut SystemFacts, &mut Settings), &'static str);

const CASES: &[Case] = &[
    (
        "a fresh machine without systemd",
        |_, _| {},
        "install 47 making [17/main], start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "a fresh machine with systemd",
        |facts, _| facts.systemd = true,
        "install 47 making [17/main]",
    ),
    (
        "package lists of yesterday",
        |facts, _| apt(facts).lists_age = Some(86_400),
        "refresh, install 47 making [17/main], start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "no package lists",
        |facts, _| *apt(facts) = AptFacts::default(),
        "refresh",
    ),
    (
        "a machine that is configured to make no cluster",
        |facts, _| facts.makes_main_cluster = false,
        "install 47 making [], create 17/main, start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "a cluster left on disk by a removed PostgreSQL",
        |facts, _| facts.cluster_remains = vec!["17/main".to_owned()],
        "install 47 making [], start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "everything installed, no cluster",
        |facts, _| installed(facts),
        "create 17/main, start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "everything there and running",
        |facts, _| {
            installed(facts);
            facts.clusters = vec![cluster(17, 5433, ClusterStatus::Online)];
        },
        "",
    ),
    (
        "everything there and running, with yesterday's lists and a lock held",
        |facts, _| {
            installed(facts);
            apt(facts).lists_age = Some(86_400);
            apt(facts).lock_holder = Some(LockHolder {
                path: "/var/lib/dpkg/lock-frontend".into(),
                pid: 7,
                command: "unattended-upgr".to_owned(),
            });
            facts.clusters = vec![cluster(17, 5433, ClusterStatus::Online)];
        },
        "",
    ),
    (
        "the cluster is down, under systemd",
        |facts, _| {
            installed(facts);
            facts.systemd = true;
            facts.clusters = vec![cluster(17, 5432, ClusterStatus::Down)];
        },
        "start 17/main by /usr/bin/systemctl",
    ),
    (
        "a cluster without pgvector",
        |facts, _| {
            facts.clusters = vec![cluster(17, 5432, ClusterStatus::Online)];
            facts.cluster_remains = vec!["17/main".to_owned()];
            apt(facts).simulation = None;
        },
        "install 1 making []",
    ),
    (
        "a cluster without pgvector, and no package lists",
        |facts, _| {
            facts.clusters = vec![cluster(17, 5432, ClusterStatus::Online)];
            *apt(facts) = AptFacts::default();
        },
        "refresh",
    ),
    (
        "a cluster of a major that has no pgvector",
        |facts, _| facts.clusters = vec![cluster(15, 5432, ClusterStatus::Online)],
        "unavailable: the repositories of Debian GNU/Linux 13 (trixie) have no pgvector for PostgreSQL 15, \
         the major of cluster 15/main on port 5432, online",
    ),
    (
        "that same machine, with --pg 17",
        |facts, settings| {
            facts.clusters = vec![cluster(15, 5432, ClusterStatus::Online)];
            settings.postgres_major = Some(17);
        },
        "install 47 making [17/main], start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "two clusters",
        |facts, _| two_clusters(facts),
        "blocked: 2 servers could be meant:\n  \
         - port 5432: PostgreSQL 15, online, of postgres in /var/lib/postgresql/15/main (apt packages)\n  \
         - port 5433: PostgreSQL 17, online, of postgres in /var/lib/postgresql/17/main (apt packages)",
    ),
    (
        "two clusters, with --port 5433",
        |facts, settings| {
            two_clusters(facts);
            installed(facts);
            settings.port = Some(5433);
        },
        "",
    ),
    (
        "a --port that no cluster has",
        |_, settings| settings.port = Some(6000),
        "blocked: no cluster of this machine has port 6000: there is no cluster",
    ),
    (
        "a --pg that is not packaged",
        |_, settings| settings.postgres_major = Some(18),
        "unavailable: the repositories of Debian GNU/Linux 13 (trixie) have no PostgreSQL 18 with pgvector",
    ),
    (
        "Debian 12 without package lists",
        |facts, _| {
            bookworm(facts);
            *apt(facts) = AptFacts::default();
        },
        "unavailable: the repositories of Debian GNU/Linux 12 (bookworm) have no pgvector",
    ),
    (
        "Debian 12 without package lists, with PGDG among the sources",
        |facts, _| {
            bookworm(facts);
            *apt(facts) = AptFacts::default();
            facts.pgdg_configured = true;
        },
        "refresh",
    ),
    (
        "Debian 12 with its own lists",
        |facts, _| bookworm(facts),
        "unavailable: the repositories of Debian GNU/Linux 12 (bookworm) have no pgvector",
    ),
    (
        "an interrupted dpkg",
        |facts, _| broken(facts, &[TZDATA]),
        "blocked: dpkg was interrupted before it was done with tzdata",
    ),
    (
        "an interrupted dpkg that nothing is wanted of",
        |facts, _| {
            installed(facts);
            broken(facts, &[TZDATA]);
            facts.clusters = vec![cluster(17, 5432, ClusterStatus::Online)];
        },
        "",
    ),
    (
        "an interrupted installation of ours",
        |facts, _| {
            broken(facts, &["unpacked ok postgresql-17 17.6-0+deb13u1"]);
            facts.unfinished_installation = true;
        },
        "configure",
    ),
    (
        "an interrupted installation of ours, of which only the journal is left",
        |facts, _| {
            apt(facts).interrupted.journal = true;
            facts.unfinished_installation = true;
        },
        "configure",
    ),
    (
        "an installation of ours that was cut off in unpacking, with what dpkg noted of it",
        |facts, _| {
            broken(
                facts,
                &[
                    "unpacked ok perl 5.40.1-6",
                    "half-installed reinstreq ssl-cert 1.1.3",
                ],
            );
            apt(facts).interrupted.journal = true;
            facts.unfinished_installation = true;
        },
        "settle, reinstall ssl-cert",
    ),
    (
        "an installation of ours that was cut off as dpkg had unpacked, and not yet said that it is whole",
        |facts, _| {
            broken(
                facts,
                &[
                    "unpacked reinstreq libperl5.40:amd64 5.40.1-6",
                    "unpacked reinstreq ssl-cert 1.1.3",
                ],
            );
            facts.unfinished_installation = true;
        },
        "reinstall libperl5.40:amd64 ssl-cert",
    ),
    (
        "a server cut off in unpacking, whose version a repository has, and one that none has any more",
        |facts, _| {
            broken(
                facts,
                &[
                    "half-installed reinstreq postgresql-17-pgvector 0.8.0-1",
                    "half-installed reinstreq postgresql-17 1",
                ],
            );
            facts.unfinished_installation = true;
        },
        "reinstall postgresql-17-pgvector=0.8.0-1 postgresql-17",
    ),
    (
        "an installation of ours that was cut off in unpacking, and the package lists are gone",
        |facts, _| {
            broken(facts, &["half-installed reinstreq ssl-cert "]);
            apt(facts).interrupted.journal = true;
            apt(facts).lists_age = None;
            facts.cluster_remains = Vec::new();
            facts.extension_files = vec![(17, "0.8.0".to_owned())];
            facts.unfinished_installation = true;
        },
        "settle, refresh, reinstall ssl-cert",
    ),
    (
        "somebody else's installation that was cut off in unpacking",
        |facts, _| broken(facts, &["half-installed reinstreq tzdata 2025b"]),
        "blocked: dpkg was interrupted before it was done with tzdata",
    ),
    (
        "an installation that removes a package",
        |facts, _| simulation(facts).removed = vec!["mawk".to_owned()],
        "blocked: apt would remove mawk to install the packages",
    ),
    (
        "an installation that downgrades a package",
        |facts, _| simulation(facts).downgraded = vec!["libpq5".to_owned()],
        "blocked: apt would install an older version of libpq5",
    ),
    (
        "an installation that upgrades a library",
        |facts, _| simulation(facts).upgraded = vec!["libpq5".to_owned()],
        "install 47 making [17/main], start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "an installation that upgrades a running server",
        |facts, _| simulation(facts).upgraded = vec!["libpq5".to_owned(), "postgresql-15".to_owned()],
        "blocked: apt would also upgrade and restart postgresql-15",
    ),
    (
        "an installation that apt finds no way to",
        |facts, _| simulation(facts).refused = "E: held".to_owned(),
        "blocked: apt cannot install the packages: E: held",
    ),
    (
        "Fedora",
        |facts, _| {
            facts.os = os(include_str!("../../../../tests/corpus/os-release/fedora-42"));
            facts.apt = None;
            facts.manager = None;
        },
        "unavailable: target system works through apt, dnf or Homebrew, none of which \
         Fedora Linux 42 (Server Edition) has",
    ),
];

fn apt(facts: &mut SystemFacts) -> &mut AptFacts {
    facts.apt.as_mut().unwrap()
}

fn simulation(facts: &mut SystemFacts) -> &mut Simulation {
    apt(facts).simulation.as_mut().unwrap()
}

const TZDATA: &str = "unpacked ok tzdata 2025b";

/// Lines of `dpkg-query` in its format.
fn broken(facts: &mut SystemFacts, lines: &[&str]) {
    apt(facts).interrupted.packages = broken_packages(&lines.join("\n"));
}

fn installed(facts: &mut SystemFacts) {
    apt(facts).policies = parse_policy(include_str!(
        "../../../../tests/fixtures/apt/policy-trixie-installed.txt"
    ));
    apt(facts).simulation = None;
    facts.extension_files = vec![(17, "0.8.0".to_owned())];
}

fn two_clusters(facts: &mut SystemFacts) {
    facts.clusters = vec![
        cluster(15, 5432, ClusterStatus::Online),
        cluster(17, 5433, ClusterStatus::Online),
    ];
}

fn bookworm(facts: &mut SystemFacts) {
    facts.os = os(include_str!("../../../../tests/corpus/os-release/debian-12"));
    apt(facts).policies = Vec::new();
    apt(facts).simulation = None;
}

#[test]
fn every_machine_has_its_plan_or_its_refusal() {
    for (machine, change, expected) in CASES {
        let (mut facts, mut settings) = (trixie(), settings());
        change(&mut facts, &mut settings);
        assert_eq!(outline(&facts, &settings), *expected, "{machine}");
    }
}

/// The commands were found on real machines, in every state that a kill leaves: `tests/machines/interruptions.rs`.
#[test]
fn what_was_cut_off_is_repaired_by_these_commands_and_others_are_told_which_they_need() {
    let half = "half-installed reinstreq ssl-cert 1.1.3";
    let (mut facts, settings) = (trixie(), settings());
    facts.unfinished_installation = true;
    broken(&mut facts, &[half]);
    apt(&mut facts).interrupted.journal = true;
    let shown: Vec<String> = server_plan(&facts, &settings)
        .unwrap()
        .steps
        .iter()
        .flat_map(Step::details)
        .collect();
    assert_eq!(
        shown,
        [
            "(root) /usr/bin/dpkg --set-selections",
            "(root) /usr/bin/apt-get install -y --reinstall --no-install-recommends --no-remove \
             -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef -o DPkg::Lock::Timeout=300 ssl-cert",
        ]
    );
    facts.unfinished_installation = false;
    for (lines, journal, expected) in [
        (&[TZDATA][..], true, "sudo dpkg --configure -a"),
        (&[], true, "sudo dpkg --configure -a"),
        (
            &[half, TZDATA],
            false,
            "sudo apt-get install --reinstall ssl-cert",
        ),
        (
            &[half, "unpacked reinstreq x:amd64 1"],
            true,
            "sudo dpkg --configure -a; sudo apt-get install --reinstall ssl-cert x:amd64",
        ),
    ] {
        broken(&mut facts, lines);
        apt(&mut facts).interrupted.journal = journal;
        let refusal = server_plan(&facts, &settings).unwrap_err();
        let Refusal::Blocked { hint, .. } = &refusal else {
            panic!("{refusal:?}");
        };
        assert_eq!(hint, expected, "{lines:?}");
    }
}

#[test]
fn a_plan_names_the_candidate_its_origin_and_its_defect() {
    let plan = server_plan(&trixie(), &settings()).unwrap();
    let notes = plan.notes.join("\n");
    for expected in [
        "pgvector 0.8.0-1 for PostgreSQL 17 (http://mirror.example/debian trixie/main): chosen",
        "CVE-2026-3172",
        "max_parallel_maintenance_workers = 0",
    ] {
        assert!(notes.contains(expected), "{expected} in {notes}");
    }
}

#[test]
fn a_refusal_names_only_what_is_on_this_machine() {
    let alternatives = |docker| {
        let mut facts = trixie();
        bookworm(&mut facts);
        *apt(&mut facts) = AptFacts::default();
        facts.docker = docker;
        match server_plan(&facts, &settings()) {
            Err(Refusal::Unavailable { alternatives, .. }) => alternatives,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        alternatives(false),
        [
            "pgvector-setup up --target system --source pgdg",
            "pgvector-setup up --target embedded"
        ]
    );
    assert_eq!(alternatives(true).len(), 3);
}

#[test]
fn without_privilege_every_step_that_needs_it_is_listed() {
    let mut facts = trixie();
    facts.user = "plain".to_owned();
    facts.elevation = Elevation::None;
    let plan = server_plan(&facts, &settings()).unwrap();
    let Err(Refusal::Privilege { steps, .. }) = permitted(&facts, &settings(), &plan) else {
        panic!("permitted");
    };
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(steps[0].starts_with("/usr/bin/apt-get install -y --no-install-recommends --no-remove "));
    assert_eq!(steps[1], "/usr/bin/pg_ctlcluster 17 main start");
    assert!(steps[2].starts_with("act as postgres"));

    facts.elevation = Elevation::Sudo;
    assert_eq!(permitted(&facts, &settings(), &plan), Ok(()));
}

#[test]
fn the_owner_of_a_running_cluster_needs_no_root() {
    let mut facts = trixie();
    installed(&mut facts);
    facts.clusters = vec![cluster(17, 5432, ClusterStatus::Online)];
    facts.user = "postgres".to_owned();
    facts.elevation = Elevation::None;
    let plan = server_plan(&facts, &settings()).unwrap();
    assert_eq!(permitted(&facts, &settings(), &plan), Ok(()));
}
