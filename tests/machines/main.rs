//! Fresh machines, for real: Debian 12, 13 and forky in containers, each brought up, proven, brought up again, undone.
//!
//! `PGVECTOR_SETUP_TIER=machines cargo test --test machines` runs the cases; it needs a Docker engine, and root where
//! the images are not built yet (`docker/fresh/build`). Each case leaves its transcript in `target/machines/NAME.log`.
#![allow(
    clippy::disallowed_methods,
    reason = "the harness starts docker and writes its logs without the product"
)]
#![allow(clippy::print_stdout, reason = "the harness says which cases it skips")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

mod adoption;
mod brew;
#[path = "../support/bundle.rs"]
mod bundle;
mod by_hand;
mod case;
mod cases;
mod dnf;
#[path = "../support/docker.rs"]
mod docker;
mod engine;
mod first_boot;
#[path = "../support/chroma/fixture.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod fixture;
#[path = "../support/hostile.rs"]
mod hostile;
mod interruptions;
mod leftovers;
mod lifecycle;
mod machine;
mod network;
mod pgdg;
mod proof;
mod quadlet;
mod refusals;
mod server;
mod site_service;
mod sites_reboot;
mod sites_secrets;
mod sites_two;
mod sites_upgrade;
mod state;
mod systemd_units;
#[path = "../support/tier.rs"]
mod tier;
#[path = "../support/transcript.rs"]
mod transcript;
mod upgrade;
mod url;
mod url_job;
mod url_refusals;
mod url_server;

use case::Case;
use engine::Engine;
use machine::Machine;

fn main() {
    let mut arguments = Arguments::from_args();
    if !tier::is_asked_for("machines") {
        println!(
            "machines: not asked for; PGVECTOR_SETUP_TIER=machines cargo test --test machines runs them"
        );
        return;
    }
    let Some(engine) = Engine::connect() else {
        cases::ALL
            .iter()
            .for_each(|case| println!("{}: SKIPPED: no Docker engine", case.name));
        return;
    };
    // A failure's message goes to the report of its case; a back trace of this harness would only bury it.
    std::panic::set_hook(Box::new(|_| ()));
    arguments.test_threads = Some(engine.machines_at_once());
    let engine = Arc::new(engine);
    let trials = cases::ALL.iter().map(|case| {
        let engine = Arc::clone(&engine);
        Trial::test(case.name, move || run(&engine, case))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// One case on its own machine. A failure shows the end of the transcript.
fn run(engine: &Engine, case: &Case) -> Result<(), Failed> {
    let machine = Machine::start(engine, case.name, case.image);
    let story = catch_unwind(AssertUnwindSafe(|| (case.story)(&machine, case)));
    story.map_err(|panic| {
        let reason = panic.downcast_ref::<String>().cloned();
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let reason = reason.unwrap_or_default();
        machine.transcript.note(&format!("FAILED: {reason}"));
        Failed::from(format!("{reason}\n\n{}", machine.transcript.tail()))
    })
}
