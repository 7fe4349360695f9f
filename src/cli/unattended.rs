//! The command that does without questions what the wizard was told: only what differs from the defaults, quoted for a shell.

use clap::{Parser as _, ValueEnum};

use super::arguments::Arguments;
use super::options::{IndexMethod, Options};
use super::resolve;
use crate::host::{Host, quote_word};
use crate::secret::Secret;
use crate::settings::{Identifier, Index, Lists, Origin, Settings, Target, parse_url};

/// `pgvector-setup up --yes …`; given here or anywhere else, it means the same settings.
pub(super) fn command(settings: &Settings, host: &Host) -> String {
    let words = words(settings, &surroundings(host));
    let quoted: Vec<String> = words.iter().map(|word| quote_word(word)).collect();
    quoted.join(" ")
}

/// The options that another command needs here to mean these settings, as they can be typed; empty for the defaults.
pub(super) fn options(settings: &Settings, host: &Host) -> String {
    let flags = missing_here(settings, host).into_iter();
    let quoted: Vec<String> = flags.map(|(flag, value)| typed(flag, &value)).collect();
    quoted.join(" ")
}

/// A flag as it can be typed: one that allows something is meant without a value.
pub(super) fn typed(flag: &str, value: &str) -> String {
    if is_permission(flag) && value == "true" {
        flag.to_owned()
    } else if is_permission(flag) || value.starts_with('-') {
        format!("{flag}={}", quote_word(value))
    } else {
        format!("{flag} {}", quote_word(value))
    }
}

/// Its value stands after `=` or is left out.
fn is_permission(flag: &str) -> bool {
    flag.starts_with("--allow-")
}

/// The flags that these settings need beside what the environment and the file of this place say.
pub(super) fn missing_here(settings: &Settings, host: &Host) -> Vec<(&'static str, String)> {
    let surroundings = surroundings(host);
    needed(settings, &surroundings, |wanted, default, elsewhere| {
        elsewhere.or(default) != Some(wanted)
    })
}

/// What the environment and the file say when no flag is given. A flag that they set has to be given even at its default.
pub(super) fn surroundings(host: &Host) -> Options {
    let environment = Arguments::try_parse_from(["pgvector-setup"]).map(|arguments| arguments.options);
    environment
        .ok()
        .and_then(|options| resolve::layered(options, host).ok())
        .unwrap_or_default()
}

fn words(settings: &Settings, surroundings: &Options) -> Vec<String> {
    let mut words = vec!["pgvector-setup".to_owned(), "up".into(), "--yes".into()];
    let is_needed = |wanted: &str, default: Option<&str>, elsewhere: Option<&str>| {
        default != Some(wanted) || elsewhere.is_some()
    };
    for (flag, value) in needed(settings, surroundings, is_needed) {
        if value.starts_with('-') || is_permission(flag) {
            words.push(format!("{flag}={value}"));
        } else {
            words.extend([flag.to_owned(), value]);
        }
    }
    words
}

