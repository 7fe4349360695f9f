//! SQL names: parsed once, quoted in one place.

use std::fmt;
use std::str::FromStr;

use super::SettingsError;

/// PostgreSQL truncates longer names silently (`NAMEDATALEN` - 1 bytes), so they are refused here.
pub const MAXIMUM_BYTES: usize = 63;

/// The name of a role, database, schema, table, column or index: 1 to 63 bytes of UTF-8 without NUL.
/// Any other character is allowed, because [`Identifier::quoted`] is the only way into SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Identifier(String);

impl Identifier {
    /// # Errors
    /// [`SettingsError::Name`] when the name is empty, holds NUL or a line break, or is over 63 bytes.
    pub fn new(name: impl Into<String>) -> Result<Self, SettingsError> {
        let name = name.into();
        let problem = if name.is_empty() {
            "is empty".to_owned()
        } else if name.contains(['\0', '\n', '\r']) {
            "holds NUL or a line break".to_owned()
        } else if name.len() > MAXIMUM_BYTES {
            format!(
                "is {} bytes long; PostgreSQL keeps {MAXIMUM_BYTES} and drops the rest",
                name.len()
            )
        } else {
            return Ok(Self(name));
        };
        Err(SettingsError::Name { name, problem })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it stands in SQL: always in double quotes, inner quotes doubled.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }

    /// This name with a suffix, shortened on a character boundary and marked with a digest where both do not fit,
    /// so that two long names never become one.
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self::fitted(&self.0, suffix)
    }

    /// Both names joined by `_`, with a suffix; shortened as in [`Identifier::with_suffix`].
    pub fn joined(&self, other: &Self, suffix: &str) -> Self {
        Self::fitted(&format!("{self}_{other}"), suffix)
    }

    fn fitted(name: &str, suffix: &str) -> Self {
        let whole = format!("{name}{suffix}");
        if whole.len() <= MAXIMUM_BYTES {
            return Self(whole);
        }
        let digest = crate::digest::sha256_hex(name.as_bytes());
        let tail = format!("_{}{suffix}", &digest[..8]);
        let mut keep = MAXIMUM_BYTES - tail.len();
        while !name.is_char_boundary(keep) {
            keep -= 1;
        }
        Self(format!("{}{tail}", &name[..keep]))
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Identifier {
    type Err = SettingsError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl<'de> serde::Deserialize<'de> for Identifier {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_quoted_or_refused() {
        assert_eq!(
            Identifier::new("\"; DROP TABLE x").unwrap().quoted(),
            "\"\"\"; DROP TABLE x\""
        );
        for refused in ["", "a\0b", "a\nb", &"x".repeat(64)] {
            assert!(Identifier::new(refused).is_err(), "{refused:?}");
        }
        assert!(Identifier::new("x".repeat(63)).is_ok());
    }

    #[test]
    fn long_names_with_a_suffix_stay_distinct_and_short() {
        let first = Identifier::new(format!("{}a", "é".repeat(31)))
            .unwrap()
            .with_suffix("_embedding_idx");
        let second = Identifier::new(format!("{}b", "é".repeat(31)))
            .unwrap()
            .with_suffix("_embedding_idx");
        assert_ne!(first, second);
        assert!(first.as_str().len() <= MAXIMUM_BYTES && first.as_str().ends_with("_embedding_idx"));
    }
}
