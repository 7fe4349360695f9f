//! Taking back an installation: exactly the packages that were absent before it, and never data without consent.

use std::path::Path;
use std::time::Duration;

use super::{PACKAGES_DEADLINE, PackageError, Waits, command, run_packages};
use crate::apply::ApplyError;
use crate::error::Result;
use crate::facts::apt::parse_simulation;
use crate::facts::clusters::{self, Cluster, ClusterStatus};
use crate::host::{Command, Host};
use crate::plan::Package;

/// Stops and destroys one cluster (`17/main`) of ours. A cluster that is gone already is no error.
pub async fn drop_cluster(host: &Host, cluster: &str) -> Result<()> {
    let there = clusters::gather(host).await?;
    let Some(found) = there
        .iter()
        .find(|found| format!("{}/{}", found.major, found.name) == cluster)
    else {
        return Ok(());
    };
    let argv = [
        "/usr/bin/pg_dropcluster",
        "--stop",
        &found.major.to_string(),
        &found.name,
    ]
    .map(str::to_owned);
    host.run(&command(
        &argv,
        "destroy the cluster",
        Duration::from_secs(5 * 60),
    ))
    .await?;
    Ok(())
}

/// Stops one cluster (`17/main`); one that is down or gone is no error.
pub async fn stop_cluster(host: &Host, cluster: &str) -> Result<()> {
    let there = clusters::gather(host).await?;
    let is_meant = |found: &&Cluster| format!("{}/{}", found.major, found.name) == cluster;
    let Some(found) = there
        .iter()
        .filter(|found| found.status == ClusterStatus::Online)
        .find(is_meant)
    else {
        return Ok(());
    };
    let argv = if host.is_directory(Path::new("/run/systemd/system")) {
        let unit = format!("postgresql@{}-{}.service", found.major, found.name);
        vec!["/usr/bin/systemctl".to_owned(), "stop".to_owned(), unit]
    } else {
        [
            "/usr/bin/pg_ctlcluster",
            &found.major.to_string(),
            &found.name,
            "stop",
            "--",
            "-m",
            "fast",
        ]
        .map(str::to_owned)
        .to_vec()
    };
    host.run(&command(&argv, "stop the cluster", Duration::from_secs(5 * 60)))
        .await?;
    Ok(())
}

/// Removes packages of ours, with their configuration; but a server that still has a cluster on disk keeps cluster and
/// configuration (its purge would destroy the data). Packages that are gone already are skipped. Marks of other packages
/// were never changed: an installation names only packages that are absent.
///
/// Returns what stays and why, or `None` when all is gone.
///
/// # Errors
/// [`PackageError::WouldRemove`] when packages that are not ours depend on ours by now.
pub async fn remove_packages(host: &Host, packages: &[Package], waits: Waits<'_>) -> Result<Option<String>> {
    let names = still_installed(host, packages).await?;
    if names.is_empty() {
        return Ok(None);
    }
    let kept: Vec<String> = clusters::remains(host)
        .into_iter()
        .filter(|cluster| names.iter().any(|name| is_server_of(name, cluster)))
        .collect();
    let verb = if kept.is_empty() { "purge" } else { "remove" };
    refuse_others(host, verb, &names).await?;
    // Without an init system the packages' scripts leave the server running on files that are gone.
    for cluster in &kept {
        stop_cluster(host, cluster).await?;
    }
    let mut argv: Vec<String> = ["/usr/bin/apt-get", verb, "-y", "-o", "DPkg::Lock::Timeout=300"]
        .map(str::to_owned)
        .to_vec();
    argv.extend(names);
    run_packages(host, &argv, "remove the packages", PACKAGES_DEADLINE, waits).await?;
    Ok((!kept.is_empty()).then(|| {
        format!(
            "the data of cluster {} in /var/lib/postgresql and its configuration in /etc/postgresql: \
             data is only removed with consent",
            kept.join(", ")
        )
    }))
}

/// `postgresql-17` and `17/main`.
fn is_server_of(package: &str, cluster: &str) -> bool {
    let major = cluster.split('/').next().unwrap_or_default();
    package.strip_prefix("postgresql-") == Some(major)
}

async fn still_installed(host: &Host, packages: &[Package]) -> Result<Vec<String>> {
    let Some(dpkg_query) = host.which("dpkg-query") else {
        return Ok(Vec::new());
    };
    let query = Command::new(dpkg_query, "see which of our packages are there")
        .arguments(["--show", "--showformat", "${db:Status-Status} ${Package}\\n"])
        .deadline(Duration::from_secs(10));
    let text = host.run(&query).await?.stdout;
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut names: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(state, name)| !["not-installed", "config-files"].contains(state) && is_ours(name))
        .map(|(_, name)| name.to_owned())
        .collect();
    names.dedup();
    Ok(names)
}

/// Asks apt what else would go.
async fn refuse_others(host: &Host, verb: &str, names: &[String]) -> Result<(), crate::Error> {
    let simulation = Command::new("/usr/bin/apt-get", "ask apt what the removal would do")
        .arguments(["--simulate", verb])
        .arguments(names)
        .deadline(Duration::from_secs(30));
    let output = host.run(&simulation).await?;
    let mut others = parse_simulation(&output.stdout, &output.stderr).removed;
    others.retain(|other| !names.contains(other));
    if others.is_empty() {
        return Ok(());
    }
    Err(ApplyError::Packages(PackageError::WouldRemove { others }).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_package_of_a_major_owns_its_clusters() {
        for (package, cluster, expected) in [
            ("postgresql-17", "17/main", true),
            ("postgresql-17-pgvector", "17/main", false),
            ("postgresql-17", "15/main", false),
            ("postgresql", "17/main", false),
        ] {
            assert_eq!(is_server_of(package, cluster), expected, "{package} {cluster}");
        }
    }
}
