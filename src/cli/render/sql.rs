//! `render sql`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Ui;
use super::super::arguments::Written;
use super::files;
use crate::error::{Exit, Result};
use crate::host::{Host, quote_word};
use crate::render::{Rendering, sql};
use crate::settings::Settings;

/// Where the script goes, and what becomes of one that is there.
#[derive(Debug, Clone, Args)]
pub struct Sql {
    /// File to write; - prints the script
    #[arg(default_value = "-", value_name = "FILE")]
    pub file: PathBuf,
    /// Write nothing; exit with 8 when the file is missing or not current
    #[arg(long)]
    pub check: bool,
    /// Replace a file that was edited, and keep a backup of it
    #[arg(long, conflicts_with = "check")]
    pub force: bool,
}

pub(super) fn run(host: &Host, settings: &Settings, wanted: &Sql, ui: &Ui) -> Result<Exit> {
    let mut file = sql::script(settings)?;
    let mut directory = PathBuf::from("-");
    if wanted.file != directory {
        let parent = wanted.file.parent().filter(|parent| *parent != Path::new(""));
        directory = parent.unwrap_or(Path::new(".")).to_owned();
        file.path = wanted.file.file_name().map_or(file.path, PathBuf::from);
    }
    let name = file.path.clone();
    let rendering = Rendering {
        files: vec![file],
        ..Rendering::default()
    };
    let written = Written {
        place: directory,
        check: wanted.check,
        force: wanted.force,
    };
    files::output(host, &rendering, &written, ui, |directory| {
        let path = directory.join(&name);
        vec![format!(
            "psql -X -U postgres -d postgres -f {}",
            quote_word(&path.display().to_string())
        )]
    })
}
