//! `site remove`.

use std::path::PathBuf;

use crate::cli::arguments::Consent;
use crate::cli::{Ui, prompt};
use crate::error::{Exit, Result};
use crate::pipeline::Sites;
use crate::plan::site::Removal;
use crate::plan::{Plan, Refusal, plan_text};
use crate::settings::{SettingsError, SiteSettings};

/// Group or others may make and replace files in the directory; in one that is sticky, only their own (inode(7)).
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

pub(super) async fn remove(
    sites: &Sites<'_>,
    site: &SiteSettings,
    consent: Consent,
    destroy_data: Option<String>,
    export: Option<PathBuf>,
    ui: &Ui,
) -> Result<Exit> {
    if let Some(given) = destroy_data.as_ref().filter(|given| *given != site.name.as_str()) {
        return Err(SettingsError::TypedName {
            given: given.clone(),
            expected: site.name.to_string(),
        }
        .into());
    }
    let removal = Removal {
        export: match export {
            Some(file) => Some((dump_program(sites).await?, place(sites, &file)?)),
            None => None,
        },
        destroy: destroy_data.is_some(),
    };
    let server = sites.server.running_server().await?;
    let facts = sites.facts(&sites.view(&server, &[site]).await?, site).await?;
    let plan = sites.removal_plan(&facts, site, &removal)?;
    let is_kept = facts.database.database.is_some() && !removal.destroy;
    if plan.is_empty() {
        tell_notes(&plan, ui);
        return Ok(said(site, 0, is_kept, ui));
    }
    if consent.yes {
        tell_notes(&plan, ui);
    } else {
        ui.say(ui.completed(&plan_text(&plan, 1)));
        if !ui.can_ask() {
            return Err(SettingsError::Consent { flag: "--yes".into() }.into());
        }
        if !prompt::confirm("Take it away?").await? {
            ui.say("nothing was changed");
            return Ok(Exit::Refused);
        }
    }
    let progress = ui.for_site(site.domain.as_str());
    let steps = sites.remove(&server, site, &removal, &progress).await?;
    Ok(said(site, steps, is_kept, ui))
}

fn tell_notes(plan: &Plan, ui: &Ui) {
    for note in &plan.notes {
        ui.say(ui.completed(&format!("note: {note}")));
    }
}

fn said(site: &SiteSettings, steps: usize, is_kept: bool, ui: &Ui) -> Exit {
    if steps == 0 {
        ui.say("nothing to do");
    }
    if ui.is_json() {
        ui.json(&serde_json::json!({
            "schema": 1, "changed": steps > 0, "steps": steps, "domain": site.domain, "database": site.name,
            "database_kept": is_kept,
        }));
    } else if is_kept {
        ui.say(format!(
            "{} is gone; its database {} is kept",
            site.domain, site.name
        ));
    } else {
        ui.say(format!("{} is gone, its database too", site.domain));
    }
    Exit::Done
}

async fn dump_program(sites: &Sites<'_>) -> Result<PathBuf> {
    let program = sites.server.client("pg_dump").await?;
    Ok(program.ok_or_else(|| Refusal::Blocked {
        fact: "there is no pg_dump on this machine".into(),
        hint: "sudo apt-get install postgresql-client".into(),
    })?)
}

/// Where the export goes: a path that nothing is at.
fn place(sites: &Sites<'_>, file: &std::path::Path) -> Result<PathBuf> {
    let host = sites.server.host;
    let path =
        std::path::absolute(file).map_err(|source| crate::host::HostError::io("find", file, source))?;
    if host.exists(&path) {
        return Err(Refusal::Blocked {
            fact: format!("{} is there already", path.display()),
            hint: "--export OTHER".into(),
        }
        .into());
    }
    let directory = path.parent().unwrap_or(&path);
    let mode = host
        .mode_and_owner_of_target(directory)
        .map_or(0, |(mode, _)| mode);
    if mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
        return Err(Refusal::Blocked {
            fact: format!(
                "others may replace what is in {} (mode {mode:o}), and the export is written by its name",
                directory.display()
            ),
            hint: format!(
                "--export in a directory that nobody else writes to, as {}",
                std::path::Path::new("/root")
                    .join(path.file_name().unwrap_or_default())
                    .display()
            ),
        }
        .into());
    }
    Ok(path)
}
