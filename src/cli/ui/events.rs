//! `--json --progress`: one JSON object a line while a command works, and its document as the last line.

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Exit;

/// Raised when a reader would have to change: never for a field or an event that is only added.
const SCHEMA: u32 = 1;

/// Between two events of how far something is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// What a line tells, besides when and of which step.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    /// A step begins, or a part of a command that has no steps (then without a number).
    Started {
        kind: &'a str,
        title: &'a str,
    },
    Finished {
        kind: &'a str,
        title: &'a str,
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Value>,
    },
    Waiting {
        #[serde(rename = "for")]
        what: &'a str,
    },
    Undoing {
        title: &'a str,
    },
    Progress(Far<'a>),
    Note {
        text: &'a str,
    },
    /// Text that a command prints although it was asked for JSON.
    Output {
        text: &'a str,
    },
    Result {
        exit: u8,
        changed: bool,
        #[serde(flatten)]
        document: Map<String, Value>,
    },
}

/// How far something is. What cannot be told is left out.
#[derive(Debug, Default, Serialize)]
pub(super) struct Far<'a> {
    pub(super) what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phase: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fraction: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waiting_for: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    schema: u32,
    at: String,
    elapsed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_steps: Option<usize>,
    #[serde(flatten)]
    event: Event<'a>,
}

/// Cheap to clone. All clones write to one stream; each site's counts its own steps.
#[derive(Debug, Clone)]
pub(super) struct Events {
    stream: Arc<Mutex<Stream>>,
    site: Option<Arc<str>>,
    place: Arc<Mutex<Place>>,
}

#[derive(Debug)]
struct Stream {
    /// Taken once: what is told is this and the time since, so that it never goes back when somebody sets the clock.
    began: OffsetDateTime,
    since: Instant,
    changed: bool,
    document: Option<Map<String, Value>>,
}

/// Where one site is.
#[derive(Debug, Default)]
struct Place {
    /// Number and total of the step that runs.
    step: Option<(usize, usize)>,
    /// When it was last said how far something is.
    said: Option<Instant>,
}

impl Events {
    pub(super) fn begin() -> Self {
        let stream = Stream {
            began: OffsetDateTime::now_utc(),
            since: Instant::now(),
            changed: false,
            document: None,
        };
        Self {
            stream: Arc::new(Mutex::new(stream)),
            site: None,
            place: Arc::default(),
        }
    }

    /// The same stream, on behalf of one of several sites.
    pub(super) fn for_site(&self, name: &str) -> Self {
        Self {
            stream: Arc::clone(&self.stream),
            site: Some(name.into()),
            place: Arc::default(),
        }
    }

    pub(super) fn starts(&self, number: usize, total: usize, kind: &str, title: &str) {
        *lock(&self.place) = Place {
            step: Some((number, total)),
            said: None,
        };
        self.tell(Event::Started { kind, title });
    }

    /// A part without a number.
    pub(super) fn starts_part(&self, kind: &str, title: &str) {
        *lock(&self.place) = Place::default();
        self.tell(Event::Started { kind, title });
    }

    pub(super) fn finishes(&self, event: Event<'_>) {
        self.tell(event);
        *lock(&self.place) = Place::default();
    }

    /// Says how far something is, unless that was said a moment ago.
    pub(super) fn is_at(&self, far: Far<'_>) {
        {
            let mut place = lock(&self.place);
            if place.said.is_some_and(|said| said.elapsed() < PROGRESS_INTERVAL) {
                return;
            }
            place.said = Some(Instant::now());
        }
        self.tell(Event::Progress(far));
    }

    pub(super) fn tell(&self, event: Event<'_>) {
        let step = lock(&self.place).step;
        let stream = lock(&self.stream);
        let elapsed = stream.since.elapsed();
        let line = Line {
            schema: SCHEMA,
            at: timestamp(stream.began, elapsed),
            elapsed_ms: milliseconds(elapsed),
            site: self.site.as_deref(),
            step: step.map(|(number, _)| number),
            total_steps: step.map(|(_, total)| total),
            event,
        };
        // The stream stays locked, so that lines are in the order of their times. A reader that went away is no error.
        if let Ok(text) = serde_json::to_string(&line) {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        }
    }

    /// Something is no longer as it was before the command.
    pub(super) fn changes(&self) {
        lock(&self.stream).changed = true;
    }

    /// The one document of `--json`, kept for [`Self::end`]. What is no object is put into one.
    pub(super) fn keep(&self, document: Value) {
        let document = match document {
            Value::Object(members) => members,
            other => Map::from_iter([("document".to_owned(), other)]),
        };
        lock(&self.stream).document = Some(document);
    }

    /// The last line.
    pub(super) fn end(&self, exit: Exit) {
        let (mut document, has_changed) = {
            let mut stream = lock(&self.stream);
            (stream.document.take().unwrap_or_default(), stream.changed)
        };
        document.remove("schema");
        // What was taken back again is as it was.
        let changed = match document.remove("changed") {
            Some(Value::Bool(changed)) => changed,
            _ => has_changed && exit != Exit::Undone,
        };
        *lock(&self.place) = Place::default();
        self.tell(Event::Result {
            exit: exit as u8,
            changed,
            document,
        });
    }
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

/// RFC 3339 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
fn timestamp(began: OffsetDateTime, elapsed: Duration) -> String {
    let now = began + elapsed;
    let whole = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339);
    let whole = whole.unwrap_or_default();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), now.millisecond())
}

/// A thread that panicked leaves nothing here that is half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_in_utc_and_are_the_beginning_with_what_went_by_since() {
        let began = OffsetDateTime::from_unix_timestamp(1_767_323_045).unwrap();
        for (milliseconds, expected) in [
            (0, "2026-01-02T03:04:05.000Z"),
            (7, "2026-01-02T03:04:05.007Z"),
            (1_250, "2026-01-02T03:04:06.250Z"),
        ] {
            assert_eq!(timestamp(began, Duration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn a_line_is_compact_and_leaves_out_what_is_not_known() {
        let far = Far {
            what: "index",
            phase: Some("building index"),
            fraction: Some(0.5),
            ..Far::default()
        };
        let line = Line {
            schema: SCHEMA,
            at: "2026-01-02T03:04:05.000Z".to_owned(),
            elapsed_ms: 7,
            site: Some("gp"),
            step: Some(3),
            total_steps: Some(16),
            event: Event::Progress(far),
        };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"schema":1,"at":"2026-01-02T03:04:05.000Z","elapsed_ms":7,"site":"gp","step":3,"total_steps":16,"event":"progress","what":"index","phase":"building index","fraction":0.5}"#
        );
    }

    #[test]
    fn a_second_site_has_steps_of_its_own_in_the_same_stream() {
        let events = Events::begin();
        let (first, second) = (events.for_site("one"), events.for_site("two"));
        first.starts(2, 9, "create_role", "create role \"one\"");
        assert_eq!(lock(&first.place).step, Some((2, 9)));
        assert_eq!(lock(&second.place).step, None);
        second.changes();
        assert!(lock(&events.stream).changed);
    }
}
