//! S2 the extension and its advisories, S2b its library.

use super::{Case, quoted};
use crate::health::advisories::{Advisory, Scope, Version, advisories};
use crate::health::doctor::catalog::Extension;
use crate::health::{Finding, Severity};
use crate::settings::Index;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let catalog = &case.seen.catalog;
    let Some(extension) = &catalog.extension else {
        return missing(case);
    };
    let mut findings = vec![version(case, extension)];
    findings.extend(known_defects(case, extension));
    findings.extend(schema(case, extension));
    findings.push(library(case));
    findings
}

fn missing(case: &Case<'_>) -> Vec<Finding> {
    let catalog = &case.seen.catalog;
    let database = &catalog.server.database;
    let (evidence, fix) = match &catalog.extension_available {
        Some(available) => (
            format!("database {database}; version {available} is available on this server"),
            format!(
                "CREATE EXTENSION vector SCHEMA {};",
                case.table.extension_schema.quoted()
            ),
        ),
        None => (
            format!("database {database}; this server has no pgvector installed"),
            case.command("up"),
        ),
    };
    vec![
        Finding::new(
            "S2",
            Severity::Critical,
            "the extension vector is not in this database",
            evidence,
        )
        .fix(fix),
        Finding::new(
            "S2b",
            Severity::Skipped,
            "the library was not tried",
            "there is no extension",
        ),
    ]
}

fn version(case: &Case<'_>, extension: &Extension) -> Finding {
    let installed = &extension.version;
    match &case.seen.catalog.extension_available {
        Some(available) if available != installed => Finding::new(
            "S2",
            Severity::Medium,
            format!("the extension is version {installed}, and {available} is available"),
            format!("extension {installed}, packages {available}"),
        )
        .fix(case.command("upgrade")),
        _ => Finding::new(
            "S2",
            Severity::Ok,
            format!("the extension vector {installed} is installed"),
            format!("schema {}", extension.schema),
        ),
    }
}

/// By the library's own version where the server tells it, because that is the code that runs.
fn known_defects(case: &Case<'_>, extension: &Extension) -> Vec<Finding> {
    let running = running(case, extension);
    let Some(version) = Version::parse(running) else {
        return vec![Finding::new(
            "S2",
            Severity::Low,
            "the extension's version is not one of pgvector's, so no advisory could be looked up",
            format!("version {running}"),
        )];
    };
    applying(case)
        .into_iter()
        .map(|(advisory, severity)| {
            Finding::new(
                "S2",
                severity,
                format!("{}: {}", advisory.id, advisory.summary),
                format!("pgvector {version}; fixed in {}", advisory.fixed),
            )
            .fix(case.command("upgrade"))
        })
        .collect()
}

/// The advisories that are about this installation, each with how much it matters here.
pub fn applying(case: &Case<'_>) -> Vec<(&'static Advisory, Severity)> {
    let Some(extension) = &case.seen.catalog.extension else {
        return Vec::new();
    };
    let affecting = Version::parse(running(case, extension)).map(advisories);
    affecting
        .into_iter()
        .flatten()
        .filter_map(|advisory| Some((advisory, severity(case, advisory)?)))
        .collect()
}

/// The version of the code that runs, as far as the server tells it.
fn running<'a>(case: &'a Case<'_>, extension: &'a Extension) -> &'a str {
    let library = case.seen.library.as_ref();
    library
        .and_then(|library| library.as_ref().ok())
        .and_then(|library| library.version.as_deref())
        .unwrap_or(&extension.version)
}

/// `None` where the defect cannot occur here.
fn severity(case: &Case<'_>, advisory: &Advisory) -> Option<Severity> {
    let catalog = &case.seen.catalog;
    match advisory.scope {
        Scope::Everyone => Some(advisory.severity),
        Scope::Ivfflat32Bit => (catalog.server.bits == 32).then_some(advisory.severity),
        Scope::Hnsw => {
            let wanted = matches!(case.table.effective_index(), Index::Hnsw { .. });
            let there = catalog.indexes.iter().any(|index| index.method == "hnsw");
            Some(if wanted || there {
                advisory.severity
            } else {
                Severity::Low
            })
        }
    }
}

fn schema(case: &Case<'_>, extension: &Extension) -> Option<Finding> {
    let server = &case.seen.catalog.server;
    if !extension.schema_usable {
        return Some(
            Finding::new(
                "S2",
                Severity::Critical,
                format!("role {} may not use the extension's schema", server.role),
                format!("schema {}", extension.schema),
            )
            .fix(format!(
                "GRANT USAGE ON SCHEMA {} TO {};",
                quoted(&extension.schema),
                quoted(&server.role)
            )),
        );
    }
    // An administrator's path is pinned, also where it has become the role, and says nothing about the application's.
    let is_pinned = server.has_become_role && case.seen.search_path == ["pg_catalog"];
    if server.superuser || is_pinned || case.seen.search_path.contains(&extension.schema) {
        return None;
    }
    Some(
        Finding::new(
            "S2",
            Severity::Medium,
            "the extension's schema is not on the search path, so searches must name it",
            format!(
                "schema {}, search path {}",
                extension.schema,
                case.seen.search_path.join(", ")
            ),
        )
        .fix(format!(
            "ALTER ROLE {} IN DATABASE {} SET search_path = {}, {};",
            quoted(&server.role),
            quoted(&server.database),
            case.table.schema.quoted(),
            quoted(&extension.schema)
        )),
    )
}

fn library(case: &Case<'_>) -> Finding {
    match &case.seen.library {
        Some(Ok(library)) => Finding::new(
            "S2b",
            Severity::Ok,
            "the extension's library loads and computes",
            library.version.as_deref().map_or_else(
                || "the server does not tell its version".to_owned(),
                |version| format!("library {version}"),
            ),
        ),
        Some(Err(failure)) => Finding::new(
            "S2b",
            Severity::Critical,
            "the extension's library does not work, so every statement on a vector table fails",
            failure.to_string(),
        )
        .fix(case.command("up")),
        None => Finding::new(
            "S2b",
            Severity::Skipped,
            "the library was not tried",
            "there is no extension",
        ),
    }
}
