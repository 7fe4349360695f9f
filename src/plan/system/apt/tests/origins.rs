//! Where the packages come from: the distribution, PGDG, or neither; over every Debian and Ubuntu of the corpus.

use super::*;
use crate::plan::plan_text;

macro_rules! release {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/corpus/os-release/", $name))
    };
}

/// A machine that has read its own repositories, and found PostgreSQL without pgvector in them.
fn machine(release: &str) -> SystemFacts {
    let mut facts = trixie();
    facts.os = os(release);
    apt(&mut facts).policies = Vec::new();
    apt(&mut facts).simulation = None;
    facts
}

/// The distribution's own server of `major`, with its pgvector.
fn offers(facts: &mut SystemFacts, major: u16, pgvector: &str) {
    offers_from(facts, major, pgvector, "x/main");
}

fn offers_from(facts: &mut SystemFacts, major: u16, pgvector: &str, suite: &str) {
    let text = format!(
        "postgresql-{major}:\n  Installed: (none)\n  Candidate: {major}.1\n  Version table:\n     {major}.1 500\n        \
         500 http://mirror.example/x {suite} amd64 Packages\n\
         postgresql-{major}-pgvector:\n  Installed: (none)\n  Candidate: {pgvector}\n  Version table:\n     {pgvector} 500\n        \
         500 http://mirror.example/x {suite} amd64 Packages\n"
    );
    apt(facts).policies.extend(parse_policy(&text));
}

fn any(settings: &mut Settings) {
    settings.packages.source = None;
}

fn pgdg_only(settings: &mut Settings) {
    settings.packages.source = Some(Source::Pgdg);
}

fn unread(facts: &mut SystemFacts) {
    let nothing = AptFacts {
        architecture: "amd64".to_owned(),
        pgdg: pgdg(),
        ..AptFacts::default()
    };
    *apt(facts) = nothing;
}

fn pgdg_added(facts: &mut SystemFacts) {
    facts.pgdg_configured = true;
    apt(facts).pgdg.is_read = true;
}

fn both(facts: &mut SystemFacts) {
    pgdg_added(facts);
    apt(facts).policies = parse_policy(include_str!(
        "../../../../../tests/fixtures/apt/policy-trixie-pgdg.txt"
    ));
    apt(facts).simulation = None;
}

/// (machine, its os-release, what else is the case there, outline of the plan)
type Row = (
    &'static str,
    &'static str,
    fn(&mut SystemFacts, &mut Settings),
    &'static str,
);

