//! S3 the table and its embedding column.

use super::Case;
use crate::health::doctor::catalog::Column;
use crate::health::{Finding, Severity};

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let name = case.table.qualified();
    let Some(facts) = &case.seen.catalog.table else {
        return vec![
            Finding::new(
                "S3",
                Severity::Critical,
                format!("there is no table {name}"),
                place(case),
            )
            .fix(case.command("up")),
        ];
    };
    if !facts.is_table() {
        let evidence = format!("relkind {}", facts.kind);
        return vec![Finding::new(
            "S3",
            Severity::Critical,
            format!("{name} is not a table"),
            evidence,
        )];
    }
    if !facts.readable {
        let role = &case.seen.catalog.server.role;
        return vec![
            Finding::new(
                "S3",
                Severity::Critical,
                format!("role {role} may not read {name}"),
                place(case),
            )
            .fix(format!(
                "GRANT USAGE ON SCHEMA {} TO {role}; GRANT SELECT ON {name} TO {role};",
                case.table.schema.quoted(),
                role = super::quoted(role)
            )),
        ];
    }
    match &case.seen.catalog.column {
        Some(column) => vec![column_check(case, column)],
        None => vec![
            Finding::new(
                "S3",
                Severity::Critical,
                format!("the table has no column {}", case.table.column.quoted()),
                name,
            )
            .fix(case.command("up")),
        ],
    }
}

fn place(case: &Case<'_>) -> String {
    format!("database {}", case.seen.catalog.server.database)
}

fn column_check(case: &Case<'_>, column: &Column) -> Finding {
    let wanted = case.table.type_name();
    let evidence = format!(
        "column {} {}, storage {}",
        case.table.column.quoted(),
        column.shown(),
        column.storage
    );
    let known = ["vector", "halfvec"].contains(&column.type_name.as_str());
    if !column.of_extension || !known {
        return Finding::new(
            "S3",
            Severity::Critical,
            format!("the column is {}, not {wanted}", column.shown()),
            evidence,
        );
    }
    let retype = format!(
        "ALTER TABLE {} ALTER COLUMN {} TYPE {};",
        case.table.qualified(),
        case.table.column.quoted(),
        case.table.qualified_type()
    );
    match column.dimensions {
        None => Finding::new(
            "S3",
            Severity::High,
            "the column takes vectors of any number of dimensions, so it cannot be indexed",
            evidence,
        )
        .fix(retype),
        Some(dimensions) if dimensions != case.table.dimensions.count() => Finding::new(
            "S3",
            Severity::Critical,
            format!(
                "the column has {dimensions} dimensions, not {}",
                case.table.dimensions
            ),
            evidence,
        )
        .fix(case.command(&format!("doctor --dimensions {dimensions}"))),
        Some(_) if column.type_name != case.table.column_type().name() => Finding::new(
            "S3",
            Severity::Medium,
            format!("the column is {}, not {wanted}", column.shown()),
            evidence,
        )
        .fix(retype),
        Some(_) if column.storage == "p" => Finding::new(
            "S3",
            Severity::Low,
            "vectors lie in the table's own pages, so scans of other columns read them too",
            evidence,
        )
        .fix(format!(
            "ALTER TABLE {} ALTER COLUMN {} SET STORAGE EXTERNAL;",
            case.table.qualified(),
            case.table.column.quoted()
        )),
        Some(_) => Finding::new("S3", Severity::Ok, format!("the column is {wanted}"), evidence),
    }
}
