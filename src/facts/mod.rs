//! Host -> Facts: what is here, by read-only probes.

pub mod answer;
pub mod apt;
pub mod binaries;
pub mod brew;
pub mod bundle;
pub mod cluster;
pub mod clusters;
pub mod dnf;
pub mod docker;
pub mod embedded;
mod error;
pub mod extension_package;
pub mod layout;
pub mod manager;
pub mod meant;
pub mod network;
pub mod openpgp;
pub mod os;
pub mod os_release;
pub mod overlay;
pub mod packages;
pub mod privilege;
pub mod project;
pub mod provider;
pub mod running;
pub mod service;
pub mod site;
pub mod system;

pub use error::FactsError;
pub use layout::Layout;
