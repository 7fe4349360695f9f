//! JSON as `jsonb` prints it, byte for byte: what is written is then what is read back, and both have one digest.
//!
//! Keys by length and then by bytes, a space after `:` and `,`, control characters below 0x20 escaped and nothing else beside
//! quotes and backslashes (`escape_json`). `numeric` keeps the digits after the point, so a float always has one and an
//! integer never; an exponent would be spelled out by it, so there is none.

use std::fmt::Write as _;

use super::{Metadata, Value};

/// Stands beside the metadata in its object: the record's `chroma:uri`.
const URI: &str = "chroma:uri";

/// A record's metadata as one object, with its uri.
pub fn metadata_text(metadata: &Metadata, uri: Option<&str>) -> String {
    let uri = uri.map(|uri| Value::Text(uri.to_owned()));
    let mut members: Vec<(&str, &Value)> = metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .chain(uri.iter().map(|uri| (URI, uri)))
        .collect();
    members.sort_by_key(|(key, _)| (key.len(), *key));
    let mut text = String::from("{");
    for (position, (key, value)) in members.into_iter().enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        string(&mut text, key);
        text.push_str(": ");
        self::value(&mut text, value);
    }
    text.push('}');
    text
}

/// One value. What is not finite has no JSON and becomes a string: where rows are made it was judged before.
pub fn value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Boolean(boolean) => {
            let _ = write!(text, "{boolean}");
        }
        Value::Integer(integer) => {
            let _ = write!(text, "{integer}");
        }
        Value::Float(float) => self::float(text, *float),
        Value::Text(string) => self::string(text, string),
        Value::List(values) => list(text, values.iter(), self::value),
    }
}

pub fn list<Item>(
    text: &mut String,
    items: impl Iterator<Item = Item>,
    mut write: impl FnMut(&mut String, Item),
) {
    text.push('[');
    for (position, item) in items.enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        write(text, item);
    }
    text.push(']');
}

/// The shortest decimal that is this number, with a point. `numeric` has no negative zero.
pub fn float(text: &mut String, float: impl Into<f64> + std::fmt::Display + Copy) {
    let wide: f64 = float.into();
    if !wide.is_finite() {
        string(text, &wide.to_string());
        return;
    }
    if wide == 0.0 {
        text.push_str("0.0");
        return;
    }
    let begin = text.len();
    let _ = write!(text, "{float}");
    if !text[begin..].contains('.') {
        text.push_str(".0");
    }
}

pub fn string(text: &mut String, string: &str) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_what_they_were() {
        let cases = [
            (Value::Integer(1), "1"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Float(1.0), "1.0"),
            (Value::Float(-0.0), "0.0"),
            (Value::Float(1e20), "100000000000000000000.0"),
            (Value::Float(0.1), "0.1"),
            (Value::Float(f64::NAN), "\"NaN\""),
        ];
        for (value, expected) in cases {
            let mut text = String::new();
            self::value(&mut text, &value);
            assert_eq!(text, expected);
        }
        let mut smallest = String::new();
        float(&mut smallest, 5e-324);
        assert_eq!((smallest.len(), smallest.ends_with('5')), (326, true));
    }

    #[test]
    fn an_object_is_in_the_order_and_the_spelling_of_jsonb() {
        let metadata: Metadata = [
            (
                "tags",
                Value::List(vec![Value::Text("a\u{1}\"\\\n\u{7f}é".into())]),
            ),
            ("é", Value::Null),
            ("z", Value::Boolean(true)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        assert_eq!(
            metadata_text(&metadata, Some("file:///x")),
            "{\"z\": true, \"é\": null, \"tags\": [\"a\\u0001\\\"\\\\\\n\u{7f}é\"], \"chroma:uri\": \"file:///x\"}"
        );
        assert_eq!(metadata_text(&Metadata::new(), None), "{}");
    }
}
