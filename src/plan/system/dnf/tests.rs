//! `(facts, settings) -> plan or refusal`, over the corpus of os-release and what dnf was recorded to say.

use super::*;
use crate::facts::apt::LockHolder;
use crate::facts::clusters::{ClusterStatus, Origin};
use crate::facts::dnf::{GivenKey, ModuleState, Offered, Repository, parse_query, parse_simulation};
use crate::facts::manager::Manager;
use crate::facts::os::{Libc, OperatingSystem, from_release};
use crate::facts::os_release;
use crate::facts::overlay::OverlayFacts;
use crate::facts::privilege::Elevation;
use crate::plan::system::server_plan as any_server_plan;
use crate::plan::{Step, sample};
use crate::settings::Target;

const OFFERED: &str = include_str!("../../../../tests/fixtures/dnf/offered.txt");
const INSTALLED: &str = include_str!("../../../../tests/fixtures/dnf/installed.txt");
const INSTALL: &str = include_str!("../../../../tests/fixtures/dnf/install.txt");

macro_rules! release {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/corpus/os-release/", $name))
    };
}

/// A fresh machine of this release with systemd, as root, whose own repositories dnf has read and found no pgvector in.
fn machine(release: &str) -> SystemFacts {
    SystemFacts {
        os: os(release),
        user: "root".to_owned(),
        elevation: Elevation::Root,
        manager: Some(Manager::Dnf),
        apt: None,
        dnf: Some(DnfFacts {
            repositories: vec![repository("appstream", "https://mirror.example/appstream")],
            ..DnfFacts::default()
        }),
        brew: None,
        clusters: Vec::new(),
        cluster_remains: Vec::new(),
        extension_files: Vec::new(),
        systemd: true,
        makes_main_cluster: true,
        pgdg_configured: false,
        docker: false,
        unfinished_installation: false,
        overlay: OverlayFacts::default(),
        has_adopted: false,
    }
}

fn os(release: &str) -> OperatingSystem {
    let mut os = from_release(os_release::parse(release), Libc::Unknown);
    os.architecture = "x86_64".to_owned();
    os
}

fn repository(id: &str, address: &str) -> Repository {
    Repository {
        id: id.to_owned(),
        file: format!("/etc/yum.repos.d/{id}.repo").into(),
        is_enabled: true,
        address: address.to_owned(),
        ..Repository::default()
    }
}

fn dnf(facts: &mut SystemFacts) -> &mut DnfFacts {
    facts.dnf.as_mut().unwrap()
}

/// After PGDG's repository was added and read: packages of PostgreSQL 17, as recorded.
fn pgdg_read(facts: &mut SystemFacts) {
    dnf(facts).repositories.push(repository(
        "pgdg17",
        "https://mirror.example/17/redhat/rhel-9-x86_64",
    ));
    dnf(facts).offered = parse_query(OFFERED);
    dnf(facts).simulation = Some(parse_simulation(INSTALL, ""));
}

fn pgdg_installed(facts: &mut SystemFacts) {
    pgdg_read(facts);
    dnf(facts).simulation = None;
    dnf(facts).installed = parse_query(INSTALLED);
    dnf(facts).unit_files = vec!["postgresql-17.service".to_owned()];
    facts.extension_files = vec![(17, "0.8.6".to_owned())];
}

/// The distribution's own layout: one server, its pgvector beside it.
fn distribution(facts: &mut SystemFacts, server: &str, extension: &str) {
    let offered = |name: &str, version: &str| Offered {
        name: name.to_owned(),
        version: version.to_owned(),
        repository: "appstream".to_owned(),
    };
    dnf(facts).offered = vec![
        offered("postgresql-server", server),
        offered("pgvector", extension),
    ];
}

