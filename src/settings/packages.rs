use std::path::PathBuf;

use super::SettingsError;

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

/// The address of a mirror, which is written into a package manager's own files: a plain http or https URL. What could be
/// read there as anything else, or would put a password into a file that everybody may read, is not let through.
///
/// # Errors
/// [`SettingsError::Mirror`].
pub fn mirror(url: &str) -> Result<String, SettingsError> {
    let refused = |problem| Err(SettingsError::Mirror { problem });
    let Some(address) = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
    else {
        return refused("begins with neither https:// nor http://");
    };
    let host = address.split('/').next().unwrap_or_default();
    if host.is_empty() {
        return refused("names no host");
    }
    if host.contains('@') {
        return refused(
            "holds a user or a password, which apt keeps in /etc/apt/auth.conf.d and dnf in its own settings",
        );
    }
    let plain = |character: char| character.is_ascii_alphanumeric() || "-._~/:[]%+".contains(character);
    if !address.chars().all(plain) {
        return refused("has characters other than letters, digits and -._~/:[]%+");
    }
    Ok(url.trim_end_matches('/').to_owned())
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
    /// Seconds that a step waits for repositories that cannot be reached yet, and for a clock that contradicts what they
    /// signed. 0 by default: to a person who is there, a wrong address or proxy is likelier than a network that is about to
    /// come, and is told at once.
    pub repository_timeout: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_plain_address_and_nothing_else() {
        for (url, expected) in [
            ("https://mirror.example/apt/", Some("https://mirror.example/apt")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://[::1]:8080/pgdg", Some("http://[::1]:8080/pgdg")),
            ("ftp://mirror.example", None),
            ("mirror.example", None),
            ("https://", None),
            ("https:///apt", None),
            ("https://ann:secret@mirror.example/apt", None),
            ("https://mirror.example/a b", None),
            ("https://mirror.example/apt\nTrusted: yes", None),
            ("https://mirror.example/apt?x", None),
            ("https://mirror.example/$(id)", None),
        ] {
            assert_eq!(mirror(url).ok().as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_refused_mirror_is_told_without_its_password() {
        let error = mirror("https://ann:secret@mirror.example").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
