//! `apply`, and `plan` of what it would do: the server, then several sites at once; one that fails does not stop the others.

use futures_util::StreamExt as _;

use super::options::Apply;
use super::report::SiteReport;
use super::{Given, declared, deploy, known};
use crate::apply::{Server, interrupt};
use crate::cli::Ui;
use crate::cli::arguments::Consent;
use crate::error::{Error, Exit, Explain as _, Result};
use crate::facts::site::SiteFacts;
use crate::pipeline::{Deployed, ServerView, Sites};
use crate::plan::site::Wish;
use crate::plan::{Plan, plan_text};
use crate::settings::SiteSettings;

/// Sites that are looked at in the same moment: a session of the server each.
pub(super) const LOOKED_AT_ONCE: usize = 8;

/// One site with what there is of it and its plan, or why it has none.
struct Planned<'a> {
    site: &'a SiteSettings,
    plan: Result<(SiteFacts, Plan)>,
}

impl Planned<'_> {
    fn steps(&self) -> usize {
        self.plan.as_ref().map_or(0, |(_, plan)| plan.steps.len())
    }
}

fn declared_sites(given: &Given<'_>, sites: &Sites<'_>) -> Result<Vec<SiteSettings>> {
    let mut all = Vec::new();
    for options in &given.options.sites {
        let record = known::record(sites, &options.domain.parse()?)?;
        all.push(declared::site(&given.options, options.clone(), record.as_ref())?);
    }
    declared::refuse_same(&all)?;
    Ok(all)
}

pub(super) async fn plan(given: &Given<'_>, check: bool, ui: &Ui) -> Result<Exit> {
    let sites = given.sites()?;
    let declared = declared_sites(given, &sites)?;
    let (server_plan, server) = sites.server_plan().await?;
    let view = view(&sites, server.as_ref(), &declared).await?;
    let planned = plans(&sites, (&server_plan, view.as_ref()), &declared).await;
    let is_pending = !server_plan.is_empty() || planned.iter().any(|planned| planned.steps() > 0);
    if ui.is_json() {
        let sites: Vec<_> = planned.iter().map(|planned| planned_json(planned, ui)).collect();
        let server: Vec<_> = server_plan.steps.iter().map(crate::plan::Step::title).collect();
        ui.json(&serde_json::json!({
            "schema": 1, "pending": is_pending, "server": server, "sites": sites,
        }));
    } else if !is_pending && planned.iter().all(|planned| planned.plan.is_ok()) {
        ui.say("nothing to do");
    } else {
        ui.print(plans_text(&server_plan, &planned));
    }
    not_declared(&sites, &declared, ui);
    let mut failed = planned.into_iter().filter_map(|planned| planned.plan.err());
    if ui.is_json() {
        // Each stands in the document already.
        if let Some(exit) = failed.map(|error| error.exit()).max_by_key(|exit| gravity(*exit)) {
            return Ok(exit);
        }
    } else if let Some(error) = failed.next() {
        return Err(error);
    }
    Ok(if check && is_pending {
        Exit::Pending
    } else {
        Exit::Done
    })
}

