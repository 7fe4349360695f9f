//! The steps of the embedded target, with the command lines and files they show.

use std::path::Path;

use crate::facts::binaries::Binaries;
use crate::facts::embedded::EmbeddedFacts;
use crate::facts::layout::SERVICE_USER;
use crate::plan::{Plan, Refusal, Step};
use crate::settings::Settings;

pub(super) fn create_user(facts: &EmbeddedFacts) -> Result<Step, Refusal> {
    let Some(useradd) = &facts.useradd else {
        return Err(Refusal::Unavailable {
            fact: "PostgreSQL does not run as root, and there is no useradd to make a system user with"
                .into(),
            alternatives: vec!["run pgvector-setup up as a plain user".into()],
        });
    };
    let home = facts.layout.root.clone();
    let words = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        "--home-dir",
    ];
    let mut argv = vec![useradd.display().to_string()];
    argv.extend(words.map(String::from));
    argv.extend([home.display().to_string(), SERVICE_USER.to_owned()]);
    Ok(Step::CreateUser {
        name: SERVICE_USER.to_owned(),
        home,
        argv,
    })
}

/// The directories that are missing. Root's can be read by all, because the server's own user has to pass through them;
/// a plain user's are its own alone.
pub(super) fn directories(
    facts: &EmbeddedFacts,
    socket_directory: &Path,
    needs_bundle: bool,
    plan: &mut Plan,
) {
    let is_root = facts.account.uid == 0;
    let mode = if is_root { "0755" } else { "0700" };
    let is_present = |path: &Path| facts.directories.iter().any(|(present, ..)| present == path);
    let make = |path: &Path, owner: Option<String>| Step::CreateDirectory {
        path: path.to_owned(),
        mode: mode.into(),
        owner,
    };
    let mut ancestors: Vec<&Path> = facts
        .layout
        .instance
        .ancestors()
        .filter(|path| !is_present(path))
        .collect();
    ancestors.reverse();
    plan.steps
        .extend(ancestors.into_iter().map(|path| make(path, None)));
    if needs_bundle && !is_present(&facts.layout.bundles) {
        plan.steps.push(make(&facts.layout.bundles, None));
    }
    if !is_present(socket_directory) {
        plan.steps.push(make(socket_directory, service_owner(facts)));
    }
}

pub(super) fn service_owner(facts: &EmbeddedFacts) -> Option<String> {
    (facts.account.uid == 0).then(|| SERVICE_USER.to_owned())
}

pub(super) fn initialize(
    facts: &EmbeddedFacts,
    settings: &Settings,
    binaries: &Binaries,
    port: u16,
    owner: Option<String>,
) -> Step {
    // A name of its own: an initdb that was left running may still write into an earlier one.
    let partial = (1..)
        .map(|number| facts.layout.instance.join(format!("data.partial-{number}")))
        .find(|path| !facts.partial.contains(path))
        .expect("there are more numbers than leftovers");
    let words = [
        "--username",
        "postgres",
        "--auth-local",
        "peer",
        "--auth-host",
        "scram-sha-256",
        "--encoding",
        "UTF8",
    ];
    let mut argv = vec![
        binaries.directory.join("initdb").display().to_string(),
        "--pgdata".into(),
        partial.display().to_string(),
    ];
    argv.extend(words.map(String::from));
    argv.extend(["--locale", "C.UTF-8", "--data-checksums"].map(String::from));
    Step::InitializeCluster {
        data: facts.layout.data.clone(),
        partial,
        leftovers: facts.partial.clone(),
        binaries: binaries.directory.clone(),
        major: binaries.major,
        port,
        socket_directory: facts.layout.socket_directory.clone(),
        argv,
        configuration: configuration(facts, settings, port),
        owner,
    }
}

/// What is appended to initdb's postgresql.conf. Durability settings stay at the server's safe defaults.
fn configuration(facts: &EmbeddedFacts, settings: &Settings, port: u16) -> String {
    let socket_directory = facts
        .layout
        .socket_directory
        .display()
        .to_string()
        .replace('\'', "''");
    format!(
        "\n# pgvector-setup: instance {}\n\
         listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = '{socket_directory}'\n\
         unix_socket_permissions = 0770\n\
         password_encryption = 'scram-sha-256'\n\
         log_connections = on\n\
         logging_collector = on\n\
         log_directory = 'log'\n\
         log_filename = 'server-%a.log'\n\
         log_truncate_on_rotation = on\n\
         log_rotation_age = 1d\n\
         cluster_name = 'pgvector-setup {}'\n",
        settings.instance, settings.instance
    )
}

pub(super) fn start(
    facts: &EmbeddedFacts,
    binaries: &Binaries,
    port: u16,
    socket_directory: &Path,
    owner: Option<String>,
) -> Step {
    let mut argv: Vec<String> = facts
        .setsid
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    argv.extend([
        binaries.directory.join("postgres").display().to_string(),
        "-D".into(),
        facts.layout.data.display().to_string(),
    ]);
    Step::StartCluster {
        data: facts.layout.data.clone(),
        binaries: binaries.directory.clone(),
        port,
        socket_directory: socket_directory.to_owned(),
        argv,
        owner,
        log: facts.layout.start_log.clone(),
    }
}
