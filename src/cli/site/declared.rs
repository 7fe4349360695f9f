//! From options to one site: flags or `[[sites]]`, then what the site was last deployed with, then the defaults.

use super::options::SiteOptions;
use crate::cli::options::{IndexMethod, Options};
use crate::cli::resolve;
use crate::error::Result;
use crate::facts::service::HealthUrl;
use crate::plan::Refusal;
use crate::settings::{
    Domain, Email, Index, Lists, Settings, SettingsError, SiteSettings, Target, UnitName, VectorTable,
};
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
    let health_url = match declared.health_url.as_deref() {
        // The only way to take back one that was given before.
        Some("") => None,
        Some(url) => {
            HealthUrl::parse(url)?;
            Some(url.to_owned())
        }
        None => record.and_then(|record| record.health_url.clone()),
    };
    let mut options = server.clone();
    options.target.get_or_insert(Target::System);
    let over = |own: Option<String>, common: Option<String>| own.or(common);
    options.schema = over(declared.schema, options.schema);
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
    if let Some(record) = record {
        as_before(&mut options, &record.table);
    }
    options.schema.get_or_insert_with(|| name.to_string());
    let database = resolve::settings(options)?;
    Ok(SiteSettings {
        domain,
        email,
        name,
        service: service.or_else(|| record.and_then(|record| record.service.clone())),
        credentials: declared
            .credentials
            .or_else(|| record.map(|record| record.credentials))
            .unwrap_or(false),
        health_url,
        database,
    })
}

/// What nobody says of the table stays as the site has it.
fn as_before(options: &mut Options, table: &VectorTable) {
    for (option, name) in [
        (&mut options.schema, &table.schema),
        (&mut options.table, &table.table),
        (&mut options.key, &table.key),
        (&mut options.column, &table.column),
        (&mut options.extension_schema, &table.extension_schema),
    ] {
        option.get_or_insert_with(|| name.to_string());
    }
    options
        .dimensions
        .get_or_insert_with(|| table.dimensions.count().to_string());
    options.metric.get_or_insert(table.metric);
    match (options.index, table.index) {
        (None | Some(IndexMethod::Hnsw), Index::Hnsw { m, ef_construction }) => {
            options.index = Some(IndexMethod::Hnsw);
            options.m.get_or_insert(m);
            options.ef_construction.get_or_insert(ef_construction);
        }
        (None | Some(IndexMethod::Ivfflat), Index::Ivfflat { lists }) => {
            options.index = Some(IndexMethod::Ivfflat);
            options.lists.get_or_insert_with(|| match lists {
                Lists::Auto => "auto".to_owned(),
                Lists::Count(count) => count.to_string(),
            });
        }
        (None, Index::None) => options.index = Some(IndexMethod::None),
        _ => {}
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn what_is_declared_anew_is_taken_and_the_rest_stays_as_it_was() {
        let mut before = SiteRecord::of(&sample::site("gp.aunoo.ai"));
        before.table.dimensions = "64".parse().unwrap();
        before.health_url = Some("http://localhost:8000/".into());
        let declared = |change: fn(&mut SiteOptions)| {
            let mut options = SiteOptions {
                domain: "gp.aunoo.ai".into(),
                ..SiteOptions::default()
            };
            change(&mut options);
            site(&Options::default(), options, Some(&before)).unwrap()
        };
        let same = declared(|_| {});
        assert_eq!(
            (&same.database.table, &same.health_url),
            (&before.table, &before.health_url)
        );
        let other = declared(|options| {
            options.m = Some(32);
            options.health_url = Some(String::new());
        });
        let index = Index::Hnsw {
            m: 32,
            ef_construction: 64,
        };
        assert_eq!(
            other.database.table,
            VectorTable {
                index,
                ..before.table.clone()
            }
        );
        assert_eq!(other.health_url, None);
    }
}
