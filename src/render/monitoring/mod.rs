//! Alert rules for Prometheus and a dashboard for Grafana, on the metrics of [`crate::health::metrics`].

use std::path::PathBuf;

use super::yaml::{self, Reader};
use super::{RenderedFile, Rendering, seal};
use crate::health::RECALL_FLOOR;
use crate::plan::Refusal;

pub const RULES: &str = "pgvector-setup.rules.yaml";
const DASHBOARD: &str = "pgvector-setup.dashboard.json";

/// When an alert fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Minutes between two looks at the health.
    pub every: u16,
    /// Percent of the rows that should have an embedding.
    pub coverage: u16,
}

impl Thresholds {
    pub const DEFAULT_COVERAGE: u16 = 95;

    /// Seconds from which on a measurement is old: three looks, with their random delays and the time that they take.
    fn stale_seconds(self) -> u32 {
        u32::from(self.every) * 60 * 3 + 120
    }
}

/// Both files.
///
/// # Errors
/// [`Refusal`] for a template that cannot be filled: a defect of this program.
pub fn files(thresholds: Thresholds) -> Result<Rendering, Refusal> {
    let values = minijinja::context! {
        stale => thresholds.stale_seconds(),
        coverage => f64::from(thresholds.coverage) / 100.0,
        recall => RECALL_FLOOR,
    };
    let rules = include_str!("../../../templates/monitoring/rules.yaml");
    let rules = yaml::fill(rules, values, Reader::Plain)?;
    let dashboard = include_str!("../../../templates/monitoring/dashboard.json");
    let file = |name: &str, content| RenderedFile {
        path: PathBuf::from(name),
        mode: 0o644,
        content,
    };
    Ok(Rendering {
        files: vec![
            file(RULES, seal::sealed_for_all(&rules)),
            file(DASHBOARD, seal::sealed_json(dashboard)),
        ],
        notes: vec![format!("{DASHBOARD} is for Grafana: Dashboards, New, Import")],
        ..Rendering::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thresholds_stand_in_the_rules_as_numbers() {
        let rules = |thresholds| files(thresholds).unwrap().files.remove(0).content;
        let usual = rules(Thresholds {
            every: 5,
            coverage: 95,
        });
        for part in ["> 1020", "ratio < 0.95\n", "{{ $labels.instance }}"] {
            assert!(usual.contains(part), "{part}\n{usual}");
        }
        let other = rules(Thresholds {
            every: 60,
            coverage: 100,
        });
        assert!(
            other.contains("> 10920") && other.contains("coverage_ratio < 1.0\n"),
            "{other}"
        );
    }

    #[test]
    fn the_dashboard_begins_where_its_seal_goes() {
        let template = include_str!("../../../templates/monitoring/dashboard.json");
        assert!(template.starts_with("{\n"));
        let object: serde_json::Value = serde_json::from_str(template).unwrap();
        assert!(object.get("description").is_none());
    }
}
