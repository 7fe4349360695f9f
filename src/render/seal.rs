//! The first line of a rendered file: who wrote it, for which PostgreSQL, and a digest of everything else, so that an
//! edit is noticed.

use crate::digest::sha256_hex;

/// After the sign of a comment.
const BEGINNING: &str = "Written by pgvector-setup for PostgreSQL ";
const DIGEST: &str = ", sha256:";
const ALL_MAJORS: &str = "13 or later";
const JSON: &str = "{\"description\": \"";
const JSON_END: &str = "\",";

/// What the first line of a file says of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// Ours, byte for byte as it was written.
    Intact,
    /// Ours, and changed since.
    Broken,
    /// Not ours.
    Absent,
}

/// `body` below the line that seals it. For formats whose comments begin with `#`.
pub fn sealed(major: u16, body: &str) -> String {
    with_first_line(&format!("# {BEGINNING}{major}"), "", body)
}

/// [`sealed`] for what is the same for all majors.
pub fn sealed_for_all(body: &str) -> String {
    with_first_line(&format!("# {BEGINNING}{ALL_MAJORS}"), "", body)
}

/// [`sealed_for_all`] for SQL.
pub fn sealed_sql(body: &str) -> String {
    with_first_line(&format!("-- {BEGINNING}{ALL_MAJORS}"), "", body)
}

/// [`sealed_for_all`] for a JSON object whose first line is `{` and which may have a description: it has no comments, so
/// the seal is the description.
pub fn sealed_json(object: &str) -> String {
    let body = object.strip_prefix("{\n").unwrap_or(object);
    with_first_line(&format!("{JSON}{BEGINNING}{ALL_MAJORS}"), JSON_END, body)
}

/// `end` is what the first line has after the digest.
fn with_first_line(first: &str, end: &str, body: &str) -> String {
    let digest = digest(first, body);
    format!("{first}{DIGEST}{digest}{end}\n{body}")
}

/// Judges a file of any content.
pub fn seal_of(text: &str) -> Seal {
    let (line, body) = text.split_once('\n').unwrap_or((text, ""));
    match line.split_once(DIGEST) {
        Some((first, given)) if after_beginning(line).is_some() => {
            let end = if first.starts_with(JSON) { JSON_END } else { "" };
            if given.strip_suffix(end) == Some(digest(first, body).as_str()) {
                Seal::Intact
            } else {
                Seal::Broken
            }
        }
        _ => Seal::Absent,
    }
}

/// The PostgreSQL major that a file of ours was written for, edited or not.
pub fn major_of(text: &str) -> Option<u16> {
    let rest = after_beginning(text)?;
    let end = rest.find(|character: char| !character.is_ascii_digit())?;
    rest[..end].parse().ok()
}

fn after_beginning(text: &str) -> Option<&str> {
    let starts = ["# ", "-- ", JSON];
    let comment = starts.iter().find_map(|start| text.strip_prefix(start))?;
    comment.strip_prefix(BEGINNING)
}

fn digest(first: &str, body: &str) -> String {
    sha256_hex(format!("{first}\n{body}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_one_byte_breaks_the_seal() {
        let text = sealed(17, "services:\n  database:\n");
        assert_eq!((seal_of(&text), major_of(&text)), (Seal::Intact, Some(17)));
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert_ne!(seal_of(&changed), Seal::Intact, "byte {place}");
        }
    }

    #[test]
    fn a_script_of_sql_is_sealed_by_a_comment_of_its_own() {
        let text = sealed_sql("SELECT 1;\n");
        assert!(text.starts_with("-- Written by pgvector-setup for PostgreSQL 13 or later, sha256:"));
        assert_eq!(seal_of(&text), Seal::Intact);
        assert_eq!(seal_of(&text.replace("SELECT 1", "SELECT 2")), Seal::Broken);
    }

    #[test]
    fn an_object_of_json_is_sealed_by_its_description() {
        let text = sealed_json("{\n  \"title\": 1\n}\n");
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["title"], 1);
        assert_eq!((seal_of(&text), major_of(&text)), (Seal::Intact, Some(13)));
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert_ne!(seal_of(&changed), Seal::Intact, "byte {place}");
        }
    }

    #[test]
    fn other_line_ends_and_added_lines_are_edits() {
        let text = sealed(18, "a: b\n");
        for changed in [
            text.replace('\n', "\r\n"),
            format!("{text}#\n"),
            text.trim_end().to_owned(),
        ] {
            assert_eq!(seal_of(&changed), Seal::Broken, "{changed:?}");
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_not_ours() {
        for text in [
            "",
            "\n",
            "services: {}\n",
            "# Written by hand, sha256:00\n",
            "\u{feff}# Written",
        ] {
            assert_eq!((seal_of(text), major_of(text)), (Seal::Absent, None), "{text:?}");
        }
    }
}
