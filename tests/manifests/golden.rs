//! Every byte that is rendered for each set of options. Only the digest and this program's version vary.

use pgvector_setup::render::{Rendering, quadlet};

use super::options::{self, rendered};

#[test]
fn every_set_of_options_is_rendered_to_the_byte() {
    for (set, settings, kubernetes) in options::sets() {
        compare(set, &rendered(&settings, &kubernetes));
    }
}

fn compare(set: &str, rendering: &Rendering) {
    let files = rendering
        .files
        .iter()
        .map(|file| format!("=== {}\n{}", file.path.display(), file.content));
    let notes = rendering.notes.iter().map(|note| format!("note: {note}\n"));
    let text: String = files.chain(notes).collect();
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
        filters => [(r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"), (r"(pgvector-setup):[0-9]+\.[0-9]+\.[0-9]+", "$1:[VERSION]")],
    }, { insta::assert_snapshot!(set, text) });
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    for (set, settings, kubernetes) in options::sets() {
        assert_eq!(
            rendered(&settings, &kubernetes),
            rendered(&settings, &kubernetes),
            "{set}"
        );
    }
}

#[test]
fn every_unit_of_podman_is_rendered_to_the_byte() {
    let (mut settings, _) = options::defaults();
    compare("quadlet", &quadlet::units(&settings).unwrap());
    settings.instance = "blue".parse().unwrap();
    settings.postgres_major = Some(17);
    settings.port = Some(5433);
    settings.containers.publish = Some("::1".parse().unwrap());
    settings.containers.memory = Some("512m".parse().unwrap());
    settings.containers.tool_image = "registry.example/pgvector-setup:1".parse().unwrap();
    settings.database = options::name("it's \"x\": $HOME 50%");
    compare("quadlet-everything", &quadlet::units(&settings).unwrap());
}
