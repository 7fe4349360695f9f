//! `upgrade`: the plan, the question, and what came of it.

use super::arguments::Upgrade;
use super::up::{plans_text, report};
use super::{Ui, prompt};
use crate::error::{Exit, Result};
use crate::health::versions::table;
use crate::pipeline::{Installation, Upgraded};
use crate::plan::Step;
use crate::settings::{SettingsError, Target};

pub(super) async fn upgrade(installation: &Installation<'_>, arguments: Upgrade, ui: &Ui) -> Result<Exit> {
    if installation.settings.target == Target::Url {
        return Err(SettingsError::Conflict {
            first: "upgrade".into(),
            second: "--target url".into(),
            reason: "the package is its server's to upgrade; then, as the extension's owner: ALTER EXTENSION vector UPDATE",
        }
        .into());
    }
    let plans = installation.upgrade_plan().await?;
    if arguments.plan || arguments.check {
        if ui.is_json() {
            ui.json(&report(&plans));
        } else {
            ui.print(plans_text(&plans));
            if plans.is_empty() {
                ui.say("nothing to do");
            }
        }
        // Package lists that are old say nothing of whether there is something newer.
        let mut steps = plans.server.steps.iter().chain(&plans.database.steps);
        let is_pending =
            arguments.check && steps.any(|step| !matches!(step, Step::RefreshPackageIndex { .. }));
        return Ok(if is_pending { Exit::Pending } else { Exit::Done });
    }
    if plans.is_empty() {
        let upgraded = installation.upgraded().await?;
        ui.say("nothing to do");
        show(&upgraded, ui);
        return Ok(Exit::Done);
    }
    installation.permitted(&plans).await?;
    ui.say(plans_text(&plans));
    if !arguments.consent.yes {
        if !ui.can_ask() {
            return Err(SettingsError::Consent { flag: "--yes".into() }.into());
        }
        if !prompt::confirm("Go on?").await? {
            ui.say("nothing was changed");
            return Ok(Exit::Refused);
        }
    }
    let upgraded = installation
        .upgrade(&plans, &ui.assuming(arguments.consent.yes))
        .await?;
    show(&upgraded, ui);
    Ok(Exit::Done)
}

fn show(upgraded: &Upgraded, ui: &Ui) {
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1, "changed": upgraded.steps > 0, "steps": upgraded.steps, "package": upgraded.package,
            "offered": upgraded.versions.offered, "databases": upgraded.versions.databases,
            "sessions_on_an_older_library": upgraded.sessions, "notes": upgraded.notes,
        }));
        return;
    }
    for note in &upgraded.notes {
        ui.say(format!("note: {note}"));
    }
    ui.print(table(upgraded.package.as_deref(), &upgraded.versions));
    if let Some(first) = upgraded.sessions.first() {
        let lines: Vec<String> = upgraded
            .sessions
            .iter()
            .map(|session| format!("  - {session}"))
            .collect();
        ui.say(format!(
            "these sessions run the library of before until they connect anew:\n{}\n\
             hint: restart the application, or: SELECT pg_terminate_backend({});",
            lines.join("\n"),
            first.pid
        ));
    }
}
