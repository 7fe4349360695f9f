//! The embedded migrations, rendered for one table. Pure.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use refinery::Migration;

use super::MigrateError;
use crate::database::index::{Definition, list_count};
use crate::settings::{Index, Lists, VectorTable};

pub(super) const EXTENSION: i32 = 1;
pub(super) const TABLE: i32 = 2;
pub(super) const COLUMN: i32 = 3;
pub(super) const INDEX: i32 = 4;

struct Template {
    version: i32,
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

macro_rules! template {
    ($version:literal, $name:literal) => {
        Template {
            version: $version,
            name: $name,
            up: include_str!(concat!("../../../migrations/V", $version, "__", $name, ".up.sql")),
            down: include_str!(concat!(
                "../../../migrations/V",
                $version,
                "__",
                $name,
                ".down.sql"
            )),
        }
    };
}

const TEMPLATES: [Template; 4] = [
    template!(1, "extension"),
    template!(2, "table"),
    template!(3, "embedding_column"),
    template!(4, "embedding_index"),
];

/// One migration for one table: its SQL both ways, and the settings that its text depends on.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub version: i32,
    pub name: &'static str,
    pub up: String,
    pub down: String,
    /// Kept with the history row, so that a later difference can be shown in the user's own words.
    pub settings: BTreeMap<String, String>,
}

impl Script {
    /// As refinery knows it; its checksum is over version, name and the rendered text.
    pub fn migration(&self) -> Result<Migration, MigrateError> {
        Migration::unapplied(&format!("V{}__{}", self.version, self.name), &self.up)
            .map_err(|source| MigrateError::Refinery { source })
    }
}

/// How the index statement is written for what is in the table now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion {
    /// Writers go on during the build: for a table that has rows.
    pub concurrently: bool,
    /// Rows with an embedding, for automatic `lists`; `None` for the text that is kept and compared.
    pub rows: Option<i64>,
}

impl Occasion {
    /// The text that checksums are made of: the same whatever is in the table.
    pub const RECORDED: Self = Self {
        concurrently: true,
        rows: None,
    };
}

/// All migrations in order.
///
/// # Errors
/// [`MigrateError::Template`] when a template is broken, which the tests exclude.
pub(super) fn scripts(table: &VectorTable) -> Result<Vec<Script>, MigrateError> {
    TEMPLATES
        .iter()
        .map(|template| {
            Ok(Script {
                version: template.version,
                name: template.name,
                up: render(template.up, table, Occasion::RECORDED)?,
                down: render(template.down, table, Occasion::RECORDED)?,
                settings: settings(template.version, table),
            })
        })
        .collect()
}

/// The statement that builds the index now.
pub(super) fn index_statement(table: &VectorTable, occasion: Occasion) -> Result<String, MigrateError> {
    render(TEMPLATES[3].up, table, occasion)
}

fn render(template: &str, table: &VectorTable, occasion: Occasion) -> Result<String, MigrateError> {
    let wanted = Definition::wanted(table);
    let lists = automatic_lists(table);
    let mut options = wanted
        .as_ref()
        .map_or(BTreeMap::new(), |wanted| wanted.options.clone());
    if let Some(lists) = lists {
        let rows = occasion.rows.unwrap_or(0);
        options.insert("lists".to_owned(), i64::from(list_count(lists, rows)));
    }
    let options: Vec<String> = options
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    fill(
        template,
        minijinja::context! {
            schema => table.schema.quoted(),
            table => table.qualified(),
            key => table.key.quoted(),
            column => table.column.quoted(),
            type => table.qualified_type(),
            extension_schema => table.extension_schema.quoted(),
            index => table.index_name().quoted(),
            method => wanted.as_ref().map(|wanted| &wanted.method),
            operator_class => wanted.as_ref().map(|wanted| {
                format!("{}.{}", table.extension_schema.quoted(), wanted.operator_class)
            }),
            options => options.join(", "),
            concurrently => occasion.concurrently,
            recorded_lists_are_automatic => lists.is_some() && occasion.rows.is_none(),
        },
    )
}

