//! What an upgrade depends on: whose pgvector's library is, how old the metadata is, what dnf would do.

use std::path::Path;

use super::{CACHES, PROBE_DEADLINE, Simulation, dnf, simulation};
use crate::facts::privilege::Elevation;
use crate::host::{Command, Host, HostError};

/// The package that owns pgvector's library in a server's library directory; `None` where no package does.
///
/// # Errors
/// [`HostError`] when rpm does not answer within 60 s.
pub async fn owner_of_library(host: &Host, directory: &Path) -> Result<Option<String>, HostError> {
    let command = Command::new("/usr/bin/rpm", "ask rpm whose pgvector's library is")
        .arguments(["--query", "--queryformat", "%{NAME}\\n", "--file"])
        .argument(directory.join("vector.so"))
        // rpm(8): the number of files that nothing owns.
        .accept([1])
        .deadline(PROBE_DEADLINE);
    let output = host.run(&command).await?;
    let name = output.stdout.lines().next().map(str::trim);
    Ok(name
        .filter(|name| output.code == 0 && !name.is_empty())
        .map(str::to_owned))
}

/// Seconds since a repository's metadata was last found to be the newest; `None` where none was read. dnf touches the list
/// of packages whenever it sees that it is still current, whatever the repository's own times.
pub fn metadata_age(host: &Host) -> Option<u64> {
    let repositories = CACHES.iter().flat_map(|directory| {
        let names = host.list(Path::new(directory)).into_iter();
        names.map(|name| Path::new(directory).join(name).join("repodata"))
    });
    repositories
        .flat_map(|directory| {
            let mut names = host.list(&directory);
            names.retain(|name| name.contains("primary"));
            names.into_iter().map(move |name| directory.join(name))
        })
        .filter_map(|path| host.age(&path))
        .min()
        .map(|age| age.as_secs())
}

/// Asks dnf what upgrading one package that is there would do, as the upgrade will be run. Nothing is changed: it answers no
/// to its own question.
///
/// # Errors
/// [`HostError`] when dnf does not answer within 60 s.
pub async fn simulate_upgrade(
    host: &Host,
    elevation: Elevation,
    package: &str,
) -> Result<Simulation, HostError> {
    let command = dnf(elevation, "ask dnf what the upgrade would do")
        .arguments([
            "upgrade",
            "--assumeno",
            "--best",
            "--setopt=install_weak_deps=False",
        ])
        .argument(package)
        .accept([1]);
    let output = host.run(&command).await?;
    Ok(simulation::parse(&output.stdout, &output.stderr))
}
