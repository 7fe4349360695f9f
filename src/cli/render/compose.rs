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
    let mut rendering = compose::project(settings)?;
    rendering.notes.extend(other_file(host, &wanted.place));
    files::output(host, &rendering, wanted, ui, |directory| {
        next(settings, directory)
    })
}

/// docker-compose 1.29 reads a file of this name before ours, docker compose after it.
fn other_file(host: &Host, directory: &Path) -> Option<String> {
    let names = ["docker-compose.yml", "docker-compose.yaml"];
    let name = names
        .into_iter()
        .find(|name| host.exists(&directory.join(name)))?;
    Some(format!(
        "{name} is here too: docker-compose 1.29 takes it unless told: docker-compose --file {} …",
        compose::FILE
    ))
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
