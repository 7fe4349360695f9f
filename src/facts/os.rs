//! The operating system: what it calls itself, whom it descends from, and its C library.

use std::path::Path;

use os_info::Type;

use super::os_release::{self, OsRelease};
use crate::host::{Host, HostError};

/// What the machine runs. `distribution` uses `os_info`'s vocabulary, but not `os_info::get()`: on Linux that starts
/// `lsb_release` through PATH, and a probe must not run what a PATH happens to name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OperatingSystem {
    pub distribution: Type,
    pub family: Family,
    pub id: String,
    pub id_like: Vec<String>,
    pub version_id: String,
    /// The release's own codename, or empty.
    pub codename: String,
    /// The codename of the Debian or Ubuntu release that a derivative is built on, else its own.
    pub base_codename: String,
    pub pretty_name: String,
    /// As Rust names it: `x86_64`, `aarch64`.
    pub architecture: String,
    pub libc: Libc,
}

/// Distributions that share a package manager and its conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Debian,
    RedHat,
    Suse,
    Alpine,
    Arch,
    MacOs,
    Unknown,
}

/// The C library that programs of this machine are linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Libc {
    Glibc { major: u16, minor: u16 },
    Musl,
    Unknown,
}

/// Reads os-release and looks at the C library; no child is started.
pub fn operating_system(host: &Host) -> Result<OperatingSystem, HostError> {
    if cfg!(target_os = "macos") {
        return macos(host);
    }
    // os-release(5): the file in /etc counts before the vendor's own.
    let text = match host.read_text(Path::new("/etc/os-release"))? {
        Some(text) => text,
        None => host
            .read_text(Path::new("/usr/lib/os-release"))?
            .unwrap_or_default(),
    };
    Ok(from_release(os_release::parse(&text), libc(host)))
}

/// What an os-release says, put into words that the rest of the program decides by.
pub fn from_release(release: OsRelease, libc: Libc) -> OperatingSystem {
    let family = std::iter::once(&release.id)
        .chain(&release.id_like)
        .map(|id| family(id))
        .find(|family| *family != Family::Unknown)
        .unwrap_or(Family::Unknown);
    let base_codename = [
        &release.ubuntu_codename,
        &release.debian_codename,
        &release.version_codename,
    ]
    .into_iter()
    .find(|codename| !codename.is_empty())
    .cloned()
    .unwrap_or_default();
    OperatingSystem {
        distribution: distribution(&release.id),
        family,
        id: release.id,
        id_like: release.id_like,
        version_id: release.version_id,
        codename: release.version_codename,
        base_codename,
        pretty_name: release.pretty_name,
        architecture: std::env::consts::ARCH.to_owned(),
        libc,
    }
}

fn family(id: &str) -> Family {
    match id {
        "debian" | "ubuntu" | "raspbian" | "linuxmint" | "pop" | "elementary" | "zorin" | "kali"
        | "devuan" | "neon" => Family::Debian,
        "rhel" | "fedora" | "centos" | "rocky" | "almalinux" | "ol" | "amzn" => Family::RedHat,
        "suse" | "sles" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" => Family::Suse,
        "alpine" => Family::Alpine,
        "arch" | "manjaro" => Family::Arch,
        _ => Family::Unknown,
    }
}

fn distribution(id: &str) -> Type {
    match id {
        "almalinux" => Type::AlmaLinux,
        "alpine" => Type::Alpine,
        "amzn" => Type::Amazon,
        "arch" | "archarm" => Type::Arch,
        "centos" => Type::CentOS,
        "debian" => Type::Debian,
        "elementary" => Type::Elementary,
        "endeavouros" => Type::EndeavourOS,
        "fedora" => Type::Fedora,
        "gentoo" => Type::Gentoo,
        "kali" => Type::Kali,
        "linuxmint" => Type::Mint,
        "manjaro" | "manjaro-arm" => Type::Manjaro,
        "neon" => Type::KDENeon,
        "nixos" => Type::NixOS,
        "ol" => Type::OracleLinux,
        "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" => Type::openSUSE,
        "pop" => Type::Pop,
        "raspbian" => Type::Raspbian,
        "rhel" => Type::RedHatEnterprise,
        "rocky" => Type::RockyLinux,
        "sles" | "suse" => Type::SUSE,
        "solus" => Type::Solus,
        "ubuntu" => Type::Ubuntu,
        "void" => Type::Void,
        "zorin" => Type::Zorin,
        "" => Type::Unknown,
        _ => Type::Linux,
    }
}

