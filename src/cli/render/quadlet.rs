//! `render quadlet`.

use std::path::Path;

use super::super::Ui;
use super::super::arguments::Written;
use super::files;
use crate::error::{Exit, Result};
use crate::host::{Host, quote_word};
use crate::render::quadlet::{prefix, role_secret, superuser_secret, units};
use crate::settings::Settings;

pub(super) fn run(host: &Host, settings: &Settings, wanted: &Written, ui: &Ui) -> Result<Exit> {
    let rendering = units(settings)?;
    files::output(host, &rendering, wanted, ui, |directory| {
        next(settings, directory, host.is_root())
    })
}

/// What is to be typed, one line each: root's units and a user's are in different places.
fn next(settings: &Settings, directory: &Path, is_root: bool) -> Vec<String> {
    let prefix = prefix(settings);
    let (place, user) = if is_root {
        ("/etc/containers/systemd", "")
    } else {
        ("~/.config/containers/systemd", " --user")
    };
    let generated = "openssl rand -hex 24 | tr -d '\\n' |";
    let create = |secret: String| format!("{generated} podman secret create {secret} -");
    let role = match &settings.role_password_file {
        Some(file) => format!(
            "podman secret create {} {}",
            role_secret(&prefix),
            quote_word(&file.display().to_string())
        ),
        None => create(role_secret(&prefix)),
    };
    let directory = directory.display().to_string();
    let is_in_place = directory.ends_with("/containers/systemd");
    let copy = (!is_in_place).then(|| format!("cp {}/{prefix}* {place}/", quote_word(&directory)));
    let mut lines = vec![create(superuser_secret(&prefix)), role];
    lines.extend(copy);
    lines.push(format!("systemctl{user} daemon-reload"));
    lines.push(format!("systemctl{user} start {prefix}-migrate.service"));
    lines
}
