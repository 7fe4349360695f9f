//! Directories by the real chromadb, version by version, read natively: new ones, ones that a newer version has gone on with, ones
//! whose writer was killed, and ones that are being written.
//!
//! `PGVECTOR_SETUP_TIER=chroma cargo test --test chroma` runs it. Each version is installed once by pip into a virtual environment
//! below `target`. `PGVECTOR_SETUP_CHROMA_VERSIONS=0.6.3,1.5.9` takes these alone, `PGVECTOR_SETUP_CHROMA_KILLS=5` ends so many
//! writers of each version that is killed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::disallowed_methods,
    reason = "the harness starts Python and compares files without the product"
)]
#![allow(clippy::print_stdout, reason = "the harness says what it tried")]

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "../support/chroma/mod.rs"]
mod chroma;
mod environment;
mod killed;
mod living;
mod synthetic;
#[path = "../support/tier.rs"]
mod tier;
mod written;

/// The oldest first.
const VERSIONS: [&str; 9] = [
    "0.4.3", "0.4.24", "0.5.0", "0.5.11", "0.5.23", "0.6.3", "1.0.21", "1.3.7", "1.5.9",
];

/// Written by the first, then by each that follows.
const UPGRADES: [&[&str]; 2] = [&["0.4.24", "0.6.3"], &["0.6.3", "1.5.9"]];

const KILLED: [&str; 3] = ["0.4.24", "0.6.3", "1.5.9"];
const KILLS: usize = 20;

fn main() {
    let arguments = Arguments::from_args();
    if !tier::is_asked_for("chroma") {
        println!("chroma: not asked for; PGVECTOR_SETUP_TIER=chroma cargo test --test chroma runs them");
        return;
    }
    let only = std::env::var("PGVECTOR_SETUP_CHROMA_VERSIONS").ok();
    let is_taken = |version: &str| {
        only.as_deref()
            .is_none_or(|only| only.split(',').any(|name| name == version))
    };
    let kills = std::env::var("PGVECTOR_SETUP_CHROMA_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());

    let mut trials = Vec::new();
    for version in VERSIONS.into_iter().filter(|version| is_taken(version)) {
        trials.push(trial(format!("written:{version}"), move || {
            written::by(&[version])
        }));
    }
    for versions in UPGRADES
        .into_iter()
        .filter(|versions| versions.iter().all(|version| is_taken(version)))
    {
        trials.push(trial(format!("upgraded:{}", versions.join(":")), move || {
            written::by(versions)
        }));
    }
    for version in KILLED.into_iter().filter(|version| is_taken(version)) {
        trials.push(trial(format!("killed:{version}"), move || {
            killed::many(version, kills)
        }));
        trials.push(trial(format!("living:{version}"), move || {
            living::is_noticed(version)
        }));
    }
    trials.push(trial("synthetic".into(), synthetic::is_read_by_chroma));
    libtest_mimic::run(&arguments, trials).exit();
}

/// A case; its panic is its failure.
fn trial(name: String, story: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(story)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Failed::from(text.unwrap_or_default())
        })
    })
}
