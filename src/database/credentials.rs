//! The application's password on disk: one line in PostgreSQL's password file format, so that `PGPASSFILE` works with it.

use crate::secret::Secret;
use crate::settings::Identifier;

/// `host:port:database:user:password` (libpq, "The Password File"); colons and backslashes in names are escaped.
pub fn line(host: &str, port: u16, database: &Identifier, role: &Identifier, password: &Secret) -> String {
    format!(
        "{}:{port}:{}:{}:{}\n",
        escape(host),
        escape(database.as_str()),
        escape(role.as_str()),
        escape(password.expose())
    )
}

/// The password of a role in such a file.
pub fn password(text: &str, role: &Identifier) -> Option<Secret> {
    text.lines()
        .filter_map(split)
        .find(|fields| fields[3] == role.as_str())
        .map(|mut fields| Secret::new(fields.remove(4)))
}

/// Whether such a file is for this server.
pub fn names(text: &str, host: &str, port: u16) -> bool {
    let port = port.to_string();
    text.lines()
        .filter_map(split)
        .any(|fields| fields[0] == host && fields[1] == port)
}

fn escape(field: &str) -> String {
    field.replace('\\', "\\\\").replace(':', "\\:")
}

fn split(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => fields.last_mut()?.extend(characters.next()),
            ':' => fields.push(String::new()),
            other => fields.last_mut()?.push(other),
        }
    }
    (fields.len() == 5).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_the_names_hold() {
        let role = Identifier::new(r"a:b\c").unwrap();
        let text = line(
            "2001:db8::1",
            5432,
            &Identifier::new("d:b").unwrap(),
            &role,
            &Secret::new(r"p:a\s"),
        );
        assert_eq!(password(&text, &role).unwrap().expose(), r"p:a\s");
        assert_eq!(password(&text, &Identifier::new("other").unwrap()), None);
        assert!(names(&text, "2001:db8::1", 5432) && !names(&text, "2001:db8::1", 5433));
    }
}
