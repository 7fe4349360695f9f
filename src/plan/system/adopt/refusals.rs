//! Why a server that is there cannot be served: what was found, what is needed, and what works instead.

use std::path::Path;

use super::overlay::CONTROL_PATH;
use crate::facts::answer::ServerAnswer;
use crate::facts::clusters::Cluster;
use crate::facts::overlay::FIRST_MAJOR;
use crate::facts::provider::{Provider, provider};
use crate::facts::system::SystemFacts;
use crate::plan::Refusal;
use crate::plan::system::alternatives::without_root;
use crate::settings::Settings;

/// Nobody but the owner, and who may become the owner, can do anything for a server.
pub fn not_permitted(facts: &SystemFacts, cluster: &Cluster) -> Refusal {
    Refusal::Privilege {
        steps: vec![format!(
            "act as {}, the owner of the server on {}",
            cluster.owner,
            cluster.description()
        )],
        alternatives: without_root(facts),
    }
}

/// What was adopted does not run, and only who started it knows how.
pub fn stopped() -> Refusal {
    Refusal::Blocked {
        fact: "the server that our database was made in does not run".to_owned(),
        hint: "start it as it was started before, then run this again\n\
               hint: where it is gone for good, begin anew with a record of its own: pgvector-setup up --target system --directory DIR"
            .to_owned(),
    }
}

pub fn not_let_in(facts: &SystemFacts, cluster: &Cluster, why: &str) -> Refusal {
    let data = cluster.data_directory.display();
    let programs = cluster.binaries.as_ref();
    let programs = programs.map_or_else(String::new, |programs| format!("{}/", programs.display()));
    let mut alternatives = vec![format!(
        "let its owner in: the line `local all all peer` first in {data}/pg_hba.conf, then: {programs}pg_ctl reload -D {data}"
    )];
    alternatives.extend(without_root(facts));
    Refusal::Unavailable {
        fact: format!(
            "the server on {} does not let its owner in: {why}",
            cluster.description()
        ),
        alternatives,
    }
}

pub fn no_superuser(facts: &SystemFacts, cluster: &Cluster, answer: &ServerAnswer) -> Refusal {
    Refusal::Unavailable {
        fact: format!(
            "{} is no superuser of the server on {}, and CREATE EXTENSION vector needs one",
            answer.administrator,
            cluster.description()
        ),
        alternatives: without_root(facts),
    }
}

/// pgvector is installed, and this server does not find it.
pub fn not_seen(cluster: &Cluster, answer: &ServerAnswer, package: &str) -> Refusal {
    Refusal::Blocked {
        fact: format!(
            "the server on {} does not see pgvector: {package} writes to {}, and this server reads {}",
            cluster.description(),
            written_to(cluster),
            read_from(answer)
        ),
        hint: format!("see which files are there: dpkg --verify {package}; dpkg --listfiles {package}"),
    }
}

/// Installing would change nothing for this server.
pub fn looks_elsewhere(cluster: &Cluster, answer: &ServerAnswer) -> Refusal {
    Refusal::Blocked {
        fact: format!(
            "the server on {} would not see a package's pgvector: packages write to {}, and this server reads {}",
            cluster.description(),
            written_to(cluster),
            read_from(answer)
        ),
        hint: format!(
            "as its superuser: ALTER SYSTEM SET {CONTROL_PATH} = '$system'; SELECT pg_reload_conf()"
        ),
    }
}

/// A package's server, a user without root, and a major that looks for extensions in one place.
pub fn no_root_before_18(facts: &SystemFacts, cluster: &Cluster, package: &str) -> Refusal {
    Refusal::Privilege {
        steps: vec![
            format!("install {package} for the server on {}", cluster.description()),
            format!(
                "(without root a server of PostgreSQL {} can be given no extension: {CONTROL_PATH} came with {FIRST_MAJOR})",
                cluster.major
            ),
        ],
        alternatives: without_root(facts),
    }
}

/// No package can serve this server, and its major looks for extensions in one place.
pub fn nobody_packages_it(facts: &SystemFacts, cluster: &Cluster, answer: &ServerAnswer) -> Refusal {
    let whose = match provider(cluster) {
        Provider::OtherPackage(package) => format!("belongs to the package {package}"),
        _ => "belongs to no package".to_owned(),
    };
    Refusal::Unavailable {
        fact: format!(
            "there is no pgvector package for the server on {}: its library directory {} {whose}, and PostgreSQL before \
             {FIRST_MAJOR} looks for extensions nowhere else",
            cluster.description(),
            answer.library_directory.display()
        ),
        alternatives: compiled(facts, cluster),
    }
}

pub fn no_package_to_unpack(
    facts: &SystemFacts,
    cluster: &Cluster,
    answer: &ServerAnswer,
    package: &str,
) -> Refusal {
    Refusal::Unavailable {
        fact: format!(
            "the server on {} could load an unpacked {package}, which no repository of this machine offers; its own \
             library directory is {}",
            cluster.description(),
            answer.library_directory.display()
        ),
        alternatives: compiled(facts, cluster),
    }
}

pub fn overlay_of_another(settings: &Settings, cluster: &Cluster) -> Refusal {
    let port = settings
        .port
        .map_or(String::new(), |port| format!(" --port {port}"));
    Refusal::Blocked {
        fact: format!(
            "pgvector would be unpacked for the server on {}, where its owner can read it",
            cluster.description()
        ),
        hint: format!("sudo pgvector-setup up --target system{port}"),
    }
}

pub fn colon_in_path(directory: &Path) -> Refusal {
    Refusal::Blocked {
        fact: format!(
            "{} has a colon in it, which separates the directories of {CONTROL_PATH}",
            directory.display()
        ),
        hint: "pgvector-setup up --target system --directory DIR".to_owned(),
    }
}

pub fn fixed_by_command_line(name: &str) -> Refusal {
    Refusal::Blocked {
        fact: format!("the server was started with {name} on its command line, which no file can change"),
        hint: format!("start it without -c {name}=…, then run this again"),
    }
}

/// pgvector built for this very server, or another server. Without OPTFLAGS="" the build is for this machine's processor
/// alone (README of pgvector).
fn compiled(facts: &SystemFacts, cluster: &Cluster) -> Vec<String> {
    let mut alternatives = Vec::new();
    if let Some(binaries) = &cluster.binaries {
        alternatives.push(format!(
            "in pgvector's source: make OPTFLAGS=\"\" PG_CONFIG={0}/pg_config install",
            binaries.display()
        ));
    }
    alternatives.extend(without_root(facts));
    alternatives
}

fn written_to(cluster: &Cluster) -> String {
    format!("/usr/share/postgresql/{}/extension", cluster.major)
}

fn read_from(answer: &ServerAnswer) -> String {
    let system = answer.share_directory.display().to_string();
    let path = answer.search_paths.iter().find(|path| path.name == CONTROL_PATH);
    let places = path.map_or("$system", |path| path.value.as_str());
    let places: Vec<String> = places
        .split(':')
        .map(|place| format!("{}/extension", place.replace("$system", &system)))
        .collect();
    places.join(", ")
}