/// Fills a template of SQL whose values are SQL already: quoted names, literals, numbers.
pub(super) fn fill(template: &str, context: minijinja::Value) -> Result<String, MigrateError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
        .render_str(template, context)
        .map_err(|source| MigrateError::Template {
            detail: source.to_string(),
        })
}

fn automatic_lists(table: &VectorTable) -> Option<Lists> {
    match table.effective_index() {
        Index::Ivfflat { lists: Lists::Auto } => Some(Lists::Auto),
        _ => None,
    }
}

fn settings(version: i32, table: &VectorTable) -> BTreeMap<String, String> {
    let mut settings: Vec<(&str, String)> = Vec::new();
    match version {
        EXTENSION => settings.push(("extension-schema", table.extension_schema.to_string())),
        TABLE => settings.extend([
            ("schema", table.schema.to_string()),
            ("table", table.table.to_string()),
            ("key", table.key.to_string()),
        ]),
        COLUMN => settings.extend([
            ("column", table.column.to_string()),
            ("dimensions", table.dimensions.to_string()),
            ("type", table.type_name()),
            ("extension-schema", table.extension_schema.to_string()),
        ]),
        _ => {
            let index = table.effective_index();
            settings.push(("index", index.method().unwrap_or("none").to_owned()));
            settings.push(("metric", table.metric.name().to_owned()));
            match index {
                Index::Hnsw { m, ef_construction } => settings.extend([
                    ("m", m.to_string()),
                    ("ef-construction", ef_construction.to_string()),
                ]),
                Index::Ivfflat {
                    lists: Lists::Count(lists),
                } => settings.push(("lists", lists.to_string())),
                Index::Ivfflat { lists: Lists::Auto } => settings.push(("lists", "auto".to_owned())),
                Index::None => {}
            }
        }
    }
    settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Dimensions, Identifier, Metric};

    fn articles(index: Index) -> VectorTable {
        let name = |text: &str| Identifier::new(text).unwrap();
        VectorTable {
            schema: name("vectors"),
            table: name("articles"),
            key: name("uri"),
            column: name("embedding"),
            dimensions: Dimensions::new(1536).unwrap(),
            metric: Metric::Cosine,
            index,
            extension_schema: name("public"),
        }
    }

    /// Every history out there holds these numbers: a changed template would refuse all of them.
    #[test]
    fn the_checksums_of_released_migrations_never_change() {
        let checksums: Vec<u64> = scripts(&articles(Index::DEFAULT_HNSW))
            .unwrap()
            .iter()
            .map(|script| script.migration().unwrap().checksum())
            .collect();
        assert_eq!(
            checksums,
            [
                18431702611411474041,
                11289344041163957635,
                16806493709581177448,
                12817287809940536127
            ]
        );
    }

    #[test]
    fn the_index_statement_follows_the_settings_and_the_occasion() {
        let lists = Index::Ivfflat { lists: Lists::Auto };
        let cases = [
            (
                Index::DEFAULT_HNSW,
                Occasion {
                    concurrently: false,
                    rows: Some(0),
                },
                "CREATE INDEX \"articles_embedding_idx\" ON \"vectors\".\"articles\"\n    USING hnsw (\"embedding\" \"public\".vector_cosine_ops) WITH (ef_construction = 64, m = 16);",
            ),
            (
                lists,
                Occasion {
                    concurrently: true,
                    rows: Some(94_500),
                },
                "CREATE INDEX CONCURRENTLY \"articles_embedding_idx\" ON \"vectors\".\"articles\"\n    USING ivfflat (\"embedding\" \"public\".vector_cosine_ops) WITH (lists = 94);",
            ),
            (
                lists,
                Occasion::RECORDED,
                "-- The number of lists follows the rows: rows / 1000 up to a million rows, then their square root.\nCREATE INDEX CONCURRENTLY \"articles_embedding_idx\" ON \"vectors\".\"articles\"\n    USING ivfflat (\"embedding\" \"public\".vector_cosine_ops) WITH (lists = 1);",
            ),
            (
                Index::None,
                Occasion::RECORDED,
                "-- No index: every search reads every row and is exact.",
            ),
        ];
        for (index, occasion, statement) in cases {
            assert_eq!(index_statement(&articles(index), occasion).unwrap(), statement);
        }
    }
}
