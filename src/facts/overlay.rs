//! Where pgvector can be unpacked for one server alone: PostgreSQL 18 and later look for extensions in more than one place
//! (`extension_control_path`), so that nothing of the system has to be changed for it.

use std::path::PathBuf;

use super::Layout;
use super::system::SystemFacts;
use crate::error::Result;
use crate::host::Host;
use crate::settings::Settings;

/// The first major that has `extension_control_path` (release notes of PostgreSQL 18).
pub const FIRST_MAJOR: u16 = 18;

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct OverlayFacts {
    /// `extensions` in the root of our own directories.
    pub directory: PathBuf,
    /// It and what is in it, as far as it is there.
    pub present: Vec<PathBuf>,
}

impl OverlayFacts {
    pub fn gather(host: &Host, settings: &Settings, facts: &SystemFacts) -> Result<Self> {
        let directory = Layout::new(host.account(), host.environment(), settings)?
            .root
            .join("extensions");
        let mut present = Vec::new();
        if host.is_directory(&directory) {
            present.push(directory.clone());
        }
        for major in facts.clusters.iter().map(|cluster| cluster.major) {
            let of_major = directory.join(major.to_string());
            if host.is_directory(&of_major) && !present.contains(&of_major) {
                let versions = host.list(&of_major);
                present.extend(versions.into_iter().map(|version| of_major.join(version)));
                present.push(of_major);
            }
        }
        Ok(Self { directory, present })
    }
}
