//! Rendered compose projects on a real Docker engine, by real composes: brought up from nothing, used, broken, mended.
//!
//! `PGVECTOR_SETUP_TIER=engine cargo test --test engine` runs the cases; it needs a Docker engine, and root where the images are
//! not built yet. The servers' images are look-alikes (`docker/postgres/build` tells what is real of them), unless the
//! engine has the real ones. Each case leaves its transcript in `target/engine/NAME.log`.
#![allow(
    clippy::disallowed_methods,
    reason = "the harness starts docker and writes its logs without the product"
)]
#![allow(clippy::print_stdout, reason = "the harness says which cases it skips")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

mod cases;
#[path = "../support/docker.rs"]
mod docker;
mod engine;
mod image;
mod interruptions;
mod lifecycle;
mod memory;
mod project;
mod secrets;
mod target;
#[path = "../support/tier.rs"]
mod tier;
#[path = "../support/transcript.rs"]
mod transcript;
mod versions;

use cases::Case;
use engine::Engine;
use project::Project;

/// More would only wait for each other's processors.
const CASES_AT_ONCE: usize = 2;

fn main() {
    let mut arguments = Arguments::from_args();
    if !tier::is_asked_for("engine") {
        println!("engine: not asked for; PGVECTOR_SETUP_TIER=engine cargo test --test engine runs them");
        return;
    }
    let Some(engine) = Engine::connect() else {
        cases::all()
            .iter()
            .for_each(|case| println!("{}: SKIPPED: no Docker engine", case.name));
        return;
    };
    // A failure's message goes to the report of its case; a back trace of this harness would only bury it.
    std::panic::set_hook(Box::new(|_| ()));
    arguments.test_threads = arguments.test_threads.or(Some(CASES_AT_ONCE));
    let engine = Arc::new(engine);
    let trials = cases::all().into_iter().map(|case| {
        let engine = Arc::clone(&engine);
        Trial::test(case.name, move || run(&engine, &case))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    engine.leave();
    conclusion.exit();
}

/// One case in its own project. A failure shows the end of the transcript.
fn run(engine: &Engine, case: &Case) -> Result<(), Failed> {
    let project = Project::new(engine, case.name, case.compose);
    let story = catch_unwind(AssertUnwindSafe(|| (case.story)(&project, case)));
    story.map_err(|panic| {
        let reason = panic.downcast_ref::<String>().cloned();
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let reason = reason.unwrap_or_default();
        project.transcript.note(&format!("FAILED: {reason}"));
        Failed::from(format!("{reason}\n\n{}", project.transcript.tail()))
    })
}