const ROWS: &[Row] = &[
    // Nothing but what the machine has; the safest is looked for.
    (
        "Debian 11",
        release!("debian-11"),
        |_, s| any(s),
        "add bullseye-pgdg, refresh",
    ),
    (
        "Debian 12",
        release!("debian-12"),
        |_, s| any(s),
        "add bookworm-pgdg, refresh",
    ),
    (
        "Debian 12, nothing read yet",
        release!("debian-12"),
        |f, s| {
            unread(f);
            any(s);
        },
        "add bookworm-pgdg, refresh",
    ),
    (
        "Debian 13, whose own is affected",
        release!("debian-13"),
        |f, s| {
            offers(f, 17, "0.8.0-1");
            any(s);
        },
        "add trixie-pgdg, refresh",
    ),
    (
        "Debian 13, nothing read yet: what it offers by now goes before the table",
        release!("debian-13"),
        |f, s| {
            unread(f);
            any(s);
        },
        "refresh",
    ),
    (
        "Debian 13, with a safe one in its backports",
        release!("debian-13"),
        |f, s| {
            offers(f, 17, "0.8.0-1+deb13u1");
            offers(f, 18, "0.8.6-1~bpo13+1");
            any(s);
        },
        "install 2 making [18/main], start 18/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "Debian testing, whose own is safe",
        release!("debian-forky"),
        |f, s| {
            offers(f, 18, "0.8.7-1");
            any(s);
        },
        "install 2 making [18/main], start 18/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "Debian testing, PostgreSQL 17 wanted",
        release!("debian-forky"),
        |f, s| {
            offers(f, 18, "0.8.7-1");
            s.postgres_major = Some(17);
            any(s);
        },
        "add forky-pgdg, refresh",
    ),
    (
        "Ubuntu 22.04",
        release!("ubuntu-22.04"),
        |_, s| any(s),
        "add jammy-pgdg, refresh",
    ),
    (
        "Ubuntu 24.04",
        release!("ubuntu-24.04"),
        |f, s| {
            offers(f, 16, "0.6.0-1");
            any(s);
        },
        "add noble-pgdg, refresh",
    ),
    (
        "Ubuntu 25.10",
        release!("ubuntu-25.10"),
        |f, s| {
            offers(f, 17, "0.8.0-1");
            any(s);
        },
        "add questing-pgdg, refresh",
    ),
    (
        "Ubuntu 26.04",
        release!("ubuntu-26.04"),
        |f, s| {
            offers(f, 18, "0.8.1-2");
            any(s);
        },
        "add resolute-pgdg, refresh",
    ),
    (
        "Ubuntu 20.04, for which PGDG is closed",
        release!("ubuntu-20.04"),
        |_, s| any(s),
        "unavailable: the repositories of Ubuntu 20.04.6 LTS have no pgvector; PGDG has no suite for \
         Ubuntu 20.04.6 LTS (focal)",
    ),
    // Derivatives get the suite of what they are built on.
    (
        "Linux Mint 22",
        release!("linuxmint-22"),
        |f, s| {
            offers(f, 16, "0.6.0-1");
            any(s);
        },
        "add noble-pgdg, refresh",
    ),
    (
        "LMDE 6",
        release!("lmde-6"),
        |_, s| any(s),
        "add bookworm-pgdg, refresh",
    ),
    (
        "Pop!_OS 22.04",
        release!("pop-22.04"),
        |_, s| any(s),
        "add jammy-pgdg, refresh",
    ),
    (
        "Zorin OS 17",
        release!("zorin-17"),
        |_, s| any(s),
        "add jammy-pgdg, refresh",
    ),
    (
        "elementary OS 8",
        release!("elementary-8"),
        |f, s| {
            offers(f, 16, "0.6.0-1");
            any(s);
        },
        "add noble-pgdg, refresh",
    ),
    (
        "KDE neon",
        release!("neon"),
        |f, s| {
            offers(f, 16, "0.6.0-1");
            any(s);
        },
        "add noble-pgdg, refresh",
    ),
    (
        "Devuan 5",
        release!("devuan-5"),
        |_, s| any(s),
        "add bookworm-pgdg, refresh",
    ),
    (
        "Raspberry Pi OS 12 of 64 bits",
        release!("raspbian-12"),
        |f, s| {
            f.os.architecture = "aarch64".to_owned();
            apt(f).architecture = "arm64".to_owned();
            any(s);
        },
        "add bookworm-pgdg, refresh",
    ),
    (
        "Raspberry Pi OS 12 of 32 bits",
        release!("raspbian-12"),
        |f, s| {
            f.os.architecture = "arm".to_owned();
            apt(f).architecture = "armhf".to_owned();
            any(s);
        },
        "unavailable: the repositories of Raspbian GNU/Linux 12 (bookworm) have no pgvector; \
         PGDG has packages for amd64, arm64 and ppc64el, not for armhf",
    ),
    (
        "Kali, which follows Debian testing",
        release!("kali-rolling"),
        |f, s| {
            offers(f, 18, "0.8.7-1");
            any(s);
        },
        "install 2 making [18/main], start 18/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "Kali, with PGDG asked for",
        release!("kali-rolling"),
        |f, s| {
            offers(f, 18, "0.8.7-1");
            pgdg_only(s);
        },
        "unavailable: PGDG has no suite for Kali GNU/Linux Rolling (kali-rolling)",
    ),
    // What was asked for.
    (
        "Debian 13, with the distribution asked for",
        release!("debian-13"),
        |f, _| offers(f, 17, "0.8.0-1"),
        "install 2 making [17/main], start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "Debian 13, with affected ones allowed",
        release!("debian-13"),
        |f, s| {
            offers(f, 17, "0.8.0-1");
            any(s);
            s.packages.allow_vulnerable = true;
        },
        "install 2 making [17/main], start 17/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "Debian 12, with affected ones allowed: there is none at hand",
        release!("debian-12"),
        |_, s| {
            any(s);
            s.packages.allow_vulnerable = true;
        },
        "add bookworm-pgdg, refresh",
    ),
    (
        "Debian testing, with PGDG asked for, nothing read yet",
        release!("debian-forky"),
        |f, s| {
            unread(f);
            pgdg_only(s);
        },
        "add forky-pgdg, refresh",
    ),
    (
        "Debian 12, PostgreSQL 12 wanted",
        release!("debian-12"),
        |_, s| {
            any(s);
            s.postgres_major = Some(12);
        },
        "unavailable: the repositories of Debian GNU/Linux 12 (bookworm) have no PostgreSQL 12 with pgvector, and \
         neither has PGDG",
    ),
    (
        "a mirror",
        release!("debian-12"),
        |_, s| {
            any(s);
            s.packages.pgdg_mirror = Some("http://mirror.example/pgdg".to_owned());
        },
        "add bookworm-pgdg of http://mirror.example/pgdg, refresh",
    ),
    // What is there already.
    (
        "PGDG is there, and not read",
        release!("debian-12"),
        |f, s| {
            f.pgdg_configured = true;
            any(s);
        },
        "refresh",
    ),
    (
        "PGDG is there with what is wanted",
        release!("debian-12"),
        |f, s| {
            pgdg_added(f);
            offers_from(f, 15, "0.8.7-1.pgdg12+1", "bookworm-pgdg/main");
            any(s);
        },
        "install 2 making [15/main], start 15/main by /usr/bin/pg_ctlcluster",
    ),
    (
        "PGDG is there, and has not what is wanted",
        release!("debian-12"),
        |f, s| {
            pgdg_added(f);
            any(s);
        },
        "unavailable: the repositories of Debian GNU/Linux 12 (bookworm) have no pgvector",
    ),
    (
        "PGDG was switched off by somebody in the file that is ours",
        release!("debian-12"),
        |f, s| {
            apt(f).pgdg.our_file_exists = true;
            any(s);
        },
        "blocked: /etc/apt/sources.list.d/pgvector-setup-pgdg.sources is there and switched off",
    ),
    (
        "pgvector's files are here, affected as they are",
        release!("debian-13"),
        |f, s| {
            installed(f);
            any(s);
            f.clusters = vec![cluster(17, 5432, ClusterStatus::Online)];
        },
        "",
    ),
    (
        "a cluster whose major the distribution has no pgvector for",
        release!("debian-13"),
        |f, s| {
            offers(f, 17, "0.8.0-1");
            any(s);
            f.clusters = vec![cluster(15, 5432, ClusterStatus::Online)];
        },
        "add trixie-pgdg, refresh",
    ),
    (
        "a cluster of a major that pgvector has left behind",
        release!("debian-13"),
        |f, s| {
            any(s);
            f.clusters = vec![cluster(13, 5432, ClusterStatus::Online)];
        },
        "unavailable: the repositories of Debian GNU/Linux 13 (trixie) have no pgvector for PostgreSQL 13, \
         the major of cluster 13/main on port 5432, online, and neither has PGDG",
    ),
    // What has to be right before a repository is added.
    (
        "nothing to check certificates with",
        release!("debian-12"),
        |f, s| {
            apt(f).pgdg.certificates_exist = false;
            any(s);
        },
        "blocked: nothing on this machine can check the certificate of https://apt.postgresql.org/pub/repos/apt: \
         there is no ca-certificates",
    ),
    (
        "nothing to check certificates with, and a mirror that needs none",
        release!("debian-12"),
        |f, s| {
            apt(f).pgdg.certificates_exist = false;
            any(s);
            s.packages.pgdg_mirror = Some("http://mirror.example".to_owned());
        },
        "add bookworm-pgdg of http://mirror.example, refresh",
    ),
    (
        "a key that is none",
        release!("debian-12"),
        |f, s| {
            apt(f).pgdg.key = Some(Err("/key holds no public key".to_owned()));
            any(s);
        },
        "blocked: the key of the repository cannot be trusted: /key holds no public key",
    ),
    (
        "an interrupted dpkg",
        release!("debian-12"),
        |f, s| {
            broken(f, &[TZDATA]);
            any(s);
        },
        "blocked: dpkg was interrupted before it was done with tzdata",
    ),
];