type Flag = (&'static str, Option<String>);

/// The flags that are needed, judged by their value, their default, and what the surroundings say.
fn needed(
    settings: &Settings,
    surroundings: &Options,
    is_needed: impl Fn(&str, Option<&str>, Option<&str>) -> bool,
) -> Vec<(&'static str, String)> {
    let (defaults, surroundings) = (flags(&defaults_beside(settings)), flags(surroundings));
    let others = defaults.into_iter().zip(surroundings);
    flags(&options_of(settings))
        .into_iter()
        .zip(others)
        .filter_map(|((flag, wanted), ((_, default), (_, elsewhere)))| {
            let wanted = wanted?;
            is_needed(&wanted, default.as_deref(), elsewhere.as_deref()).then_some((flag, wanted))
        })
        .collect()
}

/// The defaults, of which some follow other options: the schema the role, the candidates the connections.
fn defaults_beside(settings: &Settings) -> Options {
    let defaults = resolve::settings(Options::default()).expect("the defaults can be meant");
    let connections = match settings.table.index {
        Index::Hnsw { m, .. } => m,
        _ => 0,
    };
    let url = settings.server_url.as_ref();
    let named = |name: Option<&Identifier>, default: &Option<String>| {
        name.map_or_else(|| default.clone(), |name| Some(name.to_string()))
    };
    let defaults = options_of(&defaults);
    Options {
        target: match url {
            Some(url) if url.origin != Origin::Environment => Some(Target::Url),
            _ => defaults.target,
        },
        database: named(url.map(|url| &url.database), &defaults.database),
        role: named(url.map(|url| &url.user), &defaults.role),
        extension_schema: Some(super::server_url::extension_schema(url).to_owned()),
        schema: Some(settings.role.to_string()),
        ef_construction: Some(resolve::default_ef_construction(connections)),
        lists: Some("auto".into()),
        ..defaults
    }
}

/// Every option that these settings amount to.
fn options_of(settings: &Settings) -> Options {
    let table = &settings.table;
    let (index, m, ef_construction, lists) = match table.index {
        Index::Hnsw { m, ef_construction } => (IndexMethod::Hnsw, Some(m), Some(ef_construction), None),
        Index::Ivfflat { lists: Lists::Auto } => (IndexMethod::Ivfflat, None, None, Some("auto".to_owned())),
        Index::Ivfflat {
            lists: Lists::Count(count),
        } => (IndexMethod::Ivfflat, None, None, Some(count.to_string())),
        Index::None => (IndexMethod::None, None, None, None),
    };
    let containers = &settings.containers;
    let tls = settings.network.tls.as_ref();
    let url = settings.server_url.as_ref();
    let (url_text, url_file) = match url.map(|url| &url.origin) {
        Some(Origin::Text(text)) => (Some(Secret::new(text.clone())), None),
        Some(Origin::File(path)) => (None, Some(path.clone())),
        Some(Origin::Environment) | None => (None, None),
    };
    Options {
        target: Some(settings.target),
        url: url_text,
        url_file,
        password_file: url.and_then(|url| url.password_file.clone()),
        role_password_file: settings.role_password_file.clone(),
        tls_root: url.and_then(|url| url.given_root.clone()),
        allow_plaintext: url.map(|url| url.allows_plaintext),
        instance: Some(settings.instance.to_string()),
        directory: settings.directory.clone(),
        port: settings.port,
        pg: settings.postgres_major,
        lock_timeout: Some(settings.lock_timeout),
        repository_timeout: Some(settings.packages.repository_timeout),
        source: settings.packages.source,
        allow_vulnerable: Some(settings.packages.allow_vulnerable),
        pgdg_mirror: settings.packages.pgdg_mirror.clone(),
        pgdg_key: settings.packages.pgdg_key.clone(),
        bundle: settings.bundle.clone(),
        database: Some(settings.database.to_string()),
        role: Some(settings.role.to_string()),
        schema: Some(table.schema.to_string()),
        extension_schema: Some(table.extension_schema.to_string()),
        table: Some(table.table.to_string()),
        key: Some(table.key.to_string()),
        column: Some(table.column.to_string()),
        dimensions: Some(table.dimensions.to_string()),
        metric: Some(table.metric),
        index: Some(index),
        m,
        ef_construction,
        lists,
        listen: several(&settings.network.listen),
        allow: several(&settings.network.allow),
        tls_certificate: tls.map(|tls| tls.certificate.clone()),
        tls_key: tls.map(|tls| tls.key.clone()),
        project: containers.project.clone(),
        image: containers.image.as_ref().map(ToString::to_string),
        tool_image: Some(containers.tool_image.to_string()),
        app_image: containers.app_image.as_ref().map(ToString::to_string),
        publish: containers.publish.map(|address| address.to_string()),
        memory: containers.memory.map(|memory| memory.to_string()),
        embedder_url: settings.embedder.url.clone(),
        embedder_model: settings.embedder.model.clone(),
        embedder_key_file: settings.embedder.key_file.clone(),
        site_directory: None,
        sites: Vec::new(),
        config: None,
        read: Default::default(),
    }
}

/// Nothing where there is none, so that no flag stands without a value.
fn several(values: &[impl ToString]) -> Option<Vec<String>> {
    (!values.is_empty()).then(|| values.iter().map(ToString::to_string).collect())
}

/// Every flag with its value, in the order of the help. Destructured whole, so that a new option cannot be forgotten here.
fn flags(options: &Options) -> Vec<Flag> {
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
        // Of sites' own commands, which show their own.
        site_directory: _,
        sites: _,
        config: _,
        read: _,
    } = options;
    let shown =
        |url: &Secret| parse_url(url).map_or_else(|_| "postgresql://".to_owned(), |parts| parts.shown());
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let list = |list: &Option<Vec<String>>| list.as_ref().map(|list| list.join(","));
    let number = |number: &Option<u16>| number.map(|number| number.to_string());
    vec![
        ("--target", target.as_ref().map(value)),
        ("--url", url.as_ref().map(shown)),
        ("--url-file", path(url_file)),
        ("--password-file", path(password_file)),
        ("--role-password-file", path(role_password_file)),
        ("--tls-root", path(tls_root)),
        (
            "--allow-plaintext",
            allow_plaintext
                .filter(|allowed| *allowed)
                .map(|allowed| allowed.to_string()),
        ),
        ("--instance", instance.clone()),
        ("--directory", path(directory)),
        ("--port", number(port)),
        ("--pg", number(pg)),
        ("--lock-timeout", number(lock_timeout)),
        ("--repository-timeout", number(repository_timeout)),
        ("--source", source.as_ref().map(value)),
        (
            "--allow-vulnerable",
            allow_vulnerable.map(|allowed| allowed.to_string()),
        ),
        ("--pgdg-mirror", pgdg_mirror.clone()),
        ("--pgdg-key", path(pgdg_key)),
        ("--bundle", path(bundle)),
        ("--database", database.clone()),
        ("--role", role.clone()),
        ("--schema", schema.clone()),
        ("--extension-schema", extension_schema.clone()),
        ("--table", table.clone()),
        ("--key", key.clone()),
        ("--column", column.clone()),
        ("--dimensions", dimensions.clone()),
        ("--metric", metric.as_ref().map(value)),
        ("--index", index.as_ref().map(value)),
        ("--m", number(m)),
        ("--ef-construction", number(ef_construction)),
        ("--lists", lists.clone()),
        ("--listen", list(listen)),
        ("--allow", list(allow)),
        ("--tls-certificate", path(tls_certificate)),
        ("--tls-key", path(tls_key)),
        ("--project", path(project)),
        ("--image", image.clone()),
        ("--tool-image", tool_image.clone()),
        ("--app-image", app_image.clone()),
        ("--publish", publish.clone()),
        ("--memory", memory.clone()),
        ("--embedder-url", embedder_url.clone()),
        ("--embedder-model", embedder_model.clone()),
        ("--embedder-key-file", path(embedder_key_file)),
    ]
}

