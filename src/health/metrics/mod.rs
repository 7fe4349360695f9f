//! Health reports as metrics: pure, several installations in one text.
//!
//! The format is Prometheus's text format 0.0.4, which the textfile collector of node_exporter reads, and not OpenMetrics:
//! there a counter's `# TYPE` names it without `_total`, which this format's readers and `promtool check metrics` take for
//! another metric. So there is no `# EOF`, either.

mod databases;
mod exposition;
mod families;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use super::HealthReport;
use crate::settings::Settings;

/// One report, with what it is about and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The value of the label `site`; none for the only installation of a machine. No two readings of one text have the
    /// same site, because two series of the same labels are an error to every reader of the format.
    pub site: Option<&'a str>,
    pub settings: &'a Settings,
    pub report: &'a HealthReport,
    /// How long it took.
    pub duration: Duration,
    /// When it was complete.
    pub taken: SystemTime,
}

/// All readings: each metric with its `HELP` and `TYPE` once, and a series for each installation that has something to
/// say. Ends with a line break.
pub fn text(readings: &[Reading<'_>]) -> String {
    let mut text = String::new();
    for family in families::ALL {
        exposition::write(&mut text, family, readings);
    }
    text
}
