//! What is known of pgvector by platform and by version: one data file with its sources, parsed once.
//!
//! Knowledge ages. It is asked only where the machine cannot be: [`Seen::Table`] ranks behind what a package manager says.

mod platform;
pub mod table;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use platform::pgdg_suite;
use table::Table;

use crate::facts::os::OperatingSystem;
use crate::health::advisories::{Advisory, Version};
use crate::plan::system::candidates::{Candidate, Seen};
use crate::settings::Source;

/// Every pgvector that is known for this operating system and architecture, whatever its source: a package manager's
/// plan keeps those that it can work with. Newest major first.
pub fn known(os: &OperatingSystem) -> Vec<Candidate> {
    let platforms = platform::of(os);
    let fits = |row: &&table::Candidate| {
        row.platforms.iter().any(|platform| platforms.contains(platform))
            && (row.architectures.is_empty() || row.architectures.contains(&os.architecture))
    };
    let mut candidates: Vec<Candidate> = rows()
        .candidate
        .iter()
        .filter(fits)
        .flat_map(|row| {
            row.majors.iter().map(|major| Candidate {
                major: *major,
                version: row.version.clone(),
                source: row.source,
                origin: row.origin.clone(),
                seen: Seen::Table,
            })
        })
        .collect();
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.major));
    candidates
}

/// What of [`known`] one source offers.
pub fn known_from(os: &OperatingSystem, source: Source) -> Vec<Candidate> {
    let mut candidates = known(os);
    candidates.retain(|candidate| candidate.source == source);
    candidates
}

/// Whether the operating system's own repositories are known to have no pgvector.
pub fn distribution_lacks(os: &OperatingSystem) -> bool {
    let platforms = platform::of(os);
    let mut absent = rows().absent.iter().flat_map(|row| &row.platforms);
    absent.any(|platform| platforms.contains(platform))
}

/// The version from which on pgvector has a capability: `hnsw`, `halfvec`, `iterative_scan`. `None` for one that is unknown.
pub fn floor(capability: &str) -> Option<Version> {
    let floors = &rows().floor;
    let row = floors.iter().find(|row| row.capability == capability)?;
    Some(row.since)
}

/// The container images that are known, the one to be taken by default first.
pub fn images() -> &'static [table::Image] {
    &rows().image
}

/// The images that the operator CloudNativePG runs a major from; `None` for a major that it has none for.
pub fn operand(major: u16) -> Option<&'static table::Operand> {
    rows().operand.iter().find(|row| row.majors.contains(&major))
}

/// Every known defect.
pub fn advisories() -> &'static [Advisory] {
    &rows().advisory
}

/// A file that cannot be read is a defect of the build; the tests read it.
fn rows() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| table::parse(include_str!("evidence.toml")).unwrap_or_default())
}
