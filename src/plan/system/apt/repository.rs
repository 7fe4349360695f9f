//! PGDG among apt's sources: the step that adds it, what the reader should know of it, and why it cannot be had.

use std::path::PathBuf;

use crate::evidence;
use crate::facts::apt::{AptFacts, KEYRINGS, KeyOrigin, SOURCES, SigningKey};
use crate::facts::system::SystemFacts;
use crate::plan::system::alternatives::name;
use crate::plan::{Refusal, RepositoryFile, Step};
use crate::settings::Settings;

const OFFICIAL: &str = "https://apt.postgresql.org/pub/repos/apt";

const KEY: &str = "/etc/apt/keyrings/pgvector-setup-pgdg.asc";

/// dpkg's names of the architectures that PGDG builds for.
const ARCHITECTURES: &str = "amd64, arm64 and ppc64el";

/// The step that adds PGDG, and what should be known before agreeing.
///
/// # Errors
/// A [`Refusal`] where the key is not the right one, or nothing could check an https server's certificate.
pub fn add(
    facts: &SystemFacts,
    apt: &AptFacts,
    settings: &Settings,
    reason: &str,
) -> Result<(Step, Vec<String>), Refusal> {
    let suite = evidence::pgdg_suite(&facts.os).unwrap_or_default();
    let uri = settings.packages.pgdg_mirror.as_deref().unwrap_or(OFFICIAL);
    let uri = uri.trim_end_matches('/').to_owned();
    let key = key(apt)?;
    if uri.starts_with("https:") && !apt.pgdg.certificates_exist {
        return Err(Refusal::Blocked {
            fact: format!(
                "nothing on this machine can check the certificate of {uri}: there is no ca-certificates"
            ),
            hint: "sudo apt-get update && sudo apt-get install -y --no-install-recommends ca-certificates"
                .to_owned(),
        });
    }
    if apt.pgdg.our_file_exists {
        return Err(Refusal::Blocked {
            fact: format!("{SOURCES} is there and switched off"),
            hint: format!("switch it on, or remove it: sudo rm {SOURCES}"),
        });
    }
    let mut notes = vec![
        format!(
            "PGDG, PostgreSQL's own repository ({uri} {suite}), is added to apt's sources, because {reason}; \
             rollback removes it"
        ),
        format!("its key is {}, {}", key.fingerprint, whence(key)),
        "from then on, apt upgrade takes newer PostgreSQL packages from it".to_owned(),
    ];
    if uri.starts_with("http:") {
        notes.push(format!(
            "{uri} is asked without encryption; what it sends is still checked against the key"
        ));
    }
    let (signed_by, mut files) = match &key.origin {
        KeyOrigin::Packaged(path) => (path.display().to_string(), Vec::new()),
        _ => (KEY.to_owned(), vec![file(KEY, key.armored.clone())]),
    };
    let directories = if files.is_empty() || apt.pgdg.keyrings_exist {
        Vec::new()
    } else {
        vec![PathBuf::from(KEYRINGS)]
    };
    // The key comes first: a source without its key would break every apt-get update.
    files.push(file(
        SOURCES,
        format!(
            "# Added by pgvector-setup; `pgvector-setup rollback --target system` removes it.\n\
             Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nArchitectures: {}\nSigned-By: {signed_by}\n",
            apt.architecture
        ),
    ));
    let step = Step::AddRepository {
        manager: crate::facts::manager::Manager::Apt,
        name: "PGDG".to_owned(),
        uri,
        suite,
        fingerprint: key.fingerprint.clone(),
        directories,
        files,
    };
    Ok((step, notes))
}

fn key(apt: &AptFacts) -> Result<&SigningKey, Refusal> {
    let blocked = |problem: &str| Refusal::Blocked {
        fact: format!("the key of the repository cannot be trusted: {problem}"),
        hint: "give the file with the key that signs the mirror: --pgdg-key FILE".to_owned(),
    };
    match &apt.pgdg.key {
        Some(Ok(key)) => Ok(key),
        Some(Err(problem)) => Err(blocked(problem)),
        None => Err(blocked("there is none")),
    }
}

