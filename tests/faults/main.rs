//! One whole embedded `up`, and its rollback, killed everywhere; then run again to the same end.
//!
//! `PGVECTOR_SETUP_TIER=faults cargo test --test faults` runs it; it needs strace. Every kill point is a case of its own,
//! named by the command, the call and its number, so one that failed is repeated by its name:
//! `PGVECTOR_SETUP_TIER=faults cargo test --test faults -- --exact up:warm:renameat:3`.
//! `PGVECTOR_SETUP_KILL_POINTS=all` tries every point instead of an even sample, `few` half of the sample.
#![allow(
    clippy::disallowed_methods,
    reason = "the harness starts children and writes files without the product"
)]
#![allow(clippy::print_stdout, reason = "the harness says what it tried")]

use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

mod afterwards;
#[path = "../support/bundle.rs"]
mod bundle;
mod census;
mod crowd;
mod end_state;
mod fault;
mod ground;
mod hook;
mod instance;
mod kill;
mod secrets;
mod server_death;
mod site;
mod site_kill;
mod site_secrets;
mod strace;
#[path = "../support/tier.rs"]
mod tier;
mod write_errors;

use ground::Ground;
use kill::Share;

fn main() {
    let mut arguments = Arguments::from_args();
    if !tier::is_asked_for("faults") {
        println!("faults: not asked for; PGVECTOR_SETUP_TIER=faults cargo test --test faults runs them");
        return;
    }
    strace::require();
    let ground = Arc::new(Ground::prepare());
    let asked = std::env::var("PGVECTOR_SETUP_KILL_POINTS").unwrap_or_default();
    // A name that is asked for is found whether it would have been sampled or not.
    let share = match asked.as_str() {
        _ if arguments.exact => Share::All,
        "all" => Share::All,
        "few" => Share::Half,
        _ => Share::Sample,
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    arguments.test_threads.get_or_insert(threads);

    let mut trials = Vec::new();
    let points = if needs_census(&arguments) {
        kill::points(&ground, share)
    } else {
        Vec::new()
    };
    for point in points {
        let name = point.to_string();
        trials.push(trial(&ground, &name, move |ground| {
            kill::try_point(ground, &point)
        }));
    }
    let failures = if needs_census(&arguments) {
        write_errors::failures(&ground, share)
    } else {
        Vec::new()
    };
    for failure in failures {
        let name = failure.to_string();
        trials.push(trial(&ground, &name, move |ground| {
            write_errors::try_failure(ground, &failure)
        }));
    }
    trials.push(trial(
        &ground,
        "server_killed_then_started",
        server_death::started_again,
    ));
    trials.push(trial(
        &ground,
        "server_killed_then_up",
        server_death::brought_up_again,
    ));
    trials.push(trial(&ground, "eight_at_once_on_nothing", crowd::on_nothing));
    trials.push(trial(
        &ground,
        "eight_at_once_when_all_is_done",
        crowd::when_all_is_done,
    ));
    trials.push(trial(
        &ground,
        "the_password_is_nowhere_else",
        secrets::password_is_nowhere_else,
    ));
    for scene in site_kill::Scene::ALL {
        let name = format!("{}:boundaries", scene.name());
        trials.push(trial(&ground, &name, move |ground| {
            site_kill::at_every_boundary(ground, scene)
        }));
    }
    trials.push(trial(
        &ground,
        "the_passwords_of_sites_are_nowhere_else",
        site_secrets::passwords_are_nowhere_else,
    ));
    trials.push(trial(&ground, "releases_have_no_hook", |_| {
        hook::is_not_in_releases()
    }));

    let conclusion = libtest_mimic::run(&arguments, trials);
    println!("{}", kill::summary());
    ground.clear();
    conclusion.exit();
}

/// Whether a case is asked for whose name is known only once system calls were counted, which takes minutes.
fn needs_census(arguments: &Arguments) -> bool {
    const OTHERS: [&str; 5] = [
        "site-",
        "server_killed_",
        "eight_at_once_",
        "the_password",
        "releases_have_no_hook",
    ];
    let of_others = |filter: &String| OTHERS.iter().any(|name| filter.starts_with(name));
    !arguments.filter.as_ref().is_some_and(of_others)
}

/// A case on the shared ground; its panic is its failure.
fn trial(ground: &Arc<Ground>, name: &str, story: impl FnOnce(&Ground) + Send + 'static) -> Trial {
    let ground = Arc::clone(ground);
    Trial::test(name, move || {
        let told = std::panic::AssertUnwindSafe(|| story(&ground));
        std::panic::catch_unwind(told).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Failed::from(text.unwrap_or_default())
        })
    })
}
