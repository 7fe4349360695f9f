//! `render compose | kubernetes | monitoring | quadlet | sql | systemd`.

mod compose;
mod files;
mod kubernetes;
mod monitoring;
mod quadlet;
mod sql;
mod systemd;

pub use kubernetes::Kubernetes;
pub use monitoring::Monitoring;
pub use sql::Sql;
pub use systemd::Systemd;

use super::Ui;
use super::arguments::Render;
use std::path::Path;

use crate::error::{Exit, Result};
use crate::host::Host;
use crate::settings::Settings;

/// `config` is the settings file that was named, if one was.
pub(super) async fn run(
    host: &Host,
    settings: &Settings,
    config: Option<&Path>,
    command: Render,
    ui: &Ui,
) -> Result<Exit> {
    match command {
        Render::Compose(wanted) => compose::run(host, settings, &wanted, ui),
        Render::Kubernetes(wanted) => kubernetes::run(host, settings, &wanted, ui),
        Render::Monitoring(wanted) => monitoring::run(host, &wanted, ui),
        Render::Quadlet(wanted) => quadlet::run(host, settings, &wanted, ui),
        Render::Sql(wanted) => sql::run(host, settings, &wanted, ui),
        Render::Systemd(wanted) => systemd::run(host, settings, config, &wanted, ui),
    }
}
