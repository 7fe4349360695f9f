//! libpq's password file ("The Password File"): the first line whose fields match.

use super::ServerHost;
use crate::secret::Secret;

/// Where libpq's default socket is, `localhost` stands in the file.
const DEFAULT_SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// The password for one user of one database, if the file has it. `*` matches anything.
pub(super) fn password(
    file: &Secret,
    host: &ServerHost,
    port: u16,
    database: &str,
    user: &str,
) -> Option<Secret> {
    let mut host = host.text();
    if DEFAULT_SOCKET_DIRECTORIES.contains(&host.as_str()) {
        host = "localhost".to_owned();
    }
    let wanted = [host.as_str(), &port.to_string(), database, user];
    file.expose()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(fields)
        .find(|fields| {
            let matches = |(wanted, (field, is_escaped)): (&&str, &(String, bool))| {
                (field == "*" && !is_escaped) || field == wanted
            };
            wanted.iter().zip(fields).all(matches)
        })
        .map(|mut fields| Secret::new(fields.swap_remove(4).0))
}

/// Five fields between colons, each with whether a backslash stood in it. The password is the rest of the line.
fn fields(line: &str) -> Option<Vec<(String, bool)>> {
    let mut fields = vec![(String::new(), false)];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let is_password = fields.len() == 5;
        let (field, is_escaped) = fields.last_mut()?;
        match character {
            '\\' => {
                *is_escaped = true;
                field.extend(characters.next());
            }
            ':' if !is_password => fields.push((String::new(), false)),
            other => field.push(other),
        }
    }
    (fields.len() == 5).then_some(fields)
}
