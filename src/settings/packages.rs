use std::path::PathBuf;

/// Where packages may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The operating system's own repositories
    Distro,
    /// PostgreSQL's own repository, added where it is missing
    Pgdg,
    /// Homebrew
    Brew,
}

impl Source {
    /// As it is typed after `--source`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Distro => "distro",
            Self::Pgdg => "pgdg",
            Self::Brew => "brew",
        }
    }
}

/// How target `system` chooses its packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct PackageSettings {
    /// The only source that may be used; `None` for the safest.
    pub source: Option<Source>,
    /// Take an affected pgvector that is at hand rather than add a repository for a safe one.
    pub allow_vulnerable: bool,
    /// Where PGDG is mirrored: the URL that stands for `https://apt.postgresql.org/pub/repos/apt` or
    /// `https://download.postgresql.org/pub/repos/yum`.
    pub pgdg_mirror: Option<String>,
    /// The key that a mirror signs with instead of PGDG's own, armored or binary.
    pub pgdg_key: Option<PathBuf>,
}
