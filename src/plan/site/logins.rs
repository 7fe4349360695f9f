//! Who owns, who logs in, and with which of two logins: passwords are changed by going from one to the other, so that both
//! work while the service goes over.

use crate::database::facts::DatabaseFacts;
use crate::database::login::Block;
use crate::facts::site::{LoginRole, SiteFacts};
use crate::plan::{Plan, Refusal, Step, database};
use crate::settings::{Identifier, Settings, SiteSettings};
use crate::site::Places;

use super::{SiteStep, UNATTENDED, Wish};

/// The login that the service is to have, and the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logins {
    pub wanted: Identifier,
    other: Identifier,
    /// A password has to be made for it.
    is_without_password: bool,
    /// The service does not have it yet.
    is_new: bool,
}

impl Logins {
    pub fn of(facts: &SiteFacts, site: &SiteSettings, wish: &Wish) -> Self {
        let (first, second) = (site.name.clone(), site.alternate());
        let used = facts
            .files
            .environment
            .as_ref()
            .and_then(|environment| environment.login.clone());
        let wanted = match (&facts.files.prepared, &used) {
            // A run that was cut off has begun to go over.
            (Some(prepared), _) => prepared.clone(),
            (None, Some(used)) if *wish == Wish::Rotate && *used == first => second.clone(),
            (None, Some(_)) if *wish == Wish::Rotate => first.clone(),
            (None, Some(used)) => used.clone(),
            // The service may be at work with a password that is in no file of this name: of the two logins, not the one that it has.
            (None, None) if can_log_in(facts.catalog.runtime) && !can_log_in(facts.catalog.alternate) => {
                second.clone()
            }
            (None, None) => first.clone(),
        };
        let other = if wanted == first { second } else { first };
        Self {
            is_new: used.as_ref() != Some(&wanted),
            is_without_password: facts.files.prepared.is_none() && used.as_ref() != Some(&wanted),
            wanted,
            other,
        }
    }

    /// The login, as far as it is not what it is to be.
    pub fn enable(&self, facts: &SiteFacts, site: &SiteSettings, places: &Places, plan: &mut Plan) {
        let is_first = self.wanted == site.name;
        let rights = facts.rights.as_ref();
        let (role, has_path) = if is_first {
            (
                facts.catalog.runtime,
                rights.is_some_and(|rights| rights.runtime_has_path),
            )
        } else {
            (
                facts.catalog.alternate,
                rights.is_some_and(|rights| rights.alternate_has_path),
            )
        };
        if !is_first && facts.catalog.runtime.is_none() {
            // The rights are the first login's, whoever logs in.
            plan.steps.push(without_login(&site.name));
        }
        if self.is_without_password {
            plan.steps.push(Step::Site(SiteStep::PreparePassword {
                path: places.prepared.clone(),
                login: self.wanted.clone(),
            }));
        }
        let is_known = !self.is_without_password && facts.files.prepared.is_none();
        if is_known && role.is_some_and(|role| role.can_log_in) && has_path {
            return;
        }
        let name = self.wanted.quoted();
        let verb = if role.is_some() { "ALTER" } else { "CREATE" };
        let mut sql = vec![format!(
            "{verb} ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$…'"
        )];
        if !is_first {
            sql.push(format!("GRANT {} TO {name}", site.name.quoted()));
        }
        sql.push(format!(
            "ALTER ROLE {name} IN DATABASE {} SET search_path = {}",
            site.name.quoted(),
            search_path(site)
        ));
        plan.steps.push(Step::Site(SiteStep::EnableLogin {
            database: site.name.clone(),
            login: self.wanted.clone(),
            member_of: (!is_first).then(|| site.name.clone()),
            sql,
        }));
    }

