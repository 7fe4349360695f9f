//! Whether the application's role would be let in, and the step that sees to it.

use crate::database::facts::DatabaseFacts;
use crate::database::login::{Block, LoginFacts, Verdict};
use crate::plan::{Plan, Refusal, Step};
use crate::settings::Settings;

/// Adds [`Step::AllowLogin`] where the role would meet another rule than one that asks for a SCRAM password.
///
/// # Errors
/// [`Refusal::Blocked`] when the server cannot read its own rules: it would not read ours either.
pub fn steps(facts: &DatabaseFacts, settings: &Settings, plan: &mut Plan) -> Result<(), Refusal> {
    let Some(login) = &facts.login else {
        return Ok(());
    };
    let (database, role) = (&settings.database, &settings.role);
    // A role that is there without a password that we know comes in as it always did.
    if facts.role.is_some() && !facts.credentials_exist {
        return Ok(());
    }
    if login.lets_in(database, role) && !facts.unfinished.login {
        return Ok(());
    }
    if let Some(error) = login.errors.first() {
        return Err(Refusal::Blocked {
            fact: format!("the server cannot read {}: {error}", login.file.display()),
            hint: format!(
                "correct it, then: SELECT pg_reload_conf(); the file: {}",
                login.file.display()
            ),
        });
    }
    plan.notes.extend(reason(login, settings));
    plan.steps.push(Step::AllowLogin {
        database: database.clone(),
        role: role.clone(),
        file: login.file.clone(),
        owner: login.owner.clone(),
        lines: Block::new(database, role).lines,
    });
    Ok(())
}

/// Why, and what of others' rules is left as it is.
fn reason(login: &LoginFacts, settings: &Settings) -> Vec<String> {
    let verdicts = login.verdicts(&settings.database, &settings.role).into_iter();
    let met: Vec<String> = verdicts
        .filter_map(|(address, verdict)| match verdict {
            Verdict::Password => None,
            Verdict::Other { method, line } => Some(format!("{method} from {address} (line {line})")),
            Verdict::NoRule => Some(format!("no rule from {address}")),
        })
        .collect();
    let mut notes = Vec::new();
    if !met.is_empty() {
        notes.push(format!(
            "the role {} would meet {}: two lines of ours go first in {}",
            settings.role,
            met.join(", "),
            login.file.display()
        ));
    }
    let trusting = login.trusting_lines();
    if !trusting.is_empty() {
        notes.push(format!(
            "rules of the server let others in without a password (trust, line {}); they are left as they are",
            trusting.join(", ")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::facts::RoleFacts;
    use crate::database::login::Rule;
    use crate::plan::sample;
    use crate::settings::Target;

    fn rule(line: i32, address: &str, netmask: &str, method: &str) -> Rule {
        Rule {
            line,
            kind: "host".to_owned(),
            databases: vec!["all".to_owned()],
            users: vec!["all".to_owned()],
            address: Some(address.to_owned()),
            netmask: Some(netmask.to_owned()),
            method: method.to_owned(),
        }
    }

    /// What the setup commands of EL and Fedora leave, with this method over the network.
    fn login(method: &str) -> LoginFacts {
        const WHOLE: &str = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        LoginFacts {
            file: "/var/lib/pgsql/17/data/pg_hba.conf".into(),
            owner: "postgres".to_owned(),
            rules: vec![
                rule(115, "127.0.0.1", "255.255.255.255", method),
                rule(117, "::1", WHOLE, method),
            ],
            errors: Vec::new(),
        }
    }

    /// What is changed of a server without anything of ours, whose rules ask `ident`.
    type Case = (&'static str, fn(&mut DatabaseFacts), &'static str);

    #[rustfmt::skip]
    const CASES: &[Case] = &[
        ("ident", |_| {}, "allow; the role vectors would meet ident from 127.0.0.1 (line 115), ident from ::1 (line 117): \
            two lines of ours go first in /var/lib/pgsql/17/data/pg_hba.conf"),
        ("trust", |facts| facts.login = Some(login("trust")), "allow; the role vectors would meet trust from 127.0.0.1 \
            (line 115), trust from ::1 (line 117): two lines of ours go first in /var/lib/pgsql/17/data/pg_hba.conf; rules of \
            the server let others in without a password (trust, line 115, 117); they are left as they are"),
        ("scram", |facts| facts.login = Some(login("scram-sha-256")), ""),
        ("scram, and a run was cut off before the server read it", |facts| {
            facts.login = Some(login("scram-sha-256"));
            facts.unfinished.login = true;
        }, "allow"),
        ("rules that nobody may ask for", |facts| facts.login = None, ""),
        ("a role of somebody else's", |facts| facts.role = Some(RoleFacts::default()), ""),
        ("a role of ours", |facts| {
            facts.role = Some(RoleFacts::default());
            facts.credentials_exist = true;
            facts.login.as_mut().unwrap().rules.pop();
        }, "allow; the role vectors would meet ident from 127.0.0.1 (line 115), no rule from ::1: \
            two lines of ours go first in /var/lib/pgsql/17/data/pg_hba.conf"),
        ("rules that the server cannot read", |facts| {
            facts.login.as_mut().unwrap().errors = vec!["line 9: invalid authentication method \"x\"".to_owned()];
        }, "blocked: the server cannot read /var/lib/pgsql/17/data/pg_hba.conf: line 9: invalid authentication method \"x\""),
    ];

    #[test]
    fn the_role_is_let_in_where_it_would_not_be() {
        for (state, change, expected) in CASES {
            let mut facts = DatabaseFacts {
                login: Some(login("ident")),
                ..DatabaseFacts::default()
            };
            change(&mut facts);
            let mut plan = Plan::default();
            let outline = match steps(&facts, &sample::settings(Target::System), &mut plan) {
                Ok(()) => {
                    let allows = plan.steps.iter().map(|_| "allow".to_owned());
                    allows
                        .chain(plan.notes.iter().cloned())
                        .collect::<Vec<_>>()
                        .join("; ")
                }
                Err(refusal) => format!("blocked: {refusal}"),
            };
            assert_eq!(outline, *expected, "{state}");
        }
    }
}
