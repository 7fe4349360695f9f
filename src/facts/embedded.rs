//! Everything the embedded target's plan depends on.

use std::path::{Path, PathBuf};

use super::Layout;
use super::binaries::{self, Binaries, Origin};
use super::bundle::{self, BundleFacts};
use super::cluster::{self, ClusterFacts};
use super::layout::SERVICE_USER;
use crate::digest::sha256_hex;
use crate::error::Result;
use crate::host::{Account, Host};
use crate::settings::Settings;

/// First port that is tried for a new cluster: far from 5432, so that no client reaches it by accident.
const FIRST_PORT: u16 = 54_320;
const PORTS_TRIED: u16 = 100;
/// A directory of the user's choice begins somewhere in this many ports, decided by its path: what is stopped, or is just
/// coming up elsewhere, cannot be seen, so two places should rarely want the same port.
const PORTS_SPREAD: u16 = 5_000;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EmbeddedFacts {
    pub account: Account,
    pub layout: Layout,
    pub cluster: ClusterFacts,
    /// The unprivileged system user for a server that root starts; `None` when it is missing or we are not root.
    pub service_account: Option<Account>,
    /// `useradd`, for root.
    pub useradd: Option<PathBuf>,
    pub setsid: Option<PathBuf>,
    /// The directories of the layout that are there, with mode and owner id.
    pub directories: Vec<(PathBuf, u32, u32)>,
    /// The nearest directory above the root that exists, and whether we may write there.
    pub writable: bool,
    pub existing_ancestor: PathBuf,
    pub free_bytes: Option<u64>,
    /// A port that nobody listens on, or the wanted one if it is free.
    pub free_port: Option<u16>,
    pub wanted_port_is_free: bool,
    /// Leftovers of an initialisation that was cut off.
    pub partial: Vec<PathBuf>,
    pub credentials_exist: bool,
    /// Looked at only while the server does not run.
    pub binaries: Vec<Binaries>,
    pub bundle: BundleFacts,
}

pub async fn gather(host: &Host, settings: &Settings) -> Result<EmbeddedFacts> {
    let layout = Layout::new(host.account(), host.environment(), settings)?;
    cluster::settle(host, &layout.data).await;
    let cluster = cluster::gather(host, &layout)?;
    let is_running = matches!(&cluster, ClusterFacts::Present(cluster) if cluster.running.is_some());
    let (binaries, bundle) = if is_running {
        (Vec::new(), BundleFacts::default())
    } else {
        let bundle = bundle::gather(host, &layout, settings.bundle.as_ref()).await?;
        (all_binaries(host, &layout, &bundle), bundle)
    };
    let existing_ancestor = nearest_existing(host, &layout.instance);
    let known = match &cluster {
        ClusterFacts::Present(cluster) => Some(cluster.port),
        _ => settings.port,
    };
    let wanted_port_is_free = known.is_none_or(|port| is_running || host.port_is_free(port));
    Ok(EmbeddedFacts {
        account: host.account().clone(),
        service_account: if host.is_root() {
            host.account_named(SERVICE_USER)
        } else {
            None
        },
        useradd: if host.is_root() {
            host.which("useradd")
        } else {
            None
        },
        setsid: host.which("setsid"),
        directories: present_directories(host, &layout, &cluster),
        writable: host.is_writable(&existing_ancestor),
        free_bytes: host.free_bytes(&existing_ancestor),
        existing_ancestor,
        free_port: known.or_else(|| free_port(host, &layout, settings)),
        wanted_port_is_free,
        partial: partial_directories(host, &layout),
        credentials_exist: host.exists(&layout.credentials),
        binaries,
        bundle,
        cluster,
        layout,
    })
}

/// The first port that nobody listens on and no other instance of this place has kept for itself.
fn free_port(host: &Host, layout: &Layout, settings: &Settings) -> Option<u16> {
    let first = match &settings.directory {
        None => FIRST_PORT,
        Some(_) => {
            let digest = sha256_hex(layout.root.as_os_str().as_encoded_bytes());
            let place = u16::from_str_radix(&digest[..4], 16).unwrap_or_default();
            FIRST_PORT + place % PORTS_SPREAD
        }
    };
    let kept = cluster::ports_kept_beside(host, layout);
    (first..first + PORTS_TRIED).find(|port| !kept.contains(port) && host.port_is_free(*port))
}

fn all_binaries(host: &Host, layout: &Layout, facts: &BundleFacts) -> Vec<Binaries> {
    let mut found = binaries::gather(host);
    found.extend(facts.unpacked.iter().map(|major| Binaries {
        directory: bundle::binaries(layout, *major),
        major: *major,
        pgvector: Some(bundle::PGVECTOR.to_owned()),
        origin: Origin::Bundle,
    }));
    found
}

fn nearest_existing(host: &Host, path: &Path) -> PathBuf {
    path.ancestors()
        .find(|ancestor| host.exists(ancestor))
        .unwrap_or(Path::new("/"))
        .to_owned()
}

fn present_directories(host: &Host, layout: &Layout, cluster: &ClusterFacts) -> Vec<(PathBuf, u32, u32)> {
    let socket_directory = match cluster {
        ClusterFacts::Present(cluster) => &cluster.socket_directory,
        _ => &layout.socket_directory,
    };
    let mut paths: Vec<&Path> = layout.instance.ancestors().collect();
    paths.extend([layout.bundles.as_path(), socket_directory.as_path()]);
    let seen = |path: &Path| {
        host.mode_and_owner(path)
            .map(|(mode, owner)| (path.to_owned(), mode, owner))
    };
    paths.into_iter().filter_map(seen).collect()
}

fn partial_directories(host: &Host, layout: &Layout) -> Vec<PathBuf> {
    let names = host
        .list(&layout.instance)
        .into_iter()
        .filter(|name| name.starts_with("data.partial"));
    names.map(|name| layout.instance.join(name)).collect()
}
