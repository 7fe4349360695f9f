//! The files of a project on disk.

use std::path::{Path, PathBuf};

use crate::apply::engine::Engine;
use crate::apply::{Outcome, project};
use crate::error::Result;
use crate::host::Host;
use crate::plan::{ProjectFile, ProjectSecret};
use crate::render::seal::{Seal, seal_of};
use crate::render::{RenderedFile, Rendering};

/// Brings the project's directory to what the plan says. A person who edited a file since the plan was made is refused.
pub async fn write(
    engine: &Engine<'_>,
    directory: &Path,
    files: &[ProjectFile],
    secrets: &[ProjectSecret],
) -> Result<Outcome> {
    let rendered = |file: &ProjectFile| RenderedFile {
        path: file.path.clone(),
        mode: file.mode,
        content: file.content.clone(),
    };
    let rendering = Rendering {
        files: files.iter().map(rendered).collect(),
        secrets: secrets.iter().map(|secret| secret.secret.clone()).collect(),
        ..Rendering::default()
    };
    project::write(engine.host, directory, &rendering, false)?;
    Ok(Outcome::Changed { object: None })
}

/// Takes files back that are as a rendering of ours left them: what was there before comes again. Secrets go with the data
/// alone. Says what stays, and why.
pub fn remove(
    host: &Host,
    directory: &Path,
    files: &[ProjectFile],
    secrets: &[PathBuf],
    destroy: bool,
) -> Result<Option<String>> {
    let mut kept = Vec::new();
    for file in files {
        let path = directory.join(&file.path);
        let Some(text) = host.read_text(&path)? else {
            continue;
        };
        if seal_of(&text) != Seal::Intact {
            kept.push(format!("{}: it was edited", path.display()));
            continue;
        }
        match &file.previous {
            Some(previous) => {
                host.write_file(&path, previous.as_bytes(), file.mode, None)?;
            }
            None => host.remove_file(&path)?,
        }
    }
    let secrets: Vec<PathBuf> = secrets.iter().map(|path| directory.join(path)).collect();
    if destroy {
        for path in &secrets {
            host.remove_file(path)?;
        }
    } else if secrets.iter().any(|path| host.exists(path)) {
        let place = secrets[0].parent().unwrap_or(directory);
        kept.push(format!("{}: the data in the volume needs them", place.display()));
    }
    Ok((!kept.is_empty()).then(|| kept.join("; ")))
}
