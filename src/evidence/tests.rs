//! The file's shape, and that every platform it should know is in it.

use super::*;
use crate::facts::os::{Libc, from_release};
use crate::facts::os_release;

fn os(release: &str) -> OperatingSystem {
    let libc = Libc::Glibc { major: 2, minor: 36 };
    let mut os = from_release(os_release::parse(release), libc);
    os.architecture = "x86_64".to_owned();
    os
}

fn table() -> Table {
    table::parse(include_str!("evidence.toml")).unwrap()
}

#[test]
fn every_row_says_where_its_fact_was_seen() {
    let table = table();
    let mut sources: Vec<(&str, &str)> = Vec::new();
    for row in &table.candidate {
        sources.push((&row.package, &row.evidence));
        assert!(Version::parse(&row.version).is_some(), "{row:?}");
        assert!(!row.platforms.is_empty() && !row.majors.is_empty(), "{row:?}");
        assert!(row.seen.date.is_some() && !row.origin.is_empty(), "{row:?}");
    }
    for row in &table.absent {
        sources.extend(
            row.platforms
                .iter()
                .map(|platform| (platform.as_str(), row.evidence.as_str())),
        );
        assert!(row.seen.date.is_some(), "{row:?}");
    }
    for row in &table.alias {
        sources.push((&row.platform, &row.evidence));
        let is_known = |known: &&table::Candidate| known.platforms.contains(&row.is);
        assert!(table.candidate.iter().any(|known| is_known(&known)), "{row:?}");
    }
    for row in &table.image {
        sources.push((&row.reference, &row.evidence));
        assert!(
            row.reference.contains(&row.version) && !row.majors.is_empty(),
            "{row:?}"
        );
        assert!(row.seen.date.is_some(), "{row:?}");
    }
    for row in &table.operand {
        sources.push((&row.reference, &row.evidence));
        let extension = row.extension.as_deref().unwrap_or(&row.version);
        assert!(
            row.reference.contains("{major}") && extension.contains(&row.version),
            "{row:?}"
        );
        assert!(
            !row.majors.is_empty() && !row.operator.is_empty() && row.seen.date.is_some(),
            "{row:?}"
        );
    }
    for row in &table.elsewhere {
        sources.push((&row.platform, &row.evidence));
        assert!(!row.package.is_empty() && row.seen.date.is_some(), "{row:?}");
    }
    sources.extend(
        table
            .floor
            .iter()
            .map(|row| (row.capability.as_str(), row.evidence.as_str())),
    );
    sources.extend(
        table
            .advisory
            .iter()
            .map(|row| (row.id.as_str(), row.evidence.as_str())),
    );
    assert!(sources.len() > 30, "{}", sources.len());
    for (row, evidence) in sources {
        assert!(evidence.len() > 10, "{row} has no source");
    }
}

#[test]
fn a_capability_and_the_advisory_for_its_lack_agree() {
    for (capability, lack) in [
        ("hnsw", "pgvector-no-hnsw"),
        ("halfvec", "pgvector-no-halfvec"),
        ("iterative_scan", "pgvector-no-iterative-scan"),
    ] {
        let advisory = advisories().iter().find(|advisory| advisory.id == lack).unwrap();
        assert_eq!(floor(capability), Some(advisory.fixed), "{capability}");
    }
    assert_eq!(floor("telepathy"), None);
}

/// (file of the corpus, what the distribution has for which major, whether it is known to have nothing, PGDG's suite)
type Row = (
    &'static str,
    &'static str,
    &'static str,
    bool,
    Option<&'static str>,
);

macro_rules! corpus {
    ($name:literal) => {
        include_str!(concat!("../../tests/corpus/os-release/", $name))
    };
}

