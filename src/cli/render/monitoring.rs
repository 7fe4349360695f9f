//! `render monitoring` and its options.

use std::path::Path;

use clap::Args;

use super::super::Ui;
use super::super::arguments::Written;
use super::files;
use crate::error::{Exit, Result};
use crate::host::{Host, quote_word};
use crate::render::monitoring::{RULES, Thresholds, files as rendered};
use crate::render::systemd::SystemdUnits;

#[derive(Debug, Clone, Args)]
pub struct Monitoring {
    #[command(flatten)]
    pub written: Written,
    /// Minutes between two looks at the health, as `render systemd` was told
    #[arg(long, value_name = "MINUTES", default_value_t = SystemdUnits::DEFAULT_EVERY, help_heading = "Monitoring",
        value_parser = clap::value_parser!(u16).range(1..=i64::from(SystemdUnits::LONGEST_EVERY)))]
    pub every: u16,
    /// Alert where fewer rows of a hundred have an embedding
    #[arg(long, value_name = "PERCENT", default_value_t = Thresholds::DEFAULT_COVERAGE, help_heading = "Monitoring",
        value_parser = clap::value_parser!(u16).range(0..=100))]
    pub coverage: u16,
}

pub(super) fn run(host: &Host, wanted: &Monitoring, ui: &Ui) -> Result<Exit> {
    let rendering = rendered(Thresholds {
        every: wanted.every,
        coverage: wanted.coverage,
    })?;
    files::output(host, &rendering, &wanted.written, ui, next)
}

/// What is to be typed, one line each.
fn next(directory: &Path) -> Vec<String> {
    let rules = quote_word(&directory.join(RULES).display().to_string());
    vec![format!(
        "promtool check rules {rules}   # then name it under rule_files: in prometheus.yml"
    )]
}