fn cluster(major: u16, unit: &str, port: u16, status: ClusterStatus) -> Cluster {
    Cluster {
        major,
        name: unit.to_owned(),
        port,
        socket_directory: "/run/postgresql".into(),
        data_directory: format!("/var/lib/pgsql/{major}/data").into(),
        owner: "postgres".to_owned(),
        status,
        log: "/dev/null".into(),
        origin: Origin::Rpm,
        ..Cluster::default()
    }
}

/// The plan or the refusal in as few words as tell them apart.
fn outline(facts: &SystemFacts, settings: &Settings) -> String {
    let plan = match any_server_plan(facts, settings) {
        Ok(plan) => plan,
        Err(refusal) => {
            let kind = match &refusal {
                Refusal::Unavailable { .. } => "unavailable",
                Refusal::Blocked { .. } => "blocked",
                _ => "other",
            };
            return format!("{kind}: {refusal}");
        }
    };
    let steps = plan.steps.iter().map(|step| match step {
        Step::RefreshPackageIndex { .. } => "refresh".to_owned(),
        Step::DisableModule { .. } => "disable module".to_owned(),
        Step::AddRpmRepository { key, content, .. } => {
            let address = content.lines().find_map(|line| line.strip_prefix("baseurl="));
            format!("add {} by {}", address.unwrap_or_default(), &key.fingerprint[..8])
        }
        Step::InstallPackages { packages, argv, .. } => {
            format!("install {} for {}", packages.len(), argv[4..].join(" "))
        }
        Step::CreateSystemCluster { argv, .. } => format!("initialise by {}", argv[2..].join(" ")),
        Step::StartService { argv, .. } => argv[1..].join(" "),
        other => format!("{other:?}"),
    });
    steps.collect::<Vec<_>>().join(", ")
}

type Change = fn(&mut SystemFacts, &mut Settings);

const NOTHING: Change = |_, _| {};
const SETUP_17: &str =
    "initialise by /usr/pgsql-17/bin/postgresql-17-setup initdb, enable --now postgresql-17.service";

