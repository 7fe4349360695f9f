//! os-release(5) read as data: it looks like shell, and is never given to one.

/// More than any real file has; what follows is ignored.
const TEXT_LIMIT: usize = 64 * 1024;
const VALUE_LIMIT: usize = 512;

/// The fields of os-release that decide anything here. Absent ones are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease {
    pub id: String,
    pub id_like: Vec<String>,
    pub version_id: String,
    pub version_codename: String,
    pub ubuntu_codename: String,
    pub debian_codename: String,
    pub pretty_name: String,
}

/// Reads the text of an os-release file. Lines that are not `NAME=value` are skipped; the last one of a name counts,
/// as in a shell. Identifiers are lower-cased; control characters are dropped, because values are shown to people.
pub fn parse(text: &str) -> OsRelease {
    let mut release = OsRelease::default();
    let end = text.len().min(TEXT_LIMIT);
    for line in text
        .get(..text.floor_char_boundary(end))
        .unwrap_or_default()
        .lines()
    {
        let Some((name, raw)) = line.trim().split_once('=') else {
            continue;
        };
        let value = unquoted(raw);
        match name {
            "ID" => release.id = value.to_lowercase(),
            "ID_LIKE" => {
                release.id_like = value.split_whitespace().map(str::to_lowercase).collect();
            }
            "VERSION_ID" => release.version_id = value,
            "VERSION_CODENAME" => release.version_codename = value.to_lowercase(),
            "UBUNTU_CODENAME" => release.ubuntu_codename = value.to_lowercase(),
            "DEBIAN_CODENAME" => release.debian_codename = value.to_lowercase(),
            "PRETTY_NAME" => release.pretty_name = value,
            _ => {}
        }
    }
    release
}

/// The value without its quotes; a backslash takes the next character as it is. `$` has no meaning: os-release(5)
/// allows no expansion, so `$(…)` stays text.
fn unquoted(raw: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t' | '#') => break,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            (None | Some('"'), '\\') => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    value.retain(|character| !character.is_control());
    value.chars().take(VALUE_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lose_their_quotes_and_nothing_else() {
        for (raw, value) in [
            ("debian", "debian"),
            ("\"Debian GNU/Linux 13 (trixie)\"", "Debian GNU/Linux 13 (trixie)"),
            ("'it is'", "it is"),
            (r#""a \"quoted\" \$word""#, r#"a "quoted" $word"#),
            (r"'no \escape'", r"no \escape"),
            ("unquoted # comment", "unquoted"),
            ("\"open", "open"),
            ("\"$(touch /tmp/owned)`id`\"", "$(touch /tmp/owned)`id`"),
            ("\"\u{1b}[31mred\"", "[31mred"),
            ("", ""),
        ] {
            assert_eq!(unquoted(raw), value, "{raw}");
        }
    }

    #[test]
    fn hostile_files_cost_little_and_decide_nothing() {
        let long = format!("ID={}\n", "x".repeat(1024 * 1024));
        assert_eq!(parse(&long).id.len(), VALUE_LIMIT);
        let late = format!("{}ID=debian\n", "JUNK=1\n".repeat(1024 * 1024 / 7));
        assert_eq!(parse(&late).id, "");
        let multibyte = format!("PRETTY_NAME={}", "é".repeat(TEXT_LIMIT));
        assert_eq!(parse(&multibyte).pretty_name.chars().count(), VALUE_LIMIT);
        assert_eq!(parse("garbage\n=\n==\n\0\nID").id, "");
    }

    #[test]
    fn the_last_assignment_counts() {
        assert_eq!(parse("ID=one\r\nID=Two\r\n").id, "two");
    }
}