fn whence(key: &SigningKey) -> String {
    match &key.origin {
        KeyOrigin::Packaged(path) => format!(
            "from the distribution's own package ({}); its fingerprint is the pinned one",
            path.display()
        ),
        KeyOrigin::Embedded => "from this program; its fingerprint is the pinned one".to_owned(),
        KeyOrigin::Given(path) => format!(
            "from {}: compare it with what the mirror's owner says",
            path.display()
        ),
    }
}

fn file(path: &str, content: String) -> RepositoryFile {
    RepositoryFile {
        path: path.into(),
        mode: "0644".to_owned(),
        content,
    }
}

/// Why PGDG cannot serve this machine; `None` where it can.
pub fn obstacle(facts: &SystemFacts) -> Option<String> {
    if facts.pgdg_configured || evidence::pgdg_suite(&facts.os).is_some() {
        return None;
    }
    let mut elsewhere = facts.os.clone();
    elsewhere.architecture = "x86_64".to_owned();
    if evidence::pgdg_suite(&elsewhere).is_some() {
        let apt = facts.apt.as_ref().map(|apt| apt.architecture.as_str());
        let architecture = apt
            .filter(|name| !name.is_empty())
            .unwrap_or(&facts.os.architecture);
        return Some(format!(
            "PGDG has packages for {ARCHITECTURES}, not for {architecture}"
        ));
    }
    let codename = match facts.os.base_codename.as_str() {
        "" => String::new(),
        codename => format!(" ({codename})"),
    };
    Some(format!("PGDG has no suite for {}{codename}", name(facts)))
}

/// How apt names what it read of a suite, up to the file: `mirror.example_apt_dists_trixie-pgdg_`.
pub fn lists_prefix(uri: &str, suite: &str) -> String {
    let address = uri.split_once("://").map_or(uri, |(_, address)| address);
    let address = address.trim_end_matches('/');
    let mut name = String::new();
    // URItoFileName of apt-pkg/contrib/strutl.cc: these are quoted, then slashes become underscores.
    for character in format!("{address}/dists/{suite}/").chars() {
        match character {
            '/' => name.push('_'),
            '\\' | '|' | '{' | '}' | '[' | ']' | '<' | '>' | '"' | '^' | '~' | '_' | '=' | '!' | '@'
            | '#' | '$' | '%' | '&' | '*' => name.push_str(&format!("%{:02x}", u32::from(character))),
            other => name.push(other),
        }
    }
    name
}

/// What to try when the repository did not serve: a mirror, or to do without.
pub fn instead(facts: &SystemFacts, settings: &Settings) -> Vec<String> {
    let up = "pgvector-setup up --target system";
    let mut commands = Vec::new();
    match &settings.packages.pgdg_mirror {
        Some(mirror) => commands.push(format!(
            "see that {mirror} serves {} and which key signs it, then: {up} --pgdg-mirror URL --pgdg-key FILE",
            evidence::pgdg_suite(&facts.os).unwrap_or_default()
        )),
        None => commands.push(format!("with a mirror of PGDG: {up} --pgdg-mirror URL")),
    }
    let mut distribution = settings.clone();
    distribution.packages.source = Some(crate::settings::Source::Distro);
    if crate::facts::packages::seen(facts, &distribution)
        .chosen
        .is_some()
    {
        commands.push(format!(
            "with the distribution's own packages: {up} --source distro"
        ));
    } else {
        commands.push("without packages: pgvector-setup up --target embedded".to_owned());
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_own_name_of_a_suite_is_found() {
        for (uri, expected) in [
            (
                "https://apt.postgresql.org/pub/repos/apt",
                "apt.postgresql.org_pub_repos_apt_dists_trixie-pgdg_",
            ),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080_dists_trixie-pgdg_"),
            (
                "http://mirror.example/a_b~c",
                "mirror.example_a%5fb%7ec_dists_trixie-pgdg_",
            ),
        ] {
            assert_eq!(lists_prefix(uri, "trixie-pgdg"), expected);
        }
    }
}
