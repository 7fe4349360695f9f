//! Which of the servers that are there is meant.

use super::clusters::Cluster;
use crate::settings::Settings;

/// What the settings leave of the clusters that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeantCluster {
    One(Cluster),
    /// More than one could be meant.
    Several(Vec<Cluster>),
    /// `--port` names a port that no cluster has.
    NoneOnPort(u16),
    /// There is none, or none of the wanted major.
    None,
}

/// `--port` and `--pg` narrow; without `--port` the servers of other people are left alone.
pub fn meant(clusters: &[Cluster], settings: &Settings) -> MeantCluster {
    let is_meant = |cluster: &&Cluster| {
        settings
            .port
            .map_or(!cluster.is_anothers, |port| cluster.port == port)
            && settings.postgres_major.is_none_or(|major| cluster.major == major)
    };
    let mut meant: Vec<Cluster> = clusters.iter().filter(is_meant).cloned().collect();
    match (meant.len(), settings.port) {
        (0, Some(port)) => MeantCluster::NoneOnPort(port),
        (0, None) => MeantCluster::None,
        (1, _) => MeantCluster::One(meant.remove(0)),
        _ => MeantCluster::Several(meant),
    }
}
