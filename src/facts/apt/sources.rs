//! apt's sources as sources.list(5) describes them, both ways of writing them; for what they trust and what they offer.

use std::path::{Path, PathBuf};

use crate::host::Host;

const DIRECTORY: &str = "/etc/apt/sources.list.d";
const FILE: &str = "/etc/apt/sources.list";
const CONFIGURATION: &str = "/etc/apt/apt.conf.d";

/// One line of a `.list` file or one stanza of a `.sources` file that is not switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AptSource {
    pub file: PathBuf,
    pub uris: Vec<String>,
    pub suites: Vec<String>,
    /// `Signed-By`, as it stands there; empty where every trusted key vouches for it.
    pub signed_by: String,
    /// The options that switch checks off, as they are written: `trusted=yes`.
    pub unchecked: Vec<String>,
}

impl AptSource {
    /// Every suite of PGDG and of its mirrors is named `<codename>-pgdg`, or `-pgdg-testing` and the like.
    pub fn is_pgdg(&self) -> bool {
        self.suites.iter().any(|suite| is_pgdg_suite(suite))
    }
}

/// Whether a suite, alone or with its component as `apt-cache policy` prints it, is one of PGDG.
pub fn is_pgdg_suite(suite: &str) -> bool {
    let suite = suite.split('/').next().unwrap_or_default();
    suite.ends_with("-pgdg") || suite.contains("-pgdg-")
}

/// Every source that is in use. Files that may not be read are passed over: they can hold passwords.
pub fn read(host: &Host) -> Vec<AptSource> {
    let directory = Path::new(DIRECTORY);
    let files = host.list(directory).into_iter().map(|name| directory.join(name));
    std::iter::once(PathBuf::from(FILE))
        .chain(files)
        .filter_map(|file| Some((host.read_text(&file).ok()??, file)))
        .flat_map(|(text, file)| parse(&file, &text))
        .collect()
}

/// Settings of apt.conf(5) that switch signature checks off for every source, each with the file that holds it.
pub fn unchecked_settings(host: &Host) -> Vec<(PathBuf, String)> {
    let directory = Path::new(CONFIGURATION);
    let files = host.list(directory).into_iter().map(|name| directory.join(name));
    std::iter::once(PathBuf::from("/etc/apt/apt.conf"))
        .chain(files)
        .filter_map(|file| Some((host.read_text(&file).ok()??, file)))
        .flat_map(|(text, file)| {
            let settings = unchecked_in(&text);
            settings.into_iter().map(move |setting| (file.clone(), setting))
        })
        .collect()
}

/// The sources of one file, by its extension; none of one that apt would not read.
pub fn parse(file: &Path, text: &str) -> Vec<AptSource> {
    let mut sources = match file.extension().and_then(|extension| extension.to_str()) {
        Some("list") => text.lines().filter_map(one_line).collect::<Vec<_>>(),
        Some("sources") => stanzas(text),
        _ => Vec::new(),
    };
    for source in &mut sources {
        source.file = file.to_owned();
    }
    sources
}

/// `deb [ option=value … ] uri suite component …`
fn one_line(line: &str) -> Option<AptSource> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let rest = line.strip_prefix("deb")?;
    if !rest.starts_with([' ', '\t', '[']) {
        return None;
    }
    let rest = rest.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let mut source = AptSource {
        uris: vec![words.next()?.to_owned()],
        suites: vec![words.next()?.to_owned()],
        ..AptSource::default()
    };
    for option in options.split_whitespace() {
        if let Some((name, value)) = option.split_once('=') {
            set(&mut source, name, value, option);
        }
    }
    Some(source)
}

/// Fields as in deb822(5): `Name: value`, continued by lines that begin with white space; stanzas end with empty lines.
fn stanzas(text: &str) -> Vec<AptSource> {
    let mut sources = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            sources.extend(stanza(&std::mem::take(&mut fields)));
        } else if line.starts_with('#') {
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    sources
}

