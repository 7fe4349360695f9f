//! `site list` and `site status`.

use super::{Given, known};
use crate::cli::Ui;
use crate::error::{Exit, Result};
use crate::facts::service;
use crate::pipeline::Sites;
use crate::plan::site::Wish;
use crate::settings::SiteSettings;

pub(super) fn list(given: &Given<'_>, sites: &Sites<'_>, ui: &Ui) -> Result<Exit> {
    let records = known::records(sites)?;
    if ui.is_json() {
        ui.json(&serde_json::json!({ "schema": 1, "sites": records }));
        return Ok(Exit::Done);
    }
    if records.is_empty() {
        ui.say("there are no sites on this machine");
        return Ok(Exit::Done);
    }
    let widest = records
        .iter()
        .map(|record| record.domain.as_str().len())
        .max()
        .unwrap_or(0);
    let mut lines = Vec::new();
    for record in &records {
        let site = known::of_record(given, record)?;
        lines.push(format!(
            "{:widest$}  database {}  service {}  contact {}",
            record.domain.as_str(),
            record.name,
            site.unit(),
            record.email,
        ));
    }
    ui.print(lines.join("\n"));
    Ok(Exit::Done)
}

pub(super) async fn status(sites: &Sites<'_>, site: &SiteSettings, ui: &Ui) -> Result<Exit> {
    let server = sites.server.running_server().await?;
    let facts = sites.facts(&sites.view(&server, &[site]).await?, site).await?;
    let plan = sites.plan(&facts, site, &Wish::Deploy)?;
    let service = facts.service.as_ref();
    let wellness = match service {
        Some(service) => Some(service::well(sites.server.host, service, site.health_url.as_deref()).await?),
        None => None,
    };
    let is_well = wellness.as_ref().is_none_or(|wellness| wellness.is_well);
    let login = facts
        .files
        .environment
        .as_ref()
        .and_then(|environment| environment.login.clone());
    let doctor = ui.completed(&format!("pgvector-setup doctor --domain {}", site.domain));
    let pending: Vec<String> = plan.steps.iter().map(crate::plan::Step::title).collect();
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1, "domain": site.domain, "email": site.email, "database": site.name, "login": login,
            "environment": sites.places(site).environment, "service": service, "service_is_well": wellness.as_ref().map(|wellness| wellness.is_well), "healthy": is_well && pending.is_empty(),
            "pending": pending, "doctor": doctor,
        }));
    } else {
        let mut lines = vec![
            format!("site:        {} ({})", site.domain, site.email),
            format!("database:    {} on {}:{}", site.name, facts.host, facts.port),
            format!(
                "login:       {}",
                login.map_or_else(|| "none that is known".to_owned(), |login| login.to_string())
            ),
            format!("environment: {}", sites.places(site).environment.display()),
            service.map_or_else(
                || format!("service:     there is no {}", site.unit()),
                |service| {
                    let word = if is_well { "well" } else { "not well" };
                    format!("service:     {} ({word}: {})", service.unit, service.state)
                },
            ),
        ];
        lines.push(format!("doctor:      {doctor}"));
        lines.push(match pending.len() {
            0 => "pending:     nothing".to_owned(),
            count => ui.completed(&format!(
                "pending:     {count} {}: pgvector-setup site deploy --domain {}",
                if count == 1 { "step" } else { "steps" },
                site.domain
            )),
        });
        lines.extend(pending.iter().map(|title| format!("  - {title}")));
        ui.print(lines.join("\n"));
    }
    Ok(if is_well && plan.is_empty() {
        Exit::Done
    } else {
        Exit::Unhealthy
    })
}
