//! The first line of a rendered file: who wrote it, for which PostgreSQL, and a digest of everything else, so that an
//! edit is noticed.

use crate::digest::sha256_hex;

const BEGINNING: &str = "# Written by pgvector-setup for PostgreSQL ";
const DIGEST: &str = ", sha256:";

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
    let first = format!("{BEGINNING}{major}");
    let digest = digest(&first, body);
    format!("{first}{DIGEST}{digest}\n{body}")
}

/// Judges a file of any content.
pub fn seal_of(text: &str) -> Seal {
    let (line, body) = text.split_once('\n').unwrap_or((text, ""));
    match line.split_once(DIGEST) {
        Some((first, given)) if line.starts_with(BEGINNING) => {
            if digest(first, body) == given {
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
    let rest = text.strip_prefix(BEGINNING)?;
    let end = rest.find(|character: char| !character.is_ascii_digit())?;
    rest[..end].parse().ok()
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
