//! From options to one site: flags or `[[sites]]`, then what the site was last deployed with, then the defaults.

use super::options::SiteOptions;
use crate::cli::options::Options;
use crate::cli::resolve;
use crate::error::Result;
use crate::facts::service::HealthUrl;
use crate::plan::Refusal;
use crate::settings::{Domain, Email, Settings, SettingsError, SiteSettings, Target, UnitName};
use crate::site::SiteRecord;

/// The settings of the server that sites are on.
///
/// # Errors
/// [`SettingsError`] for options that no site can have.
pub fn server(mut options: Options) -> Result<Settings> {
    let refused = |first: &str, second: &str, reason: &'static str| SettingsError::Conflict {
        first: first.to_owned(),
        second: second.to_owned(),
        reason,
    };
    for (given, flag) in [
        (options.database.is_some(), "--database"),
        (options.role.is_some(), "--role"),
        (options.role_password_file.is_some(), "--role-password-file"),
    ] {
        if given {
            return Err(refused("a site", flag, "a site's database and login are named by --name").into());
        }
    }
    for (given, flag) in [
        (options.url.is_some(), "--url"),
        (options.url_file.is_some(), "--url-file"),
    ] {
        if given {
            return Err(refused("a site", flag, "sites are on a server of this machine").into());
        }
    }
    let target = *options.target.get_or_insert(Target::System);
    if matches!(target, Target::Docker | Target::Url) {
        let target = format!("--target {target}");
        return Err(refused("a site", &target, "sites are on a server of this machine").into());
    }
    Ok(resolve::settings(options)?)
}

/// One site. `record` is what it was last deployed with.
///
/// # Errors
/// [`SettingsError`] for what cannot be meant, [`Refusal::Differs`] where it would get another database than it has.
pub fn site(server: &Options, declared: SiteOptions, record: Option<&SiteRecord>) -> Result<SiteSettings> {
    let domain: Domain = declared.domain.parse()?;
    let email: Email = match (&declared.email, record) {
        (Some(email), _) => email.parse()?,
        (None, Some(record)) => record.email.clone(),
        (None, None) => {
            let domain = domain.to_string();
            return Err(SettingsError::NoEmail { domain }.into());
        }
    };
    let known = record.map(|record| record.name.to_string());
    let name = SiteSettings::named(&domain, declared.name.clone().or_else(|| known.clone()))?;
    if known.is_some_and(|known| known != name.as_str()) {
        return Err(Refusal::Differs {
            what: format!("the site {domain}"),
            differences: vec![format!(
                "it has the database {}, not {name}",
                record.map(|record| record.name.to_string()).unwrap_or_default()
            )],
            hint: format!(
                "pgvector-setup site remove --domain {domain}, then deploy it under the other name"
            ),
        }
        .into());
    }
    let service = declared
        .service
        .as_deref()
        .map(str::parse::<UnitName>)
        .transpose()?;
    let health_url = declared.health_url.clone();
    if let Some(url) = &health_url {
        HealthUrl::parse(url)?;
    }
    let mut options = server.clone();
    options.target.get_or_insert(Target::System);
    let is_table_declared = declares_table(&declared) || table_options(&options);
    let over = |own: Option<String>, common: Option<String>| own.or(common);
    options.schema = over(declared.schema, options.schema).or_else(|| Some(name.to_string()));
    options.table = over(declared.table, options.table);
    options.key = over(declared.key, options.key);
    options.column = over(declared.column, options.column);
    options.dimensions = over(declared.dimensions, options.dimensions);
    options.metric = declared.metric.or(options.metric);
    if let Some(index) = declared.index {
        options.index = Some(index);
        (options.m, options.ef_construction, options.lists) = (None, None, None);
    }
    options.m = declared.m.or(options.m);
    options.ef_construction = declared.ef_construction.or(options.ef_construction);
    options.lists = over(declared.lists, options.lists);
    options.database = Some(name.to_string());
    options.role = Some(SiteSettings::owner(&name).to_string());
    let mut database = resolve::settings(options)?;
    if let Some(record) = record.filter(|_| !is_table_declared) {
        database.table = record.table.clone();
    }
    Ok(SiteSettings {
        domain,
        email,
        name,
        service: service.or_else(|| record.and_then(|record| record.service.clone())),
        credentials: declared
            .credentials
            .or_else(|| record.map(|record| record.credentials))
            .unwrap_or(false),
        health_url: health_url.or_else(|| record.and_then(|record| record.health_url.clone())),
        database,
    })
}

fn declares_table(site: &SiteOptions) -> bool {
    site.schema.is_some()
        || site.table.is_some()
        || site.key.is_some()
        || site.column.is_some()
        || site.dimensions.is_some()
        || site.metric.is_some()
        || site.index.is_some()
}

fn table_options(options: &Options) -> bool {
    options.schema.is_some()
        || options.table.is_some()
        || options.key.is_some()
        || options.column.is_some()
        || options.dimensions.is_some()
        || options.metric.is_some()
        || options.index.is_some()
}

/// No two sites of a file share a domain, a database, or a service.
///
/// # Errors
/// [`SettingsError::SameSite`].
pub fn refuse_same(sites: &[SiteSettings]) -> Result<(), SettingsError> {
    let mut seen = std::collections::HashMap::new();
    for site in sites {
        for what in [
            format!("domain {}", site.domain),
            format!("database {}", site.name),
            format!("service {}", site.unit()),
        ] {
            if let Some(first) = seen.insert(what.clone(), site.domain.to_string()) {
                return Err(SettingsError::SameSite {
                    what,
                    first,
                    second: site.domain.to_string(),
                });
            }
        }
    }
    Ok(())
}
