//! Imports of 20,000 records killed at random moments, each run again until it is done; then compared with one that nothing disturbed.
//!
//! `PGVECTOR_SETUP_TIER=import-kills cargo test --test import_kills` runs it: 200 kills, or as many as `PGVECTOR_SETUP_KILLS` says,
//! at moments that follow from `PGVECTOR_SETUP_SEED`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::disallowed_methods,
    reason = "the harness starts and kills the product and reads what it wrote"
)]
#![allow(clippy::print_stdout, reason = "the harness says what it tried")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "../support/chroma/mod.rs"]
mod chroma;
mod outcome;
mod source;
mod story;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tier.rs"]
mod tier;
mod victim;

fn main() {
    let arguments = Arguments::from_args();
    if !tier::is_asked_for("import-kills") {
        println!(
            "import-kills: not asked for; PGVECTOR_SETUP_TIER=import-kills cargo test --test import_kills runs it"
        );
        return;
    }
    let (kills, seed) = (
        number("PGVECTOR_SETUP_KILLS", 200),
        number("PGVECTOR_SETUP_SEED", 1),
    );
    let trial = Trial::test("killed_imports_end_as_undisturbed_ones", move || {
        let told = catch_unwind(AssertUnwindSafe(|| story::tell(kills, seed)));
        told.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Failed::from(text.unwrap_or_default())
        })
    });
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

fn number<Number: FromStr>(variable: &str, usual: Number) -> Number {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => usual,
    }
}
