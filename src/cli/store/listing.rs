//! Rows for a person: what others wrote into them is shown shortened and cannot move the cursor.

use std::fmt::Write as _;

use serde_json::Value;

use crate::store::{Hit, Row};

/// Fewest characters that a text is shortened to, however narrow the terminal is.
const LEAST: usize = 20;

/// A line a row: key, distance, and what says most about it.
pub fn table(hits: &[Hit], width: usize) -> String {
    let keys: Vec<String> = hits.iter().map(|hit| printable(&hit.row.id)).collect();
    let distances: Vec<String> = hits.iter().map(|hit| format!("{:.4}", hit.distance)).collect();
    let widest = |texts: &[String]| {
        texts
            .iter()
            .map(|text| text.chars().count())
            .max()
            .unwrap_or_default()
    };
    let (key_width, distance_width) = (widest(&keys), widest(&distances));
    let rest = width.saturating_sub(key_width + distance_width + 4).max(LEAST);
    let mut text = String::new();
    for ((hit, key), distance) in hits.iter().zip(&keys).zip(&distances) {
        let line = format!(
            "{key:<key_width$}  {distance:>distance_width$}  {}",
            shortened(&gist(&hit.row), rest)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Each row with all of its columns, a line a column.
pub fn records(rows: &[Row], width: usize) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{}", printable(&row.id));
        let fields = fields(row);
        let names = fields
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or_default();
        let rest = width.saturating_sub(names + 4).max(LEAST);
        for (name, value) in fields {
            let _ = writeln!(text, "  {name:<names$}  {}", shortened(&value, rest));
        }
    }
    text
}

fn fields(row: &Row) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    fields.extend(
        row.document
            .as_ref()
            .map(|text| ("document".to_owned(), text.clone())),
    );
    fields.extend(
        row.metadata
            .as_ref()
            .map(|value| ("metadata".to_owned(), value.to_string())),
    );
    let known = row.columns.iter().filter(|(_, value)| !value.is_null());
    fields.extend(known.map(|(name, value)| (printable(name), plain(value))));
    let vector = row.embedding.as_ref().map(|vector| {
        let components: Vec<String> = vector.iter().map(f32::to_string).collect();
        format!("{} components: {}", vector.len(), components.join(", "))
    });
    fields.extend(vector.map(|vector| ("embedding".to_owned(), vector)));
    fields
}

/// The document's first line, else a title, else the metadata, else any text.
fn gist(row: &Row) -> String {
    let document = row.document.as_deref().filter(|text| !text.trim().is_empty());
    let metadata = row
        .metadata
        .as_ref()
        .filter(|value| value.as_object().is_none_or(|object| !object.is_empty()));
    let title = ["title", "name"]
        .iter()
        .find_map(|name| row.columns.get(*name)?.as_str());
    let any = || row.columns.values().find_map(Value::as_str).map(str::to_owned);
    let first_line = document.and_then(|text| text.trim().lines().next());
    let known = first_line.or(title).map(str::to_owned);
    known
        .or_else(|| metadata.map(Value::to_string))
        .or_else(any)
        .unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// At most `width` characters, on one line.
fn shortened(text: &str, width: usize) -> String {
    // No more is looked at than may be shown: a document may be megabytes long.
    let start: String = text.chars().take(width + 1).collect();
    let shown = printable(&start);
    if shown.chars().count() <= width {
        return shown;
    }
    let kept: String = shown.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Control characters, and those that turn the direction of a line, as escapes.
pub fn printable(text: &str) -> String {
    let is_direction =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, distance: f64, document: &str) -> Hit {
        Hit {
            row: Row {
                id: id.to_owned(),
                document: Some(document.to_owned()),
                metadata: None,
                columns: serde_json::Map::new(),
                embedding: None,
            },
            distance,
            score: None,
        }
    }

    #[test]
    fn rows_stay_on_their_line_whatever_is_in_them() {
        let hits = [
            hit("a", 0.25, "first line\nsecond line"),
            hit("b\u{1b}[2J", -12.0, "\u{202e}gnp.exe \u{7} and so on and so on"),
            hit("c", 0.5, ""),
        ];
        assert_eq!(
            table(&hits, 50),
            "a             0.2500  first line\n\
             b\\u{1b}[2J  -12.0000  \\u{202e}gnp.exe \\u{7} and s…\n\
             c             0.5000\n"
        );
    }
}
