//! Which package manager target `system` works through.

use super::os::{Family, OperatingSystem};
use super::privilege::Elevation;
use crate::host::Host;
use crate::settings::{PackageSettings, Source};

/// A package manager that this program knows how to work with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// Also what receipts of before there was a choice mean.
    #[default]
    Apt,
    Dnf,
    Brew,
}

/// The operating system's own package manager; Homebrew on macOS, where it is asked for, and for a user who cannot use
/// the operating system's. `None` where none of them is there.
pub fn detect(
    host: &Host,
    os: &OperatingSystem,
    elevation: Elevation,
    packages: &PackageSettings,
) -> Option<Manager> {
    let native = match os.family {
        Family::Debian => host.which("apt-get").map(|_| Manager::Apt),
        Family::RedHat => host.which("dnf").map(|_| Manager::Dnf),
        _ => None,
    };
    let brew = super::brew::program(host).map(|_| Manager::Brew);
    match packages.source {
        Some(Source::Brew) => brew,
        Some(Source::Distro | Source::Pgdg) => native,
        // One that this user may not change is of no more use than the system's.
        None if elevation == Elevation::None && super::brew::is_changeable(host) => brew.or(native),
        None => native.or(brew),
    }
}