pub(super) async fn apply(given: &Given<'_>, arguments: Apply, ui: &Ui) -> Result<Exit> {
    let sites = given.sites()?;
    let declared = declared_sites(given, &sites)?;
    let (server_plan, server) = sites.server_plan().await?;
    let seen = view(&sites, server.as_ref(), &declared).await?;
    let planned = plans(&sites, (&server_plan, seen.as_ref()), &declared).await;
    let is_pending = !server_plan.is_empty() || planned.iter().any(|planned| planned.steps() > 0);
    if is_pending {
        agree(&server_plan, &planned, arguments.consent, ui).await?;
    }
    let ui = &ui.assuming(arguments.consent.yes);
    let server = match server.filter(|_| server_plan.is_empty()) {
        Some(server) => server,
        None => sites.bring_up(&server_plan, ui).await?,
    };
    let mut reports: Vec<SiteOutcome<'_>> = Vec::new();
    let mut working = futures_util::stream::iter(planned)
        .map(|planned| one(&sites, &server, planned, ui))
        .buffer_unordered(usize::from(arguments.parallel));
    while let Some(outcome) = working.next().await {
        if let Err(error) = &outcome.result {
            ui.say(format!(
                "{}: error[{}]: {error}",
                outcome.site.domain,
                error.code()
            ));
            if let Some(hint) = error.hint() {
                ui.say(format!(
                    "{}: hint: {}",
                    outcome.site.domain,
                    ui.about_site(outcome.site).completed(&hint)
                ));
            }
        }
        reports.push(outcome);
    }
    drop(working);
    reports.sort_by(|a, b| a.site.domain.cmp(&b.site.domain));
    not_declared(&sites, &declared, ui);
    Ok(summary(server_plan.steps.len(), &reports, ui))
}

/// Shows what will be done, site by site, and asks, unless that was agreed to beforehand.
async fn agree(server: &Plan, planned: &[Planned<'_>], consent: Consent, ui: &Ui) -> Result<()> {
    if !consent.yes {
        ui.say(plans_text(server, planned));
        return deploy::ask(ui).await;
    }
    for note in &server.notes {
        ui.say(format!("note: {note}"));
    }
    for planned in planned.iter().filter(|planned| planned.steps() > 0) {
        let notes = planned.plan.iter().flat_map(|(_, plan)| &plan.notes);
        for note in notes {
            ui.say(format!("note: {}: {note}", planned.site.domain));
        }
    }
    Ok(())
}

/// What became of one site.
struct SiteOutcome<'a> {
    site: &'a SiteSettings,
    result: Result<SiteReport>,
}

async fn one<'a>(sites: &Sites<'_>, server: &Server, planned: Planned<'a>, ui: &Ui) -> SiteOutcome<'a> {
    let site = planned.site;
    SiteOutcome {
        site,
        result: deployed(sites, server, site, planned.plan, ui).await,
    }
}

async fn deployed(
    sites: &Sites<'_>,
    server: &Server,
    site: &SiteSettings,
    plan: Result<(SiteFacts, Plan)>,
    ui: &Ui,
) -> Result<SiteReport> {
    let (facts, plan) = plan?;
    if let Some(exit) = interrupt::requested() {
        return Err(crate::apply::ApplyError::Interrupted { exit }.into());
    }
    if plan.is_empty() {
        return Ok(SiteReport::new(sites, site, &facts, Deployed::default()));
    }
    let progress = ui
        .for_site(site.domain.as_str())
        .speaking_of(site.domain.as_str());
    let done = sites.deploy(server, site, &Wish::Deploy, &progress).await?;
    let facts = sites.facts(&sites.view(server, &[site]).await?, site).await?;
    Ok(SiteReport::new(sites, site, &facts, done))
}

/// The server and systemd are asked once; `None` while no server runs.
async fn view(
    sites: &Sites<'_>,
    server: Option<&Server>,
    declared: &[SiteSettings],
) -> Result<Option<ServerView>> {
    let all: Vec<&SiteSettings> = declared.iter().collect();
    match server {
        Some(server) => Ok(Some(sites.view(server, &all).await?)),
        None => Ok(None),
    }
}

async fn plans<'s>(
    sites: &Sites<'_>,
    (server, view): (&Plan, Option<&ServerView>),
    declared: &'s [SiteSettings],
) -> Vec<Planned<'s>> {
    let one = |site: &'s SiteSettings| async move {
        let facts = match view {
            Some(view) => sites.facts(view, site).await,
            None => sites.facts_without_server(server, site).await,
        };
        let plan = facts.and_then(|facts| {
            let plan = sites.plan(&facts, site, &Wish::Deploy)?;
            Ok((facts, plan))
        });
        Planned { site, plan }
    };
    let planned = futures_util::stream::iter(declared).map(one);
    planned.buffered(LOOKED_AT_ONCE).collect().await
}

