//! `templates/automation/cloud-init.yaml` by cloud-init: its schema, and its modules.

use std::path::Path;

use crate::place::{BINARY, Place};
use crate::programs::{cloud_init, said};

const EXAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/templates/automation/cloud-init.yaml"
);

fn judged(file: &Path) -> Option<(Option<i32>, String)> {
    let mut schema = cloud_init()?;
    schema.args(["-m", "cloudinit.cmd.main", "schema", "--config-file"]);
    Some(said(schema.arg(file)))
}

#[test]
fn cloud_init_takes_every_key_of_the_example() {
    let Some((exit, text)) = judged(Path::new(EXAMPLE)) else {
        return;
    };
    assert_eq!(exit, Some(0), "{text}");

    let place = tempfile::tempdir().unwrap();
    let misspelt = place.path().join("user-data");
    let text = std::fs::read_to_string(EXAMPLE).unwrap();
    std::fs::write(&misspelt, text.replace("permissions:", "permission:")).unwrap();
    let (exit, _) = judged(&misspelt).unwrap();
    assert_ne!(exit, Some(0), "a schema that takes everything proves nothing");
}

/// The example for this place: another directory, this program, and a server of its own.
fn example(place: &Place) -> String {
    let text = std::fs::read_to_string(EXAMPLE).unwrap();
    let file = "/etc/pgvector-setup/pgvector-setup.toml";
    let program = "/usr/local/bin/pgvector-setup, --config";
    let dimensions = "      dimensions = 1536\n";
    for needed in [file, program, dimensions] {
        assert!(text.contains(needed), "{needed}");
    }
    let server: String = place
        .server()
        .iter()
        .map(|line| format!("      {line}\n"))
        .collect();
    text.replace(file, &place.path("etc/pgvector-setup.toml").display().to_string())
        .replace(program, &format!("{BINARY}, --config"))
        .replace(dimensions, &(server + dimensions))
}

#[test]
fn a_first_boot_makes_the_sites_of_the_example() {
    let Some(mut first) = cloud_init() else { return };
    let place = Place::new();
    let user_data = place.path("user-data");
    std::fs::write(&user_data, example(&place)).unwrap();
    assert_eq!(judged(&user_data).unwrap().0, Some(0));

    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/automation/run_modules.py");
    let (exit, text) = said(first.arg(program).arg(&user_data).arg(place.path("cloud")));
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("2 sites: 2 changed, 0 failed"), "{text}");

    let settings = place.path("etc/pgvector-setup.toml");
    let (exit, text) = said(&mut place.product(&settings, &["doctor", "--sites"]));
    assert_eq!(exit, Some(0), "{text}");
    assert!(
        text.contains("gp.example.com (admin@example.com), database gp"),
        "{text}"
    );
    assert!(text.contains("vector(768)"), "{text}");
}
