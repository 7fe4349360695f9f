//! What there is of one site: in the server, on disk, and of its service.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sqlx::{PgConnection, Row as _};

use super::service::ServiceFacts;
use crate::apply::{Outcome, Record};
use crate::database::DatabaseError;
use crate::database::facts::DatabaseFacts;
use crate::error::Result;
use crate::plan::Step;
use crate::plan::site::SiteStep;
use crate::settings::{Identifier, SiteSettings, UnitName};
use crate::site::SiteRecord;

/// Everything that the plan of a site depends on besides what was declared.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct SiteFacts {
    /// As of every database; its role is the owner of the schema.
    pub database: DatabaseFacts,
    pub catalog: SiteCatalog,
    /// `None` while the database is not there.
    pub rights: Option<SiteRights>,
    pub files: SiteFiles,
    /// `None` where there is no such unit, or no systemd.
    pub service: Option<ServiceFacts>,
    /// What our own records of this site say.
    pub records: SiteRecords,
    /// How the application reaches the server: an address, or the directory of a socket.
    pub host: String,
    pub port: u16,
}

/// A role as a login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LoginRole {
    pub is_superuser: bool,
    pub can_log_in: bool,
}

/// What the server has of a site outside its database.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SiteCatalog {
    /// The comment on the database.
    pub comment: Option<String>,
    /// The first login, whose rights both have.
    pub runtime: Option<LoginRole>,
    pub alternate: Option<LoginRole>,
}

/// What the logins may do inside.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SiteRights {
    /// The runtime role may connect, use the schema, and read and write every table of it, those to come as well.
    pub is_complete: bool,
    /// Whether each login finds the table and the extension by their bare names.
    pub runtime_has_path: bool,
    pub alternate_has_path: bool,
}

/// What is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SiteFiles {
    pub record: Option<SiteRecord>,
    /// Whose password the file of the service has; `None` where there is no such file.
    pub environment: Option<EnvironmentFacts>,
    /// The one before it is kept: the service was not seen to be well since.
    pub has_previous: bool,
    /// Whose password was prepared and is not in use yet.
    pub prepared: Option<Identifier>,
    /// The drop-in of ours is there, whether or not its unit is.
    pub has_drop_in: bool,
    /// Another site, by whose file the unit's drop-in of ours has it started.
    pub unit_taken_by: Option<String>,
    /// Units that the site had before, with the drop-ins of ours that they still have.
    pub former_units: Vec<(UnitName, PathBuf)>,
}

/// The file that the service reads.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EnvironmentFacts {
    /// `None` where it has the password of neither login.
    pub login: Option<Identifier>,
    /// Text, mode, owner and group are what a deploy would write for that login.
    pub is_current: bool,
}

/// What follows from the receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SiteRecords {
    /// The database is of our making.
    pub made_database: bool,
    /// The roles are of our making, or half so.
    pub made_roles: bool,
    /// So is the second login.
    pub made_alternate: bool,
    /// Something that the service reads was changed, and it was not seen to be well since.
    pub owes_restart: bool,
    /// Drop-ins that were written, with their units.
    pub connected: BTreeMap<PathBuf, UnitName>,
}

impl SiteRecords {
    /// Reads the receipt of one site, oldest record first.
    pub fn of(records: &[Record]) -> Self {
        let mut facts = Self::default();
        let (mut roles, mut steps) = (BTreeMap::new(), BTreeMap::new());
        for record in records {
            match record {
                Record::Begun { step, sequence } => {
                    roles.extend(made_role(step));
                    steps.insert(sequence, step);
                    facts.began(step);
                }
                Record::Ended { sequence, outcome } => {
                    if let Some(step) = steps.remove(sequence) {
                        if let Some(role) = dropped_role(step, outcome) {
                            roles.remove(role);
                        }
                        facts.ended(step, outcome);
                    }
                }
                Record::Opened { .. } | Record::Undone { .. } => {}
            }
        }
        facts.made_roles = !roles.is_empty();
        facts.made_alternate = roles.values().any(|is_alternate| *is_alternate);
        facts
    }

    fn began(&mut self, step: &Step) {
        match step {
            Step::CreateDatabase { .. } => self.made_database = true,
            Step::Site(SiteStep::ConnectUnit { unit, path, .. }) => {
                self.connected.insert(path.clone(), unit.clone());
                self.owes_restart = true;
            }
            Step::Site(step) if step.is_read_by_the_service() => self.owes_restart = true,
            Step::Migrate { .. } | Step::UpgradeExtension { .. } => self.owes_restart = true,
            _ => {}
        }
    }

