//! `(server that is there, user) -> plan or refusal`: one server a row, as it was found and as it answered.

use crate::error::Explain as _;
use crate::facts::answer::{Answer, SearchPath, ServerAnswer};
use crate::facts::apt::{AptFacts, Offer, PackagePolicy, server_package};
use crate::facts::clusters::{Cluster, ClusterStatus, Origin};
use crate::facts::manager::Manager;
use crate::facts::os::{Libc, from_release};
use crate::facts::os_release;
use crate::facts::overlay::OverlayFacts;
use crate::facts::privilege::Elevation;
use crate::facts::system::SystemFacts;
use crate::plan::sample;
use crate::plan::system::{permitted, server_plan};
use crate::plan::{Plan, Step};
use crate::settings::{Settings, Target};

/// Debian forky with PostgreSQL 18 from its packages, without pgvector, and a server that `ann` started by hand with
/// `initdb` and `pg_ctl`: what a container of the machine cases looked like to this program.
fn forky() -> SystemFacts {
    SystemFacts {
        os: from_release(
            os_release::parse(include_str!("../../../../tests/corpus/os-release/debian-forky")),
            Libc::Unknown,
        ),
        user: "ann".to_owned(),
        elevation: Elevation::None,
        manager: Some(Manager::Apt),
        apt: Some(AptFacts {
            policies: vec![
                policy("postgresql-18", Some("18.6-1"), Some("18.6-1")),
                policy("postgresql-18-pgvector", None, Some("0.8.7-1")),
            ],
            lists_age: Some(60),
            ..AptFacts::default()
        }),
        dnf: None,
        brew: None,
        clusters: vec![by_hand()],
        cluster_remains: Vec::new(),
        extension_files: Vec::new(),
        systemd: false,
        makes_main_cluster: true,
        pgdg_configured: false,
        docker: true,
        unfinished_installation: false,
        has_adopted: false,
        overlay: OverlayFacts {
            directory: "/home/ann/.local/share/pgvector-setup/extensions".into(),
            present: Vec::new(),
        },
    }
}

fn policy(name: &str, installed: Option<&str>, candidate: Option<&str>) -> PackagePolicy {
    let origin = "http://mirror.example/debian forky/main".to_owned();
    let offers = candidate.map(|version| Offer {
        version: version.to_owned(),
        origin: origin.clone(),
    });
    PackagePolicy {
        name: name.to_owned(),
        installed: installed.map(str::to_owned),
        candidate: candidate.map(str::to_owned),
        origin,
        offers: offers.into_iter().collect(),
    }
}

fn by_hand() -> Cluster {
    Cluster {
        major: 18,
        name: "data".to_owned(),
        port: 5433,
        socket_directory: "/tmp".into(),
        data_directory: "/home/ann/data".into(),
        owner: "ann".to_owned(),
        status: ClusterStatus::Online,
        origin: Origin::Other,
        binaries: Some("/usr/lib/postgresql/18/bin".into()),
        answer: Answer::Given(Box::new(debian_18())),
        ..Cluster::default()
    }
}

fn debian_18() -> ServerAnswer {
    let search_path = |name: &str, value: &str| SearchPath {
        name: name.to_owned(),
        value: value.to_owned(),
        source: "default".to_owned(),
        altered: None,
    };
    ServerAnswer {
        administrator: "ann".to_owned(),
        is_superuser: true,
        version: 180_006,
        system_identifier: "7575757575757575757".to_owned(),
        data_directory: "/home/ann/data".into(),
        configuration_file: "/home/ann/data/postgresql.conf".into(),
        port: 5433,
        listens_on_loopback: true,
        library_directory: "/usr/lib/postgresql/18/lib".into(),
        share_directory: "/usr/share/postgresql/18".into(),
        package: Some(server_package(18)),
        pgvector: None,
        search_paths: vec![
            search_path("extension_control_path", "$system"),
            search_path("dynamic_library_path", "$libdir"),
        ],
    }
}

