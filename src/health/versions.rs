//! Package, library and SQL version of pgvector, told apart for each database of a server.

use super::{Finding, HealthReport, Severity};
use crate::database::versions::{DatabaseState, Library, ServerVersions};
use crate::health::advisories::Version;

/// A row a database that has the extension or could not be looked into. Ends with a line break.
pub fn table(package: Option<&str>, versions: &ServerVersions) -> String {
    let mut text = format!("package    {}\n", package.unwrap_or("none that is known"));
    let offered = versions.offered.as_deref().unwrap_or("none");
    text.push_str(&format!("files      {offered}\n"));
    let rows: Vec<[String; 3]> = versions
        .databases
        .iter()
        .filter_map(|database| {
            let cells = |extension: &str, library: &str| {
                Some([database.name.clone(), extension.to_owned(), library.to_owned()])
            };
            match &database.state {
                DatabaseState::Without => None,
                DatabaseState::Installed(installed) => {
                    cells(&installed.version, &installed.library.to_string())
                }
                DatabaseState::Closed => cells("?", "allows no connections"),
                DatabaseState::Unreadable(why) => cells("?", why),
            }
        })
        .collect();
    if rows.is_empty() {
        text.push_str("no database has the extension\n");
        return text;
    }
    let heading = ["database", "extension", "library"].map(String::from);
    let widths: [usize; 2] = std::array::from_fn(|column| {
        let cells = std::iter::once(&heading).chain(&rows);
        cells.map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in std::iter::once(&heading).chain(&rows) {
        let [database, extension, library] = row;
        text.push_str(&format!(
            "{database:<first$}  {extension:<second$}  {library}\n",
            first = widths[0],
            second = widths[1]
        ));
    }
    text
}

impl HealthReport {
    /// Adds what every database of the server has, and what is to be said about it.
    pub fn add_versions(&mut self, package: Option<String>, versions: &ServerVersions, command: &str) {
        self.findings.extend(findings(versions, command));
        self.healthy = self.error.is_none()
            && !self
                .findings
                .iter()
                .any(|finding| finding.severity.is_unhealthy());
        self.package = package;
        self.databases.clone_from(&versions.databases);
    }
}

/// S2c: databases whose extension is behind the server's files, and libraries that are not the files' version. `command`
/// is the command that puts it right.
pub fn findings(versions: &ServerVersions, command: &str) -> Vec<Finding> {
    let Some(offered) = &versions.offered else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for database in &versions.databases {
        let Some(installed) = database.installed() else {
            continue;
        };
        let evidence = format!(
            "extension {}, library {}, files {offered}",
            installed.version, installed.library
        );
        let name = &database.name;
        let finding = match (&installed.library, is_behind(&installed.version, offered)) {
            (Library::Broken(why), _) => Some(
                Finding::new(
                    "S2c",
                    Severity::Critical,
                    format!("database {name}: the extension's library does not load"),
                    why.clone(),
                )
                .fix(command),
            ),
            (_, true) => Some(
                Finding::new(
                    "S2c",
                    Severity::Medium,
                    format!("database {name}: the extension is behind the server's files"),
                    evidence,
                )
                .fix(command),
            ),
            (Library::Version(library), false) if library != offered => Some(
                Finding::new(
                    "S2c",
                    Severity::High,
                    format!("database {name}: new sessions run another library than the server's files have"),
                    evidence,
                )
                .fix("restart the server: it loaded the library when it started"),
            ),
            _ => None,
        };
        findings.extend(finding);
    }
    if findings.is_empty() {
        let users = versions
            .databases
            .iter()
            .filter(|database| database.installed().is_some());
        findings.push(Finding::new(
            "S2c",
            Severity::Ok,
            "every database has the extension of the server's files",
            format!("{} databases, version {offered}", users.count()),
        ));
    }
    findings
}

fn is_behind(installed: &str, offered: &str) -> bool {
    installed != offered && Version::parse(installed) <= Version::parse(offered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::versions::{DatabaseVersions, Installed};

    fn server(databases: &[(&str, &str, Library)]) -> ServerVersions {
        ServerVersions {
            offered: Some("0.8.7".into()),
            databases: databases
                .iter()
                .map(|(name, version, library)| DatabaseVersions {
                    name: (*name).into(),
                    is_template: false,
                    state: DatabaseState::Installed(Box::new(Installed {
                        version: (*version).into(),
                        library: library.clone(),
                        ..Installed::default()
                    })),
                })
                .collect(),
            ..ServerVersions::default()
        }
    }

    #[test]
    fn package_library_and_sql_version_stand_side_by_side() {
        let mut versions = server(&[
            ("shop", "0.8.0", Library::Version("0.8.7".into())),
            ("a longer name", "0.8.7", Library::From080),
        ]);
        let other = |name: &str, state| DatabaseVersions {
            name: name.into(),
            is_template: false,
            state,
        };
        versions.databases.push(other("postgres", DatabaseState::Without));
        versions.databases.push(other("closed", DatabaseState::Closed));
        assert_eq!(
            table(Some("postgresql-18-pgvector 0.8.7-1"), &versions),
            "package    postgresql-18-pgvector 0.8.7-1\n\
             files      0.8.7\n\
             database       extension  library\n\
             shop           0.8.0      0.8.7\n\
             a longer name  0.8.7      0.8.0 or later\n\
             closed         ?          allows no connections\n"
        );
    }

    #[test]
    fn each_way_to_differ_is_a_finding_of_its_own() {
        let library = |version: &str| Library::Version(version.into());
        for (extension, library, severity) in [
            ("0.8.7", library("0.8.7"), Severity::Ok),
            ("0.8.7", Library::From080, Severity::Ok),
            ("0.8.0", library("0.8.7"), Severity::Medium),
            ("0.8.0", library("0.8.5"), Severity::Medium),
            ("0.8.7", library("0.8.5"), Severity::High),
            ("0.8.7", Library::Broken("58P01".into()), Severity::Critical),
        ] {
            let found = findings(&server(&[("shop", extension, library.clone())]), "upgrade");
            let severities: Vec<Severity> = found.iter().map(|finding| finding.severity).collect();
            assert_eq!(severities, [severity], "extension {extension}, library {library}");
        }
    }
}
