//! Opening a server of the operating system to other machines: once for the server, which addresses and whose certificate;
//! for each role and database, from where. The second is [`super::database`]'s, with the lines of every role.

mod configuration;
mod refusals;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::{Plan, Refusal, Step};
use crate::apply::Made;
use crate::database::facts::DatabaseFacts;
use crate::database::login::{Block, Exposure, LoginFacts};
use crate::facts::network::{NetworkFacts, ServerNetwork};
use crate::settings::{Identifier, ListenAddress, Settings, TlsFiles};

/// Adds [`Step::Listen`] where the server does not listen as it was told, or not with this certificate. `is_let_in`: no step
/// for the role's own lines follows.
///
/// # Errors
/// [`Refusal`] where what is there is somebody's, where opening would give it away, or where it cannot be.
pub fn steps(
    facts: &DatabaseFacts,
    settings: &Settings,
    is_let_in: bool,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    let Some(network) = &facts.network else {
        return Ok(());
    };
    refusals::unusable(network, settings)?;
    let Some(server) = &network.server else {
        plan.notes.push(announced(settings));
        return Ok(());
    };
    let Some(tls) = settings
        .network
        .tls
        .as_ref()
        .filter(|_| !settings.network.listen.is_empty())
    else {
        return refusals::closed(server);
    };
    let content = configuration::content(&settings.network.listen, tls);
    let is_open = listens_so(server, &settings.network.listen);
    if server.content.as_ref() == Some(&content)
        && runs_so(server, &settings.network.listen, tls)
        && is_open
        && server.shows_certificate != Some(false)
        && !server.is_owed
    {
        return Ok(());
    }
    refusals::of_others(server, settings, tls, &content)?;
    if !is_open {
        refusals::given_away(facts.login.as_ref(), &settings.network.listen)?;
    }
    if !server.may_restart {
        return Err(refusals::not_permitted(server));
    }
    notes(network, server, facts.login.as_ref(), settings, is_open, plan);
    plan.steps.push(Step::Listen {
        cluster: server.cluster.clone(),
        addresses: settings.network.listen.clone(),
        certificate: tls.certificate.clone(),
        file: server.file.clone(),
        owner: server.owner.clone(),
        content,
        previous: server.content.clone(),
        restart: restart(server),
        interrupts: !is_open,
        log: server.log.clone(),
        is_let_in,
    });
    Ok(())
}

/// Whether the server was started with these addresses, and has a socket on each. `localhost` may be one address or two.
fn listens_so(server: &ServerNetwork, listen: &[ListenAddress]) -> bool {
    server.running("listen_addresses") == configuration::listen_addresses(listen)
        && server.listening.iter().all(|own| is_expected(listen, *own))
        && listen
            .iter()
            .all(|wanted| server.listening.iter().any(|own| is_socket_of(*wanted, *own)))
}

/// Whether a server that listens on these addresses may have a socket on `own`: on one of them, or on loopback.
pub fn is_expected(listen: &[ListenAddress], own: std::net::IpAddr) -> bool {
    own.is_loopback() || listen.iter().any(|wanted| is_socket_of(*wanted, own))
}

/// All addresses of one kind are one socket.
pub fn is_socket_of(wanted: ListenAddress, own: std::net::IpAddr) -> bool {
    match wanted {
        ListenAddress::Every => own.is_unspecified(),
        ListenAddress::One(address) => own == address,
    }
}

fn runs_so(server: &ServerNetwork, listen: &[ListenAddress], tls: &TlsFiles) -> bool {
    let wanted = configuration::settings(listen, tls);
    wanted.iter().all(|(name, value)| server.running(name) == value)
}

fn restart(server: &ServerNetwork) -> Vec<String> {
    let (major, name) = (server.major.to_string(), server.name.as_str());
    if server.systemd {
        let unit = format!("postgresql@{major}-{name}.service");
        return ["/usr/bin/systemctl", "restart", &unit]
            .map(str::to_owned)
            .to_vec();
    }
    ["/usr/bin/pg_ctlcluster", &major, name, "restart", "-m", "fast"]
        .map(str::to_owned)
        .to_vec()
}

/// What will be done to a server that is not there yet.
fn announced(settings: &Settings) -> String {
    let network = &settings.network;
    let listed = |items: Vec<String>| items.join(", ");
    let listen = network.listen.iter().map(ToString::to_string).collect();
    let allow: Vec<String> = network.allow.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "once the server is there, it is restarted to listen on {} with TLS",
        listed(listen)
    );
    if !allow.is_empty() {
        text.push_str(&format!(
            ", and lets {} in to {} from {} by TLS and its password",
            settings.role,
            settings.database,
            listed(allow)
        ));
    }
    text
}

