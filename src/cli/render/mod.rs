//! `render compose | kubernetes | quadlet | sql`.

mod compose;
mod files;
mod kubernetes;
mod quadlet;
mod sql;

pub use kubernetes::Kubernetes;
pub use sql::Sql;

use super::Ui;
use super::arguments::Render;
use crate::error::{Exit, Result};
use crate::host::Host;
use crate::settings::Settings;

pub(super) async fn run(host: &Host, settings: &Settings, command: Render, ui: &Ui) -> Result<Exit> {
    match command {
        Render::Compose(wanted) => compose::run(host, settings, &wanted, ui),
        Render::Kubernetes(wanted) => kubernetes::run(host, settings, &wanted, ui),
        Render::Quadlet(wanted) => quadlet::run(host, settings, &wanted, ui),
        Render::Sql(wanted) => sql::run(host, settings, &wanted, ui),
    }
}
