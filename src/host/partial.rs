//! Things under way: made beside their place under a name that tells whose they are, and moved there when whole.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Host, process_is_alive};

const SUFFIX: &str = ".partial";

/// `.NAME.PROCESS.partial`: what this process makes before it becomes NAME.
pub(super) fn partial_name(name: &str) -> String {
    format!(".{name}.{}{SUFFIX}", std::process::id())
}

/// The name and the process in such a name.
pub(super) fn parse(name: &str) -> Option<(&str, u32)> {
    let (name, process) = name.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    Some((name, process.parse().ok()?))
}

impl Host {
    /// Where this process may make what is to become `path`.
    pub fn partial_beside(&self, path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(partial_name(&name))
    }

    /// Removes what runs that were killed left under way in a directory; of one name only, where one is given. What
    /// cannot be removed stays. To be called before this process makes anything: its own id, in a container often the
    /// same each time, counts as ended.
    pub fn clear_partials(&self, directory: &Path, only: Option<&str>) {
        for entry in self.list(directory) {
            let Some((name, process)) = parse(&entry) else {
                continue;
            };
            let is_ended = process == std::process::id() || !process_is_alive(process);
            if !is_ended || only.is_some_and(|only| only != name) {
                continue;
            }
            let path = directory.join(&entry);
            let _ = if self.is_directory(&path) {
                self.remove_directory(&path)
            } else {
                self.remove_file(&path)
            };
        }
    }

    /// Whether a directory is there and holds nothing else than entries of these names.
    pub fn holds_only(&self, directory: &Path, names: &[&OsStr]) -> bool {
        std::fs::read_dir(directory).is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| names.contains(&entry.file_name().as_os_str())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, partial_name};

    #[test]
    fn a_partial_name_tells_what_it_becomes_and_who_makes_it() {
        let ours = partial_name("pg_hba.conf");
        assert_eq!(parse(&ours), Some(("pg_hba.conf", std::process::id())));
        for foreign in ["data", ".bashrc", ".x.partial", ".x.y.partial", "x.1.partial"] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }
}
