//! S4 the index on the embedding, S16 duplicates, S17 running builds.

use super::{Case, quoted, serving, wanted_operator_class};
use crate::health::doctor::catalog::{Index as Found, Table};
use crate::health::{Finding, Severity};
use crate::settings::{Index, Lists};

/// From so many rows on, a search without index is slow.
const MANY_ROWS: u64 = 10_000;
/// Below so many rows an IVFFlat index is not worth building yet.
const FEW_ROWS: u64 = 1_000;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let catalog = &case.seen.catalog;
    if catalog.column.is_none() {
        return vec![Finding::new(
            "S4",
            Severity::Skipped,
            "no index was looked for",
            "there is no column",
        )];
    }
    let mut findings: Vec<_> = catalog.indexes.iter().map(|index| one(case, index)).collect();
    if catalog.indexes.is_empty() {
        findings.push(without(case));
    }
    findings.extend(catalog.duplicates.iter().map(|names| duplicate(case, names)));
    findings.extend(catalog.builds.iter().map(|build| {
        Finding::new(
            "S17",
            Severity::Low,
            "an index is being built on this table",
            format!(
                "process {}, {}, {} of {} blocks",
                build.process, build.phase, build.blocks_done, build.blocks_total
            ),
        )
    }));
    findings
}

fn one(case: &Case<'_>, index: &Found) -> Finding {
    let name = case.qualified_index(&index.name);
    let evidence = format!(
        "{} using {} {}, {}",
        name,
        index.method,
        index.operator_class,
        super::megabytes(index.bytes)
    );
    if index.building {
        return Finding::new(
            "S4",
            Severity::Low,
            format!("index {} is being built", index.name),
            evidence,
        );
    }
    if !index.valid {
        return invalid(index, &name, evidence);
    }
    let class = wanted_operator_class(&case.seen.catalog, case.table);
    if index.operator_class != class {
        let fact = format!(
            "index {} is for {}, not {class}",
            index.name, index.operator_class
        );
        let drop = format!("DROP INDEX CONCURRENTLY {name};");
        return match serving(&case.seen.catalog, case.table) {
            Some(_) => Finding::new("S4", Severity::Low, fact, evidence).fix(drop),
            None => {
                Finding::new("S4", Severity::Critical, fact, evidence).fix(format!("{drop} {}", create(case)))
            }
        };
    }
    if let Some(condition) = &index.partial {
        let fact = format!("index {} covers only rows where {condition}", index.name);
        return Finding::new("S4", Severity::Low, fact, evidence);
    }
    if let Some(difference) = difference(case, index) {
        return Finding::new(
            "S4",
            Severity::Low,
            format!("index {} has {difference}", index.name),
            evidence,
        )
        .fix(format!("DROP INDEX CONCURRENTLY {name}; {}", create(case)));
    }
    Finding::new(
        "S4",
        Severity::Ok,
        format!("index {} serves searches", index.name),
        evidence,
    )
}

fn invalid(index: &Found, name: &str, evidence: String) -> Finding {
    // What an interrupted REINDEX CONCURRENTLY leaves (PostgreSQL manual, "REINDEX").
    let stem = index.name.trim_end_matches(|last: char| last.is_ascii_digit());
    if stem.ends_with("_ccnew") || stem.ends_with("_ccold") {
        let fact = format!("index {} is the rest of an interrupted REINDEX", index.name);
        return Finding::new("S4", Severity::Medium, fact, evidence)
            .fix(format!("DROP INDEX CONCURRENTLY {name};"));
    }
    let fact = format!(
        "index {} is INVALID: it serves no search and still costs every write",
        index.name
    );
    Finding::new("S4", Severity::Critical, fact, evidence).fix(format!("REINDEX INDEX CONCURRENTLY {name};"))
}

fn without(case: &Case<'_>) -> Finding {
    let rows = case.seen.catalog.table.as_ref().map_or(0, Table::rows);
    let evidence = format!("about {rows} rows");
    let severity = match case.table.effective_index() {
        Index::None if rows < MANY_ROWS => {
            return Finding::new(
                "S4",
                Severity::Ok,
                "no index is wanted: every search is exact",
                evidence,
            );
        }
        Index::None => Severity::Low,
        Index::Ivfflat { .. } if rows < FEW_ROWS => Severity::Low,
        _ if rows < MANY_ROWS => Severity::Medium,
        _ => Severity::High,
    };
    Finding::new("S4", severity, "the embedding has no index", evidence).fix(case.command("up"))
}

/// Where a parameter is another than asked for.
fn difference(case: &Case<'_>, index: &Found) -> Option<String> {
    let wanted = match case.table.effective_index() {
        Index::Hnsw { m, ef_construction } => {
            vec![
                ("hnsw", "m", u32::from(m)),
                ("hnsw", "ef_construction", u32::from(ef_construction)),
            ]
        }
        Index::Ivfflat {
            lists: Lists::Count(count),
        } => {
            vec![("ivfflat", "lists", u32::from(count))]
        }
        Index::Ivfflat { .. } | Index::None => Vec::new(),
    };
    wanted.into_iter().find_map(|(method, option, wanted)| {
        if index.method != method {
            return Some(format!("method {}, not {method}", index.method));
        }
        let found = index.option(option)?;
        (found != wanted).then(|| format!("{option} = {found}, not {wanted}"))
    })
}

fn duplicate(case: &Case<'_>, names: &[String]) -> Finding {
    // The one we name ourselves stays.
    let kept = case.table.index_name();
    let kept = names.iter().find(|name| *name == kept.as_str()).or(names.first());
    let drops: Vec<_> = names
        .iter()
        .filter(|name| Some(*name) != kept)
        .map(|name| format!("DROP INDEX CONCURRENTLY {};", case.qualified_index(name)))
        .collect();
    Finding::new(
        "S16",
        Severity::Medium,
        format!("{} indexes are the same but for their names", names.len()),
        names
            .iter()
            .map(|name| quoted(name))
            .collect::<Vec<_>>()
            .join(", "),
    )
    .fix(drops.join(" "))
}

/// The statement that builds the index as asked for.
fn create(case: &Case<'_>) -> String {
    let table = case.table;
    let parameters = match table.effective_index() {
        Index::Hnsw { m, ef_construction } => format!("m = {m}, ef_construction = {ef_construction}"),
        Index::Ivfflat {
            lists: Lists::Count(count),
        } => format!("lists = {count}"),
        Index::Ivfflat { .. } => format!(
            "lists = {}",
            super::ivfflat::suited_lists(case.seen.catalog.table.as_ref().map_or(0, Table::rows))
        ),
        Index::None => return String::new(),
    };
    format!(
        "CREATE INDEX CONCURRENTLY {} ON {} USING {} ({} {}.{}) WITH ({parameters});",
        table.index_name().quoted(),
        table.qualified(),
        table.effective_index().method().unwrap_or_default(),
        table.column.quoted(),
        table.extension_schema.quoted(),
        quoted(&wanted_operator_class(&case.seen.catalog, table)),
    )
}
