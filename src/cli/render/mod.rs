//! `render compose | kubernetes | quadlet | sql`.

mod compose;
mod files;

use super::Ui;
use super::arguments::Render;
use crate::error::{Exit, Result};
use crate::host::Host;
use crate::render::{kubernetes, quadlet};
use crate::settings::Settings;

pub(super) async fn run(host: &Host, settings: &Settings, command: Render, ui: &Ui) -> Result<Exit> {
    match command {
        Render::Compose(wanted) => compose::run(host, settings, &wanted, ui),
        Render::Kubernetes(wanted) => {
            files::output(host, &kubernetes::manifests(settings)?, &wanted, ui, |_| vec![])
        }
        Render::Quadlet(wanted) => files::output(host, &quadlet::units(settings)?, &wanted, ui, |_| vec![]),
        Render::Sql => Ok(Exit::Done),
    }
}
