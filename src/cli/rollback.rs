//! `rollback` and `destroy`: undoing by the receipt.

use super::arguments::{Consent, Destruction};
use super::{Ui, prompt, site};
use crate::error::{Exit, Result};
use crate::pipeline::Installation;
use crate::plan::data_name;
use crate::settings::SettingsError;

pub(super) async fn rollback(
    installation: &Installation<'_>,
    consent: Consent,
    destruction: &Destruction,
    ui: &Ui,
) -> Result<Exit> {
    let destroy = consented_name(installation, destruction, false, ui).await?;
    let steps = installation.undo_plan(destroy).await?;
    if steps.is_empty() {
        installation.clear_partials();
        ui.say("nothing to undo");
        if ui.is_json() {
            ui.json(&serde_json::json!({ "schema": 1, "changed": false, "undone": 0, "kept": [] }));
        }
        return Ok(Exit::Done);
    }
    for title in steps.iter().filter_map(|step| step.undo.title()) {
        ui.say(format!("  - {title}"));
    }
    site::tell_of_those_left_behind(installation, ui);
    if !consent.yes {
        if !ui.can_ask() {
            return Err(SettingsError::Consent { flag: "--yes".into() }.into());
        }
        if !prompt::confirm("Undo this?").await? {
            ui.say("nothing was changed");
            return Ok(Exit::Refused);
        }
    }
    undo_all(installation, destroy, ui).await
}

pub(super) async fn undo_all(installation: &Installation<'_>, destroy: bool, ui: &Ui) -> Result<Exit> {
    let (undone, kept) = installation.undo(destroy, ui).await?;
    if ui.is_json() {
        ui.json(&serde_json::json!({ "schema": 1, "changed": undone > 0, "undone": undone, "kept": kept }));
    }
    for what in &kept {
        ui.say(format!("kept {what}"));
    }
    ui.say(if kept.is_empty() {
        "undone: the machine is as it was"
    } else {
        "undone, but for what is kept"
    });
    Ok(Exit::Done)
}

/// Whether the data may go: only when its name was typed, as a flag or on the terminal.
pub(super) async fn consented_name(
    installation: &Installation<'_>,
    destruction: &Destruction,
    is_needed: bool,
    ui: &Ui,
) -> Result<bool> {
    let expected = data_name(&installation.made()?, installation.settings);
    let given = match &destruction.destroy_data {
        Some(given) => given.clone(),
        None if !is_needed => return Ok(false),
        None if ui.can_ask() => prompt::text(&format!("Type {expected} to delete its data"), None).await?,
        None => {
            return Err(SettingsError::Consent {
                flag: format!("--destroy-data {expected}"),
            }
            .into());
        }
    };
    if given == expected {
        Ok(true)
    } else {
        Err(SettingsError::TypedName { given, expected }.into())
    }
}