#[test]
fn every_debian_and_ubuntu_gets_the_safest_source_that_serves_it() {
    assert!(ROWS.len() + CASES.len() >= 35);
    for (name, release, change, expected) in ROWS {
        let (mut facts, mut settings) = (machine(release), settings());
        change(&mut facts, &mut settings);
        assert_eq!(outline(&facts, &settings), *expected, "{name}");
    }
}

fn planned(change: fn(&mut SystemFacts, &mut Settings)) -> Plan {
    let (mut facts, mut settings) = (machine(release!("debian-13")), settings());
    change(&mut facts, &mut settings);
    server_plan(&facts, &settings).unwrap()
}

fn words(plan: &Plan) -> Vec<String> {
    let install = plan
        .steps
        .iter()
        .find(|step| matches!(step, Step::InstallPackages { .. }));
    let argv = install.unwrap().argv();
    argv.iter()
        .filter(|word| word.starts_with("postgresql"))
        .cloned()
        .collect()
}

#[test]
fn of_two_repositories_with_one_name_the_chosen_ones_version_is_installed() {
    let safest = planned(|f, s| {
        both(f);
        any(s);
    });
    assert_eq!(words(&safest), ["postgresql-17", "postgresql-17-pgvector"]);
    assert_eq!(safest.pgvector_to_come(), Some("0.8.7"));

    let distribution = planned(|f, _| both(f));
    assert_eq!(
        words(&distribution),
        ["postgresql-17", "postgresql-17-pgvector=0.8.0-1"]
    );
    assert_eq!(distribution.pgvector_to_come(), Some("0.8.0"));
    let Some(Step::InstallPackages { clusters, .. }) = distribution.steps.first() else {
        panic!("{distribution:?}");
    };
    assert_eq!(*clusters, ["17/main"]);
}

