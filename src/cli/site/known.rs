//! Sites that were deployed before, by their records.

use super::Given;
use super::declared;
use super::options::{Known, SiteOptions};
use crate::apply::{Record, receipt};
use crate::error::Result;
use crate::facts::Layout;
use crate::host::Host;
use crate::pipeline::Sites;
use crate::plan::site::SiteStep;
use crate::plan::{Refusal, Step};
use crate::settings::{Domain, SiteSettings};
use crate::site::{RECORD, SiteRecord};

/// What the site was last deployed with; `None` where it was not, or was removed.
pub fn record(sites: &Sites<'_>, domain: &Domain) -> Result<Option<SiteRecord>> {
    let path = sites.server.layout.of_site(domain).instance.join(RECORD);
    let Some(text) = sites.server.host.read_text(&path)? else {
        return Ok(None);
    };
    let record = serde_json::from_str(&text).map_err(|error| Refusal::Blocked {
        fact: format!("{} cannot be read: {error}", path.display()),
        hint: format!(
            "pgvector-setup site deploy --domain {domain} --email ADDRESS, after: rm {}",
            path.display()
        ),
    })?;
    Ok(Some(record))
}

/// Every site with a record, by domain.
pub fn records(sites: &Sites<'_>) -> Result<Vec<SiteRecord>> {
    every(sites).into_iter().map(|(_, record)| record).collect()
}

/// The same, where one record that cannot be read is no reason to give up the others.
pub fn every(sites: &Sites<'_>) -> Vec<(Domain, Result<SiteRecord>)> {
    let directory = sites.server.layout.root.join("sites");
    let names = sites.server.host.list(&directory).into_iter();
    names
        .filter_map(|name| {
            let domain: Domain = name.parse().ok()?;
            let record = record(sites, &domain).transpose()?;
            Some((domain, record))
        })
        .collect()
}

/// Whether a site was deployed here and not removed.
pub fn is_any(host: &Host, layout: &Layout) -> bool {
    !domains(host, layout).is_empty()
}

/// The sites that were deployed here and not removed.
pub fn domains(host: &Host, layout: &Layout) -> Vec<String> {
    let directory = layout.root.join("sites");
    let mut names = host.list(&directory);
    names.retain(|name| host.exists(&directory.join(name).join(RECORD)));
    names
}

/// The site of a record, as its settings.
///
/// # Errors
/// [`Refusal::Blocked`] where there is none of this domain.
pub fn site(given: &Given<'_>, sites: &Sites<'_>, known: &Known) -> Result<SiteSettings> {
    let domain: Domain = known.domain.parse()?;
    let Some(record) = record(sites, &domain)? else {
        return Err(Refusal::Blocked {
            fact: format!("there is no site {domain} on this machine"),
            hint: "pgvector-setup site list".into(),
        }
        .into());
    };
    of_record(given, &record)
}

/// The site of a record, or of its history where it was removed: its database may be here still.
///
/// # Errors
/// [`Refusal::Blocked`] where there was never one of this domain.
pub fn site_or_removed(given: &Given<'_>, sites: &Sites<'_>, known: &Known) -> Result<SiteSettings> {
    let domain: Domain = known.domain.parse()?;
    if record(sites, &domain)?.is_none() {
        let receipt = sites.server.layout.of_site(&domain).receipt;
        let records = receipt::read(sites.server.host, &receipt)?;
        let noted = records.iter().rev().find_map(|record| match record {
            Record::Begun {
                step: Step::Site(SiteStep::WriteRecord { record, .. }),
                ..
            } => Some(record),
            _ => None,
        });
        if let Some(noted) = noted {
            return of_record(given, noted);
        }
    }
    site(given, sites, known)
}

pub fn of_record(given: &Given<'_>, record: &SiteRecord) -> Result<SiteSettings> {
    let declared = SiteOptions {
        domain: record.domain.to_string(),
        ..SiteOptions::default()
    };
    // The file's table is that of sites which say nothing of theirs; a record says all.
    let mut site = declared::site(&given.options, declared, Some(record))?;
    site.database.table = record.table.clone();
    Ok(site)
}
