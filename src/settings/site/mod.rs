//! One site of a server: a domain with a database of its own.

mod domain;
mod unit;

use super::{Identifier, Settings, SettingsError};

pub use domain::{Domain, Email};
pub use unit::UnitName;

/// What a deploy of one site makes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SiteSettings {
    pub domain: Domain,
    /// Whom to write to about the site; kept with the database and in reports.
    pub email: Email,
    /// The database and the role that its application logs in as.
    pub name: Identifier,
    /// The service that was named; `None` for the domain's own unit, where there is one.
    pub service: Option<UnitName>,
    /// The service gets the URL as a systemd credential, not in its environment.
    pub credentials: bool,
    /// Answers with a status of 200 to 299 when the service is well.
    pub health_url: Option<String>,
    /// Its database as the database steps see it: `role` owns the schema, and nobody logs in as it.
    pub database: Settings,
}

/// Names that are a server's own, or that every server has.
const RESERVED: [&str; 5] = ["postgres", "template0", "template1", "public", "none"];

/// What the names of a site's further roles end with.
const OWNER: &str = "_migrator";
const ALTERNATE: &str = "_alternate";

impl SiteSettings {
    /// The database of `domain`: its first label, `-` as `_`.
    ///
    /// # Errors
    /// [`SettingsError::Name`] for a name that PostgreSQL keeps for itself, or that a role of another site would have.
    pub fn named(domain: &Domain, name: Option<String>) -> Result<Identifier, SettingsError> {
        let name = name.unwrap_or_else(|| domain.first_label().replace('-', "_"));
        let name = Identifier::new(name)?;
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with("pg_") {
            return Err(SettingsError::Name {
                name: name.to_string(),
                problem: "is PostgreSQL's own, and no site's (--name gives another)".into(),
            });
        }
        if [OWNER, ALTERNATE]
            .iter()
            .any(|suffix| name.as_str().ends_with(suffix))
        {
            return Err(SettingsError::Name {
                name: name.to_string(),
                problem: "ends as a further role of another site may (--name gives another)".into(),
            });
        }
        Ok(name)
    }

    /// Owns the schema and everything in it; migrations run as it.
    pub fn owner(name: &Identifier) -> Identifier {
        name.with_suffix(OWNER)
    }

    /// The site's second login, with the rights of the first: passwords are changed by going from one to the other.
    pub fn alternate(&self) -> Identifier {
        self.name.with_suffix(ALTERNATE)
    }

    /// Of the file that the service reads: its group may, and a credential systemd alone.
    pub fn environment_mode(&self) -> u32 {
        if self.credentials { 0o600 } else { 0o640 }
    }

    /// The service's unit: the one that was named, else `DOMAIN.service`.
    pub fn unit(&self) -> UnitName {
        self.service
            .clone()
            .unwrap_or_else(|| UnitName::of_domain(&self.domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_named_by_its_first_label_unless_a_name_is_given() {
        let named = |domain: &str, name: Option<&str>| {
            let domain: Domain = domain.parse().unwrap();
            SiteSettings::named(&domain, name.map(str::to_owned)).map(|name| name.to_string())
        };
        assert_eq!(named("gp.aunoo.ai", None).unwrap(), "gp");
        assert_eq!(named("my-shop.example.com", None).unwrap(), "my_shop");
        assert_eq!(named("gp.aunoo.ai", Some("other")).unwrap(), "other");
        for reserved in [
            "postgres.example.com",
            "pg-x.example.com",
            "template1.example.com",
            "gp-alternate.example.com",
            "gp-migrator.example.com",
        ] {
            assert!(named(reserved, None).is_err(), "{reserved}");
        }
    }
}