    fn ended(&mut self, step: &Step, outcome: &Outcome) {
        let is_changed = matches!(outcome, Outcome::Changed { .. });
        match step {
            Step::CreateDatabase { .. } if *outcome == Outcome::AlreadyThere => self.made_database = false,
            Step::Site(SiteStep::RestartService { .. }) if is_changed => self.owes_restart = false,
            Step::Site(SiteStep::DisconnectUnit { path, .. }) if is_changed => {
                self.connected.remove(path);
            }
            Step::Site(SiteStep::DropDatabase { .. }) if is_changed => {
                *self = Self {
                    connected: std::mem::take(&mut self.connected),
                    ..Self::default()
                };
            }
            _ => {}
        }
    }
}

/// With whether it is the second login.
fn made_role(step: &Step) -> Option<(&Identifier, bool)> {
    match step {
        Step::Site(SiteStep::CreateOwner { role, .. }) => Some((role, false)),
        Step::Site(SiteStep::EnableLogin { login, member_of, .. }) => Some((login, member_of.is_some())),
        _ => None,
    }
}

/// One that is gone is not ours any more, whoever makes one of that name.
fn dropped_role<'a>(step: &'a Step, outcome: &Outcome) -> Option<&'a Identifier> {
    match step {
        Step::Site(SiteStep::DropRole { role, .. }) if !matches!(outcome, Outcome::Failed { .. }) => {
            Some(role)
        }
        _ => None,
    }
}

/// Reads what the server has of a site, from the administrator's session in any database.
///
/// # Errors
/// [`DatabaseError`] when the statement fails.
pub async fn catalog(connection: &mut PgConnection, site: &SiteSettings) -> Result<SiteCatalog> {
    const SQL: &str = "SELECT (SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1) AS comment, \
        r.rolsuper AS runtime_super, r.rolcanlogin AS runtime_login, a.rolsuper AS alternate_super, a.rolcanlogin AS alternate_login \
        FROM (SELECT) AS one LEFT JOIN pg_roles r ON r.rolname = $1 LEFT JOIN pg_roles a ON a.rolname = $2";
    let failed = || DatabaseError::statement("read what the server has of the site");
    let row = sqlx::query(SQL)
        .bind(site.name.as_str())
        .bind(site.alternate().as_str().to_owned())
        .fetch_one(connection)
        .await
        .map_err(failed())?;
    let role = |name: &str| -> Result<Option<LoginRole>, sqlx::Error> {
        let is_superuser: Option<bool> = row.try_get(format!("{name}_super").as_str())?;
        let can_log_in: Option<bool> = row.try_get(format!("{name}_login").as_str())?;
        Ok(is_superuser
            .zip(can_log_in)
            .map(|(is_superuser, can_log_in)| LoginRole {
                is_superuser,
                can_log_in,
            }))
    };
    let read = || -> Result<SiteCatalog, sqlx::Error> {
        Ok(SiteCatalog {
            comment: row.try_get("comment")?,
            runtime: role("runtime")?,
            alternate: role("alternate")?,
        })
    };
    Ok(read().map_err(failed())?)
}

/// Reads what the logins may do, from the administrator's session in the site's database.
///
/// # Errors
/// [`DatabaseError`] when the statement fails.
pub async fn rights(connection: &mut PgConnection, site: &SiteSettings) -> Result<SiteRights> {
    let failed = || DatabaseError::statement("read what the site's logins may do");
    let row = sqlx::query(include_str!("site_rights.sql"))
        .bind(site.database.table.schema.as_str())
        .bind(site.database.role.as_str())
        .bind(site.name.as_str())
        .bind(site.alternate().as_str().to_owned())
        .bind(site.database.table.extension_schema.as_str())
        .fetch_one(connection)
        .await
        .map_err(failed())?;
    let read = || -> Result<SiteRights, sqlx::Error> {
        Ok(SiteRights {
            is_complete: row.try_get::<Option<bool>, _>("is_complete")?.unwrap_or(false),
            runtime_has_path: row.try_get("runtime_has_path")?,
            alternate_has_path: row.try_get("alternate_has_path")?,
        })
    };
    Ok(read().map_err(failed())?)
}
