//! Every file of every fixture, cut short at every 4 KiB, and gone.

use std::path::Path;

use crate::chroma::fixture::VERSIONS;
use crate::verdict::{Damage, Verdict};

/// SQLite's page in these directories, and the file system's.
const BLOCK: usize = 4096;

#[test]
fn a_catalog_that_is_cut_is_refused_or_whole() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        let catalog = Path::new("chroma.sqlite3");
        let bytes = damage.bytes(catalog);
        for length in (0..bytes.len()).step_by(BLOCK) {
            let verdict = damage.verdict(catalog, Some(&bytes[..length]), &format!("cut at {length}"));
            assert!(
                matches!(verdict, Verdict::Refused | Verdict::Whole),
                "{version} cut at {length}: {verdict:?}"
            );
        }
        assert_eq!(damage.verdict(catalog, None, "gone"), Verdict::Refused);
        assert_eq!(
            damage.verdict(catalog, Some(&bytes[..bytes.len() / 2]), "half"),
            Verdict::Refused
        );
    }
}

#[test]
fn an_index_file_that_is_cut_costs_vectors_at_most() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        let mut tried = Vec::new();
        for file in damage.index_files() {
            let bytes = damage.bytes(&file);
            for length in (0..bytes.len()).step_by(BLOCK) {
                tried.push(damage.verdict_on_one(&file, Some(&bytes[..length]), &format!("cut at {length}")));
            }
            tried.push(damage.verdict_on_one(&file, None, "gone"));
        }
        let costly = tried.iter().filter(|verdict| **verdict != Verdict::Whole).count();
        // The version before the log was ever purged has every vector there.
        assert_eq!(
            costly == 0,
            version == "0.4.24",
            "{version}: {costly} of {}",
            tried.len()
        );
    }
}

#[test]
fn the_links_between_elements_do_not_matter() {
    for version in VERSIONS {
        let damage = Damage::of(version);
        let files = damage.index_files().into_iter();
        for file in files.filter(|file| file.ends_with("link_lists.bin")) {
            let mut torn = damage.bytes(&file);
            torn.iter_mut().skip(4).step_by(7).for_each(|byte| *byte ^= 0xff);
            for (bytes, what) in [
                (Some(torn.as_slice()), "torn"),
                (Some(&[]), "emptied"),
                (None, "gone"),
            ] {
                assert_eq!(
                    damage.verdict_on_one(&file, bytes, what),
                    Verdict::Whole,
                    "{version} {what}"
                );
            }
        }
    }
}
