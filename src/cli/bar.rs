//! The bar of an index build: phase, share, and the time that is left. Drawn on a terminal only.

use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::database::index::BuildProgress;
use crate::embedding::backfill::BackfillProgress;

/// Parts of the whole that the bar counts.
const PARTS: u64 = 1000;

static BAR: LazyLock<ProgressBar> = LazyLock::new(|| {
    let style = ProgressStyle::with_template("      {msg} {bar:30} {percent:>3} %{prefix}");
    ProgressBar::new(PARTS).with_style(
        style
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> "),
    )
});

static COUNT: LazyLock<ProgressBar> = LazyLock::new(|| {
    let style = ProgressStyle::with_template("      {msg}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
});

pub(super) fn show(progress: &BuildProgress) {
    BAR.set_position((progress.fraction.unwrap_or_default() * PARTS as f64) as u64);
    BAR.set_prefix(remaining(progress.remaining));
    BAR.set_message(match &progress.waiting_for {
        Some(blocker) => format!("{}, waits for {blocker}", progress.phase),
        None => progress.phase.clone(),
    });
}

pub(super) fn show_rows(progress: &BackfillProgress) {
    let fraction = progress.embedded as f64 / progress.planned.max(1) as f64;
    BAR.set_position((fraction.min(1.0) * PARTS as f64) as u64);
    BAR.set_prefix(remaining(progress.remaining));
    BAR.set_message(format!("{} of {} rows", progress.embedded, progress.planned));
}

/// How far something of unknown length is, on a line of its own.
pub(super) fn count(text: &str) {
    COUNT.set_message(text.to_owned());
}

/// Takes the bar away, so that the next line stands where it stood.
pub(super) fn clear() {
    if LazyLock::get(&BAR).is_some() {
        BAR.finish_and_clear();
    }
    if LazyLock::get(&COUNT).is_some() {
        COUNT.finish_and_clear();
    }
}

fn remaining(time: Option<Duration>) -> String {
    time.map_or_else(String::new, |time| {
        format!(", about {} left", indicatif::HumanDuration(time))
    })
}