fn value(choice: &impl ValueEnum) -> String {
    choice
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[String]) -> Settings {
        let arguments = Arguments::try_parse_from(words).unwrap();
        resolve::settings(arguments.options).unwrap()
    }

    #[test]
    fn the_command_parses_back_to_the_same_settings_with_no_flag_too_many() {
        let cases: [(&[&str], &str); 10] = [
            (&[], ""),
            (
                &["--dimensions=768", "--metric=l2"],
                "--dimensions 768 --metric l2",
            ),
            (&["--role=app"], "--role app"),
            (&["--role=app", "--schema=vectors"], "--role app --schema vectors"),
            (&["--index=hnsw", "--m=40"], "--m 40"),
            (&["--index=ivfflat"], "--index ivfflat"),
            (
                &[
                    "--target=system",
                    "--listen=192.0.2.7",
                    "--listen=192.0.2.1",
                    "--allow=192.0.2.0/24,10.0.0.0/8",
                    "--tls-certificate=/c",
                    "--tls-key=/k",
                ],
                "--target system --listen 192.0.2.1,192.0.2.7 --allow 10.0.0.0/8,192.0.2.0/24 --tls-certificate /c --tls-key /k",
            ),
            (&["--index=ivfflat", "--lists=7"], "--index ivfflat --lists 7"),
            (
                &["--database=it's \"x\"; DROP", "--table=-t"],
                r#"--database 'it'\''s "x"; DROP' --table=-t"#,
            ),
            (
                &[
                    "--index=none",
                    "--directory=/a b",
                    "--port=5000",
                    "--instance=two",
                ],
                "--instance two --directory '/a b' --port 5000 --index none",
            ),
        ];
        for (given, expected) in cases {
            let given: Vec<String> = ["pgvector-setup"]
                .iter()
                .chain(given)
                .map(|word| (*word).to_owned())
                .collect();
            let settings = parsed(&given);
            let words = words(&settings, &Options::default());
            assert_eq!(parsed(&words), settings, "{words:?}");
            let quoted: Vec<String> = words.iter().map(|word| quote_word(word)).collect();
            assert_eq!(quoted[3..].join(" "), expected);
        }
    }

    #[test]
    fn what_the_surroundings_set_is_given_even_at_its_default() {
        let surroundings = Options {
            table: Some("notes".into()),
            ..Options::default()
        };
        let settings = resolve::settings(Options::default()).unwrap();
        assert_eq!(words(&settings, &surroundings)[3..], ["--table", "articles"]);
    }
}
