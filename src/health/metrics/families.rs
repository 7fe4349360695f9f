//! Which metrics there are. Their names and labels are a promise: alerts and dashboards of others are built on them.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use super::Reading;
use super::databases::databases;
use super::exposition::{Family, Kind, Series};
use crate::health::{IndexMeasures, Measures, Severity};

const fn gauge(name: &'static str, help: &'static str, series: fn(&Reading<'_>) -> Vec<Series>) -> Family {
    let kind = Kind::Gauge;
    Family {
        name,
        kind,
        help,
        series,
    }
}

#[rustfmt::skip]
pub const ALL: &[Family] = &[
    gauge("pgvector_setup_up", "Whether the database let itself be read: 1, or 0.", |reading| {
        vec![about(reading, Series::of(reading.report.error.is_none()))]
    }),
    gauge("pgvector_setup_healthy", "Whether doctor found nothing critical or high: 1, or 0.", |reading| {
        vec![about(reading, Series::of(reading.report.healthy))]
    }),
    gauge("pgvector_setup_findings", "Results of doctor's checks, by the check's code and how much it matters.", findings),
    gauge("pgvector_setup_table_rows", "Rows of the table.", |reading| {
        number(reading, reading.report.total_articles)
    }),
    gauge("pgvector_setup_table_embedded_rows", "Rows of the table that have an embedding.", |reading| {
        number(reading, reading.report.articles_with_embeddings)
    }),
    gauge("pgvector_setup_table_rows_exact", "Whether the rows were counted: 1, or 0 where they were estimated from the planner's statistics.", |reading| {
        let exact = reading.report.total_articles.map(|_| u8::from(reading.report.counts_exact));
        number(reading, exact)
    }),
    gauge("pgvector_setup_table_coverage_ratio", "Share of the rows that have an embedding, from 0 to 1; absent while the table is empty.", coverage),
    gauge("pgvector_setup_recall_ratio", "Share of the true ten nearest rows that searches returned, from 0 to 1; present where it was measured (doctor --recall).", |reading| {
        number(reading, measures(reading).and_then(|measures| measures.recall_at_10))
    }),
    gauge("pgvector_setup_index_valid", "Whether searches can use the vector index: 1, or 0.", |reading| {
        indexes(reading, |index| Some(Series::of(index.valid)))
    }),
    gauge("pgvector_setup_index_building", "Whether the vector index is being built: 1, or 0.", |reading| {
        indexes(reading, |index| Some(Series::of(index.building)))
    }),
    gauge("pgvector_setup_index_size_bytes", "Size of the vector index, as of its build or the last VACUUM or ANALYZE.", |reading| {
        indexes(reading, |index| Some(Series::new(index.bytes)))
    }),
    Family {
        name: "pgvector_setup_index_scans_total",
        kind: Kind::Counter,
        help: "Scans of the vector index since the server's statistics were reset, those of doctor's earlier runs among them.",
        series: |reading| indexes(reading, |index| index.scans.map(Series::new)),
    },
    gauge("pgvector_setup_doctor_index_scans", "Scans of the vector index that doctor's last run made itself; the counter has them from the next run on.", |reading| {
        indexes(reading, |index| index.scans.map(|_| Series::new(index.own_scans)))
    }),
    gauge("pgvector_setup_version_info", "Versions of pgvector in each database of the server: the extension, the library that runs, the server's files, the package.", |reading| {
        databases(reading).into_iter().map(|database| database.info(reading)).collect()
    }),
    gauge("pgvector_setup_versions_differ", "Whether extension, library and files of a database are of different versions: 1, or 0.", |reading| {
        databases(reading).into_iter().map(|database| database.differ(reading)).collect()
    }),
    gauge("pgvector_setup_advisory_applies", "A known defect of the pgvector that runs, which is about this installation; always 1, absent without one.", advisories),
    gauge("pgvector_setup_doctor_duration_seconds", "How long doctor took.", |reading| {
        vec![about(reading, Series::new(reading.duration.as_secs_f64()))]
    }),
    gauge("pgvector_setup_doctor_timestamp_seconds", "When doctor was done, in seconds since 1970; a run that fails leaves the file of before, so an old one tells that doctor no longer runs.", |reading| {
        let since = reading.taken.duration_since(UNIX_EPOCH).unwrap_or_default();
        vec![about(reading, Series::new(since.as_millis() as f64 / 1_000.0))]
    }),
];

/// With the labels that say which table of which database it is about.
fn about(reading: &Reading<'_>, series: Series) -> Series {
    let table = &reading.settings.table;
    series
        .with("site", reading.site.unwrap_or_default())
        .with("database", reading.settings.database.as_str())
        .with("schema", table.schema.as_str())
        .with("table", table.table.as_str())
}

pub fn measures<'a>(reading: &Reading<'a>) -> Option<&'a Measures> {
    reading.report.measures.as_ref()
}

fn number(reading: &Reading<'_>, value: Option<impl std::fmt::Display>) -> Vec<Series> {
    let series = value.map(|value| about(reading, Series::new(value)));
    series.into_iter().collect()
}

fn findings(reading: &Reading<'_>) -> Vec<Series> {
    let mut counts: BTreeMap<(Severity, &str), u32> = BTreeMap::new();
    for finding in &reading.report.findings {
        *counts.entry((finding.severity, finding.id)).or_default() += 1;
    }
    let series = counts.into_iter().map(|((severity, code), count)| {
        let series = about(reading, Series::new(count));
        series.with("severity", severity.word()).with("code", code)
    });
    series.collect()
}

fn coverage(reading: &Reading<'_>) -> Vec<Series> {
    let report = reading.report;
    let counted = report.articles_with_embeddings.zip(report.total_articles);
    let ratio = counted
        .filter(|(_, total)| *total > 0)
        .map(|(embedded, total)| embedded as f64 / total as f64);
    number(reading, ratio)
}

fn indexes(reading: &Reading<'_>, series: fn(&IndexMeasures) -> Option<Series>) -> Vec<Series> {
    let indexes = measures(reading)
        .into_iter()
        .flat_map(|measures| &measures.indexes);
    indexes
        .filter_map(|index| {
            let series = about(reading, series(index)?);
            Some(series.with("index", &index.name).with("method", &index.method))
        })
        .collect()
}

fn advisories(reading: &Reading<'_>) -> Vec<Series> {
    let advisories = measures(reading)
        .into_iter()
        .flat_map(|measures| &measures.advisories);
    advisories
        .map(|advisory| {
            about(reading, Series::of(true))
                .with("advisory", &advisory.id)
                .with("severity", advisory.severity.word())
                .with("fixed_in", &advisory.fixed)
        })
        .collect()
}
