//! Every byte that is rendered for each set of options. Only the digest and this program's version vary.

use super::options::{self, rendered};

#[test]
fn every_set_of_options_is_rendered_to_the_byte() {
    for (set, settings, kubernetes) in options::sets() {
        let rendering = rendered(&settings, &kubernetes);
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
