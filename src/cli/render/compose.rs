//! `render compose`.

use std::path::Path;

use super::super::Ui;
use super::super::arguments::Written;
use super::files;
use crate::error::{Exit, Result};
use crate::host::{Host, quote_word};
use crate::render::compose;
use crate::settings::{Image, Settings};

pub(super) fn run(host: &Host, settings: &Settings, wanted: &Written, ui: &Ui) -> Result<Exit> {
    let rendering = compose::project(settings)?;
    files::output(host, &rendering, wanted, ui, |directory| {
        next(settings, directory)
    })
}

/// What is to be typed, one line each.
fn next(settings: &Settings, directory: &Path) -> Vec<String> {
    let tool = &settings.containers.tool_image;
    let build = (*tool == Image::of_this_program()).then(|| {
        format!(
            "docker build --tag {tool} --file docker/Dockerfile .   # in the source of pgvector-setup, once"
        )
    });
    let profile = match settings.containers.app_image {
        Some(_) => "prod",
        None => "postgres",
    };
    let start = format!(
        "cd {} && docker compose --profile {profile} up -d",
        quote_word(&directory.display().to_string())
    );
    build.into_iter().chain([start]).collect()
}
