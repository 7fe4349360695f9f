//! A path that means itself wherever it stands in a unit file.

use std::fmt;

use crate::settings::SettingsError;

/// Absolute, of characters that neither systemd nor the comments of a unit take for something of theirs: the path of a
/// program is read by other rules than its arguments, and `ReadWritePaths=` by others again (systemd.service(5),
/// "Command lines"; systemd.exec(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPath(String);

impl UnitPath {
    /// # Errors
    /// [`SettingsError::Range`], which names `option`.
    pub fn parse(option: &'static str, text: &str) -> Result<Self, SettingsError> {
        let path = text.trim_end_matches('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@:=,".contains(&byte);
        let is_straight = path
            .split('/')
            .skip(1)
            .all(|part| !["", ".", ".."].contains(&part));
        if path.starts_with('/') && is_straight && path.bytes().all(is_plain) {
            return Ok(Self(path.to_owned()));
        }
        Err(SettingsError::Range {
            option,
            range: "an absolute path of letters, digits and . _ - + @ : = ,".to_owned(),
            given: format!("{text:?}"),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_and_plain() {
        for text in ["/a", "/usr/local/bin/pgvector-setup", "/srv/a.b/c+d@e/"] {
            let path = UnitPath::parse("--binary", text).unwrap();
            assert_eq!(path.as_str(), text.trim_end_matches('/'));
        }
        for text in [
            "", "/", "a", "./a", "/a b", "/a/../b", "/a//b", "/%n", "/$x", "/a\nb", "/a\"b", "/ä", "/a\\b",
            "/a;b", "/a#b", "/a/.",
        ] {
            assert!(UnitPath::parse("--binary", text).is_err(), "{text:?}");
        }
    }
}
