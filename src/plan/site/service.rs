//! The file that the service reads, and the restart that follows from it.

use crate::facts::service::{ServiceFacts, drop_in_text};
use crate::facts::site::SiteFacts;
use crate::plan::{Plan, Step};
use crate::settings::{Identifier, SiteSettings};
use crate::site::{Environment, Places};

use super::SiteStep;

const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// systemctl(1): the job is queued, and nobody waits for it.
pub(crate) const UNATTENDED: &str = "--no-block";

pub(super) fn steps(
    facts: &SiteFacts,
    site: &SiteSettings,
    places: &Places,
    login: &Identifier,
    plan: &mut Plan,
) {
    let service = facts.service.as_ref().filter(|service| service.is_there);
    let schema_changes = plan
        .steps
        .iter()
        .any(|step| matches!(step, Step::Migrate { .. } | Step::UpgradeExtension { .. }));
    let writes = environment(facts, site, places, login, service, plan);
    let Some(service) = service else {
        without_service(site, places, plan);
        return;
    };
    let connects = connect(site, places, service, plan);
    let because = if writes {
        "what it reads has changed"
    } else if connects {
        "it reads another file now"
    } else if schema_changes {
        "migrations ran"
    } else if facts.records.owes_restart || facts.files.has_previous {
        "an earlier run did not see it well"
    } else {
        return;
    };
    plan.steps.push(Step::Site(SiteStep::RestartService {
        argv: restart(service),
        unit: service.unit.clone(),
        environment: places.environment.clone(),
        previous: places.previous.clone(),
        // Taken back with the file, should the service not come up on it.
        drop_in: (connects && service.drop_in.is_none()).then(|| places.drop_in.clone()),
        health_url: site.health_url.clone(),
        because: because.into(),
    }));
}

/// Waiting for a service that waits for us would never end.
fn restart(service: &ServiceFacts) -> Vec<String> {
    let mut argv = vec![SYSTEMCTL.to_owned(), "restart".to_owned()];
    if service.starts_after_us {
        argv.push(UNATTENDED.to_owned());
    }
    argv.push(service.unit.to_string());
    argv
}

/// Whether it is written.
fn environment(
    facts: &SiteFacts,
    site: &SiteSettings,
    places: &Places,
    login: &Identifier,
    service: Option<&ServiceFacts>,
    plan: &mut Plan,
) -> bool {
    let is_current = facts
        .files
        .environment
        .as_ref()
        .is_some_and(|file| file.is_current && file.login.as_ref() == Some(login));
    if is_current && facts.files.prepared.is_none() {
        return false;
    }
    let environment = Environment {
        site,
        host: &facts.host,
        port: facts.port,
        login,
    };
    plan.steps.push(Step::Site(SiteStep::WriteEnvironment {
        path: places.environment.clone(),
        previous: service.map(|_| places.previous.clone()),
        login: login.clone(),
        group: reader(site, service).to_owned(),
        lines: environment.shown(),
    }));
    true
}

/// The group that may read the file. A credential is read by systemd for the service.
pub(crate) fn reader<'a>(site: &SiteSettings, service: Option<&'a ServiceFacts>) -> &'a str {
    match service {
        Some(service) if !site.credentials => &service.group,
        _ => "root",
    }
}

/// Whether the drop-in is written.
fn connect(site: &SiteSettings, places: &Places, service: &ServiceFacts, plan: &mut Plan) -> bool {
    let content = drop_in_text(&places.environment, site.credentials);
    let is_ours = service.drop_in.is_some();
    // A run that was cut off before systemd read its units again has left one that counts for nothing yet.
    let is_current =
        service.drop_in.as_ref() == Some(&content) && service.reads(&places.environment, site.credentials);
    if is_current || (!is_ours && service.reads(&places.environment, site.credentials)) {
        return false;
    }
    plan.steps.push(Step::Site(SiteStep::ConnectUnit {
        unit: service.unit.clone(),
        path: places.drop_in.clone(),
        content,
        before: service.drop_in.clone(),
    }));
    true
}

fn without_service(site: &SiteSettings, places: &Places, plan: &mut Plan) {
    if plan.is_empty() {
        return;
    }
    let line = if site.credentials {
        format!("LoadCredential=database-url:{}", places.environment.display())
    } else {
        format!("EnvironmentFile={}", places.environment.display())
    };
    plan.notes.push(format!(
        "there is no service {}: one that is to use the site needs {line}",
        site.unit()
    ));
}