    /// Our lines in `pg_hba.conf`, where others would not let it in by its password.
    ///
    /// # Errors
    /// [`Refusal::Blocked`] when the server cannot read its own rules.
    pub fn let_in(&self, facts: &SiteFacts, site: &SiteSettings, plan: &mut Plan) -> Result<(), Refusal> {
        // As of a role that is ours alone, whose password we know.
        let facts = DatabaseFacts {
            login: facts.database.login.clone(),
            unfinished: facts.database.unfinished,
            credentials_exist: true,
            ..DatabaseFacts::default()
        };
        let mut settings = Settings {
            role: self.wanted.clone(),
            ..site.database.clone()
        };
        if self.is_new && !settings.network.is_asked() {
            // What comes in from a network by the other login is to come in by this one.
            let other = Block::new(&site.name, &self.other, true, &[]);
            let block = facts.login.as_ref().and_then(|login| login.own_block(&other));
            settings.network.allow = block.map(Block::networks).unwrap_or_default();
        }
        database::login_steps(&facts, &settings, plan)
    }

    /// The other login, once nothing uses it: the service was seen to be well with this one.
    pub fn retire(&self, facts: &SiteFacts, site: &SiteSettings, plan: &mut Plan) {
        let role = if self.other == site.name {
            facts.catalog.runtime
        } else {
            facts.catalog.alternate
        };
        if !can_log_in(role) {
            return;
        }
        if is_unseen(plan) {
            plan.notes.push(format!(
                "the login {0} goes on working for what has read the file before: once that has read it again, \
                 pgvector-setup site deploy --domain {1} retires {0}",
                self.other, site.domain
            ));
            return;
        }
        let name = self.other.quoted();
        plan.steps.push(Step::Site(SiteStep::RetireLogin {
            sql: vec![
                format!("ALTER ROLE {name} NOLOGIN PASSWORD NULL"),
                format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {}",
                    crate::database::sql::literal(self.other.as_str())
                ),
            ],
            login: self.other.clone(),
        }));
    }
}

fn can_log_in(role: Option<LoginRole>) -> bool {
    role.is_some_and(|role| role.can_log_in)
}

/// Whether this plan writes the file and sees nobody read it: there is no service that it could restart and wait for.
fn is_unseen(plan: &Plan) -> bool {
    let is_seen = |step: &Step| match step {
        Step::Site(SiteStep::RestartService { argv, .. }) => !argv.iter().any(|word| word == UNATTENDED),
        _ => false,
    };
    let writes = |step: &Step| matches!(step, Step::Site(SiteStep::WriteEnvironment { .. }));
    plan.steps.iter().any(writes) && !plan.steps.iter().any(is_seen)
}

/// The application finds its table and the extension by their bare names.
fn search_path(site: &SiteSettings) -> String {
    let table = &site.database.table;
    format!("{}, {}", table.schema.quoted(), table.extension_schema.quoted())
}

/// The owner of the schema, as whom migrations run.
pub(super) fn owner(facts: &SiteFacts, site: &SiteSettings, plan: &mut Plan) {
    if facts.database.role.is_none() {
        plan.steps.push(without_login(&site.database.role));
    }
}

fn without_login(role: &Identifier) -> Step {
    Step::Site(SiteStep::CreateOwner {
        sql: format!(
            "CREATE ROLE {} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
            role.quoted()
        ),
        role: role.clone(),
    })
}

/// What the runtime role may do: use what is there, and what migrations will make.
pub(super) fn rights_of_runtime(site: &SiteSettings) -> Vec<String> {
    let (runtime, owner) = (site.name.quoted(), site.database.role.quoted());
    let schema = site.database.table.schema.quoted();
    let by_default = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}");
    vec![
        format!(
            "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {runtime}",
            site.name.quoted()
        ),
        format!("GRANT USAGE ON SCHEMA {schema} TO {runtime}"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {runtime}"),
        format!("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {runtime}"),
        format!("{by_default} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime}"),
        format!("{by_default} GRANT USAGE, SELECT ON SEQUENCES TO {runtime}"),
    ]
}

pub(super) fn grant(facts: &SiteFacts, site: &SiteSettings, plan: &mut Plan) {
    if facts.rights.as_ref().is_some_and(|rights| rights.is_complete) {
        return;
    }
    plan.steps.push(Step::Site(SiteStep::GrantUse {
        database: site.name.clone(),
        role: site.name.clone(),
        sql: rights_of_runtime(site),
    }));
}
