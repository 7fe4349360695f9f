//! `up` and `plan`: the same plan, applied or only shown.

use super::arguments::Consent;
use super::connection::Connection;
use super::{Address, Ui, prompt};
use crate::error::{Exit, Result};
use crate::host::Privilege;
use crate::pipeline::{Done, Installation, Plans};
use crate::plan::{Step, plan_sql, plan_text};
use crate::settings::{SettingsError, Target};

pub(super) async fn plan(installation: &Installation<'_>, check: bool, ui: &Ui) -> Result<Exit> {
    let plans = installation.plan().await?;
    if installation.settings.target == Target::Url {
        // Root can be had by typing sudo; rights on somebody's server cannot.
        installation.permitted(&plans).await?;
    }
    if ui.is_json() {
        ui.json(&report(&plans));
    } else if plans.is_empty() {
        ui.say("nothing to do");
    } else {
        ui.print(plans_text(&plans));
    }
    Ok(if check && !plans.is_empty() {
        Exit::Pending
    } else {
        Exit::Done
    })
}

/// The plan's statements for somebody else to run, whether or not this user may.
pub(super) async fn sql(installation: &Installation<'_>, ui: &Ui) -> Result<Exit> {
    let plans = installation.plan().await?;
    let sql = plan_sql(&plans.database, installation.settings);
    if ui.is_json() {
        ui.json(&serde_json::json!({ "schema": 1, "sql": sql }));
    } else {
        ui.print(sql);
    }
    Ok(Exit::Done)
}

pub(super) async fn up(installation: &Installation<'_>, consent: Consent, ui: &Ui) -> Result<Exit> {
    let plans = installation.plan().await?;
    if plans.is_empty() {
        return nothing_to_do(installation, &plans, ui).await;
    }
    installation.permitted(&plans).await?;
    if consent.yes {
        // Each step names itself as it runs; the whole plan is what `plan` prints.
        ui.say(notes_text(&plans));
    } else {
        ui.say(plans_text(&plans));
        if !ui.can_ask() {
            return Err(SettingsError::Consent { flag: "--yes".into() }.into());
        }
        if !prompt::confirm("Go on?").await? {
            ui.say("nothing was changed");
            return Ok(Exit::Refused);
        }
    }
    apply(installation, &plans, &ui.assuming(consent.yes)).await
}

/// Applies the plan that was shown and agreed to, and says how to connect.
pub(super) async fn apply(installation: &Installation<'_>, plans: &Plans, ui: &Ui) -> Result<Exit> {
    let done = installation.up(plans, ui).await?;
    finish(installation, plans, &done, ui).await
}

pub(super) async fn nothing_to_do(installation: &Installation<'_>, plans: &Plans, ui: &Ui) -> Result<Exit> {
    for note in &plans.database.notes {
        ui.say(format!("note: {note}"));
    }
    ui.say("nothing to do");
    if ui.is_json() {
        let connection = Connection::of(installation).await?;
        ui.json(&serde_json::json!({ "schema": 1, "changed": false, "steps": 0, "notes": plans.database.notes, "connection": connection }));
    }
    Ok(Exit::Done)
}

async fn finish(installation: &Installation<'_>, plans: &Plans, done: &Done, ui: &Ui) -> Result<Exit> {
    let connection = Connection::of(installation).await?;
    let passed = done
        .verification
        .as_ref()
        .is_none_or(|verification| verification.passed);
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1, "changed": done.steps > 0, "steps": done.steps, "notes": plans.database.notes,
            "verification": done.verification, "connection": connection,
        }));
    } else {
        if let Some(verification) = &done.verification {
            ui.say(super::health::verification_text(verification));
        }
        ui.print(connection.text(&Address::of(installation.settings, installation.host)));
    }
    Ok(if passed { Exit::Done } else { Exit::Unhealthy })
}

fn notes_text(plans: &Plans) -> String {
    let notes = plans.server.notes.iter().chain(&plans.database.notes);
    notes.map(|note| format!("note: {note}\n")).collect()
}

pub(super) fn plans_text(plans: &Plans) -> String {
    let first = plan_text(&plans.server, 1);
    format!(
        "{first}{}",
        plan_text(&plans.database, plans.server.steps.len() + 1)
    )
}

/// The plan as data: each step as it will be applied, with its title, its lines and the privilege it needs.
pub(super) fn report(plans: &Plans) -> serde_json::Value {
    let step = |step: &Step| {
        serde_json::json!({
            "title": step.title(), "details": step.details(), "needs_root": step.privilege() == Privilege::Root, "step": step,
        })
    };
    let steps: Vec<_> = plans
        .server
        .steps
        .iter()
        .chain(&plans.database.steps)
        .map(step)
        .collect();
    let notes: Vec<_> = plans.server.notes.iter().chain(&plans.database.notes).collect();
    serde_json::json!({ "schema": 1, "pending": plans.step_count(), "notes": notes, "steps": steps })
}
