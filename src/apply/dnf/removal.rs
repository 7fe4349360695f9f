//! Taking back what dnf did for us: exactly the packages that were absent, never data without consent.

use std::path::Path;
use std::time::Duration;

use super::{CLUSTER_DEADLINE, PACKAGES_DEADLINE, REFRESH_DEADLINE, RpmError, UNDO, command, run_dnf, words};
use crate::apply::ApplyError;
use crate::apply::apt::Waits;
use crate::error::Result;
use crate::facts::dnf::{DNF, HOME, data_directory, parse_simulation};
use crate::host::{Command, Host, Privilege};
use crate::plan::{Package, Undo};

/// # Errors
/// [`RpmError::WouldRemove`] when packages that are not ours would go as well.
pub async fn undo(host: &Host, undo: &Undo, waits: Waits<'_>) -> Result<Option<String>> {
    match undo {
        Undo::StopSystemCluster { cluster, .. } => systemctl(host, &["stop"], unit(cluster)).await?,
        Undo::DisableService { cluster } => systemctl(host, &["disable", "--now"], unit(cluster)).await?,
        Undo::DropSystemCluster { cluster, .. } => drop_cluster(host, unit(cluster)).await?,
        Undo::RemovePackages { packages, .. } => remove_packages(host, packages, waits).await?,
        Undo::ResetModule { module, file } => reset_module(host, module, file, waits).await?,
        Undo::RemoveRpmRepository {
            path,
            content,
            key,
            imported,
            ..
        } => return remove_repository(host, path, content, key, imported.as_deref(), waits).await,
        _ => {}
    }
    Ok(None)
}

/// `17/postgresql-17`
fn unit(cluster: &str) -> &str {
    cluster.split_once('/').map_or(cluster, |(_, unit)| unit)
}

/// A unit whose package is gone already is no error.
async fn systemctl(host: &Host, verb: &[&str], unit: &str) -> Result<()> {
    if !has_unit(host, unit) {
        return Ok(());
    }
    let mut argv = words(&["/usr/bin/systemctl"]);
    argv.extend(words(verb));
    argv.push(format!("{unit}.service"));
    host.run(&command(&argv, "stop the server", CLUSTER_DEADLINE))
        .await?;
    Ok(())
}

fn has_unit(host: &Host, unit: &str) -> bool {
    ["/usr/lib/systemd/system", "/etc/systemd/system"]
        .iter()
        .any(|directory| host.exists(&Path::new(directory).join(format!("{unit}.service"))))
}

/// The data directory with all in it, and the log that the setup command keeps beside it.
async fn drop_cluster(host: &Host, unit: &str) -> Result<()> {
    systemctl(host, &["stop"], unit).await?;
    let data = data_directory(host, unit);
    let parent = data.parent().unwrap_or(&data).to_owned();
    let remove = Command::new("/usr/bin/rm", "destroy the cluster")
        .arguments(words(&["--recursive", "--force", "--one-file-system", "--"]))
        .argument(&data)
        .argument(parent.join("initdb.log"))
        .argument(parent.join(format!("initdb_{unit}.log")))
        .privilege(Privilege::Root)
        .deadline(CLUSTER_DEADLINE);
    host.run(&remove).await?;
    if has_unit(host, unit) {
        return Ok(());
    }
    // Packages that went before the data could not take the directories that are theirs along.
    let homes = [parent.as_path(), Path::new(HOME)];
    let remove = Command::new("/usr/bin/rmdir", "remove the empty directories of the cluster")
        .argument("--ignore-fail-on-non-empty")
        .arguments(homes.iter().filter(|home| home.starts_with(HOME)))
        .privilege(Privilege::Root)
        // 1: one of them is gone already.
        .accept([1])
        .deadline(CLUSTER_DEADLINE);
    host.run(&remove).await?;
    Ok(())
}

async fn remove_packages(host: &Host, packages: &[Package], waits: Waits<'_>) -> Result<()> {
    let names = still_installed(host, packages).await?;
    if names.is_empty() {
        return Ok(());
    }
    refuse_others(host, &names).await?;
    let mut argv = words(&[DNF, "-y", "remove", "--noautoremove"]);
    argv.extend(names);
    let remove = command(&argv, "remove the packages", PACKAGES_DEADLINE);
    run_dnf(host, &remove, UNDO, waits).await?;
    Ok(())
}