fn stanza(fields: &[(String, String)]) -> Option<AptSource> {
    let value = |name: &str| {
        let field = fields.iter().find(|(field, _)| field == name);
        field.map_or("", |(_, value)| value.as_str())
    };
    let words = |name| {
        value(name)
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if is_no(value("enabled")) || !words("types").contains(&"deb".to_owned()) {
        return None;
    }
    let mut source = AptSource {
        uris: words("uris"),
        suites: words("suites"),
        ..AptSource::default()
    };
    for (name, value) in fields {
        set(&mut source, name, value, &format!("{name}: {value}"));
    }
    Some(source)
}

fn set(source: &mut AptSource, name: &str, value: &str, shown: &str) {
    match name.to_lowercase().as_str() {
        "signed-by" => source.signed_by = value.to_owned(),
        "trusted" | "allow-insecure" | "allow-weak" if is_yes(value) => {
            source.unchecked.push(shown.to_owned());
        }
        _ => {}
    }
}

fn unchecked_in(text: &str) -> Vec<String> {
    const NAMES: [&str; 2] = ["AllowInsecureRepositories", "AllowUnauthenticated"];
    let is_setting = |line: &&str| {
        let Some((name, value)) = line.trim_end_matches(';').rsplit_once([' ', '\t']) else {
            return false;
        };
        let name = name.trim().to_lowercase();
        NAMES.iter().any(|known| name.ends_with(&known.to_lowercase())) && is_yes(value.trim_matches('"'))
    };
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    lines.filter(is_setting).map(str::to_owned).collect()
}

/// apt's own reading of a truth value (strutl.cc): other words are neither.
fn is_yes(value: &str) -> bool {
    ["1", "yes", "true", "with", "on", "enable"].contains(&value.to_lowercase().as_str())
}

fn is_no(value: &str) -> bool {
    ["0", "no", "false", "without", "off", "disable"].contains(&value.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(file: &str, text: &str) -> Vec<String> {
        let sources = parse(Path::new(file), text).into_iter();
        sources
            .map(|source| {
                let pgdg = if source.is_pgdg() { " (PGDG)" } else { "" };
                let unchecked = source.unchecked.join(", ");
                format!(
                    "{} {} [{unchecked}]{pgdg}",
                    source.uris.join(" "),
                    source.suites.join(" ")
                )
            })
            .collect()
    }

    #[test]
    fn both_ways_of_writing_sources_are_read() {
        for (file, text, expected) in [
            (
                "x.list",
                "deb http://a.example/debian trixie main\n",
                vec!["http://a.example/debian trixie []"],
            ),
            (
                "x.list",
                "# deb http://a.example x-pgdg main\ndeb-src http://a.example x main\n deb [arch=amd64 trusted=yes] \
                 http://a.example x-pgdg main # deb\n",
                vec!["http://a.example x-pgdg [trusted=yes] (PGDG)"],
            ),
            (
                "x.list",
                "deb [trusted=no allow-insecure=no] http://a.example x main",
                vec!["http://a.example x []"],
            ),
            (
                "x.list",
                "deb[trusted=1] http://a.example x main",
                vec!["http://a.example x [trusted=1]"],
            ),
            (
                "x.list",
                "deb [trusted=yes http://a.example\ndebian\ndeb\ndeb x",
                vec![],
            ),
            (
                "pgdg.sources",
                "Types: deb\nURIs: https://a.example/apt\nSuites: trixie-pgdg\nComponents: main\n",
                vec!["https://a.example/apt trixie-pgdg [] (PGDG)"],
            ),
            (
                "x.sources",
                "# comment\ntypes: deb deb-src\nURIs:\n https://a.example\n https://b.example\nSuites: x\nTrusted: Yes\n\n\n\
                 Enabled: no\nTypes: deb\nURIs: https://c.example\nSuites: x-pgdg\n\nTypes: deb-src\nURIs: https://d.example\n",
                vec!["https://a.example https://b.example x [trusted: Yes]"],
            ),
            (
                "x.sources.save",
                "Types: deb\nURIs: https://a.example\nSuites: x-pgdg\n",
                vec![],
            ),
        ] {
            assert_eq!(shown(file, text), expected, "{text}");
        }
    }

    #[test]
    fn a_suite_is_pgdgs_by_its_name() {
        for (suite, expected) in [
            ("trixie-pgdg", true),
            ("trixie-pgdg/main", true),
            ("trixie-pgdg-testing/main", true),
            ("trixie/main", false),
            ("stable/pgdg", false),
        ] {
            assert_eq!(is_pgdg_suite(suite), expected, "{suite}");
        }
    }

    #[test]
    fn settings_that_switch_checks_off_are_found_where_they_are_on() {
        let text = "Acquire::AllowInsecureRepositories \"true\";\n// Acquire::AllowInsecureRepositories \"true\";\n\
                    APT::Get::AllowUnauthenticated \"0\";\n  APT::Get::AllowUnauthenticated yes;\nDir \"/\";";
        assert_eq!(
            unchecked_in(text),
            [
                "Acquire::AllowInsecureRepositories \"true\";",
                "APT::Get::AllowUnauthenticated yes;"
            ]
        );
    }
}
