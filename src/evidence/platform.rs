//! The names under which `evidence.toml` knows an operating system.

use super::rows;
use crate::facts::os::{Family, Libc, OperatingSystem};
use crate::settings::Source;

/// Every name that fits, the most particular first.
pub fn of(os: &OperatingSystem) -> Vec<String> {
    let mut platforms = vec![format!("{}:{}", os.id, os.version_id)];
    match os.family {
        Family::Debian => platforms.push(base(os)),
        Family::RedHat if !["fedora", "amzn"].contains(&os.id.as_str()) => {
            let major = os.version_id.split('.').next().unwrap_or_default();
            platforms.push(format!("el:{major}"));
        }
        Family::MacOs => platforms.push("macos".to_owned()),
        _ => {}
    }
    if matches!(os.libc, Libc::Glibc { .. }) {
        platforms.push("linux".to_owned());
    }
    platforms
}

/// PGDG's suite for a Debian, an Ubuntu or a derivative: that of the release it is built on. `None` where PGDG has none
/// for that release or architecture.
pub fn pgdg_suite(os: &OperatingSystem) -> Option<String> {
    let base = base(os);
    let has_it = |row: &&super::table::Candidate| {
        row.source == Source::Pgdg
            && row.platforms.contains(&base)
            && row.architectures.contains(&os.architecture)
    };
    rows().candidate.iter().find(has_it)?;
    Some(format!("{}-pgdg", base.strip_prefix("apt:")?))
}

/// The codename of the base, a derivative's own one translated.
fn base(os: &OperatingSystem) -> String {
    let own = format!("apt:{}", os.base_codename);
    let alias = rows().alias.iter().find(|row| row.platform == own);
    alias.map_or(own, |row| row.is.clone())
}
