//! What is said of one site at the end.

use crate::facts::site::SiteFacts;
use crate::pipeline::{Deployed, Sites};
use crate::settings::SiteSettings;

/// One site in a report; no secret is in it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SiteReport {
    pub domain: String,
    pub email: String,
    pub database: String,
    pub login: Option<String>,
    pub environment: String,
    pub service: Option<String>,
    pub changed: bool,
    #[serde(flatten)]
    pub deployed: Deployed,
}

impl SiteReport {
    pub fn new(sites: &Sites<'_>, site: &SiteSettings, facts: &SiteFacts, deployed: Deployed) -> Self {
        let environment = facts.files.environment.as_ref();
        Self {
            domain: site.domain.to_string(),
            email: site.email.to_string(),
            database: site.name.to_string(),
            login: environment
                .and_then(|environment| environment.login.as_ref())
                .map(ToString::to_string),
            environment: sites.places(site).environment.display().to_string(),
            service: facts.service.as_ref().map(|service| service.unit.to_string()),
            changed: deployed.steps > 0,
            deployed,
        }
    }

    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("site:        {} ({})", self.domain, self.email),
            format!("database:    {}", self.database),
        ];
        lines.extend(self.login.iter().map(|login| format!("login:       {login}")));
        lines.push(format!("environment: {}", self.environment));
        let restarted = if self.deployed.restarted {
            ", restarted and well"
        } else {
            ", not restarted"
        };
        lines.push(match &self.service {
            Some(service) => format!("service:     {service}{restarted}"),
            None => "service:     none".to_owned(),
        });
        lines.join("\n")
    }
}
