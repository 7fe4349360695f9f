//! This program's own image.

use std::process::Command;

use super::cases::Case;
use super::project::Project;

/// Nothing but the program and what it needs, for a user who is not root; labelled; its health check succeeds.
pub fn image_of_this_program(project: &Project, _: &Case) {
    let image = project.tool_image.as_str();
    let field = |field: &str| project.docker(&["image", "inspect", "--format", field, image]);
    assert_eq!(field("{{.Config.User}}"), "65532:65532");
    let labels = field("{{json .Config.Labels}}");
    for label in [
        "title",
        "description",
        "licenses",
        "version",
        "revision",
        "created",
    ] {
        assert!(
            labels.contains(&format!("\"org.opencontainers.image.{label}\"")),
            "{labels}"
        );
    }
    assert!(labels.contains(env!("CARGO_PKG_VERSION")), "{labels}");

    let check =
        field("{{range $index, $word := .Config.Healthcheck.Test}}{{if $index}}{{$word}} {{end}}{{end}}");
    let (program, arguments) = check.trim().split_once(' ').expect("a program and its argument");
    let version = project.docker(&["run", "--rm", "--entrypoint", program, image, arguments]);
    assert_eq!(version, format!("pgvector-setup {}", env!("CARGO_PKG_VERSION")));

    let container = project.docker(&["create", image]);
    let files = project.directory().join("image.tar");
    project.docker(&["export", "--output", &files.display().to_string(), &container]);
    project.docker(&["rm", &container]);
    let listing = Command::new("tar")
        .args(["--list", "--verbose", "--numeric-owner", "--file"])
        .arg(&files)
        .output()
        .expect("tar starts");
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    let state = listing
        .lines()
        .find(|line| line.ends_with("var/lib/pgvector-setup/"));
    assert!(
        state.is_some_and(|line| line.starts_with("drwx------ 65532/65532")),
        "the directory of its state is its own: {state:?}"
    );
    for absent in ["bin/sh", "bin/bash", "usr/bin/apt"] {
        assert!(
            !listing.lines().any(|line| line.ends_with(absent)),
            "{absent} is not there"
        );
    }
    assert!(listing.contains("etc/ssl/certs/ca-certificates.crt"), "{listing}");
}
