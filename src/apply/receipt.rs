//! The write-ahead receipt: what was about to be done, and what came of it.
//!
//! One JSON object a line, appended and fsynced: intent before the step, outcome after it. Every line carries a digest of
//! itself and all lines before it, so a changed line is noticed; a last line that was cut off never happened.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::ApplyError;
use crate::digest::sha256_hex;
use crate::error::Result;
use crate::host::Host;
use crate::plan::Step;

/// Written into every receipt; readers accept this and every older one.
pub const SCHEMA: u32 = 1;

/// Largest receipt, in bytes. A site that is deployed every hour and fails each time adds about 5 KB to its own.
const LIMIT: u64 = 256 * 1024 * 1024;

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The step changed something; only this is ever undone. `object` is the oid or id that was made, where there is one.
    Changed {
        object: Option<String>,
    },
    /// What the step wants was already so.
    AlreadyThere,
    Skipped {
        why: String,
    },
    Failed {
        error: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// First line: which format, which version wrote it, what it is the receipt of.
    Opened {
        schema: u32,
        tool: String,
        target: String,
        instance: String,
    },
    /// The step is about to be done. Before this line it was not there.
    Begun { sequence: u32, step: Step },
    Ended {
        sequence: u32,
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// The step was undone, or needs no undoing any more.
    Undone { sequence: u32 },
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Line {
    #[serde(flatten)]
    record: Record,
    /// Seconds since 1970; for people, never for order.
    at: u64,
    /// The version that wrote the line, where a step begins: a receipt outlives versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// What stands between a line's own fields and the digest that closes it.
const CHAIN: &str = ",\"chain\":\"";

/// A receipt that is open for appending.
#[derive(Debug)]
pub struct Receipt {
    path: PathBuf,
    file: File,
    records: Vec<Record>,
    chain: String,
}

/// A step that was begun and not undone, with the outcome if one was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub sequence: u32,
    pub step: Step,
    /// `None` when the program was killed in between: the step may have happened.
    pub outcome: Option<Outcome>,
}

/// Reads a receipt without opening it for writing; no receipt is an empty one.
///
/// # Errors
/// [`ApplyError::Receipt`] when a line other than a torn last one does not parse, its digest does not match, or a newer
/// version of this program wrote it.
pub fn read(host: &Host, path: &Path) -> Result<Vec<Record>> {
    let text = match host.read_within(path, LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(parse(path, &text)?.0)
}

/// One step of a receipt as it is told to a person.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Seconds since 1970.
    began: u64,
    /// The version of this program.
    pub tool: String,
    pub step: Step,
    pub outcome: Option<Outcome>,
}

impl Entry {
    /// When it began, by RFC 3339 in UTC.
    pub fn at(&self) -> String {
        let format = time::format_description::well_known::Rfc3339;
        let moment = i64::try_from(self.began)
            .ok()
            .and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok());
        moment
            .and_then(|moment| moment.format(&format).ok())
            .unwrap_or_else(|| self.began.to_string())
    }
}

/// Every step of a receipt, oldest first; none where there is no receipt.
///
/// # Errors
/// As [`read`].
pub fn history(host: &Host, path: &Path) -> Result<Vec<Entry>> {
    let records = read(host, path)?;
    let text = host.read_text(path)?.unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let (mut entries, mut opened): (Vec<(u32, Entry)>, String) = (Vec::new(), String::new());
    for line in lines.take(records.len()) {
        match line.record {
            Record::Opened { tool, .. } => opened = tool,
            Record::Begun { sequence, step } => {
                let (began, tool) = (line.at, line.version.unwrap_or_else(|| opened.clone()));
                let outcome = None;
                entries.push((
                    sequence,
                    Entry {
                        began,
                        tool,
                        step,
                        outcome,
                    },
                ));
            }
            Record::Ended { sequence, outcome } => {
                let of = entries.iter_mut().find(|(number, _)| *number == sequence);
                if let Some((_, entry)) = of {
                    entry.outcome = Some(outcome);
                }
            }
            Record::Undone { .. } => {}
        }
    }
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

impl Receipt {
    /// Opens the receipt, making it with its first line where there is none. A torn last line is cut off.
    pub fn open(host: &Host, path: &Path, target: &str, instance: &str) -> Result<Self> {
        let bytes = match host.read_within(path, LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let (records, chain, whole) = parse(path, &bytes)?;
        let file = host.open_append(path, 0o600, None)?;
        file.set_len(whole as u64)
            .map_err(|source| crate::host::HostError::io("write", path, source))?;
        let mut receipt = Self {
            path: path.to_owned(),
            file,
            records,
            chain,
        };
        if receipt.records.is_empty() {
            let tool = env!("CARGO_PKG_VERSION").to_owned();
            receipt.append(Record::Opened {
                schema: SCHEMA,
                tool,
                target: target.into(),
                instance: instance.into(),
            })?;
        }
        Ok(receipt)
    }

    /// Writes the intent and returns its sequence number.
    pub fn begin(&mut self, step: &Step) -> Result<u32> {
        let sequence = self
            .records
            .iter()
            .filter(|record| matches!(record, Record::Begun { .. }))
            .count() as u32
            + 1;
        self.append(Record::Begun {
            sequence,
            step: step.clone(),
        })?;
        Ok(sequence)
    }

    pub fn end(&mut self, sequence: u32, outcome: Outcome) -> Result<()> {
        self.append(Record::Ended { sequence, outcome })
    }

    pub fn undone(&mut self, sequence: u32) -> Result<()> {
        self.append(Record::Undone { sequence })
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    fn append(&mut self, record: Record) -> Result<()> {
        let at = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |age| age.as_secs());
        let version = matches!(record, Record::Begun { .. }).then(|| env!("CARGO_PKG_VERSION").to_owned());
        let line = Line { record, at, version };
        let mut text = serde_json::to_string(&line).expect("records are plain data");
        text.pop();
        let chain = link(&self.chain, &text);
        text.push_str(&format!("{CHAIN}{chain}\"}}\n"));
        let failed = |source| crate::host::HostError::io("write", &self.path, source);
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.chain = chain;
        self.records.push(line.record);
        Ok(())
    }
}

/// The steps that an undo has to look at, newest first: begun, not undone, and not known to have changed nothing.
pub fn made(records: &[Record]) -> Vec<Made> {
    let mut made: Vec<Made> = Vec::new();
    for record in records {
        match record {
            Record::Opened { .. } => {}
            Record::Begun { sequence, step } => made.push(Made {
                sequence: *sequence,
                step: step.clone(),
                outcome: None,
            }),
            Record::Ended { sequence, outcome } => {
                if let Some(entry) = made.iter_mut().find(|entry| entry.sequence == *sequence) {
                    entry.outcome = Some(outcome.clone());
                }
            }
            Record::Undone { sequence } => made.retain(|entry| entry.sequence != *sequence),
        }
    }
    made.retain(|entry| match entry.outcome {
        // The object was there, but the row of the history that says so was not.
        Some(Outcome::AlreadyThere) => matches!(entry.step, Step::Migrate { .. }),
        Some(Outcome::Skipped { .. }) => false,
        _ => true,
    });
    made.reverse();
    made
}

/// The records, the digest after the last of them, and how many bytes of whole lines there are.
fn parse(path: &Path, bytes: &[u8]) -> Result<(Vec<Record>, String, usize), ApplyError> {
    let damaged = |problem: String| ApplyError::Receipt {
        path: path.to_owned(),
        problem,
    };
    let (mut records, mut chain, mut whole) = (Vec::new(), String::new(), 0);
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let parsed: Line = serde_json::from_slice(line)
            .map_err(|error| damaged(format!("cannot be read in line {}: {error}", number + 1)))?;
        if let Record::Opened { schema, tool, .. } = &parsed.record
            && *schema > SCHEMA
        {
            return Err(damaged(format!(
                "was written by pgvector-setup {tool}, which is newer"
            )));
        }
        // The digest is taken over the text as it stands, so fields that a later version added do no harm.
        let text = String::from_utf8_lossy(line);
        let (body, found) = text.rsplit_once(CHAIN).unwrap_or((&text, ""));
        let expected = link(&chain, body);
        if found.trim_end() != format!("{expected}\"}}") {
            return Err(damaged(format!(
                "was changed by hand in or before line {}",
                number + 1
            )));
        }
        chain = expected;
        whole += line.len();
        records.push(parsed.record);
    }
    Ok((records, chain, whole))
}

fn link(chain: &str, body: &str) -> String {
    sha256_hex(format!("{chain}{body}").as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests;
