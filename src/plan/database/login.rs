//! Whether the application's role would be let in, and the step that sees to it.

use crate::database::facts::DatabaseFacts;
use crate::database::login::{Block, LoginFacts, Verdict};
use crate::plan::{Plan, Refusal, Step};
use crate::settings::Settings;

/// Adds [`Step::AllowLogin`] where the role would meet another rule than one that asks for a SCRAM password, or where our
/// lines do not say from which networks it is let in.
///
/// # Errors
/// [`Refusal::Blocked`] when the server cannot read its own rules: it would not read ours either. [`Refusal::Differs`] when
/// somebody changed our lines.
pub fn steps(facts: &DatabaseFacts, settings: &Settings, plan: &mut Plan) -> Result<(), Refusal> {
    let Some(login) = &facts.login else {
        return Ok(());
    };
    let Some(block) = wanted(login, facts, settings) else {
        return Ok(());
    };
    let current = login.own_block(&block);
    if current == Some(&block) && !facts.unfinished.login {
        match first_problem(login, settings) {
            Some(problem) if !settings.network.allow.is_empty() => return Err(others_first(login, &problem)),
            Some(_) => {}
            None => return Ok(()),
        }
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
    if let Some(current) = current.filter(|current| **current != block && !is_ours(login, settings, current))
    {
        return Err(changed(login, current));
    }
    plan.notes.extend(reason(login, facts, settings));
    plan.steps.push(Step::AllowLogin {
        database: settings.database.clone(),
        role: settings.role.clone(),
        file: login.file.clone(),
        owner: login.owner.clone(),
        previous: match current.filter(|current| **current != block) {
            Some(current) => current.lines.clone(),
            None => Vec::new(),
        },
        lines: block.lines,
    });
    Ok(())
}

/// Whether the role comes in from every network that was named by the lines that are there.
pub fn is_let_in(facts: &DatabaseFacts, settings: &Settings) -> bool {
    let allow = &settings.network.allow;
    let meets = |login: &LoginFacts| {
        wanted(login, facts, settings).is_some_and(|block| login.own_block(&block) == Some(&block))
    };
    !allow.is_empty() && facts.login.as_ref().is_some_and(meets)
}

/// Our lines as they have to be; `None` where none are needed.
fn wanted(login: &LoginFacts, facts: &DatabaseFacts, settings: &Settings) -> Option<Block> {
    let (database, role, network) = (&settings.database, &settings.role, &settings.network);
    // A role that is there without a password that we know comes in over loopback as it always did.
    let is_known = facts.role.is_none() || facts.credentials_exist;
    let is_ours = is_known || settings.role_password_file.is_some();
    let plain = Block::new(database, role, true, &[]);
    let current = login.own_block(&plain);
    if !network.allow.is_empty() || (network.is_asked() && current.is_some()) {
        return Some(Block::new(database, role, is_ours, &network.allow));
    }
    if !is_known || (login.lets_in(database, role) && !facts.unfinished.login) {
        return None;
    }
    // Where nothing was said of networks, those that an earlier run was told of stay.
    match current.filter(|current| login.recorded.contains(current)) {
        Some(current) => Some(current.clone()),
        None => Some(plain),
    }
}

/// What keeps the rules from saying what our lines are there for: others may have put theirs before them.
fn first_problem(login: &LoginFacts, settings: &Settings) -> Option<String> {
    let (database, role) = (&settings.database, &settings.role);
    match settings.network.allow.as_slice() {
        [] => (!login.lets_in(database, role)).then(|| "loopback meets another rule".to_owned()),
        networks => networks
            .iter()
            .find_map(|network| login.problem_from(database, role, *network)),
    }
}

fn others_first(login: &LoginFacts, problem: &str) -> Refusal {
    Refusal::Blocked {
        fact: format!(
            "{problem}: a rule of others stands before our lines in {}",
            login.file.display()
        ),
        hint: format!(
            "move it behind our lines, or take it out, then SELECT pg_reload_conf(): sudoedit {}",
            login.file.display()
        ),
    }
}

fn is_ours(login: &LoginFacts, settings: &Settings, current: &Block) -> bool {
    login.recorded.contains(current) || *current == Block::new(&settings.database, &settings.role, true, &[])
}

fn changed(login: &LoginFacts, current: &Block) -> Refusal {
    let first = current.lines.first().map_or("", String::as_str);
    Refusal::Differs {
        what: format!("the block {first:?} in {}", login.file.display()),
        differences: vec!["it is not as an earlier run of ours left it".to_owned()],
        hint: format!(
            "take it out, with its first and its last line, then the same command again: sudoedit {}",
            login.file.display()
        ),
    }
}

/// Why, and what of others' rules is left as it is.
fn reason(login: &LoginFacts, facts: &DatabaseFacts, settings: &Settings) -> Vec<String> {
    if facts.role.is_some() && !facts.credentials_exist {
        return Vec::new();
    }
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
mod tests;
