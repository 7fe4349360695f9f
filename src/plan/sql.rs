//! A plan's statements as one script for psql: what a database administrator runs where we may not. No password is in it.

use super::{Plan, Step};
use crate::settings::{Identifier, Settings};

const HEAD: &str = "\\set ON_ERROR_STOP on\n";

/// The steps that are SQL, in order, each in the database that it belongs to. Everything else is left out.
pub fn plan_sql(plan: &Plan, settings: &Settings) -> String {
    let file = settings.role_password_file.as_deref();
    let mut script = Script {
        password: file.map_or_else(String::new, |file| format!(" (the one in {})", file.display())),
        ..Script::default()
    };
    for step in &plan.steps {
        script.add(step);
    }
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

#[derive(Default)]
struct Script {
    text: String,
    /// Where the administrator finds the password that psql asks for, if it is chosen.
    password: String,
    /// Where psql is connected by now, if we said so.
    connected: Option<Identifier>,
}

impl Script {
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
        self.begin(step, needs);
        if is_extension {
            self.line(sql.trim_end());
        } else {
            self.line(&format!("SET ROLE {};", owner.quoted()));
            self.line(sql.trim_end());
            self.line("RESET ROLE;");
        }
    }

    fn connect(&mut self, database: &Identifier) {
        if self.connected.as_ref() != Some(database) {
            self.line(&format!("\n\\connect {}", database.quoted()));
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

#[cfg(test)]
mod tests;
