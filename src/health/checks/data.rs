//! S12 the vectors themselves, on a sample.

use super::Case;
use crate::health::{Finding, Severity};
use crate::settings::Metric;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let sample = match &case.seen.sample {
        None => {
            return vec![Finding::new(
                "S12",
                Severity::Skipped,
                "no vectors were looked at",
                "there is no vector column to read",
            )];
        }
        Some(Err(failure)) => {
            return vec![Finding::new(
                "S12",
                Severity::High,
                "the vectors cannot be read",
                failure.to_string(),
            )];
        }
        Some(Ok(sample)) => sample,
    };
    let column = case.table.column.quoted();
    let mut findings = Vec::new();
    if sample.dimensions > 1 {
        findings.push(Finding::new(
            "S12",
            Severity::Critical,
            "vectors of different numbers of dimensions are in one column",
            format!(
                "{} different numbers among {} sampled",
                sample.dimensions, sample.rows
            ),
        ));
    }
    if sample.zero > 0 && case.table.metric == Metric::Cosine {
        let schema = case
            .seen
            .catalog
            .extension
            .as_ref()
            .map_or("public", |extension| extension.schema.as_str());
        let norm = match case
            .seen
            .catalog
            .column
            .as_ref()
            .map(|column| column.type_name.as_str())
        {
            Some("halfvec") => "l2_norm",
            _ => "vector_norm",
        };
        findings.push(
            Finding::new(
                "S12",
                Severity::High,
                "zero vectors have no cosine distance, so no search finds their rows",
                format!("{} of {} sampled vectors are zero", sample.zero, sample.rows),
            )
            .fix(format!(
                "UPDATE {} SET {column} = NULL WHERE {}.{norm}({column}) = 0;",
                case.table.qualified(),
                super::quoted(schema)
            )),
        );
    }
    if sample.not_unit > 0 && case.table.metric == Metric::Ip {
        findings.push(Finding::new(
            "S12",
            Severity::Medium,
            "the inner product ranks by length too, and not all vectors have length 1",
            format!("{} of {} sampled vectors", sample.not_unit, sample.rows),
        ));
    }
    if findings.is_empty() {
        let evidence = format!("{} vectors sampled", sample.rows);
        findings.push(Finding::new(
            "S12",
            Severity::Ok,
            "the sampled vectors suit the metric",
            evidence,
        ));
    }
    findings
}