/// A release of the corpus, what is changed of its fresh machine, and the outline of the plan.
#[rustfmt::skip]
const CASES: &[(&str, &str, Change, &str)] = &[
    ("RHEL 8", release!("rhel-8"), NOTHING,
        "add https://download.postgresql.org/pub/repos/yum/18/redhat/rhel-8-x86_64 by D4BF08AE, disable module, refresh"),
    ("RHEL 9", release!("rhel-9"), NOTHING,
        "add https://download.postgresql.org/pub/repos/yum/18/redhat/rhel-9-x86_64 by D4BF08AE, disable module, refresh"),
    ("Rocky 9", release!("rocky-9"), NOTHING,
        "add https://download.postgresql.org/pub/repos/yum/18/redhat/rhel-9-x86_64 by D4BF08AE, disable module, refresh"),
    ("Oracle 9", release!("oracle-9"), NOTHING,
        "add https://download.postgresql.org/pub/repos/yum/18/redhat/rhel-9-x86_64 by D4BF08AE, disable module, refresh"),
    ("Rocky 9 on aarch64", release!("rocky-9"), |facts, _| facts.os.architecture = "aarch64".to_owned(),
        "add https://download.postgresql.org/pub/repos/yum/18/redhat/rhel-9-aarch64 by B031F89F, disable module, refresh"),
    ("RHEL 10, which has no modules", release!("rhel-10"), NOTHING,
        "add https://download.postgresql.org/pub/repos/yum/18/redhat/rhel-10-x86_64 by D4BF08AE, refresh"),
    ("Alma 10, with its own affected pgvector", release!("almalinux-10"), |facts, _| distribution(facts, "16.9-1.el10_0", "0.6.2-6.el10_0"),
        "add https://download.postgresql.org/pub/repos/yum/18/redhat/rhel-10-x86_64 by D4BF08AE, refresh"),
    ("Alma 10, --source distro", release!("almalinux-10"), |facts, settings| {
        distribution(facts, "16.9-1.el10_0", "0.6.2-6.el10_0");
        settings.packages.source = Some(Source::Distro);
    }, "install 2 for postgresql-server pgvector, initialise by /usr/bin/postgresql-setup --initdb, enable --now postgresql.service"),
    ("Stream 10, --pg 17", release!("centos-stream-10"), |_, settings| settings.postgres_major = Some(17),
        "add https://download.postgresql.org/pub/repos/yum/17/redhat/rhel-10-x86_64 by D4BF08AE, refresh"),
    ("Rocky 9, a mirror with its key", release!("rocky-9"), |facts, settings| {
        settings.packages.pgdg_mirror = Some("https://mirror.example/yum/".to_owned());
        dnf(facts).given_key = Some(Ok(GivenKey { fingerprint: "AB".repeat(20), armored: String::new() }));
    }, "add https://mirror.example/yum/18/redhat/rhel-9-x86_64 by ABABABAB, disable module, refresh"),
    ("Rocky 9, a key file that is none", release!("rocky-9"),
        |facts, _| dnf(facts).given_key = Some(Err("/k holds no public key".to_owned())),
        "blocked: /k holds no public key"),
    ("CentOS 7", release!("centos-7"), NOTHING,
        "unavailable: CentOS Linux 7 (Core) is too old: no repository has pgvector for it any more"),
    ("CentOS 7 without dnf", release!("centos-7"), |facts, _| { facts.manager = None; facts.dnf = None; },
        "unavailable: target system works through apt, dnf or Homebrew, none of which CentOS Linux 7 (Core) has"),
    ("Amazon Linux 2023", release!("amazon-2023"), NOTHING,
        "unavailable: Amazon Linux 2023.8.20250908 has no package of pgvector, and PGDG has no repository for it"),
    ("openSUSE Tumbleweed", release!("opensuse-tumbleweed"), |facts, _| { facts.manager = None; facts.dnf = None; },
        "unavailable: target system works through apt, dnf or Homebrew, none of which openSUSE Tumbleweed has"),
    ("Fedora 41, nothing read yet", release!("fedora-41"), |facts, _| dnf(facts).unread = vec!["appstream".to_owned()],
        "refresh"),
    ("Fedora 42, read", release!("fedora-42"), |facts, _| distribution(facts, "16.9-1.fc42", "0.6.2-4.fc42"),
        "install 2 for postgresql-server pgvector, initialise by /usr/bin/postgresql-setup --initdb, enable --now postgresql.service"),
    ("Fedora 42, data of a server that was removed", release!("fedora-42"), |facts, _| {
        distribution(facts, "16.9-1.fc42", "0.6.2-4.fc42");
        facts.cluster_remains = vec!["16/postgresql".to_owned()];
    }, "install 2 for postgresql-server pgvector, enable --now postgresql.service"),
    ("Fedora 43, data of Fedora 42's server", release!("fedora-43"), |facts, _| {
        distribution(facts, "18.0-1.fc43", "0.8.0-1.fc43");
        facts.cluster_remains = vec!["16/postgresql".to_owned()];
    }, "blocked: the data directory of postgresql holds data of PostgreSQL 16, which PostgreSQL 18 cannot read"),
    ("Fedora 43, read", release!("fedora-43"), |facts, _| distribution(facts, "18.0-1.fc43", "0.8.0-1.fc43"),
        "install 2 for postgresql-server pgvector, initialise by /usr/bin/postgresql-setup --initdb, enable --now postgresql.service"),
    ("Fedora 42, --source pgdg without a pinned key", release!("fedora-42"), |_, settings| settings.packages.source = Some(Source::Pgdg),
        "blocked: no key of PGDG for Fedora Linux 42 (Server Edition) is pinned in this program"),
    ("Fedora 42, --source pgdg with a key that was checked", release!("fedora-42"), |facts, settings| {
        settings.packages.source = Some(Source::Pgdg);
        settings.postgres_major = Some(17);
        dnf(facts).given_key = Some(Ok(GivenKey { fingerprint: "AB".repeat(20), armored: String::new() }));
    }, "add https://download.postgresql.org/pub/repos/yum/17/fedora/fedora-42-x86_64 by ABABABAB, refresh"),
    ("Rocky 9 with PGDG read, the module off", release!("rocky-9"), |facts, settings| {
        pgdg_read(facts);
        settings.postgres_major = Some(17);
        dnf(facts).module = ModuleState::Disabled;
    }, "install 4 for postgresql17-server pgvector_17, initialise by /usr/pgsql-17/bin/postgresql-17-setup initdb, enable --now postgresql-17.service"),
    ("Rocky 9 with PGDG read, the module untouched", release!("rocky-9"), |facts, settings| {
        pgdg_read(facts);
        settings.postgres_major = Some(17);
    }, "disable module, install 4 for postgresql17-server pgvector_17, initialise by /usr/pgsql-17/bin/postgresql-17-setup initdb, enable --now postgresql-17.service"),
    ("Rocky 9 with a module stream chosen", release!("rocky-9"),
        |facts, _| dnf(facts).module = ModuleState::Enabled { stream: "15".to_owned() },
        "blocked: the module stream postgresql:15 is enabled, which hides PGDG's packages"),
    ("Rocky 9 with PGDG switched off", release!("rocky-9"), |facts, settings| {
        settings.postgres_major = Some(17);
        dnf(facts).repositories.push(Repository { is_enabled: false, ..repository("pgdg17", "") });
    }, "blocked: the repository pgdg17 in /etc/yum.repos.d/pgdg17.repo is switched off"),
    ("Rocky 9 with PGDG there and unread", release!("rocky-9"), |facts, settings| {
        settings.postgres_major = Some(17);
        dnf(facts).repositories.push(repository("pgdg17", ""));
        dnf(facts).unread = vec!["pgdg17".to_owned()];
    }, "refresh"),
    ("Rocky 9 whose dnf leaves pgvector out", release!("rocky-9"), |facts, settings| {
        pgdg_read(facts);
        settings.postgres_major = Some(17);
        let excluded = dnf(facts).offered.remove(0);
        dnf(facts).excluded = vec![excluded];
    }, "blocked: dnf is told to leave pgvector_17 out, which the repository pgdg17 has: excludepkgs in /etc/dnf/dnf.conf"),
    ("Rocky 9 without systemd", release!("rocky-9"), |facts, _| facts.systemd = false,
        "unavailable: the packages' server is a service of systemd, which does not run here"),
    ("installed, no cluster", release!("rocky-9"), |facts, _| pgdg_installed(facts), SETUP_17),
    ("there and running", release!("rocky-9"), |facts, _| {
        pgdg_installed(facts);
        facts.clusters = vec![cluster(17, "postgresql-17", 5432, ClusterStatus::Online)];
    }, ""),
    ("there and running, with a lock held", release!("rocky-9"), |facts, _| {
        pgdg_installed(facts);
        dnf(facts).lock_holder = Some(LockHolder { path: "/l".into(), pid: 7, command: "dnf".to_owned() });
        facts.clusters = vec![cluster(17, "postgresql-17", 5432, ClusterStatus::Online)];
    }, ""),
    ("down, and to start with the machine", release!("rocky-9"), |facts, _| {
        pgdg_installed(facts);
        dnf(facts).enabled_units = vec!["postgresql-17.service".to_owned()];
        facts.clusters = vec![cluster(17, "postgresql-17", 5432, ClusterStatus::Down)];
    }, "start postgresql-17.service"),
    ("a server of the distribution is not served by PGDG's pgvector", release!("rocky-9"), |facts, _| {
        pgdg_read(facts);
        facts.clusters = vec![cluster(17, "postgresql", 5432, ClusterStatus::Online)];
    }, "unavailable: the repositories of this machine have no pgvector, the pgvector for the cluster \
        17/postgresql on port 5432, online"),
    ("another major has the port", release!("rocky-9"), |facts, settings| {
        pgdg_read(facts);
        settings.postgres_major = Some(17);
        facts.clusters = vec![cluster(15, "postgresql-15", 5432, ClusterStatus::Online)];
    }, "blocked: postgresql-17 would listen on port 5432, which the cluster 15/postgresql-15 on port 5432, online has"),
    ("dnf would remove something", release!("rocky-9"), |facts, settings| {
        pgdg_read(facts);
        settings.postgres_major = Some(17);
        dnf(facts).simulation.as_mut().unwrap().removed = vec!["postgresql".to_owned()];
    }, "blocked: dnf would remove postgresql to install the packages"),
    ("dnf would upgrade a server that is there", release!("rocky-9"), |facts, settings| {
        pgdg_read(facts);
        settings.postgres_major = Some(17);
        dnf(facts).simulation.as_mut().unwrap().upgraded = vec!["postgresql15-server".to_owned()];
    }, "blocked: dnf would also upgrade postgresql15-server, a server that is there"),
    ("dnf finds no way", release!("rocky-9"), |facts, settings| {
        pgdg_read(facts);
        settings.postgres_major = Some(17);
        dnf(facts).simulation = Some(Simulation { refused: "nothing provides libfoo".to_owned(), ..Simulation::default() });
    }, "blocked: dnf cannot install the packages: nothing provides libfoo"),
];

