//! `site history`: the receipt of one site, in words.

use crate::apply::Outcome;
use crate::apply::receipt::{self, Entry};
use crate::cli::Ui;
use crate::error::{Exit, Result};
use crate::pipeline::Sites;
use crate::plan::Refusal;
use crate::settings::Domain;

pub(super) fn history(sites: &Sites<'_>, domain: &Domain, ui: &Ui) -> Result<Exit> {
    let layout = sites.server.layout.of_site(domain);
    let entries = receipt::history(sites.server.host, &layout.receipt)?;
    if entries.is_empty() {
        return Err(Refusal::Blocked {
            fact: format!("nothing was ever done for {domain} on this machine"),
            hint: "pgvector-setup site list".into(),
        }
        .into());
    }
    if ui.is_json() {
        let steps: Vec<_> = entries
            .iter()
            .map(|entry| {
                serde_json::json!({
                    "at": entry.at(), "version": entry.tool, "title": entry.step.title(), "outcome": entry.outcome,
                })
            })
            .collect();
        ui.json(&serde_json::json!({ "schema": 1, "domain": domain, "steps": steps }));
        return Ok(Exit::Done);
    }
    let lines: Vec<String> = entries.iter().map(line).collect();
    ui.print(lines.join("\n"));
    Ok(Exit::Done)
}

fn line(entry: &Entry) -> String {
    let outcome = match &entry.outcome {
        None => " (cut off)".to_owned(),
        Some(Outcome::Changed { .. }) => String::new(),
        Some(Outcome::AlreadyThere) => " (already there)".to_owned(),
        Some(Outcome::Skipped { why }) => format!(" ({why})"),
        Some(Outcome::Failed { error }) => format!(" (failed: {})", error.lines().next().unwrap_or_default()),
    };
    format!("{}  {}  {}{outcome}", entry.at(), entry.tool, entry.step.title())
}
