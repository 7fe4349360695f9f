//! The embedded cluster of this instance: is it there, is it whole, does it run. Read from its files, no child needed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Layout;
use crate::host::{Host, HostError, process_serves};

/// A cluster's data directory that is complete.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cluster {
    pub major: u16,
    /// `system_identifier` of its control file: what tells our server from any other.
    pub system_identifier: u64,
    pub port: u16,
    pub socket_directory: PathBuf,
    /// The user id that owns the data directory.
    pub owner: u32,
    /// The postmaster's process id when one is alive.
    pub running: Option<u32>,
}

/// What stands where the data directory belongs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterFacts {
    Absent,
    Present(Cluster),
    /// Something is there that is no whole cluster of ours.
    Unusable {
        why: String,
    },
}

/// Longest that a server takes to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// First 8 bytes of `global/pg_control`: `system_identifier`, then `pg_control_version`, in the machine's own byte order (catalog/pg_control.h).
const CONTROL_FILE: &str = "global/pg_control";

pub fn gather(host: &Host, layout: &Layout) -> Result<ClusterFacts, HostError> {
    read(host, &layout.data)
}

fn read(host: &Host, data: &Path) -> Result<ClusterFacts, HostError> {
    if !host.exists(data) {
        return Ok(ClusterFacts::Absent);
    }
    let unusable = |why: &str| {
        Ok(ClusterFacts::Unusable {
            why: format!("{} {why}", data.display()),
        })
    };
    if !host.is_directory(data) {
        return unusable("is not a directory");
    }
    let owner = host.owner_of(data)?;
    let ours = host.account().uid;
    if ours != 0 && owner != ours {
        return unusable(&format!("belongs to user id {owner}"));
    }
    let Some(version) = host.read_text(&data.join("PG_VERSION"))? else {
        return unusable("holds no PostgreSQL cluster (no PG_VERSION)");
    };
    let Ok(major) = version.trim().parse() else {
        return unusable("has a PG_VERSION that is no number");
    };
    let control = match host.read(&data.join(CONTROL_FILE)) {
        Ok(bytes) if bytes.len() >= 12 => bytes,
        _ => return unusable("has no control file, so its initialisation never ended"),
    };
    let system_identifier = u64::from_ne_bytes(control[..8].try_into().expect("8 bytes"));
    let format = u32::from_ne_bytes(control[8..12].try_into().expect("4 bytes"));
    if !is_format_of(major, format) {
        return unusable(&format!(
            "says PostgreSQL {major} in PG_VERSION, but its control file is of another major"
        ));
    }
    let configuration = host.read_text(&data.join("postgresql.conf"))?.unwrap_or_default();
    let port = setting(&configuration, "port").and_then(|value| value.parse().ok());
    let socket_directory = setting(&configuration, "unix_socket_directories");
    let (Some(port), Some(socket_directory)) = (port, socket_directory) else {
        return unusable(
            "is a cluster that pgvector-setup did not make (no port and socket directory of ours)",
        );
    };
    let running = running_postmaster(host, data)?;
    Ok(ClusterFacts::Present(Cluster {
        major,
        system_identifier,
        port,
        socket_directory: socket_directory.into(),
        owner,
        running,
    }))
}

/// Whether a control file of this format can be that major's: the next 4 bytes of it, `pg_control_version`
/// (PG_CONTROL_VERSION in catalog/pg_control.h, which grows with the major it first came with).
fn is_format_of(major: u16, format: u32) -> bool {
    match major {
        13..=16 => format == 1300,
        17 => format == 1700,
        18 => format == 1800,
        _ => true,
    }
}

/// The ports of the other instances in the same place, whether they run or not.
pub fn ports_kept_beside(host: &Host, layout: &Layout) -> Vec<u16> {
    let instances = layout.root.join("instances");
    host.list(&instances)
        .iter()
        .filter_map(|name| {
            let configuration = instances.join(name).join("data/postgresql.conf");
            let text = host.read_text(&configuration).ok().flatten()?;
            setting(&text, "port")?.parse().ok()
        })
        .collect()
}

/// The last `name = value` of a postgresql.conf, as the server reads it.
pub(super) fn setting(configuration: &str, name: &str) -> Option<String> {
    let value = configuration.lines().rev().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim())
    })?;
    let value = value.split(" #").next().unwrap_or(value).trim();
    Some(value.trim_matches('\'').replace("''", "'"))
}

/// The first line of `postmaster.pid`, if that process is alive and serves `data`. The file outlives a killed server, and
/// after a reboot its number may belong to anybody.
pub fn running_postmaster(host: &Host, data: &Path) -> Result<Option<u32>, HostError> {
    let text = host.read_text(&data.join("postmaster.pid"))?.unwrap_or_default();
    let pid = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse::<u32>().ok());
    Ok(pid.filter(|pid| process_serves(*pid, data)))
}

/// Whether a living postmaster wrote that it accepts connections.
pub fn is_ready(host: &Host, data: &Path) -> bool {
    has_status(host, data, "ready")
}

/// Waits until a server that is stopping has stopped: it neither answers any more nor is its port free yet.
pub async fn settle(host: &Host, data: &Path) {
    let began = Instant::now();
    while has_status(host, data, "stopping") && began.elapsed() < STOP_DEADLINE {
        tokio::time::sleep(POLL).await;
    }
}

/// What a living postmaster last wrote of itself: line 8 of `postmaster.pid` (miscadmin.h).
fn has_status(host: &Host, data: &Path, status: &str) -> bool {
    if !matches!(running_postmaster(host, data), Ok(Some(_))) {
        return false;
    }
    let text = host
        .read_text(&data.join("postmaster.pid"))
        .ok()
        .flatten()
        .unwrap_or_default();
    text.lines().nth(7).is_some_and(|line| line.trim() == status)
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn the_last_setting_counts_and_comments_do_not() {
        let configuration = "#port = 5432\t# (change requires restart)\nport = 5433\nport = 54329\nunix_socket_directories = '/a''b'\n";
        assert_eq!(setting(configuration, "port").as_deref(), Some("54329"));
        assert_eq!(
            setting(configuration, "unix_socket_directories").as_deref(),
            Some("/a'b")
        );
        assert_eq!(setting(configuration, "fsync"), None);
    }
}
