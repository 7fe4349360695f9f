//! `site deploy`, `site rotate-password`, `site upgrade`: one site, shown, agreed to, applied.

use super::report::SiteReport;
use crate::apply::Server;
use crate::cli::arguments::Consent;
use crate::cli::{Ui, health, prompt};
use crate::error::{Exit, Result};
use crate::pipeline::{Deployed, Sites};
use crate::plan::site::Wish;
use crate::plan::{Plan, Step, plan_text};
use crate::settings::{SettingsError, SiteSettings};

pub(super) async fn deploy(
    sites: &Sites<'_>,
    site: &SiteSettings,
    wish: &Wish,
    consent: Consent,
    ui: &Ui,
) -> Result<Exit> {
    let (before, server) = sites.server_plan().await?;
    let plan = planned(sites, (&before, server.as_ref()), site, wish).await?;
    if before.is_empty() && plan.is_empty() {
        let server = sites.server.running_server().await?;
        ui.say("nothing to do");
        return finish(sites, &server, site, Deployed::default(), ui).await;
    }
    agree(&before, &plan, consent, ui).await?;
    let ui = &ui.assuming(consent.yes);
    let server = match server.filter(|_| before.is_empty()) {
        Some(server) => server,
        None => sites.bring_up(&before, ui).await?,
    };
    let progress = ui.for_site(site.domain.as_str());
    let mut deployed = sites.deploy(&server, site, wish, &progress).await?;
    deployed.steps += before.steps.len();
    finish(sites, &server, site, deployed, ui).await
}

async fn planned(
    sites: &Sites<'_>,
    (before, server): (&Plan, Option<&Server>),
    site: &SiteSettings,
    wish: &Wish,
) -> Result<Plan> {
    let facts = match server {
        Some(server) => sites.facts(&sites.view(server, &[site]).await?, site).await?,
        None => sites.facts_without_server(before, site).await?,
    };
    sites.plan(&facts, site, wish)
}

/// Shows what will be done and asks, unless that was agreed to beforehand.
async fn agree(server: &Plan, site: &Plan, consent: Consent, ui: &Ui) -> Result<()> {
    if consent.yes {
        for note in server.notes.iter().chain(&site.notes) {
            ui.say(format!("note: {note}"));
        }
        return Ok(());
    }
    ui.say(plan_text(server, 1));
    ui.say(plan_text(site, server.steps.len() + 1));
    ask(ui).await
}

/// Asks whether what was shown is to be done.
///
/// # Errors
/// [`SettingsError::Consent`] where nobody can be asked, [`SettingsError::Unanswered`] for a no.
pub(super) async fn ask(ui: &Ui) -> Result<()> {
    if !ui.can_ask() {
        return Err(SettingsError::Consent { flag: "--yes".into() }.into());
    }
    if prompt::confirm("Go on?").await? {
        return Ok(());
    }
    ui.say("nothing was changed");
    Err(SettingsError::Unanswered { exit: Exit::Refused }.into())
}

async fn finish(
    sites: &Sites<'_>,
    server: &Server,
    site: &SiteSettings,
    deployed: Deployed,
    ui: &Ui,
) -> Result<Exit> {
    let facts = sites.facts(&sites.view(server, &[site]).await?, site).await?;
    let report = SiteReport::new(sites, site, &facts, deployed);
    if ui.is_json() {
        let mut value = serde_json::json!({ "schema": 1 });
        if let (Some(object), Ok(serde_json::Value::Object(site))) =
            (value.as_object_mut(), serde_json::to_value(&report))
        {
            object.extend(site);
        }
        ui.json(&value);
    } else {
        if let Some(verification) = &report.deployed.verification {
            ui.say(health::verification_text(verification));
        }
        ui.print(report.text());
    }
    Ok(Exit::Done)
}

/// What brings a site's extension to the version that the server offers.
pub(super) async fn upgrade_steps(sites: &Sites<'_>, site: &SiteSettings) -> Result<Vec<Step>> {
    sites.upgrade_steps(site).await
}