const PLATFORMS: &[Row] = &[
    ("debian-11", corpus!("debian-11"), "", true, Some("bullseye-pgdg")),
    ("debian-12", corpus!("debian-12"), "", true, Some("bookworm-pgdg")),
    (
        "debian-13",
        corpus!("debian-13"),
        "17 0.8.0-1",
        false,
        Some("trixie-pgdg"),
    ),
    (
        "debian-forky",
        corpus!("debian-forky"),
        "18 0.8.7-1",
        false,
        Some("forky-pgdg"),
    ),
    ("ubuntu-20.04", corpus!("ubuntu-20.04"), "", true, None),
    (
        "ubuntu-22.04",
        corpus!("ubuntu-22.04"),
        "",
        true,
        Some("jammy-pgdg"),
    ),
    (
        "ubuntu-24.04",
        corpus!("ubuntu-24.04"),
        "16 0.6.0-1",
        false,
        Some("noble-pgdg"),
    ),
    (
        "ubuntu-25.10",
        corpus!("ubuntu-25.10"),
        "17 0.8.0-1",
        false,
        Some("questing-pgdg"),
    ),
    (
        "ubuntu-26.04",
        corpus!("ubuntu-26.04"),
        "18 0.8.1-2",
        false,
        Some("resolute-pgdg"),
    ),
    ("devuan-5", corpus!("devuan-5"), "", true, Some("bookworm-pgdg")),
    (
        "raspbian-12",
        corpus!("raspbian-12"),
        "",
        true,
        Some("bookworm-pgdg"),
    ),
    ("lmde-6", corpus!("lmde-6"), "", true, Some("bookworm-pgdg")),
    (
        "linuxmint-22",
        corpus!("linuxmint-22"),
        "16 0.6.0-1",
        false,
        Some("noble-pgdg"),
    ),
    ("pop-22.04", corpus!("pop-22.04"), "", true, Some("jammy-pgdg")),
    ("zorin-17", corpus!("zorin-17"), "", true, Some("jammy-pgdg")),
    (
        "elementary-8",
        corpus!("elementary-8"),
        "16 0.6.0-1",
        false,
        Some("noble-pgdg"),
    ),
    ("neon", corpus!("neon"), "16 0.6.0-1", false, Some("noble-pgdg")),
    ("kali-rolling", corpus!("kali-rolling"), "", false, None),
    ("fedora-41", corpus!("fedora-41"), "16 0.6.2-3", false, None),
    ("fedora-42", corpus!("fedora-42"), "16 0.6.2-3", false, None),
    ("fedora-43", corpus!("fedora-43"), "18 0.8.0-1", false, None),
    ("rhel-8", corpus!("rhel-8"), "", true, None),
    ("rhel-9", corpus!("rhel-9"), "", true, None),
    ("rhel-10", corpus!("rhel-10"), "16 0.6.2-6", false, None),
    ("rocky-9", corpus!("rocky-9"), "", true, None),
    ("oracle-9", corpus!("oracle-9"), "", true, None),
    ("almalinux-10", corpus!("almalinux-10"), "16 0.6.2-6", false, None),
    (
        "centos-stream-10",
        corpus!("centos-stream-10"),
        "16 0.6.2-6",
        false,
        None,
    ),
    ("amazon-2023", corpus!("amazon-2023"), "", true, None),
];

#[test]
fn every_platform_has_its_own_candidate_or_is_known_to_have_none() {
    for (name, release, distribution, lacks, suite) in PLATFORMS {
        let os = os(release);
        let own: Vec<String> = known_from(&os, Source::Distro)
            .iter()
            .map(|candidate| format!("{} {}", candidate.major, candidate.version))
            .collect();
        assert_eq!(own.join(", "), *distribution, "{name}");
        assert_eq!(distribution_lacks(&os), *lacks, "{name}");
        assert_eq!(pgdg_suite(&os).as_deref(), *suite, "{name}");
    }
}

#[test]
fn pgdg_for_red_hat_serves_five_majors_and_none_for_amazon() {
    let majors = |release: &str| -> Vec<u16> {
        let known = known_from(&os(release), Source::Pgdg);
        known.iter().map(|candidate| candidate.major).collect()
    };
    for release in [corpus!("rhel-8"), corpus!("rocky-9"), corpus!("almalinux-10")] {
        assert_eq!(majors(release), [18, 17, 16, 15, 14]);
    }
    assert_eq!(majors(corpus!("fedora-42")), [18, 17, 16, 15, 14, 13]);
    assert_eq!(majors(corpus!("amazon-2023")), [0_u16; 0]);
}

#[test]
fn an_architecture_without_packages_has_no_candidate() {
    let mut os = os(corpus!("debian-12"));
    for (architecture, is_served) in [
        ("x86_64", true),
        ("aarch64", true),
        ("powerpc64", true),
        ("arm", false),
        ("x86", false),
        ("riscv64", false),
    ] {
        os.architecture = architecture.to_owned();
        assert_eq!(pgdg_suite(&os).is_some(), is_served, "{architecture}");
        assert_eq!(
            !known_from(&os, Source::Pgdg).is_empty(),
            is_served,
            "{architecture}"
        );
    }
}

#[test]
fn homebrew_is_known_on_macos_and_on_linux_with_glibc() {
    let mut os = os(corpus!("debian-12"));
    assert_eq!(known_from(&os, Source::Brew).len(), 2);
    os.libc = Libc::Musl;
    assert_eq!(known_from(&os, Source::Brew).len(), 0);
    os.family = crate::facts::os::Family::MacOs;
    assert_eq!(known_from(&os, Source::Brew).len(), 2);
}
