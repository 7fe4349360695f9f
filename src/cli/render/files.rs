//! What all kinds of rendered files have in common: print, compare, write.

use std::path::Path;

use super::super::Ui;
use super::super::arguments::Written;
use crate::apply::project::{WrittenFile, write};
use crate::error::{Exit, Result};
use crate::facts::project::{FileFacts, FileState, ProjectFacts, gather};
use crate::host::Host;
use crate::render::Rendering;
use crate::settings::SettingsError;

/// Does with the files what the command line asks for. `next` says what to type once they are in that directory.
pub(super) fn output(
    host: &Host,
    rendering: &Rendering,
    wanted: &Written,
    ui: &Ui,
    next: impl Fn(&Path) -> Vec<String>,
) -> Result<Exit> {
    if wanted.place == Path::new("-") {
        return print(rendering, wanted, ui);
    }
    let facts = gather(host, &wanted.place, rendering)?;
    notes(rendering, ui);
    if wanted.check {
        return Ok(check(&facts, rendering, ui));
    }
    if !wanted.force {
        for file in facts.files.iter().filter(|file| file.state.is_somebody_elses()) {
            ui.say(file.difference.as_deref().unwrap_or_default());
        }
    }
    let written = write(host, &wanted.place, rendering, wanted.force)?;
    let next = next(&facts.directory);
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1,
            "directory": facts.directory,
            "files": written,
            "notes": rendering.notes,
            "next": next,
        }));
        return Ok(Exit::Done);
    }
    ui.print(written.iter().map(line).collect::<Vec<_>>().join("\n"));
    for command in next {
        ui.say(format!("next: {command}"));
    }
    Ok(Exit::Done)
}

fn print(rendering: &Rendering, wanted: &Written, ui: &Ui) -> Result<Exit> {
    if wanted.check || wanted.force {
        return Err(SettingsError::Conflict {
            first: "-".into(),
            second: if wanted.check { "--check" } else { "--force" }.into(),
            reason: "what is printed is in no directory",
        }
        .into());
    }
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1,
            "files": rendering.files,
            "secrets": rendering.secrets,
            "notes": rendering.notes,
        }));
        return Ok(Exit::Done);
    }
    notes(rendering, ui);
    for secret in &rendering.secrets {
        ui.say(format!(
            "note: needs {}: {}",
            secret.path.display(),
            secret.purpose
        ));
    }
    let files: Vec<&str> = rendering.files.iter().map(|file| file.content.as_str()).collect();
    ui.print(files.join("---\n"));
    Ok(Exit::Done)
}

fn check(facts: &ProjectFacts, rendering: &Rendering, ui: &Ui) -> Exit {
    let exit = if facts.is_current() {
        Exit::Done
    } else {
        Exit::Pending
    };
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1,
            "directory": facts.directory,
            "files": facts.files,
            "notes": rendering.notes,
            "current": facts.is_current(),
        }));
        return exit;
    }
    let lines = facts.files.iter().map(|file: &FileFacts| {
        let difference = file.difference.as_deref().unwrap_or_default();
        format!("{:<10} {}\n{difference}", file.state.word(), file.path.display())
    });
    ui.print(lines.collect::<String>());
    exit
}

fn notes(rendering: &Rendering, ui: &Ui) {
    for note in &rendering.notes {
        ui.say(format!("note: {note}"));
    }
}

fn line(file: &WrittenFile) -> String {
    let done = match file.before {
        FileState::Current => "kept",
        _ => "wrote",
    };
    let backup = file.backup.as_ref();
    let backup = backup.map_or(String::new(), |backup| format!(" (before: {})", backup.display()));
    format!("{done:<5} {}{backup}", file.path.display())
}
