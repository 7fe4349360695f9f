//! What was declared of a site, kept so that `site status DOMAIN` and the like need no more than the domain.

use crate::settings::{Domain, Email, Identifier, SiteSettings, UnitName, VectorTable};

/// Read by this version and every later one.
const SCHEMA: u32 = 1;

/// One site as it was last deployed. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SiteRecord {
    pub schema: u32,
    pub domain: Domain,
    pub email: Email,
    pub name: Identifier,
    #[serde(default)]
    pub service: Option<UnitName>,
    #[serde(default)]
    pub credentials: bool,
    #[serde(default)]
    pub health_url: Option<String>,
    pub table: VectorTable,
}

impl SiteRecord {
    pub fn of(site: &SiteSettings) -> Self {
        Self {
            schema: SCHEMA,
            domain: site.domain.clone(),
            email: site.email.clone(),
            name: site.name.clone(),
            service: site.service.clone(),
            credentials: site.credentials,
            health_url: site.health_url.clone(),
            table: site.database.table.clone(),
        }
    }
}
