//! One list of what is installed as a cluster and what runs.

use std::path::{Path, PathBuf};

use crate::facts::clusters::{Cluster, ClusterStatus};

/// Adds the servers that run to the clusters that a package manager lists. One that is on both lists stays as listed, and
/// learns by which programs it runs; one with several sockets is there once.
pub fn merge(listed: Vec<Cluster>, running: Vec<Cluster>) -> Vec<Cluster> {
    let mut all = listed;
    for server in running {
        match all.iter_mut().find(|cluster| is_same(cluster, &server)) {
            Some(cluster) => {
                cluster.status = ClusterStatus::Online;
                cluster.binaries = cluster.binaries.take().or(server.binaries);
            }
            None => all.push(server),
        }
    }
    all.sort_by_key(|cluster| cluster.port);
    all
}

/// Two servers may have one port, on sockets in different directories; one server never has two ports. The data directory
/// of a stranger's server may be hidden, its socket is not.
fn is_same(cluster: &Cluster, server: &Cluster) -> bool {
    let is_hidden = server.data_directory.as_os_str().is_empty();
    cluster.port == server.port
        && (cluster.data_directory == server.data_directory
            || (is_hidden && plain(&cluster.socket_directory) == plain(&server.socket_directory)))
}

/// `/var/run` is a link to `/run`.
fn plain(directory: &Path) -> PathBuf {
    match directory.strip_prefix("/var/run") {
        Ok(below) => Path::new("/run").join(below),
        Err(_) => directory.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::clusters::Origin;

    fn cluster(port: u16, data: &str, origin: Origin) -> Cluster {
        Cluster {
            major: 17,
            port,
            data_directory: data.into(),
            socket_directory: "/var/run/postgresql".into(),
            origin,
            ..Cluster::default()
        }
    }

    #[test]
    fn what_is_listed_and_runs_is_one_and_the_rest_is_added() {
        let listed = vec![
            cluster(5432, "/var/lib/postgresql/17/main", Origin::Debian),
            cluster(5433, "/var/lib/postgresql/15/main", Origin::Debian),
        ];
        let online = |mut cluster: Cluster| {
            cluster.status = ClusterStatus::Online;
            cluster.binaries = Some("/opt/pg/bin".into());
            cluster
        };
        let running = vec![
            online(cluster(5432, "/var/lib/postgresql/17/main", Origin::Other)),
            online(cluster(5434, "/srv/data", Origin::Other)),
            online(cluster(5434, "/srv/data", Origin::Other)),
        ];
        let merged = merge(listed, running);
        let shown: Vec<String> = merged
            .iter()
            .map(|cluster| format!("{} {:?} {:?}", cluster.port, cluster.origin, cluster.status))
            .collect();
        assert_eq!(
            shown,
            ["5432 Debian Online", "5433 Debian Down", "5434 Other Online"]
        );
        assert_eq!(merged[0].binaries.as_deref(), Some(Path::new("/opt/pg/bin")));
    }

    #[test]
    fn two_servers_with_one_port_in_different_places_stay_two() {
        let both = merge(
            vec![cluster(5432, "/a", Origin::Debian)],
            vec![cluster(5432, "/b", Origin::Other)],
        );
        assert_eq!(both.len(), 2);
    }
}
