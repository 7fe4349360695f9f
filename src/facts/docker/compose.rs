//! Which compose is here, and what each of them has to be told.

use std::path::Path;
use std::time::Duration;

use super::command::question;
use super::engine::{Engine, Kind};
use crate::host::Host;

/// docker-compose 1.29 is a Python program, which takes a second to say its version on a slow machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A compose that works with the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compose {
    /// `docker compose`, `docker-compose` or `podman-compose`: what comes before the arguments.
    pub words: Vec<String>,
    /// As it says: `2.29.7`, `1.29.2`.
    pub version: String,
    /// Whether it knows `--profile`; podman-compose does since 1.0.6 and starts what is named without it before.
    pub knows_profiles: bool,
}

impl Compose {
    /// The command line that brings one service of a project up; it runs in the project's directory, where every compose
    /// looks for the files, the user's `compose.override.yaml` among them.
    pub fn up(&self, project: &str, service: &str) -> Vec<String> {
        let mut words = self.words.clone();
        words.extend(["-p".to_owned(), project.to_owned()]);
        if self.knows_profiles {
            words.extend(["--profile".to_owned(), "postgres".to_owned()]);
        }
        words.extend(["up", "-d", service].map(str::to_owned));
        words
    }
}

/// The first that answers: the engine's own plugin, then the programs of their own.
pub(super) async fn gather(host: &Host, engine: &Engine) -> Option<Compose> {
    let own = (engine.program.clone(), vec!["compose"]);
    let standalone = |name: &str| Some((host.which_as_user(name)?, Vec::new()));
    let candidates = match engine.kind {
        Kind::Docker => [Some(own), standalone("docker-compose")],
        // podman's own subcommand looks for one of the others and starts it.
        Kind::Podman => [standalone("podman-compose"), Some(own)],
    };
    for (program, words) in candidates.into_iter().flatten() {
        if let Some(compose) = ask(host, &program, &words).await {
            return Some(compose);
        }
    }
    None
}

async fn ask(host: &Host, program: &Path, words: &[&str]) -> Option<Compose> {
    let is_podman_compose = program.file_name().is_some_and(|name| name == "podman-compose");
    let mut command = question(host, program, "ask for the version of compose")
        .deadline(DEADLINE)
        .arguments(words.iter().copied())
        .argument("version");
    if !is_podman_compose {
        command = command.argument("--short");
    }
    let output = host.run(&command).await.ok()?;
    let version = read_version(&output.stdout)?;
    Some(Compose {
        knows_profiles: !is_podman_compose || is_at_least(&version, [1, 0, 6]),
        words: shown(program, words),
        version,
    })
}

fn shown(program: &Path, words: &[&str]) -> Vec<String> {
    let first = program.display().to_string();
    std::iter::once(first)
        .chain(words.iter().map(|word| (*word).to_owned()))
        .collect()
}

/// The first word that begins with a digit, as `v2.20.3` and `1.29.2` do. podman-compose tells podman's version as well, on
/// lines of their own.
fn read_version(text: &str) -> Option<String> {
    let own = text.lines().find(|line| line.contains("podman-compose"));
    let words = own
        .unwrap_or(text)
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'));
    let mut versions = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    versions
        .next()
        .map(|version| version.trim_end_matches(',').to_owned())
}

fn is_at_least(version: &str, least: [u32; 3]) -> bool {
    let mut parts = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    let found = [(); 3].map(|()| parts.next().unwrap_or(0));
    found >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compose_says_its_version_in_its_own_way() {
        for (text, version) in [
            ("1.29.2\n", Some("1.29.2")),
            ("2.29.7\n", Some("2.29.7")),
            ("Docker Compose version v2.20.3\n", Some("2.20.3")),
            ("docker-compose version 1.29.2, build unknown\n", Some("1.29.2")),
            (
                include_str!("../../../tests/fixtures/docker/podman-compose-version.txt"),
                Some("1.0.3"),
            ),
            ("", None),
        ] {
            assert_eq!(read_version(text).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn one_service_is_brought_up_in_the_words_of_each_compose() {
        let plugin = Compose {
            words: vec!["/usr/bin/docker".into(), "compose".into()],
            version: "2.29.7".into(),
            knows_profiles: true,
        };
        let old = Compose {
            words: vec!["/usr/bin/podman-compose".into()],
            version: "1.0.3".into(),
            knows_profiles: is_at_least("1.0.3", [1, 0, 6]),
        };
        assert_eq!(
            plugin.up("p", "database").join(" "),
            "/usr/bin/docker compose -p p --profile postgres up -d database"
        );
        assert_eq!(
            old.up("p", "database").join(" "),
            "/usr/bin/podman-compose -p p up -d database"
        );
    }
}
