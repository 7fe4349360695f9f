//! Arguments, environment and file become one [`Settings`]. clap has merged the first two already.

use super::arguments::{IndexMethod, Options};
use crate::error::Result;
use crate::host::Host;
use crate::settings::{
    Dimensions, Identifier, Index, InstanceName, Lists, Metric, Settings, SettingsError, Target, VectorTable,
};

/// The file that is read when it lies in the working directory.
const DEFAULT_FILE: &str = "pgvector-setup.toml";

/// # Errors
/// [`SettingsError`] for a value that cannot be meant; nothing has been looked at yet but the file.
pub fn resolve(options: Options, host: &Host) -> Result<Settings> {
    let file = read_file(&options, host)?;
    settings(options, file).map_err(Into::into)
}

fn read_file(options: &Options, host: &Host) -> Result<Options> {
    let path = options.config.clone().unwrap_or_else(|| DEFAULT_FILE.into());
    let problem = |problem: String| SettingsError::File {
        path: path.display().to_string(),
        problem,
    };
    match host.read_text(&path)? {
        Some(text) => {
            Ok(toml::from_str(&text).map_err(|error| problem(error.to_string().trim_end().to_owned()))?)
        }
        None if options.config.is_some() => Err(problem("there is no such file".into()).into()),
        None => Ok(Options::default()),
    }
}

/// Destructures both layers whole, so that a new option cannot be forgotten here.
fn settings(flags: Options, file: Options) -> Result<Settings, SettingsError> {
    let Options {
        target,
        instance,
        directory,
        port,
        pg,
        bundle,
        database,
        role,
        schema,
        extension_schema,
        table,
        key,
        column,
        dimensions,
        metric,
        index,
        m,
        ef_construction,
        lists,
        config: _,
    } = flags;
    let name = |flag: Option<String>, file: Option<String>, default: &str| {
        Identifier::new(flag.or(file).unwrap_or_else(|| default.to_owned()))
    };
    let role = name(role, file.role, "vectors")?;
    let dimensions = dimensions
        .or(file.dimensions)
        .map_or_else(|| Dimensions::new(1536), |text| text.parse())?;
    let metric = metric.or(file.metric).unwrap_or(Metric::Cosine);
    let wanted = WantedIndex {
        method: index.or(file.index).unwrap_or(IndexMethod::Hnsw),
        m: m.or(file.m),
        ef_construction: ef_construction.or(file.ef_construction),
        lists: lists.or(file.lists),
    };
    let extension_schema = name(extension_schema, file.extension_schema, "public")?;
    let table = VectorTable {
        schema: name(schema, file.schema, role.as_str())?,
        table: name(table, file.table, "articles")?,
        key: name(key, file.key, "uri")?,
        column: name(column, file.column, "embedding")?,
        dimensions,
        metric,
        index: wanted.index(metric)?,
        extension_schema,
    };
    refuse_reserved(&role, "role")?;
    refuse_reserved(&table.schema, "schema")?;
    refuse_reserved(&table.extension_schema, "extension schema")?;
    if table.key == table.column {
        return Err(SettingsError::Conflict {
            first: format!("--key {}", table.key),
            second: format!("--column {}", table.column),
            reason: "one column cannot be both",
        });
    }
    Ok(Settings {
        target: target.or(file.target).unwrap_or(Target::Embedded),
        instance: instance
            .or(file.instance)
            .map_or_else(|| Ok(InstanceName::default()), |text| text.parse())?,
        directory: directory.or(file.directory),
        port: port
            .or(file.port)
            .map(|port| in_range("--port", port, 1, 65_535))
            .transpose()?,
        postgres_major: pg.or(file.pg),
        bundle: bundle.or(file.bundle),
        database: name(database, file.database, "vectors")?,
        role,
        table,
    })
}

/// PostgreSQL keeps names that begin with `pg_` for itself (42939).
fn refuse_reserved(name: &Identifier, what: &str) -> Result<(), SettingsError> {
    if !name.as_str().starts_with("pg_") && name.as_str() != "public"
        || (name.as_str() == "public" && what != "role")
    {
        return Ok(());
    }
    Err(SettingsError::Name {
        name: name.as_str().to_owned(),
        problem: format!("is reserved by PostgreSQL and cannot be a {what}"),
    })
}

