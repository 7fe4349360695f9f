//! Whose package serves one server with pgvector: decided by the directory that this server loads libraries from.

use std::path::Path;

use super::apt;
use super::clusters::{Cluster, Origin};

/// Who can bring pgvector to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// `postgresql-17-pgvector`, of Debian, Ubuntu or PGDG.
    Apt(String),
    /// `pgvector_17` of PGDG, `pgvector` of the distribution.
    Rpm(String),
    /// Homebrew's formula `pgvector`.
    Brew,
    /// A package that has no pgvector beside it, by its name: another vendor's server.
    OtherPackage(String),
    /// No package: self-compiled, an installer's, an application's own copy.
    Nobody,
}

/// What the server said goes before what its programs' path looks like.
pub fn provider(cluster: &Cluster) -> Provider {
    match cluster.answer.given() {
        Some(answer) if !answer.library_directory.as_os_str().is_empty() => {
            of_library(&answer.library_directory, answer.package.as_deref())
        }
        _ => of_programs(cluster),
    }
}

/// By `PKGLIBDIR` and the package that has `plpgsql` in it.
fn of_library(directory: &Path, package: Option<&str>) -> Provider {
    let text = directory.to_string_lossy();
    if text.contains("/Cellar/") || text.contains("/lib/postgresql@") {
        return Provider::Brew;
    }
    let Some(package) = package else {
        return Provider::Nobody;
    };
    if let Some(major) = between(&text, "/usr/lib/postgresql/", "/lib") {
        // Percona's packages have the same directories and other names; Debian's pgvector would bring a second server.
        if package == apt::server_package(major) {
            return Provider::Apt(apt::extension_package(major));
        }
    } else if let Some(major) = between(&text, "/usr/pgsql-", "/lib") {
        if package.starts_with(&format!("postgresql{major}")) {
            return Provider::Rpm(format!("pgvector_{major}"));
        }
    } else if ["/usr/lib64/pgsql", "/usr/lib/pgsql"].contains(&&*text) && package.starts_with("postgresql") {
        return Provider::Rpm("pgvector".to_owned());
    }
    Provider::OtherPackage(package.to_owned())
}

/// Before a word from the server: a cluster that a package manager lists, or programs in a package's directory.
fn of_programs(cluster: &Cluster) -> Provider {
    let binaries = cluster.binaries.as_deref().map(Path::to_string_lossy);
    let binaries = binaries.unwrap_or_default();
    match cluster.origin {
        Origin::Debian => Provider::Apt(apt::extension_package(cluster.major)),
        Origin::Brew => Provider::Brew,
        Origin::Rpm | Origin::Other => {
            if let Some(major) = between(&binaries, "/usr/lib/postgresql/", "/bin") {
                Provider::Apt(apt::extension_package(major))
            } else if let Some(major) = between(&binaries, "/usr/pgsql-", "/bin") {
                Provider::Rpm(format!("pgvector_{major}"))
            } else if binaries == "/usr/bin" {
                Provider::Rpm("pgvector".to_owned())
            } else {
                Provider::Nobody
            }
        }
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<u16> {
    text.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

impl std::fmt::Display for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Apt(_) => formatter.write_str("apt packages"),
            Self::Rpm(_) => formatter.write_str("RPM packages"),
            Self::Brew => formatter.write_str("Homebrew"),
            Self::OtherPackage(package) => write!(formatter, "package {package}"),
            Self::Nobody => formatter.write_str("no package"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::answer::{Answer, ServerAnswer};

    /// `PKGLIBDIR`, the package of its `plpgsql`, and what brings pgvector there.
    #[rustfmt::skip]
    const LIBRARIES: &[(&str, Option<&str>, &str)] = &[
        ("/usr/lib/postgresql/17/lib", Some("postgresql-17"), "Apt(\"postgresql-17-pgvector\")"),
        ("/usr/lib/postgresql/15/lib", Some("postgresql-15"), "Apt(\"postgresql-15-pgvector\")"),
        ("/usr/lib/postgresql/17/lib", Some("percona-postgresql-17"), "OtherPackage(\"percona-postgresql-17\")"),
        ("/usr/lib/postgresql/17/lib", None, "Nobody"),
        ("/usr/pgsql-16/lib", Some("postgresql16-server"), "Rpm(\"pgvector_16\")"),
        ("/usr/pgsql-16/lib", None, "Nobody"),
        ("/usr/lib64/pgsql", Some("postgresql-server"), "Rpm(\"pgvector\")"),
        ("/usr/lib64/pgsql", Some("postgresql16-server"), "Rpm(\"pgvector\")"),
        ("/usr/edb/as17/lib", Some("edb-as17-server"), "OtherPackage(\"edb-as17-server\")"),
        ("/opt/homebrew/lib/postgresql@18", None, "Brew"),
        ("/home/linuxbrew/.linuxbrew/Cellar/postgresql@17/17.6/lib/postgresql", None, "Brew"),
        ("/usr/local/pgsql/lib", None, "Nobody"),
        ("/opt/pg/lib/postgresql/18/lib", None, "Nobody"),
        ("/Applications/Postgres.app/Contents/Versions/18/lib/postgresql", None, "Nobody"),
        ("/Library/PostgreSQL/17/lib/postgresql", None, "Nobody"),
    ];

    #[test]
    fn the_library_directory_decides_which_package_serves_a_server() {
        for (library, package, expected) in LIBRARIES {
            let cluster = Cluster {
                major: 17,
                answer: Answer::Given(Box::new(ServerAnswer {
                    library_directory: library.into(),
                    package: package.map(str::to_owned),
                    ..ServerAnswer::default()
                })),
                // What a path looked like does not matter once the server has said where it is.
                binaries: Some("/usr/lib/postgresql/13/bin".into()),
                ..Cluster::default()
            };
            assert_eq!(
                format!("{:?}", provider(&cluster)),
                *expected,
                "{library} {package:?}"
            );
        }
    }

    #[test]
    fn before_a_word_from_the_server_the_programs_tell() {
        for (origin, binaries, expected) in [
            (Origin::Debian, None, "Apt(\"postgresql-17-pgvector\")"),
            (
                Origin::Other,
                Some("/usr/lib/postgresql/15/bin"),
                "Apt(\"postgresql-15-pgvector\")",
            ),
            (Origin::Rpm, Some("/usr/pgsql-17/bin"), "Rpm(\"pgvector_17\")"),
            (Origin::Rpm, Some("/usr/bin"), "Rpm(\"pgvector\")"),
            (Origin::Brew, Some("/opt/homebrew/opt/postgresql@17/bin"), "Brew"),
            (Origin::Other, Some("/opt/pg/bin"), "Nobody"),
            (Origin::Other, None, "Nobody"),
        ] {
            let cluster = Cluster {
                major: 17,
                origin,
                binaries: binaries.map(Into::into),
                ..Cluster::default()
            };
            assert_eq!(format!("{:?}", provider(&cluster)), expected, "{binaries:?}");
        }
    }
}
