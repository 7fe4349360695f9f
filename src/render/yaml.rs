//! Values in YAML. A template of this program can put a value into a file in one way: as a scalar in double quotes.

use minijinja::Value;

use super::template;
use crate::plan::Refusal;

/// Who reads the file, and so what has to be escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Compose files: `$` would be the beginning of a variable.
    Compose,
    /// Files where `$` means itself.
    Plain,
}

/// Fills a template in which every `{{ value }}` becomes a quoted scalar or a number, and every `{{ value | safe }}`
/// stays as it is. `context` is plain data.
///
/// # Errors
/// [`Refusal`] for a template that names something unknown: a defect of this program.
pub fn fill(template: &str, context: Value, reader: Reader) -> Result<String, Refusal> {
    template::fill(template, context, move |text| quoted(text, reader))
}

/// A text as a YAML scalar in double quotes that every reader turns back into the same text (YAML 1.2.2, 5.7 and 7.3.1).
pub fn quoted(text: &str, reader: Reader) -> String {
    let mut scalar = String::with_capacity(text.len() + 2);
    scalar.push('"');
    for character in text.chars() {
        match character {
            '"' => scalar.push_str("\\\""),
            '\\' => scalar.push_str("\\\\"),
            // Compose, "Interpolation": a doubled dollar sign is one that means itself.
            '$' if reader == Reader::Compose => scalar.push_str("$$"),
            other if is_plain(other) => scalar.push(other),
            other => scalar.push_str(&escaped(other)),
        }
    }
    scalar.push('"');
    scalar
}

/// What stands for itself: printable in YAML, and visible to whoever looks at the file.
fn is_plain(character: char) -> bool {
    let is_invisible = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff0}'..='\u{ffff}');
    let is_outside_of_text = u32::from(character) & 0xfffe == 0xfffe || u32::from(character) >= 0xe_0000;
    !(character.is_control() || is_invisible || is_outside_of_text)
}

fn escaped(character: char) -> String {
    match u32::from(character) {
        code @ ..=0xff => format!("\\x{code:02x}"),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_whatever_they_hold() {
        let cases = [
            ("", r#""""#),
            ("no", r#""no""#),
            ("a: b # c", r#""a: b # c""#),
            (r#"it's "x"\"#, r#""it's \"x\"\\""#),
            ("${HOME} $$", r#""$${HOME} $$$$""#),
            ("a\tb\n", r#""a\x09b\x0a""#),
            ("\u{202e}é", r#""\u202eé""#),
            ("\u{1f600}\u{1ffff}", "\"\u{1f600}\\U0001ffff\""),
        ];
        for (text, expected) in cases {
            assert_eq!(quoted(text, Reader::Compose), expected);
        }
        assert_eq!(quoted("$x", Reader::Plain), r#""$x""#);
    }

    #[test]
    fn a_template_cannot_forget_to_quote_and_cannot_name_what_is_not_there() {
        let filled = fill(
            "a: {{ a }}\nb: {{ b }}\n",
            minijinja::context! { a => "*x", b => 5 },
            Reader::Plain,
        );
        assert_eq!(filled.unwrap(), "a: \"*x\"\nb: 5\n");
        for template in ["{{ missing }}", "{{ a }}", "{% for x in y %}{% endfor %}"] {
            let context = minijinja::context! { a => vec![1] };
            assert!(fill(template, context, Reader::Plain).is_err(), "{template}");
        }
    }
}
