//! `render compose | kubernetes | quadlet | sql`.

use super::Ui;
use super::arguments::Render;
use crate::error::{Exit, Result};
use crate::host::Host;
use crate::render::{compose, kubernetes, quadlet};
use crate::settings::Settings;

pub(super) async fn run(_host: &Host, settings: &Settings, command: Render, ui: &Ui) -> Result<Exit> {
    let rendering = match command {
        Render::Compose(_) => compose::project(settings)?,
        Render::Kubernetes(_) => kubernetes::manifests(settings)?,
        Render::Quadlet(_) => quadlet::units(settings)?,
        Render::Sql => return Ok(Exit::Done),
    };
    for file in &rendering.files {
        ui.print(&file.content);
    }
    Ok(Exit::Done)
}
