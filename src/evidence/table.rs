//! The rows of `evidence.toml`.

use serde::Deserialize;

use crate::health::advisories::{Advisory, Version};
use crate::settings::Source;

/// The whole file. Unknown fields are errors: a typing mistake would drop a fact in silence.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub candidate: Vec<Candidate>,
    pub absent: Vec<Absent>,
    pub alias: Vec<Alias>,
    pub image: Vec<Image>,
    pub operand: Vec<Operand>,
    pub elsewhere: Vec<Elsewhere>,
    pub floor: Vec<Floor>,
    pub advisory: Vec<Advisory>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub platforms: Vec<String>,
    pub origin: String,
    pub source: Source,
    /// With `{major}` for the PostgreSQL major.
    pub package: String,
    pub version: String,
    pub majors: Vec<u16>,
    /// As Rust names them; empty for every one that the platform has.
    #[serde(default)]
    pub architectures: Vec<String>,
    pub seen: toml::value::Datetime,
    pub evidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    pub platforms: Vec<String>,
    pub seen: toml::value::Datetime,
    pub evidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    pub platform: String,
    pub is: String,
    pub evidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    pub reference: String,
    pub version: String,
    pub majors: Vec<u16>,
    pub seen: toml::value::Datetime,
    pub evidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operand {
    /// With `{major}` for the PostgreSQL major.
    pub reference: String,
    /// With `{major}`, and `{distribution}` for the codename of the Debian release that both images are built on.
    pub extension: Option<String>,
    pub version: String,
    pub majors: Vec<u16>,
    pub operator: String,
    pub seen: toml::value::Datetime,
    pub evidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    pub platform: String,
    pub package: String,
    pub seen: toml::value::Datetime,
    pub evidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    pub capability: String,
    pub since: Version,
    pub evidence: String,
}

pub fn parse(text: &str) -> Result<Table, toml::de::Error> {
    toml::from_str(text)
}
