//! Every live record of every fixture, against what was put in.

use pgvector_setup::import::Source as _;

use crate::chroma::comparison::{debug, differences};
use crate::chroma::fixture::{Fixture, VERSIONS, digests};
use crate::chroma::reading;
use crate::truth;

#[test]
fn every_version_gives_every_record_as_it_was_put_in() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let truths = truth::of(&fixture);
        let read = reading::everything(&fixture.directory()).unwrap();
        assert!(
            read.records.keys().eq(truths.keys()),
            "{version}: {:?}",
            read.records.keys()
        );
        for (name, truth) in &truths {
            differences(&read.records[name], truth).assert_none(&format!("{version} {name}"));
        }
    }
}

#[test]
fn the_inventory_says_what_is_there() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let truths = truth::of(&fixture);
        let inventory = reading::open(&fixture.directory()).unwrap().inventory().unwrap();
        for collection in &inventory.collections {
            let truth = &truths[&collection.name];
            let told = (collection.space, collection.dimensions, collection.records);
            let expected = (truth.space, truth.dimensions, truth.records.len() as u64);
            assert_eq!(told, expected, "{version} {}", collection.name);
            assert!(
                matches!(collection.without_vector, None | Some(0)),
                "{version} {}: {collection:?}",
                collection.name
            );
        }
        let names = inventory.collections.iter().map(|collection| &collection.name);
        assert!(names.eq(truths.keys()), "{version}: each once and in order");
    }
}

#[test]
fn what_follows_the_first_few_is_what_followed_them_before() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let whole = reading::everything(&fixture.directory()).unwrap();
        let mut again = reading::open(&fixture.directory()).unwrap();
        for collection in &whole.inventory.collections {
            let all = &whole.records[&collection.name];
            for passed in [
                0,
                1,
                all.len() / 2,
                all.len().saturating_sub(1),
                all.len(),
                all.len() + 1,
            ] {
                let rest = reading::of(&mut again, collection, passed as u64).unwrap();
                let expected = all.get(passed..).unwrap_or_default();
                assert_eq!(
                    debug(&rest),
                    debug(expected),
                    "{version} {} after {passed}",
                    collection.name
                );
            }
        }
    }
}

#[test]
fn reading_changes_nothing_and_adds_nothing() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let before = digests(&fixture.directory());
        reading::everything(&fixture.directory()).unwrap();
        assert_eq!(digests(&fixture.directory()), before, "{version}");
    }
}
