use super::*;
use crate::plan::sample;
use crate::settings::Target;

#[test]
fn images_are_named_with_their_registry() {
    for (image, registry, expected) in [
        ("postgres:17", "docker.io", "docker.io/library/postgres:17"),
        (
            "pgvector/pgvector:pg17",
            "docker.io",
            "docker.io/pgvector/pgvector:pg17",
        ),
        ("ghcr.io/a/b:1", "docker.io", "ghcr.io/a/b:1"),
        ("localhost/b:1", "docker.io", "localhost/b:1"),
        ("pgvector-setup:1", "localhost", "localhost/pgvector-setup:1"),
        (
            "tools/pgvector-setup:1",
            "localhost",
            "localhost/tools/pgvector-setup:1",
        ),
    ] {
        assert_eq!(qualified(&image.parse().unwrap(), registry), expected);
    }
}

#[test]
fn instances_share_no_name() {
    let mut settings = sample::settings(Target::Docker);
    let names = |settings: &Settings| -> Vec<String> {
        let files = units(settings).unwrap().files;
        files.iter().map(|file| file.path.display().to_string()).collect()
    };
    let first = names(&settings);
    assert_eq!(
        first,
        [
            "pgvector-database.container",
            "pgvector-migrate.container",
            "pgvector.network",
            "pgvector-postgres-18.volume",
            "pgvector-migrations.volume"
        ]
    );
    settings.instance = "blue".parse().unwrap();
    assert!(names(&settings).iter().all(|name| !first.contains(name)));
}

#[test]
fn no_port_is_opened_to_others_unasked() {
    let mut settings = sample::settings(Target::Docker);
    let rendering = units(&settings).unwrap();
    assert!(
        rendering.files[0]
            .content
            .contains("PublishPort=127.0.0.1:5432:5432\n")
    );
    assert_eq!(rendering.notes, [""; 0]);
    settings.containers.publish = Some("::".parse().unwrap());
    let rendering = units(&settings).unwrap();
    assert!(
        rendering.files[0]
            .content
            .contains("PublishPort=[::]:5432:5432\n")
    );
    assert!(
        rendering.notes[0].starts_with("the server's port is published on ::"),
        "{:?}",
        rendering.notes
    );
}
