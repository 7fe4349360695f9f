//! How the application's role would be let in: the server's own rules (`pg_hba.conf`), as the server reads them.

mod block;
mod rule;

use sqlx::{PgConnection, Row as _};

pub use block::{Block, BlockError, blocks_in, without_block};
pub use rule::{Exposure, Rule, Verdict};

use super::DatabaseError;
use crate::error::Result;
use crate::settings::{Identifier, Network};

/// What the server's rules say. Read by a superuser; nobody else may.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct LoginFacts {
    /// `hba_file`.
    pub file: std::path::PathBuf,
    /// Login name of who owns the server and its files.
    pub owner: String,
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
    /// What the server cannot read of its file: `line 96: invalid authentication method "scram"`.
    pub errors: Vec<String>,
    /// Our own marked lines in it, of every role and database.
    pub own: Vec<Block>,
    /// Every block that the receipt says we wrote or were about to write.
    pub recorded: Vec<Block>,
}

impl LoginFacts {
    /// Whether the role comes to its database by a SCRAM password over both loopback addresses.
    pub fn lets_in(&self, database: &Identifier, role: &Identifier) -> bool {
        self.verdicts(database, role)
            .iter()
            .all(|(_, verdict)| *verdict == Verdict::Password)
    }

    /// What each loopback address meets.
    pub fn verdicts(&self, database: &Identifier, role: &Identifier) -> Vec<(&'static str, Verdict)> {
        let meets = |address: &'static str| {
            let ip = address.parse().ok()?;
            Some((address, rule::meets(&self.rules, database, role, ip, false)))
        };
        ["127.0.0.1", "::1"].into_iter().filter_map(meets).collect()
    }

    /// What clients of a network meet that is not as it should be: by TLS a SCRAM password, in the clear no way in.
    pub fn problem_from(&self, database: &Identifier, role: &Identifier, network: Network) -> Option<String> {
        let meets = |by_tls| rule::meets(&self.rules, database, role, network.sample(), by_tls);
        match (meets(true), meets(false)) {
            (Verdict::Password, Verdict::NoRule) => None,
            (Verdict::Password, Verdict::Other { method, .. }) if method == "reject" => None,
            (Verdict::Password, _) if network.is_everybody() => None,
            (Verdict::Password, _) => Some(format!("{network} is let in without TLS")),
            (Verdict::Other { method, line }, _) => Some(format!("{network} meets {method} (line {line})")),
            (Verdict::NoRule, _) => Some(format!("no rule lets {network} in")),
        }
    }

    /// Our lines for this role in this database.
    pub fn own_block(&self, of: &Block) -> Option<&Block> {
        self.own.iter().find(|block| block.is_of_same_pair(of))
    }

    /// Lines that let somebody in without any proof of who it is.
    pub fn trusting_lines(&self) -> Vec<String> {
        let trusts = |rule: &&Rule| rule.method == "trust";
        let lines = self.rules.iter().filter(trusts).map(|rule| rule.line.to_string());
        lines.collect()
    }
}

const RULES: &str = "SELECT line_number, type, database, user_name, address, netmask, auth_method, error \
    FROM pg_hba_file_rules";

/// Reads the rules from the administrator's session in any database; `None` where it may not.
pub async fn gather(connection: &mut PgConnection, owner: &str) -> Result<Option<LoginFacts>> {
    let failed = || DatabaseError::statement("read who is let in");
    let may_read: bool = sqlx::query_scalar("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    if !may_read {
        return Ok(None);
    }
    let file: String = sqlx::query_scalar("SELECT current_setting('hba_file')")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let text: Vec<u8> = sqlx::query_scalar("SELECT pg_read_binary_file($1)")
        .bind(&file)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    let rows = sqlx::query(RULES)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed())?;
    let mut facts = LoginFacts {
        file: file.into(),
        owner: owner.to_owned(),
        own: blocks_in(&text),
        ..LoginFacts::default()
    };
    for row in rows {
        let read = || -> Result<(Rule, Option<String>), sqlx::Error> {
            let names = |column: &str| {
                Ok::<_, sqlx::Error>(row.try_get::<Option<Vec<String>>, _>(column)?.unwrap_or_default())
            };
            let text = |column: &str| {
                Ok::<_, sqlx::Error>(row.try_get::<Option<String>, _>(column)?.unwrap_or_default())
            };
            let rule = Rule {
                line: row.try_get::<Option<i32>, _>("line_number")?.unwrap_or_default(),
                kind: text("type")?,
                databases: names("database")?,
                users: names("user_name")?,
                address: row.try_get("address")?,
                netmask: row.try_get("netmask")?,
                method: text("auth_method")?,
            };
            Ok((rule, row.try_get("error")?))
        };
        let (rule, error) = read().map_err(failed())?;
        match error {
            Some(error) => facts.errors.push(format!("line {}: {error}", rule.line)),
            None => facts.rules.push(rule),
        }
    }
    Ok(Some(facts))
}
