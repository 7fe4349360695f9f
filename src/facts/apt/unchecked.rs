//! Repositories that others left with their checks off: packages from them come in whoever sent them.

use super::AptFacts;
use super::sources::{self, AptSource};
use crate::host::Host;

/// One place where a check is off, and the command that repairs it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unchecked {
    /// One sentence without full stop, with the file.
    pub fact: String,
    /// As it can be typed.
    pub repair: String,
}

impl std::fmt::Display for Unchecked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}; to have it checked again: {}",
            self.fact, self.repair
        )
    }
}

/// Reads the machine's sources and settings; no child is started.
pub fn read(host: &Host) -> Vec<Unchecked> {
    unchecked(&AptFacts {
        sources: sources::read(host),
        unchecked_settings: sources::unchecked_settings(host),
        ..AptFacts::default()
    })
}

/// What of the sources is not checked.
pub fn unchecked(apt: &AptFacts) -> Vec<Unchecked> {
    let sources = apt.sources.iter().flat_map(|source| {
        source.unchecked.iter().map(|option| Unchecked {
            fact: format!(
                "{} takes packages without a valid signature ({option})",
                source.file.display()
            ),
            repair: repair(source, option),
        })
    });
    let settings = apt.unchecked_settings.iter().map(|(file, setting)| {
        let file = file.display();
        Unchecked {
            fact: format!("{file} lets every repository go without a signature ({setting})"),
            repair: format!("sudo sed -i -E '/AllowInsecureRepositories|AllowUnauthenticated/d' {file}"),
        }
    });
    let is_anybodys = |source: &&AptSource| source.is_pgdg() && source.signed_by.is_empty();
    let anybodys = apt.sources.iter().filter(is_anybodys).map(|source| {
        let file = source.file.display();
        Unchecked {
            fact: format!(
                "{file} names no key (Signed-By), so that any key in /etc/apt/trusted.gpg.d may sign for it"
            ),
            repair: format!("sudo rm {file}, then pgvector-setup up --target system --source pgdg"),
        }
    });
    sources.chain(settings).chain(anybodys).collect()
}

/// A sed script for the option as it is written there.
fn repair(source: &AptSource, option: &str) -> String {
    let file = source.file.display();
    match option.split_once(": ") {
        Some((name, _)) => format!("sudo sed -i -E '/^{name}:/Id' {file}"),
        // Brackets that would be left empty go too: apt does not read them.
        None => format!("sudo sed -i -E 's/ ?{option}//; s/\\[ *\\] ?//' {file}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_unchecked_is_told_with_its_repair() {
        let mut apt = AptFacts::default();
        for (file, text) in [
            (
                "/etc/apt/sources.list.d/a.list",
                "deb [trusted=yes] http://a.example trixie-pgdg main",
            ),
            (
                "/etc/apt/sources.list.d/b.sources",
                "Types: deb\nURIs: http://b.example\nSuites: x\nTrusted: yes\n",
            ),
            (
                "/etc/apt/sources.list.d/c.sources",
                "Types: deb\nURIs: http://c.example\nSuites: x-pgdg\nSigned-By: /key\n",
            ),
        ] {
            apt.sources.extend(super::sources::parse(Path::new(file), text));
        }
        apt.unchecked_settings = vec![(
            "/etc/apt/apt.conf.d/99x".into(),
            "APT::Get::AllowUnauthenticated 1;".into(),
        )];
        let told = unchecked(&apt);
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(
            told[0].repair.contains(
                "sudo sed -i -E 's/ ?trusted=yes//; s/\\[ *\\] ?//' /etc/apt/sources.list.d/a.list"
            )
        );
        assert!(
            told[1]
                .repair
                .contains("sudo sed -i -E '/^trusted:/Id' /etc/apt/sources.list.d/b.sources")
        );
        assert!(told[2].fact.contains("/etc/apt/apt.conf.d/99x"));
        assert!(told[3].fact.contains("a.list names no key"));
    }
}
