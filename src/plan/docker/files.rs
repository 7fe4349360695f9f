//! What becomes of the project's files.

use super::refusals;
use crate::facts::docker::DockerFacts;
use crate::facts::project::FileState;
use crate::plan::{ProjectFile, ProjectSecret, Refusal};

/// The files that are missing, and those of ours that are of other settings.
///
/// # Errors
/// [`Refusal::Differs`] for a file that somebody wrote or edited.
pub(super) fn to_write(facts: &DockerFacts) -> Result<Vec<ProjectFile>, Refusal> {
    let mut written = Vec::new();
    for (file, text) in facts.rendering.files.iter().zip(&facts.texts) {
        match facts.state_of(&file.path) {
            FileState::Current => {}
            FileState::Missing | FileState::Outdated => written.push(ProjectFile {
                path: file.path.clone(),
                mode: file.mode,
                content: file.content.clone(),
                previous: text.clone(),
            }),
            state @ (FileState::Edited | FileState::Foreign) => {
                return Err(refusals::file(
                    facts,
                    file,
                    text.as_deref().unwrap_or_default(),
                    state,
                ));
            }
        }
    }
    Ok(written)
}

/// The secrets that are missing, or do not fit another any more.
pub(super) fn secrets(facts: &DockerFacts) -> Vec<ProjectSecret> {
    let secrets = facts.rendering.secrets.iter();
    let wanted = secrets.filter_map(|secret| match facts.state_of(&secret.path) {
        FileState::Current => None,
        state => Some(ProjectSecret {
            secret: secret.clone(),
            is_new: state == FileState::Missing,
        }),
    });
    wanted.collect()
}

/// A new file with all its lines, a changed one with those that change; of a secret its purpose alone.
pub(in crate::plan) fn shown(files: &[ProjectFile], secrets: &[ProjectSecret]) -> Vec<String> {
    let mut lines = Vec::new();
    for file in files {
        lines.push(format!("write {} (mode {:04o})", file.path.display(), file.mode));
        match &file.previous {
            None => lines.extend(
                file.content
                    .lines()
                    .map(|line| format!("+ {line}").trim_end().to_owned()),
            ),
            Some(previous) => lines.extend(changed(previous, &file.content)),
        }
    }
    for ProjectSecret { secret, is_new } in secrets {
        let verb = if *is_new { "make" } else { "renew" };
        let path = secret.path.display();
        lines.push(format!(
            "{verb} {path} (mode 0444 in a directory of mode 0700): {}",
            secret.purpose
        ));
    }
    lines
}

/// The lines that change, without those around them.
pub(super) fn changed(before: &str, after: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(before, after);
    let changes = diff
        .iter_all_changes()
        .filter(|change| change.tag() != similar::ChangeTag::Equal);
    changes
        .map(|change| format!("{} {}", change.tag(), change.value().trim_end()))
        .collect()
}
