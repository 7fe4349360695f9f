//! The system user that servers of root run as. Made once and left: tests that run side by side share it, and none of them
//! may take it away from the others.

#![allow(clippy::disallowed_methods, reason = "a test prepares its own ground")]

use std::process::Command;

use pgvector_setup::facts::layout::SERVICE_USER;
use pgvector_setup::host::{Environment, Host};

/// Makes the user where servers need it: as root, when it is missing.
pub fn prepare() {
    let host = Host::new(Environment::default());
    if !host.is_root() || host.account_named(SERVICE_USER).is_some() {
        return;
    }
    let made = Command::new("/usr/sbin/useradd")
        .args(["--system", "--user-group", "--no-create-home", SERVICE_USER])
        .status()
        .expect("useradd starts");
    // 9: another test was quicker (useradd(8)).
    assert!(matches!(made.code(), Some(0 | 9)), "useradd: {made}");
}
