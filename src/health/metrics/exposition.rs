//! The text format itself: lines, labels, escapes (prometheus.io, "Exposition formats", "Text-based format").

use std::fmt::{Display, Write as _};

use super::Reading;

/// A metric and where its series come from.
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// One sentence: what the number is, and its unit where the name has none.
    pub help: &'static str,
    pub series: fn(&Reading<'_>) -> Vec<Series>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    Counter,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// One value with its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    labels: Vec<(&'static str, String)>,
    value: String,
}

impl Series {
    pub fn new(value: impl Display) -> Self {
        Self {
            labels: Vec::new(),
            value: value.to_string(),
        }
    }

    /// 1 for true.
    pub fn of(holds: bool) -> Self {
        Self::new(u8::from(holds))
    }

    /// An empty value is the same as no label to every reader, so it is left out.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.labels.push((label, value));
        }
        self
    }
}

/// Nothing where no reading has a series.
pub fn write(text: &mut String, family: &Family, readings: &[Reading<'_>]) {
    let series: Vec<Series> = readings.iter().flat_map(family.series).collect();
    if series.is_empty() {
        return;
    }
    let Family { name, kind, help, .. } = family;
    line(text, format_args!("# HELP {name} {}", escaped(help, &['\\'])));
    line(text, format_args!("# TYPE {name} {}", kind.word()));
    for Series { labels, value } in series {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value, &['\\', '"'])))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        line(text, format_args!("{name}{labels} {value}"));
    }
}

/// These characters behind a backslash, and line feeds as `\n`.
fn escaped(text: &str, characters: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            other => {
                escaped.extend(characters.contains(&other).then_some('\\'));
                escaped.push(other);
            }
        }
    }
    escaped
}

/// Writing to a string cannot fail.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{arguments}");
}