fn answer(facts: &mut SystemFacts) -> &mut ServerAnswer {
    match &mut facts.clusters[0].answer {
        Answer::Given(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// The first server is under `/opt`, where no package has a file.
fn under_opt(facts: &mut SystemFacts, major: u16) {
    facts.clusters[0].major = major;
    facts.clusters[0].binaries = Some("/opt/pg/bin".into());
    let answer = answer(facts);
    answer.version = i32::from(major) * 10_000 + 4;
    answer.library_directory = "/opt/pg/lib".into();
    answer.share_directory = "/opt/pg/share".into();
    answer.package = None;
    if major < 18 {
        answer.search_paths.clear();
    }
}

/// The first server is of Debian's packages of an older major.
fn older(facts: &mut SystemFacts, major: u16) {
    facts.clusters[0].major = major;
    facts.clusters[0].binaries = Some(format!("/usr/lib/postgresql/{major}/bin").into());
    let answer = answer(facts);
    answer.version = i32::from(major) * 10_000 + 4;
    answer.library_directory = format!("/usr/lib/postgresql/{major}/lib").into();
    answer.share_directory = format!("/usr/share/postgresql/{major}").into();
    answer.package = Some(server_package(major));
    answer.search_paths.clear();
}

fn as_root(facts: &mut SystemFacts) {
    facts.user = "root".to_owned();
    facts.elevation = Elevation::Root;
    facts.overlay.directory = "/var/lib/pgvector-setup/extensions".into();
}

fn apt(facts: &mut SystemFacts) -> &mut AptFacts {
    facts.apt.as_mut().unwrap()
}

fn outline(facts: &SystemFacts, settings: &Settings) -> String {
    let planned = server_plan(facts, settings).and_then(|plan: Plan| {
        permitted(facts, settings, &plan)?;
        Ok(plan)
    });
    let plan = match planned {
        Ok(plan) => plan,
        Err(refusal) => return format!("{} {refusal}", refusal.code()),
    };
    let steps = plan.steps.iter().map(|step| match step {
        Step::InstallPackages { packages, .. } => {
            let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
            format!("install {}", names.join(" "))
        }
        Step::CreateDirectory { path, .. } => format!("make {}", path.display()),
        Step::UnpackExtension { directory, .. } => format!("unpack to {}", directory.display()),
        Step::SetParameters { sql, .. } => sql.join("; "),
        other => other.title(),
    });
    let steps: Vec<String> = steps.collect();
    if steps.is_empty() {
        "nothing".to_owned()
    } else {
        steps.join("\n")
    }
}

/// What is changed before it is planned, and the outline of the plan with its permission.
type Case = (&'static str, fn(&mut SystemFacts, &mut Settings), &'static str);

const OVERLAY: &str = "\
    make /home/ann/.local/share/pgvector-setup/extensions\n\
    make /home/ann/.local/share/pgvector-setup/extensions/18\n\
    unpack to /home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1\n\
    ALTER SYSTEM SET extension_control_path = '$system:/home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1/usr/share/postgresql/18'; \
    ALTER SYSTEM SET dynamic_library_path = '$libdir:/home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1/usr/lib/postgresql/18/lib'; \
    SELECT pg_catalog.pg_reload_conf()";

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("a user's own server of 18 that has no pgvector", |_, _| {}, OVERLAY),
    ("the same, cut off between the settings and their reload", |facts, _| {
        let root = std::path::PathBuf::from("/home/ann/.local/share/pgvector-setup/extensions");
        facts.overlay.present = vec![root.clone(), root.join("18"), root.join("18/0.8.7-1")];
        answer(facts).search_paths[0].value = "$system:/home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1/usr/share/postgresql/18".to_owned();
     }, "\
        ALTER SYSTEM SET extension_control_path = '$system:/home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1/usr/share/postgresql/18'; \
        ALTER SYSTEM SET dynamic_library_path = '$libdir:/home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1/usr/lib/postgresql/18/lib'; \
        SELECT pg_catalog.pg_reload_conf()"),
    ("what the server searches already stays before ours", |facts, _| {
        facts.overlay.present = vec![facts.overlay.directory.clone(), facts.overlay.directory.join("18"), facts.overlay.directory.join("18/0.8.7-1")];
        answer(facts).search_paths[0].value = "$system:/srv/it's".to_owned();
     }, "\
        ALTER SYSTEM SET extension_control_path = '$system:/srv/it''s:/home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1/usr/share/postgresql/18'; \
        ALTER SYSTEM SET dynamic_library_path = '$libdir:/home/ann/.local/share/pgvector-setup/extensions/18/0.8.7-1/usr/lib/postgresql/18/lib'; \
        SELECT pg_catalog.pg_reload_conf()"),
    ("it has pgvector", |facts, _| answer(facts).pgvector = Some("0.8.7".to_owned()), "nothing"),
    ("with sudo the package is installed for it", |facts, _| facts.elevation = Elevation::Sudo,
     "install postgresql-18-pgvector"),
    ("root, the server of a person, by its port", |facts, settings| { as_root(facts); facts.clusters[0].is_anothers = true; settings.port = Some(5433); },
     "install postgresql-18-pgvector"),
    ("root, a self-compiled 18 of a service's user", |facts, _| { as_root(facts); under_opt(facts, 18); }, "\
        make /var/lib/pgvector-setup/extensions\n\
        make /var/lib/pgvector-setup/extensions/18\n\
        unpack to /var/lib/pgvector-setup/extensions/18/0.8.7-1\n\
        ALTER SYSTEM SET extension_control_path = '$system:/var/lib/pgvector-setup/extensions/18/0.8.7-1/usr/share/postgresql/18'; \
        ALTER SYSTEM SET dynamic_library_path = '$libdir:/var/lib/pgvector-setup/extensions/18/0.8.7-1/usr/lib/postgresql/18/lib'; \
        SELECT pg_catalog.pg_reload_conf()"),
    ("sudo, a self-compiled 18 of another user", |facts, _| {
        facts.elevation = Elevation::Sudo;
        facts.user = "admin".to_owned();
        under_opt(facts, 18);
     }, "E0404 pgvector would be unpacked for the server on port 5433: PostgreSQL 18, online, of ann in /home/ann/data (no package), \
         where its owner can read it"),
    ("root, a self-compiled 17", |facts, _| { as_root(facts); under_opt(facts, 17); },
     "E0401 there is no pgvector package for the server on port 5433: PostgreSQL 17, online, of ann in /home/ann/data (no package): \
      its library directory /opt/pg/lib belongs to no package, and PostgreSQL before 18 looks for extensions nowhere else"),
    ("another vendor's 17 in Debian's directories", |facts, _| {
        as_root(facts);
        older(facts, 17);
        answer(facts).package = Some("percona-postgresql-17".to_owned());
     }, "E0401 there is no pgvector package for the server on port 5433: PostgreSQL 17, online, of ann in /home/ann/data \
         (package percona-postgresql-17): its library directory /usr/lib/postgresql/17/lib belongs to the package percona-postgresql-17, \
         and PostgreSQL before 18 looks for extensions nowhere else"),
    ("a plain user's 17 of Debian's packages", |facts, _| older(facts, 17),
     "E0402 these steps need root, and this user has neither root nor password-less sudo:\n  \
      - install postgresql-17-pgvector for the server on port 5433: PostgreSQL 17, online, of ann in /home/ann/data (apt packages)\n  \
      - (without root a server of PostgreSQL 17 can be given no extension: extension_control_path came with 18)"),
    ("15 runs, and 17 is installed with pgvector: it is 15's that is installed", |facts, _| {
        as_root(facts);
        older(facts, 15);
        facts.extension_files = vec![(17, "0.8.0".to_owned())];
        apt(facts).policies.push(policy("postgresql-15-pgvector", None, Some("0.8.6-1")));
        apt(facts).policies.push(policy("postgresql-17-pgvector", Some("0.8.0-1"), Some("0.8.0-1")));
     }, "install postgresql-15-pgvector"),
    ("a self-compiled 18 where no repository has the package", |facts, _| { under_opt(facts, 18); apt(facts).policies.clear(); },
     "E0401 the server on port 5433: PostgreSQL 18, online, of ann in /home/ann/data (no package) could load an unpacked \
      postgresql-18-pgvector, which no repository of this machine offers; its own library directory is /opt/pg/lib"),
    ("the package is installed, and the server does not see it", |facts, _| {
        as_root(facts);
        apt(facts).policies[1].installed = Some("0.8.7-1".to_owned());
        answer(facts).share_directory = "/srv/elsewhere".into();
     }, "E0404 the server on port 5433: PostgreSQL 18, online, of ann in /home/ann/data (apt packages) does not see pgvector: \
         postgresql-18-pgvector writes to /usr/share/postgresql/18/extension, and this server reads /srv/elsewhere/extension"),
    ("the server looks for extensions elsewhere only", |facts, _| {
        as_root(facts);
        answer(facts).search_paths[0].value = "/srv/own".to_owned();
     }, "E0404 the server on port 5433: PostgreSQL 18, online, of ann in /home/ann/data (apt packages) would not see a package's pgvector: \
         packages write to /usr/share/postgresql/18/extension, and this server reads /srv/own/extension"),
    ("a setting on the server's command line", |facts, _| answer(facts).search_paths[1].source = "command line".to_owned(),
     "E0404 the server was started with dynamic_library_path on its command line, which no file can change"),
    ("a directory of ours with a colon in it", |facts, _| facts.overlay.directory = "/home/ann/a:b".into(),
     "E0404 /home/ann/a:b/18/0.8.7-1 has a colon in it, which separates the directories of extension_control_path"),
    ("no superuser on the own server", |facts, _| answer(facts).is_superuser = false,
     "E0401 ann is no superuser of the server on port 5433: PostgreSQL 18, online, of ann in /home/ann/data (apt packages), \
      and CREATE EXTENSION vector needs one"),
    ("it lets nobody in", |facts, _| facts.clusters[0].answer = Answer::Refused("password authentication failed".to_owned()),
     "E0401 the server on port 5433: PostgreSQL 18, online, of ann in /home/ann/data (apt packages) does not let its owner in: \
      password authentication failed"),
    ("another user's server, without privilege", |facts, _| {
        facts.clusters[0].owner = "postgres".to_owned();
        facts.clusters[0].answer = Answer::NotAsked;
     }, "E0402 these steps need root, and this user has neither root nor password-less sudo:\n  \
         - act as postgres, the owner of the server on port 5433: PostgreSQL 18, online, of postgres in /home/ann/data (apt packages)"),
    ("two servers", |facts, _| {
        let mut other = by_hand();
        (other.port, other.major, other.data_directory, other.binaries) = (5434, 17, "/srv/data".into(), Some("/opt/pg/bin".into()));
        other.answer = Answer::NotAsked;
        facts.clusters.push(other);
     }, "E0404 2 servers could be meant:\n  \
         - port 5433: PostgreSQL 18, online, of ann in /home/ann/data (apt packages)\n  \
         - port 5434: PostgreSQL 17, online, of ann in /srv/data (no package)"),
    ("two servers, one of another person", |facts, _| {
        let mut other = by_hand();
        (other.port, other.is_anothers) = (5434, true);
        facts.clusters.push(other);
     }, OVERLAY),
    ("the server that was adopted does not run", |facts, _| { as_root(facts); facts.clusters.clear(); facts.has_adopted = true; },
     "E0404 the server that our database was made in does not run"),
    ("a system without a package manager that we know, and a server that has pgvector", |facts, _| {
        (facts.manager, facts.apt) = (None, None);
        under_opt(facts, 17);
        answer(facts).pgvector = Some("0.8.7".to_owned());
     }, "nothing"),
];

#[test]
fn a_server_that_is_there_is_served_by_what_its_own_directories_belong_to() {
    for (machine, change, expected) in CASES {
        let (mut facts, mut settings) = (forky(), sample::settings(Target::System));
        change(&mut facts, &mut settings);
        assert_eq!(outline(&facts, &settings), *expected, "{machine}");
    }
}

#[test]
fn every_refusal_names_a_way_on() {
    for (machine, change, expected) in CASES.iter().filter(|(_, _, expected)| expected.starts_with("E0")) {
        let (mut facts, mut settings) = (forky(), sample::settings(Target::System));
        change(&mut facts, &mut settings);
        let planned = server_plan(&facts, &settings).and_then(|plan| permitted(&facts, &settings, &plan));
        let hint = planned.unwrap_err().hint();
        assert!(hint.is_some_and(|hint| hint.len() > 10), "{machine}: {expected}");
    }
}

/// What is planned inside the database goes by the pgvector that will be there, also after a run that was cut off.
#[test]
fn what_is_to_come_is_known_with_and_without_the_download() {
    let (mut facts, settings) = (forky(), sample::settings(Target::System));
    let to_come = |facts: &SystemFacts| {
        server_plan(facts, &settings)
            .unwrap()
            .pgvector_to_come()
            .map(str::to_owned)
    };
    assert_eq!(to_come(&facts).as_deref(), Some("0.8.7"));
    facts.overlay.present = vec![facts.overlay.directory.join("18/0.8.7-1")];
    assert_eq!(to_come(&facts).as_deref(), Some("0.8.7"));
}

#[test]
fn the_old_values_go_into_the_step() {
    let (mut facts, settings) = (forky(), sample::settings(Target::System));
    answer(&mut facts).search_paths[1].altered = Some("$libdir:/srv/lib".to_owned());
    let plan = server_plan(&facts, &settings).unwrap();
    let Some(Step::SetParameters { parameters, .. }) = plan.steps.last() else {
        panic!("{plan:?}");
    };
    let previous: Vec<Option<&str>> = parameters
        .iter()
        .map(|parameter| parameter.previous.as_deref())
        .collect();
    assert_eq!(previous, [None, Some("$libdir:/srv/lib")]);
}

#[test]
fn what_is_another_persons_is_named_and_left_alone() {
    let (mut facts, mut settings) = (forky(), sample::settings(Target::System));
    as_root(&mut facts);
    facts.clusters[0].is_anothers = true;
    let note = "left alone, because they are other people's (--port names one): \
                port 5433: PostgreSQL 18, online, of ann in /home/ann/data (apt packages)";
    let notes = server_plan(&facts, &settings).unwrap().notes;
    assert!(notes.iter().any(|shown| shown == note), "{notes:?}");
    settings.port = Some(5433);
    let notes = server_plan(&facts, &settings).unwrap().notes;
    assert!(!notes.iter().any(|shown| shown == note), "{notes:?}");
}
