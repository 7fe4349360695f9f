//! Settings -> files that bring the database up elsewhere. Pure: the same settings give the same bytes on every machine.

pub mod compose;
mod flags;
pub mod image;
pub mod kubernetes;
pub mod memory;
pub mod monitoring;
pub mod quadlet;
pub mod seal;
pub mod sql;
pub mod systemd;
mod template;
pub mod yaml;

use std::path::PathBuf;

use crate::host::FileMode;

/// One file with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RenderedFile {
    /// Relative to the directory of all of them.
    pub path: PathBuf,
    pub mode: FileMode,
    /// Begins with the line of [`seal`].
    pub content: String,
}

/// A secret that a rendered file refers to. Its text is never part of what is rendered: it is made once, where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RenderedSecret {
    /// Relative to the directory of all files.
    pub path: PathBuf,
    /// For the reader: `the password of the superuser postgres`.
    pub purpose: String,
    pub source: SecretSource,
}

/// Where the text of a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// Made here, once. A file that is there already keeps what it holds.
    Generated,
    /// As [`SecretSource::Generated`], with the text of this file of the user's instead of one that is made.
    File(PathBuf),
    /// `before`, the percent-encoded text of another of these secrets, `after`. Written anew when it does not fit.
    Url {
        before: String,
        /// Path of the other secret, which comes earlier in the list.
        password: PathBuf,
        after: String,
    },
}

/// What one `render` amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rendering {
    /// The PostgreSQL major that all of it is for, where it keeps data.
    pub major: Option<u16>,
    pub files: Vec<RenderedFile>,
    pub secrets: Vec<RenderedSecret>,
    /// Choices with their reasons, advisories of the image, what the user has to do next.
    pub notes: Vec<String>,
}
