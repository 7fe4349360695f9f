//! What rpm has and what dnf offers, a line a package.

/// One package with its version and where it is from: a repository's id, or `@System`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Offered {
    pub name: String,
    /// `0.8.6-1PGDG.rhel9.6`
    pub version: String,
    pub repository: String,
}

pub(super) const INSTALLED: &str = "%{NAME} %{VERSION}-%{RELEASE} @System\\n";
/// dnf 4 ends each line by itself, dnf 5 does not: empty lines are skipped.
pub(super) const OFFERED: &str = "%{name} %{version}-%{release} %{repoid}\\n";

/// Both layouts: the distributions' `postgresql-server` and `pgvector`, and PGDG's with the major in their names.
pub(super) const NAMES: [&str; 4] = [
    "postgresql-server",
    "postgresql[12][0-9]-server",
    "pgvector",
    "pgvector_[12][0-9]",
];

pub fn parse(text: &str) -> Vec<Offered> {
    let mut packages: Vec<Offered> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, version, repository] = words.as_slice() else {
            continue;
        };
        packages.push(Offered {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            repository: (*repository).to_owned(),
        });
    }
    packages
}