#[test]
fn every_machine_has_its_plan_or_its_refusal() {
    for (what, release, change, expected) in CASES {
        let (mut facts, mut settings) = (machine(release), sample::settings(Target::System));
        change(&mut facts, &mut settings);
        assert_eq!(outline(&facts, &settings), *expected, "{what}");
    }
}

#[test]
fn a_repository_of_ours_has_both_checks_on_and_nothing_that_is_not_needed() {
    let plan = any_server_plan(&machine(release!("rocky-9")), &sample::settings(Target::System)).unwrap();
    let content = plan.steps.iter().find_map(|step| match step {
        Step::AddRpmRepository { content, .. } => Some(content.as_str()),
        _ => None,
    });
    let content = content.unwrap();
    assert_eq!(
        content
            .matches("\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file:///")
            .count(),
        2
    );
    assert_eq!(content.matches("\n[").count() + 1, 2, "{content}");
}

#[test]
fn a_new_cluster_asks_for_a_password_and_a_machine_behind_is_told_so() {
    let mut facts = machine(release!("rocky-9"));
    pgdg_read(&mut facts);
    let mut settings = sample::settings(Target::System);
    settings.postgres_major = Some(17);
    let plan = any_server_plan(&facts, &settings).unwrap();
    let initialises = |step: &Step| {
        step.argv()
            .iter()
            .any(|word| word.contains("--auth-host=scram-sha-256"))
    };
    assert!(plan.steps.iter().any(initialises), "{plan:?}");

    facts.os.version_id = "9.4".to_owned();
    dnf(&mut facts).simulation = Some(Simulation {
        refused: "nothing provides libLLVM.so.19".to_owned(),
        ..Simulation::default()
    });
    let Err(Refusal::Blocked { hint, .. }) = any_server_plan(&facts, &settings) else {
        panic!("planned");
    };
    assert!(
        hint.starts_with("the packages are built on EL 9.6, and this machine is 9.4"),
        "{hint}"
    );
}

#[test]
fn repositories_that_nobody_checks_are_told() {
    let mut facts = machine(release!("rocky-9"));
    pgdg_read(&mut facts);
    dnf(&mut facts).repositories[0].checks_packages = Some(false);
    let mut settings = sample::settings(Target::System);
    settings.postgres_major = Some(17);
    let notes = any_server_plan(&facts, &settings).unwrap().notes.join("\n");
    assert!(
        notes.contains("the repository appstream is used without checking signatures"),
        "{notes}"
    );
}