/// The C library by its files: the musl loader's name, or the sentence that every glibc carries
/// (`GNU C Library (…) stable release version 2.36.`).
fn libc(host: &Host) -> Libc {
    for path in glibc_paths() {
        if let Ok(bytes) = host.read(Path::new(&path))
            && let Some(libc) = glibc_version(&bytes)
        {
            return libc;
        }
    }
    let is_musl = |name: &String| name.starts_with("ld-musl-");
    if host.list(Path::new("/lib")).iter().any(is_musl) {
        Libc::Musl
    } else {
        Libc::Unknown
    }
}

fn glibc_paths() -> [String; 4] {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    [
        format!("/lib/{triplet}/libc.so.6"),
        "/lib64/libc.so.6".to_owned(),
        "/usr/lib/libc.so.6".to_owned(),
        "/lib/libc.so.6".to_owned(),
    ]
}

fn glibc_version(library: &[u8]) -> Option<Libc> {
    const BANNER: &[u8] = b"GNU C Library (";
    const VERSION: &str = "release version ";
    let start = library
        .windows(BANNER.len())
        .position(|window| window == BANNER)?;
    let banner: String = library[start..]
        .iter()
        .take(200)
        .map(|byte| char::from(*byte))
        .collect();
    let number = banner.split_once(VERSION)?.1;
    let mut parts = number.split(|character: char| !character.is_ascii_digit());
    Some(Libc::Glibc {
        major: parts.next()?.parse().ok()?,
        minor: parts.next()?.parse().ok()?,
    })
}

/// macOS keeps its version in a property list; the one key that matters is found without a parser for the rest.
fn macos(host: &Host) -> Result<OperatingSystem, HostError> {
    let text = host
        .read_text(Path::new("/System/Library/CoreServices/SystemVersion.plist"))?
        .unwrap_or_default();
    let version_id = plist_string(&text, "ProductVersion").unwrap_or_default();
    Ok(OperatingSystem {
        distribution: Type::Macos,
        family: Family::MacOs,
        id: "macos".to_owned(),
        id_like: Vec::new(),
        codename: String::new(),
        base_codename: String::new(),
        pretty_name: format!("macOS {version_id}").trim().to_owned(),
        version_id,
        architecture: std::env::consts::ARCH.to_owned(),
        libc: Libc::Unknown,
    })
}

