//! The repositories that dnf is configured with, from `/etc/yum.repos.d` (dnf.conf(5)).

use std::path::{Path, PathBuf};

use crate::host::Host;

pub const DIRECTORY: &str = "/etc/yum.repos.d";
const MAIN: [&str; 2] = ["/etc/dnf/dnf.conf", "/etc/yum.conf"];

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Repository {
    pub id: String,
    pub file: PathBuf,
    pub is_enabled: bool,
    /// `baseurl`, `metalink` or `mirrorlist`.
    pub address: String,
    /// `gpgcheck`, where the file says.
    pub checks_packages: Option<bool>,
    pub excludes: Vec<String>,
}

impl Repository {
    /// PGDG and its mirrors name the repository, or keep PGDG's paths: `…/17/redhat/…`, `…/17/fedora/…`.
    pub fn serves_pgdg(&self, major: u16) -> bool {
        let path = |system: &str| self.address.contains(&format!("/{major}/{system}/"));
        self.id == format!("pgdg{major}") || path("redhat") || path("fedora")
    }
}

pub fn gather(host: &Host) -> Vec<Repository> {
    let directory = Path::new(DIRECTORY);
    let names = host
        .list(directory)
        .into_iter()
        .filter(|name| name.ends_with(".repo"));
    names
        .flat_map(|name| {
            let file = directory.join(name);
            let text = host.read_text(&file).ok().flatten().unwrap_or_default();
            parse(&text, &file)
        })
        .collect()
}

/// Whether any file tells dnf to leave packages out.
pub fn has_excludes(host: &Host) -> bool {
    let in_main = MAIN
        .iter()
        .filter_map(|file| host.read_text(Path::new(file)).ok().flatten());
    let mut lines = in_main.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.any(|line| is_exclude(&line))
        || gather(host)
            .iter()
            .any(|repository| !repository.excludes.is_empty())
}

fn is_exclude(line: &str) -> bool {
    let key = line.split('=').next().unwrap_or_default().trim();
    ["exclude", "excludes", "excludepkgs", "includepkgs"].contains(&key)
}

/// The sections of one file. A repository is enabled unless the file says otherwise.
pub fn parse(text: &str, file: &Path) -> Vec<Repository> {
    let mut repositories: Vec<Repository> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(id) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            repositories.push(Repository {
                id: id.to_owned(),
                file: file.to_owned(),
                is_enabled: true,
                ..Repository::default()
            });
            continue;
        }
        let (Some(repository), Some((key, value))) = (repositories.last_mut(), line.split_once('=')) else {
            continue;
        };
        let value = value.trim();
        let is_on = ["1", "yes", "true", "on"].contains(&value.to_lowercase().as_str());
        match key.trim() {
            "enabled" => repository.is_enabled = is_on,
            "baseurl" | "metalink" | "mirrorlist" if repository.address.is_empty() => {
                repository.address = value.to_owned();
            }
            "gpgcheck" => repository.checks_packages = Some(is_on),
            _ if is_exclude(line) => {
                let names = value.split([' ', ',']).filter(|name| !name.is_empty());
                repository.excludes.extend(names.map(str::to_owned));
            }
            _ => {}
        }
    }
    repositories.retain(|repository| repository.id != "main");
    repositories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_with_what_matters_of_them() {
        let text = "# comment\n[main]\ngpgcheck=1\n[pgdg17]\nname=PostgreSQL 17\n\
            baseurl=https://mirror.example/17/redhat/rhel-$releasever-$basearch\nenabled = 0\ngpgcheck=0\n\
            [appstream]\nmirrorlist=https://mirror.example/list\nexclude=postgresql*, pgvector\n";
        let found = parse(text, Path::new("/etc/yum.repos.d/x.repo"));
        let [pgdg, appstream] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(!pgdg.is_enabled && pgdg.serves_pgdg(17) && !pgdg.serves_pgdg(16));
        assert_eq!(pgdg.checks_packages, Some(false));
        assert!(appstream.is_enabled && !appstream.serves_pgdg(17));
        assert_eq!(appstream.excludes, ["postgresql*", "pgvector"]);
    }
}
