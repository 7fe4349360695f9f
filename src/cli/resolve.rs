//! Arguments, environment and file become one [`Settings`]. clap has merged the first two already.

use std::path::{Path, PathBuf};

use super::options::{IndexMethod, Options};
use crate::error::Result;
use crate::host::Host;
use crate::settings::{
    ContainerSettings, DEFAULT_LOCK_TIMEOUT, Dimensions, EmbedderSettings, Identifier, Image, Index,
    InstanceName, Lists, Metric, NetworkSettings, PackageSettings, Settings, SettingsError, Target,
    VectorTable, embedder_url, mirror,
};

/// The file that is read when it lies in the working directory.
const DEFAULT_FILE: &str = "pgvector-setup.toml";

/// # Errors
/// [`SettingsError`] for a value that cannot be meant; nothing has been looked at yet but the file.
pub fn resolve(options: Options, host: &Host) -> Result<Settings> {
    Ok(settings(layered(options, host)?)?)
}

/// What the flags and the environment leave open is taken from the file.
///
/// # Errors
/// [`SettingsError::File`] for a file that cannot be read as options.
pub fn layered(options: Options, host: &Host) -> Result<Options> {
    let file = read_file(&options, host)?;
    let mut options = over(options, file);
    options.read = super::server_url::read(&options, host)?;
    Ok(options)
}

