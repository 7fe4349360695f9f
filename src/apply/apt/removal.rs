//! Taking back an installation: exactly the packages that were absent before it, and never data without consent.

use std::path::Path;
use std::time::Duration;

use super::{PACKAGES_DEADLINE, PackageError, Waits, command, run_packages, run_step};
use crate::apply::ApplyError;
use crate::apply::patience::Patience;
use crate::error::Result;
use crate::facts::apt::{DPKG_FORMAT, broken_packages, has_journal, parse_simulation};
use crate::facts::clusters::{self, Cluster, ClusterStatus};
use crate::host::{Command, Host};
use crate::plan::Package;
use crate::plan::system::settle_journal;

/// How long another program is waited for that holds apt's locks; the command line gives apt as long for dpkg's.
const LOCK_DEADLINE: Duration = Duration::from_secs(300);

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
    let Found { names, others_broken } = look(host, packages).await?;
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
    // apt-get refuses while dpkg has a journal, also one of a run of ours that was cut off. Where packages of others are
    // in it, it is theirs to repair.
    let patience = Patience::with_locks_alone(LOCK_DEADLINE);
    if has_journal(host) && !others_broken {
        run_step(host, &settle_journal(), patience, waits).await?;
    }
    // dpkg would have a package reinstalled first that it was interrupted in unpacking.
    let mut argv: Vec<String> = [
        "/usr/bin/apt-get",
        verb,
        "-y",
        "-o",
        "Dpkg::Options::=--force-remove-reinstreq",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]
    .map(str::to_owned)
    .to_vec();
    argv.extend(names);
    let remove = command(&argv, "remove the packages", PACKAGES_DEADLINE);
    run_packages(host, &remove, patience, waits).await?;
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

#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Those of the packages that are there, if only in part.
    names: Vec<String>,
    /// Whether dpkg was interrupted before it was done with any other package.
    others_broken: bool,
}

async fn look(host: &Host, packages: &[Package]) -> Result<Found> {
    let Some(dpkg_query) = host.which("dpkg-query") else {
        return Ok(Found::default());
    };
    let query = Command::new(dpkg_query, "see which of our packages are there")
        .arguments(["--show", "--showformat", DPKG_FORMAT])
        .deadline(Duration::from_secs(10));
    Ok(found(&host.run(&query).await?.stdout, packages))
}

/// Reads the output of `dpkg-query` in [`DPKG_FORMAT`].
fn found(text: &str, packages: &[Package]) -> Found {
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let plain = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let (state, package) = (words.next()?, words.nth(1)?);
        Some((state.to_owned(), plain(package)))
    };
    let mut names: Vec<String> = text
        .lines()
        .filter_map(entry)
        .filter(|(state, name)| !["not-installed", "config-files"].contains(&state.as_str()) && is_ours(name))
        .map(|(_, name)| name)
        .collect();
    names.dedup();
    let others_broken = broken_packages(text)
        .iter()
        .any(|broken| !is_ours(&plain(&broken.package)));
    Found { names, others_broken }
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
    fn ours_are_found_in_whatever_state_and_a_broken_one_of_others_is_noticed() {
        let ours = ["ssl-cert", "libpq5", "perl"].map(|name| Package {
            name: name.to_owned(),
            version: String::new(),
            origin: String::new(),
        });
        let text = "half-installed reinstreq ssl-cert 1\nunpacked ok libpq5:amd64 17\nconfig-files ok perl 5\n\
                    installed ok tzdata 2025b\n";
        let expected = |others_broken| Found {
            names: vec!["ssl-cert".to_owned(), "libpq5".to_owned()],
            others_broken,
        };
        assert_eq!(found(text, &ours), expected(false));
        let theirs = format!("{text}unpacked ok man-db 2\n");
        assert_eq!(found(&theirs, &ours), expected(true));
    }

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