async fn still_installed(host: &Host, packages: &[Package]) -> Result<Vec<String>> {
    let query = Command::new("/usr/bin/rpm", "see which of our packages are there")
        .arguments(["--query", "--all", "--queryformat", "%{NAME}\\n"])
        .deadline(Duration::from_secs(30));
    let text = host.run(&query).await?.stdout;
    let is_ours = |name: &&str| packages.iter().any(|package| package.name == *name);
    let mut names: Vec<String> = text.lines().filter(is_ours).map(str::to_owned).collect();
    names.dedup();
    Ok(names)
}

/// Asks dnf what else would go.
async fn refuse_others(host: &Host, names: &[String]) -> Result<()> {
    let simulation = Command::new(DNF, "ask dnf what the removal would do")
        .arguments(["--cacheonly", "remove", "--assumeno", "--noautoremove"])
        .arguments(names)
        .privilege(Privilege::Root)
        .accept([1])
        .deadline(Duration::from_secs(60));
    let output = host.run(&simulation).await?;
    let mut others = parse_simulation(&output.stdout, &output.stderr).removed;
    others.retain(|other| !names.contains(other));
    if others.is_empty() {
        return Ok(());
    }
    Err(ApplyError::Rpm(RpmError::WouldRemove { others }).into())
}

/// dnf leaves a file that says nothing, where there was none.
async fn reset_module(host: &Host, module: &str, file: &Path, waits: Waits<'_>) -> Result<()> {
    if !host.exists(file) {
        return Ok(());
    }
    let argv = words(&[DNF, "-y", "module", "reset", module]);
    let reset = command(&argv, "give the module back its own state", REFRESH_DEADLINE);
    run_dnf(host, &reset, UNDO, waits).await?;
    let text = host.read_text(file)?.unwrap_or_default();
    if text.lines().any(|line| line.trim() == "state=") {
        host.remove_root_files(&[file]).await?;
    }
    Ok(())
}

async fn remove_repository(
    host: &Host,
    path: &Path,
    content: &str,
    key: &Path,
    imported: Option<&str>,
    waits: Waits<'_>,
) -> Result<Option<String>> {
    if host.read_text(path)?.is_some_and(|found| found != content) {
        return Ok(Some(format!(
            "{} and its key: it was changed since",
            path.display()
        )));
    }
    // The file first: without its key it would break every use of dnf.
    host.remove_root_files(&[path, key]).await?;
    remove_caches(host, content).await?;
    let Some(imported) = imported else {
        return Ok(None);
    };
    let query = command(
        &words(&["/usr/bin/rpm", "--query", imported]),
        "look for the key",
        REFRESH_DEADLINE,
    );
    if host.run(&query.accept([1])).await?.code == 0 {
        let argv = words(&["/usr/bin/rpm", "--erase", imported]);
        let forget = command(&argv, "have rpm forget the key", REFRESH_DEADLINE);
        run_dnf(host, &forget, UNDO, waits).await?;
    }
    Ok(None)
}

/// What dnf read of our repositories, and the keyring that it keeps with that: `/var/cache/dnf/pgdg17-0123456789abcdef`,
/// and files that begin as the repository's name does. A key that is trusted no more must not be found there again.
async fn remove_caches(host: &Host, content: &str) -> Result<()> {
    let ids = content
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    let ids: Vec<&str> = ids.collect();
    let is_ours = |name: &String| {
        ids.iter().any(|id| {
            let rest = name.strip_prefix(id);
            rest.is_some_and(|rest| rest == ".solv" || rest == "-filenames.solvx" || is_digest(rest))
        })
    };
    for directory in ["/var/cache/dnf", "/var/cache/libdnf5"] {
        let directory = Path::new(directory);
        let ours: Vec<_> = host
            .list(directory)
            .into_iter()
            .filter(is_ours)
            .map(|name| directory.join(name))
            .collect();
        if ours.is_empty() {
            continue;
        }
        let remove = Command::new("/usr/bin/rm", "remove what dnf read of the repository")
            .arguments(words(&["--recursive", "--force", "--one-file-system", "--"]))
            .arguments(ours)
            .privilege(Privilege::Root)
            .deadline(REFRESH_DEADLINE);
        host.run(&remove).await?;
    }
    Ok(())
}

/// `-0123456789abcdef`
fn is_digest(rest: &str) -> bool {
    let digest = rest.strip_prefix('-').unwrap_or_default();
    digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}