/// What is declared has to be declared somewhere: a run that nobody watches and that was started elsewhere would bring up what nobody
/// asked for.
///
/// # Errors
/// [`SettingsError::Undeclared`] where no file is named and none lies in the working directory.
pub fn refuse_undeclared(options: &Options, host: &Host) -> Result<()> {
    if options.config.is_some() || host.exists(Path::new(DEFAULT_FILE)) {
        return Ok(());
    }
    Err(SettingsError::Undeclared { path: DEFAULT_FILE }.into())
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

/// Destructures the upper layer whole, so that a new option cannot be forgotten here.
fn over(flags: Options, file: Options) -> Options {
    let Options {
        target,
        url,
        url_file,
        password_file,
        role_password_file,
        tls_root,
        allow_plaintext,
        instance,
        directory,
        port,
        pg,
        lock_timeout,
        repository_timeout,
        source,
        allow_vulnerable,
        pgdg_mirror,
        pgdg_key,
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
        listen,
        allow,
        tls_certificate,
        tls_key,
        project,
        image,
        tool_image,
        app_image,
        publish,
        memory,
        embedder_url,
        embedder_model,
        embedder_key_file,
        site_directory,
        sites: _,
        config,
        read,
    } = flags;
    // A server that is named by a flag is meant whatever the file says, and the other way round.
    let names_url = url.is_some() || url_file.is_some();
    let takes_url_of_file = !names_url && target.is_none_or(|target| target == Target::Url);
    let (file_url, file_url_file) = if takes_url_of_file {
        (file.url, file.url_file)
    } else {
        (None, None)
    };
    // Another index method has other parameters: the file's belong to the file's.
    let is_same_method = index.is_none_or(|index| index == file.index.unwrap_or(IndexMethod::Hnsw));
    Options {
        target: target.or(if names_url { Some(Target::Url) } else { file.target }),
        url: url.or(file_url),
        url_file: url_file.or(file_url_file),
        password_file: password_file.or(file.password_file),
        role_password_file: role_password_file.or(file.role_password_file),
        tls_root: tls_root.or(file.tls_root),
        allow_plaintext: allow_plaintext.or(file.allow_plaintext),
        instance: instance.or(file.instance),
        directory: directory.or(file.directory),
        port: port.or(file.port),
        pg: pg.or(file.pg),
        lock_timeout: lock_timeout.or(file.lock_timeout),
        repository_timeout: repository_timeout.or(file.repository_timeout),
        source: source.or(file.source),
        allow_vulnerable: allow_vulnerable.or(file.allow_vulnerable),
        pgdg_mirror: pgdg_mirror.or(file.pgdg_mirror),
        pgdg_key: pgdg_key.or(file.pgdg_key),
        bundle: bundle.or(file.bundle),
        database: database.or(file.database),
        role: role.or(file.role),
        schema: schema.or(file.schema),
        extension_schema: extension_schema.or(file.extension_schema),
        table: table.or(file.table),
        key: key.or(file.key),
        column: column.or(file.column),
        dimensions: dimensions.or(file.dimensions),
        metric: metric.or(file.metric),
        index: index.or(file.index),
        m: m.or(file.m.filter(|_| is_same_method)),
        ef_construction: ef_construction.or(file.ef_construction.filter(|_| is_same_method)),
        lists: lists.or(file.lists.filter(|_| is_same_method)),
        listen: listen.or(file.listen),
        allow: allow.or(file.allow),
        tls_certificate: tls_certificate.or(file.tls_certificate),
        tls_key: tls_key.or(file.tls_key),
        project: project.or(file.project),
        image: image.or(file.image),
        tool_image: tool_image.or(file.tool_image),
        app_image: app_image.or(file.app_image),
        publish: publish.or(file.publish),
        memory: memory.or(file.memory),
        embedder_url: embedder_url.or(file.embedder_url),
        embedder_model: embedder_model.or(file.embedder_model),
        embedder_key_file: embedder_key_file.or(file.embedder_key_file),
        site_directory: site_directory.or(file.site_directory),
        // Several sites are declared in a file alone.
        sites: file.sites,
        config,
        read,
    }
}

/// The settings that all layers together come to, with the defaults where none says anything.
///
/// # Errors
/// [`SettingsError`] for a value that cannot be meant.
pub fn settings(options: Options) -> Result<Settings, SettingsError> {
    let name =
        |given: Option<String>, default: &str| Identifier::new(given.unwrap_or_else(|| default.to_owned()));
    let server_url = super::server_url::named(&options)?;
    let containers = containers(&options)?;
    let (database, user) = match &server_url {
        Some(url) => (url.database.as_str(), url.user.as_str()),
        None => ("vectors", "vectors"),
    };
    let role = name(options.role, user)?;
    let metric = options.metric.unwrap_or(Metric::Cosine);
    let wanted = WantedIndex {
        method: options.index.unwrap_or(IndexMethod::Hnsw),
        m: options.m,
        ef_construction: options.ef_construction,
        lists: options.lists,
    };
    let dimensions = options
        .dimensions
        .map_or_else(|| Dimensions::new(1536), |text| text.parse())?;
    let table = VectorTable {
        schema: name(options.schema, role.as_str())?,
        table: name(options.table, "articles")?,
        key: name(options.key, "uri")?,
        column: name(options.column, "embedding")?,
        dimensions,
        metric,
        index: wanted.index(metric)?,
        extension_schema: name(
            options.extension_schema,
            super::server_url::extension_schema(server_url.as_ref()),
        )?,
    };
    let is_users_own = server_url.as_ref().is_some_and(|url| url.user == role);
    if is_users_own && options.role_password_file.is_some() {
        return Err(SettingsError::Conflict {
            first: format!("the URL's own user {role} as the application's role"),
            second: "--role-password-file".into(),
            reason: "its password is the URL's",
        });
    }
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
    let target = match server_url {
        Some(_) => Target::Url,
        None => options.target.unwrap_or(Target::Embedded),
    };
    Ok(Settings {
        target,
        network: network(
            target,
            options.listen,
            options.allow,
            options.tls_certificate,
            options.tls_key,
        )?,
        instance: options
            .instance
            .map_or_else(|| Ok(InstanceName::default()), |text| text.parse())?,
        directory: options.directory,
        port: options
            .port
            .map(|port| in_range("--port", port, 1, 65_535))
            .transpose()?,
        postgres_major: options.pg,
        lock_timeout: options.lock_timeout.unwrap_or(DEFAULT_LOCK_TIMEOUT),
        packages: PackageSettings {
            source: options.source,
            allow_vulnerable: options.allow_vulnerable.unwrap_or(false),
            pgdg_mirror: options.pgdg_mirror.as_deref().map(mirror).transpose()?,
            pgdg_key: options.pgdg_key,
            repository_timeout: options.repository_timeout.unwrap_or_default(),
        },
        bundle: options.bundle,
        database: name(options.database, database)?,
        role,
        table,
        server_url,
        role_password_file: options.role_password_file,
        containers,
        embedder: EmbedderSettings {
            url: options.embedder_url.as_deref().map(embedder_url).transpose()?,
            model: options.embedder_model,
            key_file: options.embedder_key_file,
        },
    })
}

fn containers(options: &Options) -> Result<ContainerSettings, SettingsError> {
    let image = |text: &Option<String>| text.as_deref().map(str::parse::<Image>).transpose();
    let publish = options.publish.as_deref().map(|text| {
        text.parse().map_err(|_| SettingsError::Range {
            option: "--publish",
            range: "an address of this machine such as 127.0.0.1".into(),
            given: format!("{text:?}"),
        })
    });
    let default = ContainerSettings::default();
    Ok(ContainerSettings {
        project: options.project.clone(),
        image: image(&options.image)?,
        tool_image: image(&options.tool_image)?.unwrap_or(default.tool_image),
        app_image: image(&options.app_image)?,
        publish: publish.transpose()?,
        memory: options.memory.as_deref().map(str::parse).transpose()?,
    })
}

fn network(
    target: Target,
    listen: Option<Vec<String>>,
    allow: Option<Vec<String>>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<NetworkSettings, SettingsError> {
    let is_given = [
        listen.is_some(),
        allow.is_some(),
        certificate.is_some(),
        key.is_some(),
    ];
    let named = ["--listen", "--allow", "--tls-certificate", "--tls-key"];
    let first = is_given.iter().zip(named).find(|(is_given, _)| **is_given);
    if let Some((_, option)) = first.filter(|_| target != Target::System) {
        return Err(SettingsError::Conflict {
            first: format!("--target {target}"),
            second: option.into(),
            reason: "only a server of the operating system is opened to other machines: --target system",
        });
    }
    NetworkSettings::new(
        &listen.unwrap_or_default(),
        &allow.unwrap_or_default(),
        certificate,
        key,
    )
}

/// pgvector: "ef_construction must be greater than or equal to 2 * m".
pub fn default_ef_construction(m: u16) -> u16 {
    64.max(2 * m)
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
                let ef_construction = self.ef_construction.unwrap_or(default_ef_construction(m));
                let ef_construction = in_range("--ef-construction", ef_construction, 4, 1000)?;
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
        settings(over(arguments.options, toml::from_str(file).unwrap()))
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
    fn a_flag_for_another_index_method_leaves_the_parameters_of_the_file_behind() {
        let settings = resolved(&["--index", "ivfflat"], "index = \"hnsw\"\nm = 8").unwrap();
        assert_eq!(settings.table.index, Index::Ivfflat { lists: Lists::Auto });
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let cases: [(&[&str], &str); 13] = [
            (&["--dimensions", "0"], "E0102"),
            (&["--dimensions", "16001"], "E0102"),
            (&["--table", ""], "E0101"),
            (&["--role", "pg_monitor"], "E0101"),
            (&["--index", "ivfflat", "--m", "8"], "E0104"),
            (&["--index", "ivfflat", "--metric", "l1"], "E0104"),
            (&["--m", "64", "--ef-construction", "100"], "E0103"),
            (&["--index", "ivfflat", "--lists", "many"], "E0103"),
            (&["--key", "x", "--column", "x"], "E0104"),
            (&["--listen", "192.0.2.7"], "E0104"),
            (&["--target", "system", "--listen", "192.0.2.7"], "E0104"),
            (&["--target", "system", "--allow", "0/0"], "E0115"),
            (&["--target", "docker", "--allow", "192.0.2.0/24"], "E0104"),
        ];
        for (flags, code) in cases {
            use crate::error::Explain as _;
            assert_eq!(resolved(flags, "").unwrap_err().code(), code, "{flags:?}");
        }
    }
}
