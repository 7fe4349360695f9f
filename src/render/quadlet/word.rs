//! One word of a command line in a unit file.

use std::fmt::Write as _;

/// In double quotes, read back exactly: by quadlet, which splits the line, and then by systemd, which replaces specifiers (`%`)
/// and variables (`$`) in what quadlet hands on (systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting").
pub fn quoted(text: &str) -> String {
    let mut word = String::with_capacity(text.len() + 2);
    word.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => word.extend(['\\', character]),
            '%' | '$' => word.extend([character, character]),
            other if other.is_control() => {
                let _ = write!(word, "\\u{:04x}", u32::from(other));
            }
            other => word.push(other),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_variables_and_quotes_are_doubled_or_escaped() {
        for (text, expected) in [
            ("plain", r#""plain""#),
            ("50% $x ${y}", r#""50%% $$x $${y}""#),
            (r#"it's "x" \"#, r#""it's \"x\" \\""#),
            ("a\tb", r#""a\u0009b""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
