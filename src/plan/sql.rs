//! A plan's statements as one script for psql: what a database administrator runs where we may not. No password is in it.

use super::{Plan, Step};
use crate::database::migrate::{self, MigrateError};
use crate::settings::{Identifier, Settings};

/// Names are UTF-8 whatever the terminal is, and nothing is found by a search path that somebody else may have set.
const HEAD: &str = "\\set ON_ERROR_STOP on\n\\encoding UTF8\n";
const SEARCH_PATH: &str = "SET search_path = pg_catalog;";

/// The steps that are SQL, in order, each in the database that it belongs to. Everything else is left out.
pub fn plan_sql(plan: &Plan, settings: &Settings) -> String {
    let script = Script::of(plan, settings, None);
    if script.text.is_empty() {
        return "-- nothing to do\n".to_owned();
    }
    let about = match &settings.server_url {
        Some(url) => format!(
            "-- For {}. Run it by psql, connected to a database that is there; then `pgvector-setup up` goes on.\n",
            url.address()
        ),
        None => "-- Run it by psql as a superuser; then `pgvector-setup up` goes on.\n".to_owned(),
    };
    format!("{about}{HEAD}{}", script.text)
}

/// The same for a server that has nothing of ours, whole: with the history of its migrations, so that nothing is left to do.
///
/// # Errors
/// [`MigrateError`] for a plan with a migration that there is none of.
pub fn whole_sql(plan: &Plan, settings: &Settings) -> Result<String, MigrateError> {
    let table = &settings.table;
    let mut history = History {
        made: migrate::history_sql(table),
        ..History::default()
    };
    for step in &plan.steps {
        if let Step::Migrate { version, .. } = step {
            history
                .rows
                .push((*version, migrate::record_sql(table, *version)?));
        }
    }
    let notes: String = plan
        .notes
        .iter()
        .map(|note| format!("-- note: {note}\n"))
        .collect();
    Ok(format!(
        "{notes}{HEAD}{}",
        Script::of(plan, settings, Some(history)).text
    ))
}

/// What is written beside the migrations.
#[derive(Default)]
struct History {
    /// Statements that make it, until they are written.
    made: Vec<String>,
    /// By version.
    rows: Vec<(i32, Vec<String>)>,
}

#[derive(Default)]
struct Script {
    text: String,
    /// Where the administrator finds the password that psql asks for, if it is chosen.
    password: String,
    /// Where psql is connected by now, if we said so.
    connected: Option<Identifier>,
    /// `None` where `up` goes on and writes it.
    history: Option<History>,
}

impl Script {
    fn of(plan: &Plan, settings: &Settings, history: Option<History>) -> Self {
        // Quoted, because a path may hold a line break, which would end the comment.
        let file = settings.role_password_file.as_deref();
        let mut script = Self {
            password: file.map_or_else(String::new, |file| format!(" (the one in {file:?})")),
            history,
            ..Self::default()
        };
        for step in &plan.steps {
            script.add(step);
        }
        script
    }

    fn add(&mut self, step: &Step) {
        match step {
            Step::CreateRole { role, .. } => {
                self.begin(step, "needs CREATEROLE or a superuser");
                self.statement(&format!(
                    "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
                    role.quoted()
                ));
                self.line(&format!(
                    "-- then its password, which psql asks for: \\password {}{}",
                    role.quoted(),
                    self.password
                ));
            }
            Step::SetPassword { role, .. } => {
                self.begin(step, "needs the right to administer that role, or a superuser");
                self.line(&format!(
                    "-- psql asks for it: \\password {}{}",
                    role.quoted(),
                    self.password
                ));
            }
            Step::GrantMembership { sql, .. } => {
                self.begin(step, "needs the right to administer that role, or a superuser");
                self.statement(sql);
            }
            Step::CreateDatabase { sql, .. } => {
                self.begin(step, "needs CREATEDB or a superuser");
                self.statement(sql);
            }
            Step::RestrictDatabase { database, sql, .. } => {
                self.connect(database);
                self.begin(step, "needs the owner of the database");
                self.statements(sql);
            }
            Step::CreateSchema { database, sql, .. } => {
                self.connect(database);
                self.begin(
                    step,
                    "needs CREATE on the database, and to be a member of the role",
                );
                self.statements(sql);
            }
            Step::Migrate { .. } => self.migrate(step),
            _ => {}
        }
    }

    fn migrate(&mut self, step: &Step) {
        let Step::Migrate {
            database,
            owner,
            version,
            sql,
            ..
        } = step
        else {
            return;
        };
        let is_comment = |line: &str| line.trim().is_empty() || line.starts_with("--");
        if sql.lines().all(is_comment) {
            return;
        }
        self.connect(database);
        // The first migration is the extension, which is nobody's but the administrator's.
        let is_extension = *version == 1;
        let needs = if is_extension {
            "needs a superuser, or the provider's administrator"
        } else {
            "needs a member of the role"
        };
        self.history_is_made();
        self.begin(step, needs);
        let rows = self.rows_of(*version);
        if !rows.is_empty() {
            self.line("BEGIN;");
        }
        if is_extension {
            self.line(sql.trim_end());
        } else {
            self.line(&format!("SET ROLE {};", owner.quoted()));
            self.line(sql.trim_end());
            self.line("RESET ROLE;");
        }
        if !rows.is_empty() {
            self.statements(&rows);
            self.line("COMMIT;");
        }
    }

    /// Before the first migration, once.
    fn history_is_made(&mut self) {
        let made = self
            .history
            .as_mut()
            .map(|history| std::mem::take(&mut history.made));
        let made = made.unwrap_or_default();
        if !made.is_empty() {
            self.line("\n-- the history of the migrations (needs CREATE on the database)");
            self.statements(&made);
        }
    }

    fn rows_of(&mut self, version: i32) -> Vec<String> {
        let rows = self.history.as_mut().map(|history| &mut history.rows);
        let rows = rows.and_then(|rows| rows.iter_mut().find(|(of, _)| *of == version));
        rows.map(|(_, rows)| std::mem::take(rows)).unwrap_or_default()
    }

    fn connect(&mut self, database: &Identifier) {
        if self.connected.as_ref() != Some(database) {
            self.line(&format!("\n{}\n{SEARCH_PATH}", reconnection(database)));
            self.connected = Some(database.clone());
        }
    }

    fn begin(&mut self, step: &Step, needs: &str) {
        self.line(&format!("\n-- {} ({needs})", step.title()));
    }

    fn statements(&mut self, statements: &[String]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &str) {
        self.line(&format!("{};", statement.trim_end().trim_end_matches(';')));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// psql takes a bare name that has `=` in it, or begins as a URL does, for a whole connection string; in a connection string of
/// its own it is a name whatever it holds (libpq, "Connection Strings").
fn reconnection(database: &Identifier) -> String {
    let value = database.as_str().replace('\\', "\\\\").replace('\'', "\\'");
    let connection = format!("dbname='{value}'").replace('"', "\"\"");
    format!("\\connect -reuse-previous=on \"{connection}\"")
}

#[cfg(test)]
mod tests;