fn plans_text(server: &Plan, planned: &[Planned<'_>]) -> String {
    let mut text = plan_text(server, 1);
    for planned in planned {
        match &planned.plan {
            Ok((_, plan)) if plan.is_empty() => {}
            Ok((_, plan)) => text.push_str(&format!("{}:\n{}", planned.site.domain, plan_text(plan, 1))),
            Err(error) => text.push_str(&format!(
                "{}: error[{}]: {error}\n",
                planned.site.domain,
                error.code()
            )),
        }
    }
    text
}

fn planned_json(planned: &Planned<'_>, ui: &Ui) -> serde_json::Value {
    match &planned.plan {
        Ok((_, plan)) => {
            let steps: Vec<_> = plan.steps.iter().map(crate::plan::Step::title).collect();
            serde_json::json!({
                "domain": planned.site.domain, "pending": steps.len(), "steps": steps, "notes": plan.notes,
            })
        }
        Err(error) => {
            serde_json::json!({ "domain": planned.site.domain, "error": error_json(error, &ui.about_site(planned.site)) })
        }
    }
}

fn error_json(error: &Error, ui: &Ui) -> serde_json::Value {
    serde_json::json!({
        "code": error.code(), "message": error.to_string(), "hint": error.hint().map(|hint| ui.completed(&hint)), "exit": error.exit() as u8,
    })
}

/// Sites that were deployed and are not in the file: they stay, and that is said.
fn not_declared(sites: &Sites<'_>, declared: &[SiteSettings], ui: &Ui) {
    for (domain, record) in known::every(sites) {
        if declared.iter().any(|site| site.domain == domain) {
            continue;
        }
        match record {
            Ok(_) => ui.say(ui.completed(&format!(
                "note: {domain} is not declared and stays as it is: pgvector-setup site remove --domain {domain}"
            ))),
            Err(error) => ui.say(format!("note: {domain} is not declared, and its record is no help: {error}")),
        }
    }
}

fn summary(server_steps: usize, reports: &[SiteOutcome<'_>], ui: &Ui) -> Exit {
    let failed = reports.iter().filter(|report| report.result.is_err()).count();
    let changed = reports
        .iter()
        .filter(|report| report.result.as_ref().is_ok_and(|report| report.changed))
        .count();
    let exit = worst(reports);
    if ui.is_json() {
        let sites: Vec<_> = reports
            .iter()
            .map(|report| match &report.result {
                Ok(site) => serde_json::to_value(site).unwrap_or_default(),
                Err(error) => serde_json::json!({ "domain": report.site.domain, "error": error_json(error, &ui.about_site(report.site)) }),
            })
            .collect();
        ui.json(&serde_json::json!({
            "schema": 1, "changed": changed > 0 || server_steps > 0, "server_steps": server_steps, "sites": sites,
            "failed": failed, "exit": exit as u8,
        }));
    } else {
        ui.print(format!(
            "{} {}: {changed} changed, {failed} failed, {} as before",
            reports.len(),
            if reports.len() == 1 { "site" } else { "sites" },
            reports.len() - changed - failed
        ));
    }
    exit
}

/// The gravest: what has to be looked at before what goes on by itself.
fn worst(reports: &[SiteOutcome<'_>]) -> Exit {
    let exits = reports
        .iter()
        .filter_map(|report| report.result.as_ref().err())
        .map(|error| error.exit());
    exits.max_by_key(|exit| gravity(*exit)).unwrap_or(Exit::Done)
}

/// What was taken back is a person's to look at. Run again at once, as for what goes on by itself, it would take the service down and put
/// it back each time.
fn gravity(exit: Exit) -> u8 {
    match exit {
        Exit::Undone => Exit::Pending as u8 + 1,
        other => other as u8,
    }
}