fn notes(
    network: &NetworkFacts,
    server: &ServerNetwork,
    login: Option<&LoginFacts>,
    settings: &Settings,
    is_open: bool,
    plan: &mut Plan,
) {
    let notes = &mut plan.notes;
    if !is_open {
        notes.push(format!(
            "the cluster {} is restarted, because addresses to listen on are read at its start: {} end",
            server.cluster,
            match server.sessions {
                1 => "1 session will".to_owned(),
                sessions => format!("{sessions} sessions will"),
            }
        ));
        if !server.pending_of_others.is_empty() {
            notes.push(format!(
                "the restart also brings what others changed and did not restart for: {}",
                server.pending_of_others.join(", ")
            ));
        }
        let in_the_clear: Vec<String> =
            login.map_or_else(Vec::new, |login| exposed(login, Exposure::InTheClear));
        if !in_the_clear.is_empty() {
            notes.push(format!(
                "rules of the server let others in from other machines without TLS (line {}); they are left as they are",
                in_the_clear.join(", ")
            ));
        }
    }
    if let Some(certificate) = &network.certificate {
        notes.extend(certificate.notes.iter().cloned());
    }
    if settings
        .network
        .allow
        .iter()
        .any(|network| network.is_everybody())
    {
        notes.push(format!(
            "everybody who reaches the server may try passwords of {}: that was named",
            settings.role
        ));
    }
}

/// The lines of rules that give so much away.
fn exposed(login: &LoginFacts, exposure: Exposure) -> Vec<String> {
    let rules = login
        .rules
        .iter()
        .filter(|rule| rule.exposure() == Some(exposure));
    rules.map(|rule| rule.line.to_string()).collect()
}

/// What exactly is written and run, a line each.
pub(super) fn shown(step: &Step) -> Vec<String> {
    let Step::Listen {
        file,
        owner,
        content,
        previous,
        restart,
        interrupts,
        ..
    } = step
    else {
        return Vec::new();
    };
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut shown = Vec::new();
    if previous.as_ref() != Some(content) {
        let previous = previous.as_deref().map(lines).unwrap_or_default();
        shown.push(format!("(as {owner}) write {} (mode 0644)", file.display()));
        shown.extend(difference(&previous, &lines(content)));
    }
    shown.push("SELECT name, error FROM pg_file_settings, then SELECT pg_reload_conf()".to_owned());
    if *interrupts {
        let words: Vec<String> = restart.iter().map(|word| crate::host::quote_word(word)).collect();
        shown.push(format!("(root) {}", words.join(" ")));
    }
    shown
}

/// `- ` before lines that go, `+ ` before lines that come; lines that stay are not shown.
pub(super) fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    gone.map(|line| format!("- {line}"))
        .chain(new.map(|line| format!("+ {line}")))
        .collect()
}

/// Every version of our lines for one role in one database that a receipt knows of, newest first.
pub fn lines_of(
    made: &[Made],
    of_file: &Path,
    of_database: &Identifier,
    of_role: &Identifier,
) -> Vec<Vec<String>> {
    let mut versions = Vec::new();
    for entry in made {
        if let Step::AllowLogin {
            database,
            role,
            file,
            lines,
            previous,
            ..
        } = &entry.step
            && (file, database, role) == (&of_file.to_path_buf(), of_database, of_role)
        {
            versions.extend(
                [lines, previous]
                    .into_iter()
                    .filter(|lines| !lines.is_empty())
                    .cloned(),
            );
        }
    }
    versions.dedup();
    versions
}

/// Every content of our file of settings that a receipt knows of, newest first.
pub fn contents_of(made: &[Made], of_file: &Path) -> Vec<String> {
    let mut versions = Vec::new();
    for entry in made {
        if let Step::Listen {
            file,
            content,
            previous,
            ..
        } = &entry.step
            && file == of_file
        {
            versions.push(content.clone());
            versions.extend(previous.clone());
        }
    }
    versions.dedup();
    versions
}

/// Every block of ours that a receipt knows of.
pub fn blocks_of(made: &[Made]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for entry in made {
        if let Step::AllowLogin { lines, previous, .. } = &entry.step {
            let versions = [lines, previous].into_iter().filter(|lines| !lines.is_empty());
            blocks.extend(versions.map(|lines| Block { lines: lines.clone() }));
        }
    }
    blocks
}