fn plist_string(text: &str, key: &str) -> Option<String> {
    let after = text.split_once(&format!("<key>{key}</key>"))?.1;
    let value = after.split_once("<string>")?.1.split_once("</string>")?.0;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_is_known_by_its_banner() {
        let library =
            b"\x7fELF...\0GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\nCopyright";
        assert_eq!(glibc_version(library), Some(Libc::Glibc { major: 2, minor: 36 }));
        assert_eq!(glibc_version(b"\x7fELF musl libc (x86_64)"), None);
        assert_eq!(glibc_version(b"GNU C Library (cut"), None);
    }

    /// (file, distribution, family, codename of the base, version)
    const CORPUS: &[(&str, Type, Family, &str, &str)] = &[
        ("almalinux-10", Type::AlmaLinux, Family::RedHat, "", "10.0"),
        ("alpine-3.20", Type::Alpine, Family::Alpine, "", "3.20.7"),
        ("alpine-3.22", Type::Alpine, Family::Alpine, "", "3.22.1"),
        ("amazon-2023", Type::Amazon, Family::RedHat, "", "2023"),
        ("arch", Type::Arch, Family::Arch, "", ""),
        ("centos-7", Type::CentOS, Family::RedHat, "", "7"),
        ("centos-stream-10", Type::CentOS, Family::RedHat, "", "10"),
        ("debian-11", Type::Debian, Family::Debian, "bullseye", "11"),
        ("debian-12", Type::Debian, Family::Debian, "bookworm", "12"),
        ("debian-13", Type::Debian, Family::Debian, "trixie", "13"),
        ("debian-forky", Type::Debian, Family::Debian, "forky", ""),
        ("devuan-5", Type::Linux, Family::Debian, "daedalus", "5"),
        ("elementary-8", Type::Elementary, Family::Debian, "noble", "8"),
        ("endeavouros", Type::EndeavourOS, Family::Arch, "", ""),
        ("fedora-41", Type::Fedora, Family::RedHat, "", "41"),
        ("fedora-42", Type::Fedora, Family::RedHat, "", "42"),
        ("fedora-43", Type::Fedora, Family::RedHat, "", "43"),
        ("gentoo", Type::Gentoo, Family::Unknown, "", "2.17"),
        (
            "kali-rolling",
            Type::Kali,
            Family::Debian,
            "kali-rolling",
            "2025.3",
        ),
        ("linuxmint-22", Type::Mint, Family::Debian, "noble", "22.1"),
        ("lmde-6", Type::Mint, Family::Debian, "bookworm", "6"),
        ("manjaro", Type::Manjaro, Family::Arch, "", ""),
        ("neon", Type::KDENeon, Family::Debian, "noble", "24.04"),
        ("nixos-25.05", Type::NixOS, Family::Unknown, "warbler", "25.05"),
        ("opensuse-leap-15.6", Type::openSUSE, Family::Suse, "", "15.6"),
        (
            "opensuse-tumbleweed",
            Type::openSUSE,
            Family::Suse,
            "",
            "20251101",
        ),
        ("oracle-9", Type::OracleLinux, Family::RedHat, "", "9.6"),
        ("pop-22.04", Type::Pop, Family::Debian, "jammy", "22.04"),
        ("raspbian-12", Type::Raspbian, Family::Debian, "bookworm", "12"),
        ("rhel-10", Type::RedHatEnterprise, Family::RedHat, "", "10.0"),
        ("rhel-8", Type::RedHatEnterprise, Family::RedHat, "", "8.10"),
        ("rhel-9", Type::RedHatEnterprise, Family::RedHat, "", "9.6"),
        ("rocky-9", Type::RockyLinux, Family::RedHat, "", "9.6"),
        ("sles-15", Type::SUSE, Family::Suse, "", "15.6"),
        ("steamos", Type::Linux, Family::Arch, "holo", "3.7.13"),
        ("ubuntu-20.04", Type::Ubuntu, Family::Debian, "focal", "20.04"),
        ("ubuntu-22.04", Type::Ubuntu, Family::Debian, "jammy", "22.04"),
        ("ubuntu-24.04", Type::Ubuntu, Family::Debian, "noble", "24.04"),
        ("ubuntu-25.10", Type::Ubuntu, Family::Debian, "questing", "25.10"),
        ("ubuntu-26.04", Type::Ubuntu, Family::Debian, "resolute", "26.04"),
        ("void", Type::Void, Family::Unknown, "", ""),
        ("wolfi", Type::Linux, Family::Unknown, "", "20230201"),
        ("zorin-17", Type::Zorin, Family::Debian, "jammy", "17"),
    ];

    #[test]
    fn every_distribution_of_the_corpus_is_read_as_what_it_is() {
        let host = Host::new(crate::host::Environment::default());
        let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/os-release"));
        let names: Vec<&str> = CORPUS.iter().map(|row| row.0).collect();
        assert_eq!(host.list(corpus), names, "every file has its row");
        for (name, distribution, family, codename, version) in CORPUS {
            let text = host.read_text(&corpus.join(name)).unwrap().unwrap();
            let found = from_release(os_release::parse(&text), Libc::Unknown);
            assert_eq!(
                (
                    found.distribution,
                    found.family,
                    found.base_codename.as_str(),
                    found.version_id.as_str()
                ),
                (*distribution, *family, *codename, *version),
                "{name}"
            );
        }
    }

    #[test]
    fn descent_that_loops_or_names_nobody_is_an_unknown_family() {
        for (text, expected) in [
            ("ID=a\nID_LIKE=\"a a b\"", Family::Unknown),
            ("ID=mine\nID_LIKE=\"mine ubuntu debian\"", Family::Debian),
            ("ID_LIKE=fedora", Family::RedHat),
            ("ID=\"$(id)\"\nID_LIKE=\"`id` $HOME\"", Family::Unknown),
            ("", Family::Unknown),
        ] {
            assert_eq!(
                from_release(os_release::parse(text), Libc::Unknown).family,
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn the_version_of_macos_is_one_string_of_its_property_list() {
        let text = "<dict><key>ProductName</key><string>macOS</string><key>ProductVersion</key>\n<string>15.6</string>";
        assert_eq!(plist_string(text, "ProductVersion").as_deref(), Some("15.6"));
    }
}
