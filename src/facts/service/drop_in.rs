//! What a unit's files say of credentials, and the file of ours that adds one more thing to read. Pure.

use std::path::{Path, PathBuf};

/// The credential that holds the URL (systemd.exec(5), "LoadCredential=").
pub const CREDENTIAL: &str = "database-url";

/// How a drop-in of ours begins.
const OURS: &str = "# By pgvector-setup: ";

/// Has a unit read `path`: as a credential, or into its environment.
///
/// systemd takes the rest of the line as the path, spaces included; `%` begins a specifier (systemd.unit(5), "Specifiers").
/// systemd 257 cannot start a unit whose `LoadCredential=` has a space in its path; ours never has.
pub fn drop_in_text(path: &Path, credentials: bool) -> String {
    let path = path.display().to_string().replace('%', "%%");
    let (what, line) = if credentials {
        ("credential", format!("LoadCredential={CREDENTIAL}:{path}"))
    } else {
        ("environment", format!("EnvironmentFile={path}"))
    };
    format!("{OURS}the service's {what}; `site remove` takes it away\n[Service]\n{line}\n")
}

/// Whether a drop-in is one that [`drop_in_text`] made, of this version or another.
pub fn is_ours(content: &str) -> bool {
    content.starts_with(OURS)
}

/// The file that a drop-in of ours names.
pub fn named(content: &str) -> Option<PathBuf> {
    let credential = format!("LoadCredential={CREDENTIAL}:");
    let path = content.lines().find_map(|line| {
        line.strip_prefix("EnvironmentFile=")
            .or_else(|| line.strip_prefix(credential.as_str()))
    });
    path.filter(|_| is_ours(content))
        .map(|path| path.replace("%%", "%").into())
}

/// Every `LoadCredential=` of a unit's files in the order in which systemd reads them. An empty one forgets those before it.
pub(super) fn credentials<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for value in texts.flat_map(str::lines).filter_map(value) {
        if value.is_empty() {
            found.clear();
        }
        let pair = value.split_once(':').filter(|(_, path)| path.starts_with('/'));
        found.extend(pair.map(|(id, path)| (id.to_owned(), path.replace("%%", "%").into())));
    }
    found
}

fn value(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    (name.trim() == "LoadCredential").then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_in_names_the_path_as_systemd_reads_it() {
        let text = drop_in_text(Path::new("/srv/with space/100%.env"), false);
        assert!(
            text.ends_with("\n[Service]\nEnvironmentFile=/srv/with space/100%%.env\n"),
            "{text}"
        );
        assert!(is_ours(&text) && !is_ours("[Service]\n"));
    }

    #[test]
    fn a_credential_of_ours_is_read_again() {
        let path = PathBuf::from("/etc/100%.credential");
        let text = drop_in_text(&path, true);
        assert_eq!(named(&text), Some(path.clone()));
        assert_eq!(named(&drop_in_text(&path, false)), Some(path.clone()));
        assert_eq!(named("[Service]\nEnvironmentFile=/etc/x\n"), None);
        let read = credentials([text.as_str()].into_iter());
        assert_eq!(read, [("database-url".to_owned(), path)]);
    }

    #[test]
    fn later_files_add_and_an_empty_value_forgets() {
        let (unit, drop_in) = (
            "[Service]\nLoadCredential=a:/a\n#LoadCredential=b:/b\nLoadCredential=from-outside\n LoadCredential = c:/c \n",
            "[Service]\nLoadCredential=\nLoadCredential=d:/d:e\n",
        );
        let ids = |texts: &[&str]| -> Vec<String> {
            let found = credentials(texts.iter().copied()).into_iter();
            found
                .map(|(id, path)| format!("{id} {}", path.display()))
                .collect()
        };
        assert_eq!(ids(&[unit]), ["a /a", "c /c"]);
        assert_eq!(ids(&[unit, drop_in]), ["d /d:e"]);
    }
}
