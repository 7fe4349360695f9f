//! Settings -> files that bring the database up elsewhere. Pure: the same settings give the same bytes on every machine.

pub mod compose;
pub mod kubernetes;
pub mod quadlet;

use std::path::PathBuf;

use crate::host::FileMode;

/// One file with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RenderedFile {
    /// Relative to the directory of all of them.
    pub path: PathBuf,
    pub mode: FileMode,
    pub content: String,
}

/// A secret that a rendered file refers to. Its text is never part of what is rendered: it is made once, where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RenderedSecret {
    /// Relative to the directory of all files.
    pub path: PathBuf,
    /// For the reader: `the password of the superuser postgres`.
    pub purpose: String,
}

/// What one `render` amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rendering {
    pub files: Vec<RenderedFile>,
    pub secrets: Vec<RenderedSecret>,
    /// Choices with their reasons, advisories of the image, what the user has to do next.
    pub notes: Vec<String>,
}
