//! The way to PGDG's repository: its key first, checked, then a file of ours with the two repositories that are needed.
//!
//! Not PGDG's repository package: it enables the repositories of every major, and its own origin would have to be trusted
//! before anything is checked. Our file shows every line in the plan, has both checks on, and goes again to the byte.

use std::path::PathBuf;

use super::commands::{owned, refresh};
use crate::facts::dnf::{DnfFacts, MODULE_FILE, ModuleState, REPOSITORY_DIRECTORY};
use crate::facts::system::SystemFacts;
use crate::plan::{Plan, Refusal, RpmKey, Step};
use crate::settings::Settings;

const ADDRESS: &str = "https://download.postgresql.org/pub/repos/yum";

/// Where dnf configurations keep keys, and ours in it: never a name of somebody else's.
const KEY: &str = "/etc/pki/rpm-gpg/PGVECTOR-SETUP-PGDG";

/// PGDG signs each architecture's packages with a key of its own: file on its server, fingerprint. Both fingerprints stand
/// in several independent projects that pin them; the first also in the signatures of PGDG's packages that syft records in
/// its tests. Fedora's key has no second source.
const KEYS: [(&str, &str, &str); 2] = [
    (
        "x86_64",
        "PGDG-RPM-GPG-KEY-RHEL",
        "D4BF08AE67A0B4C7A1DBCCD240BCA2B408B40D20",
    ),
    (
        "aarch64",
        "PGDG-RPM-GPG-KEY-AARCH64-RHEL",
        "B031F89FC983E98262906B6E177B343BB9738825",
    ),
];

/// Adds what leads to PGDG's packages of one major being offered; the next plan installs them.
///
/// # Errors
/// [`Refusal::Blocked`] where the repository is there and switched off, or where no key can be trusted.
pub fn steps(
    facts: &SystemFacts,
    dnf: &DnfFacts,
    major: u16,
    settings: &Settings,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    if let Some(repository) = dnf.pgdg_repository(major) {
        if !repository.is_enabled {
            return Err(Refusal::Blocked {
                fact: format!(
                    "the repository {} in {} is switched off",
                    repository.id,
                    repository.file.display()
                ),
                hint: format!(
                    "switch it on with enabled=1 in that file: sudo dnf config-manager --set-enabled {}",
                    repository.id
                ),
            });
        }
        plan.steps.push(refresh());
        return Ok(());
    }
    let key = key(facts, dnf)?;
    let system = system(facts);
    let address = settings
        .packages
        .pgdg_mirror
        .as_deref()
        .unwrap_or(ADDRESS)
        .trim_end_matches('/');
    let section = |id: &str, tree: &str| {
        format!(
            "[{id}]\nname={id}, added by pgvector-setup\nbaseurl={address}/{tree}/{system}\nenabled=1\ngpgcheck=1\n\
             repo_gpgcheck=1\ngpgkey=file://{KEY}\nskip_if_unavailable=0\n"
        )
    };
    plan.steps.push(Step::AddRpmRepository {
        name: "PGDG".to_owned(),
        key,
        path: PathBuf::from(REPOSITORY_DIRECTORY).join("pgvector-setup-pgdg.repo"),
        content: format!(
            "{}\n{}",
            section(&format!("pgdg{major}"), &major.to_string()),
            section("pgdg-common", "common")
        ),
        import: owned(&["/usr/bin/rpmkeys", "--import", KEY]),
    });
    module_steps(facts, dnf, plan)?;
    plan.steps.push(refresh());
    plan.notes.push(format!(
        "the packages are chosen when PGDG's repository for PostgreSQL {major} has been read"
    ));
    Ok(())
}

/// EL 8 and 9 hide packages that have the name of one in a module, unless the module is disabled.
///
/// # Errors
/// [`Refusal::Blocked`] when somebody chose a stream: it may have been installed from.
pub fn module_steps(facts: &SystemFacts, dnf: &DnfFacts, plan: &mut Plan) -> Result<(), Refusal> {
    if !["8", "9"].contains(&el_major(facts)) || facts.os.id == "fedora" {
        return Ok(());
    }
    match &dnf.module {
        ModuleState::Disabled => {}
        ModuleState::Unset => plan.steps.push(Step::DisableModule {
            module: "postgresql".to_owned(),
            file: MODULE_FILE.into(),
            argv: owned(&["/usr/bin/dnf", "-y", "module", "disable", "postgresql"]),
        }),
        ModuleState::Enabled { stream } => {
            return Err(Refusal::Blocked {
                fact: format!(
                    "the module stream postgresql:{stream} is enabled, which hides PGDG's packages"
                ),
                hint: "if nothing of it is installed: sudo dnf module reset postgresql; else: \
                       pgvector-setup up --target embedded"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

fn key(facts: &SystemFacts, dnf: &DnfFacts) -> Result<RpmKey, Refusal> {
    let blocked = |fact: String, hint: &str| Refusal::Blocked {
        fact,
        hint: hint.to_owned(),
    };
    match &dnf.given_key {
        Some(Ok(given)) => {
            return Ok(RpmKey {
                path: KEY.into(),
                fingerprint: given.fingerprint.clone(),
                armored: Some(given.armored.clone()),
                url: None,
            });
        }
        Some(Err(problem)) => {
            return Err(blocked(
                problem.clone(),
                "--pgdg-key FILE: the key that the mirror signs with",
            ));
        }
        None => {}
    }
    let pinned = KEYS
        .iter()
        .find(|(architecture, ..)| *architecture == facts.os.architecture);
    match pinned {
        Some((_, file, fingerprint)) if facts.os.id != "fedora" => Ok(RpmKey {
            path: KEY.into(),
            fingerprint: (*fingerprint).to_owned(),
            armored: None,
            url: Some(format!("{ADDRESS}/keys/{file}")),
        }),
        _ => Err(blocked(
            format!(
                "no key of PGDG for {} is pinned in this program",
                facts.os.pretty_name
            ),
            "give one that you checked: --pgdg-key FILE; or the distribution's own packages: --source distro",
        )),
    }
}

/// `redhat/rhel-9-x86_64`, `fedora/fedora-42-x86_64`.
fn system(facts: &SystemFacts) -> String {
    let (version, architecture) = (el_major(facts), &facts.os.architecture);
    match facts.os.id.as_str() {
        "fedora" => format!("fedora/fedora-{version}-{architecture}"),
        _ => format!("redhat/rhel-{version}-{architecture}"),
    }
}

pub fn el_major(facts: &SystemFacts) -> &str {
    facts.os.version_id.split('.').next().unwrap_or_default()
}

/// Whether the repository is configured, or could be: its key is known, or given.
pub fn can_be_trusted(facts: &SystemFacts, dnf: &DnfFacts, major: u16) -> bool {
    dnf.pgdg_repository(major).is_some() || dnf.given_key.is_some() || key(facts, dnf).is_ok()
}

/// What is in the way of a key.
pub fn key_problem(facts: &SystemFacts, dnf: &DnfFacts) -> Option<Refusal> {
    key(facts, dnf).err()
}