struct WantedIndex {
    method: IndexMethod,
    m: Option<u16>,
    ef_construction: Option<u16>,
    lists: Option<String>,
}

impl WantedIndex {
    fn index(self, metric: Metric) -> Result<Index, SettingsError> {
        let stray = |second: &str, reason| {
            Err(SettingsError::Conflict {
                first: self.name(),
                second: second.to_owned(),
                reason,
            })
        };
        if self.method != IndexMethod::Hnsw && (self.m.is_some() || self.ef_construction.is_some()) {
            return stray(
                if self.m.is_some() {
                    "--m"
                } else {
                    "--ef-construction"
                },
                "it belongs to --index hnsw",
            );
        }
        if self.method != IndexMethod::Ivfflat && self.lists.is_some() {
            return stray("--lists", "it belongs to --index ivfflat");
        }
        match self.method {
            IndexMethod::None => Ok(Index::None),
            IndexMethod::Ivfflat if metric == Metric::L1 => {
                stray("--metric l1", "ivfflat has no l1 operator class")
            }
            IndexMethod::Ivfflat => Ok(Index::Ivfflat {
                lists: lists(self.lists.as_deref())?,
            }),
            IndexMethod::Hnsw => {
                let m = in_range("--m", self.m.unwrap_or(16), 2, 100)?;
                let ef_construction = self.ef_construction.unwrap_or(64.max(2 * m));
                let ef_construction = in_range("--ef-construction", ef_construction, 4, 1000)?;
                // pgvector: "ef_construction must be greater than or equal to 2 * m".
                in_range("--ef-construction", ef_construction, 2 * m, 1000)?;
                Ok(Index::Hnsw { m, ef_construction })
            }
        }
    }

    fn name(&self) -> String {
        let method = match self.method {
            IndexMethod::Hnsw => "hnsw",
            IndexMethod::Ivfflat => "ivfflat",
            IndexMethod::None => "none",
        };
        format!("--index {method}")
    }
}

fn lists(text: Option<&str>) -> Result<Lists, SettingsError> {
    match text {
        None | Some("auto") => Ok(Lists::Auto),
        Some(text) => match text.parse() {
            Ok(count @ 1..=32_768) => Ok(Lists::Count(count)),
            _ => Err(SettingsError::Range {
                option: "--lists",
                range: "from 1 to 32768, or auto".into(),
                given: text.to_owned(),
            }),
        },
    }
}

fn in_range(option: &'static str, value: u16, least: u16, most: u16) -> Result<u16, SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(SettingsError::Range {
        option,
        range: format!("from {least} to {most}"),
        given: value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(flags: &[&str], file: &str) -> Result<Settings, SettingsError> {
        use clap::Parser as _;
        let words = std::iter::once("pgvector-setup").chain(flags.iter().copied());
        let arguments = super::super::arguments::Arguments::try_parse_from(words).unwrap();
        settings(arguments.options, toml::from_str(file).unwrap())
    }

    #[test]
    fn flags_go_before_the_file_and_the_file_before_defaults() {
        let settings = resolved(
            &["--dimensions", "768"],
            "dimensions = 3\ntable = \"notes\"\nindex = \"none\"",
        )
        .unwrap();
        assert_eq!(
            (settings.table.dimensions.count(), settings.table.table.as_str()),
            (768, "notes")
        );
        assert_eq!(
            (settings.table.index, settings.table.key.as_str()),
            (Index::None, "uri")
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let cases: [(&[&str], &str); 9] = [
            (&["--dimensions", "0"], "E0102"),
            (&["--dimensions", "16001"], "E0102"),
            (&["--table", ""], "E0101"),
            (&["--role", "pg_monitor"], "E0101"),
            (&["--index", "ivfflat", "--m", "8"], "E0104"),
            (&["--index", "ivfflat", "--metric", "l1"], "E0104"),
            (&["--m", "64", "--ef-construction", "100"], "E0103"),
            (&["--index", "ivfflat", "--lists", "many"], "E0103"),
            (&["--key", "x", "--column", "x"], "E0104"),
        ];
        for (flags, code) in cases {
            use crate::error::Explain as _;
            assert_eq!(resolved(flags, "").unwrap_err().code(), code, "{flags:?}");
        }
    }
}
