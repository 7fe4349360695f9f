//! PostgreSQL servers that are installed on this machine, whether they run or not.

use std::path::{Path, PathBuf};

use crate::host::Host;

/// One installed PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Binaries {
    pub directory: PathBuf,
    pub major: u16,
    /// The pgvector that this server can load, as its control file names it; `None` when it has none.
    pub pgvector: Option<String>,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Installed by the operating system's package manager or by hand.
    Machine,
    /// The portable bundle.
    Bundle,
}

/// (folder of the server, folder of its extensions), with `NN` for the major: Debian's layout, then PGDG's on RPM systems.
const PLACES: [(&str, &str, &str); 2] = [
    (
        "/usr/lib/postgresql",
        "{}/bin",
        "/usr/share/postgresql/{}/extension",
    ),
    ("/usr", "pgsql-{}/bin", "/usr/pgsql-{}/share/extension"),
];

/// Every server in the known places, newest major first.
pub fn gather(host: &Host) -> Vec<Binaries> {
    let mut found = Vec::new();
    for (parent, binaries, extensions) in PLACES {
        for name in host.list(Path::new(parent)) {
            let Some(major) = name.trim_start_matches("pgsql-").parse::<u16>().ok() else {
                continue;
            };
            let directory = Path::new(parent).join(binaries.replace("{}", &major.to_string()));
            if !host.exists(&directory.join("postgres")) || !host.exists(&directory.join("initdb")) {
                continue;
            }
            let control = Path::new(&extensions.replace("{}", &major.to_string())).join("vector.control");
            let text = host.read_text(&control).ok().flatten();
            let pgvector = text.as_deref().and_then(default_version);
            found.push(Binaries {
                directory,
                major,
                pgvector,
                origin: Origin::Machine,
            });
        }
    }
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found
}

/// `default_version = '0.8.5'` of an extension control file.
fn default_version(control: &str) -> Option<String> {
    let line = control
        .lines()
        .find_map(|line| line.trim().strip_prefix("default_version"))?;
    Some(
        line.trim_start_matches([' ', '='])
            .trim()
            .trim_matches('\'')
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_control_file_names_the_version() {
        let control =
            "comment = 'vector data type'\ndefault_version = '0.8.5'\nmodule_pathname = '$libdir/vector'\n";
        assert_eq!(super::default_version(control).as_deref(), Some("0.8.5"));
        assert_eq!(super::default_version("comment = 'x'"), None);
    }
}
