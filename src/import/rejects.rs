//! The records that were left out or changed, one JSON object a line, each whole enough to be mended.
//!
//! A run writes the file anew from the first record on, also when it goes on with an import that was ended: what it passes over
//! again it lists again, so no line is lost or there twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::json_text::{float, list, metadata_text, string};
use super::judgement::Remark;
use super::policy::{Action, Kind};
use super::{ImportError, Record};
use crate::host::{Host, HostError};

/// What the names of these files begin with, where nobody gave another.
pub const NAME: &str = "rejects-";
/// Records hold what others should not read.
const MODE: u32 = 0o600;

/// How many records of each kind.
pub type Counts = BTreeMap<Kind, u64>;

/// Takes lines; there is no file before the first.
#[derive(Debug)]
pub struct Rejects {
    host: Host,
    path: PathBuf,
    collection: String,
    file: Option<BufWriter<File>>,
    pub skipped: Counts,
    pub replaced: Counts,
}

impl Rejects {
    /// Whether there can be such a file, so that nobody learns at the first record that is left out that there cannot. Makes none.
    /// `is_ours` where an earlier run of the same import named this file as its own.
    ///
    /// # Errors
    /// [`ImportError::RejectPlace`]; [`ImportError::RejectFile`] for a file that is somebody else's.
    pub fn check(host: &Host, path: &Path, is_ours: bool) -> Result<(), ImportError> {
        let misplaced = |problem: String| ImportError::RejectPlace {
            path: path.to_owned(),
            problem,
        };
        if host.is_directory(path) {
            return Err(misplaced("it is a directory".to_owned()));
        }
        host.refuse_place(path)
            .map_err(|error| misplaced(error.to_string()))?;
        if host.exists(path) && !is_ours {
            return Err(ImportError::RejectFile {
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    /// As [`Rejects::check`]; what an earlier run has listed is listed anew.
    ///
    /// # Errors
    /// As [`Rejects::check`].
    pub fn new(host: &Host, path: &Path, collection: String, is_ours: bool) -> Result<Self, ImportError> {
        Self::check(host, path, is_ours)?;
        host.remove_file(path)?;
        Ok(Self {
            host: host.clone(),
            path: path.to_owned(),
            collection,
            file: None,
            skipped: Counts::new(),
            replaced: Counts::new(),
        })
    }

    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|_| self.path.as_path())
    }

    /// A record that the policies left out or changed.
    ///
    /// # Errors
    /// [`ImportError::Host`] where the file cannot be written.
    pub fn list(&mut self, record: &Record, remarks: &[Remark]) -> Result<(), ImportError> {
        let Some(first) = remarks.first() else {
            return Ok(());
        };
        // What is left out is listed with what decided that; what is changed, with each change.
        let listed = if first.action == Action::Replace {
            remarks
        } else {
            &remarks[..1]
        };
        for remark in listed {
            self.count(remark.kind, remark.action);
            let line = self.line(&record.id, remark, Some(record));
            self.write(&line)?;
        }
        Ok(())
    }

    /// A record that the table had no place for; the source has it as it should be.
    ///
    /// # Errors
    /// As [`Rejects::list`].
    pub fn list_key(&mut self, id: &str, kind: Kind) -> Result<(), ImportError> {
        let reason = match kind {
            Kind::NoRow => "the table has no row of this key",
            _ => "the row is there already",
        };
        let remark = Remark {
            kind,
            action: Action::Skip,
            reason: reason.to_owned(),
        };
        self.count(kind, Action::Skip);
        let line = self.line(id, &remark, None);
        self.write(&line)
    }

    /// Makes all lines durable.
    ///
    /// # Errors
    /// As [`Rejects::list`].
    pub fn finish(&mut self) -> Result<(), ImportError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let written = file.flush().and_then(|()| file.get_ref().sync_all());
        written.map_err(|source| HostError::io("write", &self.path, source).into())
    }

    fn count(&mut self, kind: Kind, action: Action) {
        let counts = match action {
            Action::Replace => &mut self.replaced,
            Action::Skip | Action::Fail => &mut self.skipped,
        };
        *counts.entry(kind).or_default() += 1;
    }

    fn write(&mut self, line: &str) -> Result<(), ImportError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(self.host.open_append(&self.path, MODE, None)?)),
        };
        let written = file.write_all(line.as_bytes());
        written.map_err(|source| HostError::io("write", &self.path, source).into())
    }

    fn line(&self, id: &str, remark: &Remark, record: Option<&Record>) -> String {
        let action = match remark.action {
            Action::Replace => "replaced",
            Action::Skip | Action::Fail => "skipped",
        };
        let mut line = String::from("{");
        for (name, value) in [
            ("collection", self.collection.as_str()),
            ("id", id),
            ("kind", remark.kind.name()),
            ("action", action),
            ("reason", &remark.reason),
        ] {
            if line.len() > 1 {
                line.push_str(", ");
            }
            string(&mut line, name);
            line.push_str(": ");
            string(&mut line, value);
        }
        if let Some(record) = record {
            content(&mut line, record);
        }
        line.push_str("}\n");
        line
    }
}

/// What is not finite is a string here: `"NaN"`, `"inf"`.
fn content(line: &mut String, record: &Record) {
    line.push_str(", \"document\": ");
    match &record.document {
        Some(document) => string(line, document),
        None => line.push_str("null"),
    }
    line.push_str(", \"metadata\": ");
    line.push_str(&metadata_text(&record.metadata, record.uri.as_deref()));
    line.push_str(", \"embedding\": ");
    match &record.embedding {
        Some(vector) => list(line, vector.iter(), |line, component| float(line, *component)),
        None => line.push_str("null"),
    }
}