#[test]
fn the_plan_shows_the_repository_its_key_and_why_it_is_added() {
    let plan = planned(|f, s| {
        offers(f, 17, "0.8.0-1");
        apt(f).pgdg.keyrings_exist = false;
        any(s);
    });
    let text = plan_text(&plan, 1);
    for expected in [
        "pgvector 0.8.0-1 for PostgreSQL 17 (http://mirror.example/x x/main): not chosen; affected by CVE-2026-3172",
        "because pgvector 0.8.0-1 of http://mirror.example/x x/main is affected by CVE-2026-3172",
        "its key is B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8, from this program",
        "  1. add the package repository PGDG (trixie-pgdg)\n",
        "(root) create /etc/apt/keyrings (mode 0755)\n",
        "(root) write /etc/apt/keyrings/pgvector-setup-pgdg.asc (mode 0644)\n",
        "+ the key B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8\n",
        "(root) write /etc/apt/sources.list.d/pgvector-setup-pgdg.sources (mode 0644)\n",
        "+ URIs: https://apt.postgresql.org/pub/repos/apt\n",
        "+ Suites: trixie-pgdg\n",
        "+ Architectures: amd64\n",
        "+ Signed-By: /etc/apt/keyrings/pgvector-setup-pgdg.asc\n",
    ] {
        assert!(text.contains(expected), "{expected:?} in\n{text}");
    }
    assert!(!text.contains("trusted"), "{text}");
}

#[test]
fn the_distributions_own_copy_of_the_key_is_used_where_it_is() {
    let plan = planned(|f, s| {
        any(s);
        let path = "/usr/share/postgresql-common/pgdg/apt.postgresql.org.gpg";
        if let Some(Ok(key)) = &mut apt(f).pgdg.key {
            key.origin = KeyOrigin::Packaged(path.into());
        }
    });
    let Some(Step::AddRepository {
        files, directories, ..
    }) = plan.steps.first()
    else {
        panic!("{plan:?}");
    };
    assert_eq!((files.len(), directories.len()), (1, 0));
    assert!(
        files[0]
            .content
            .contains("Signed-By: /usr/share/postgresql-common/pgdg/apt.postgresql.org.gpg\n")
    );
}

#[test]
fn sources_with_checks_off_are_told_with_their_repair() {
    let plan = planned(|f, _| {
        offers(f, 17, "0.8.0-1");
        let file = std::path::Path::new("/etc/apt/sources.list.d/pig.list");
        apt(f).sources = parse_sources(file, "deb [trusted=yes] http://mirror.example/x trixie main");
    });
    let notes = plan.notes.join("\n");
    assert!(notes.contains("/etc/apt/sources.list.d/pig.list takes packages without a valid signature"));
    assert!(notes.contains("sudo sed -i"), "{notes}");
}

#[test]
fn a_forced_source_without_a_candidate_names_what_works() {
    for (release, source, expected) in [
        (
            release!("debian-12"),
            Source::Distro,
            "pgvector-setup up --target system --source pgdg",
        ),
        (
            release!("kali-rolling"),
            Source::Pgdg,
            "pgvector-setup up --target system --source distro",
        ),
    ] {
        let (mut facts, mut settings) = (machine(release), settings());
        settings.packages.source = Some(source);
        if source == Source::Pgdg {
            offers(&mut facts, 18, "0.8.7-1");
        }
        let Err(Refusal::Unavailable { alternatives, .. }) = server_plan(&facts, &settings) else {
            panic!("{release}");
        };
        assert_eq!(alternatives[0], expected);
        assert_eq!(alternatives[1], "pgvector-setup up --target embedded");
    }
}
