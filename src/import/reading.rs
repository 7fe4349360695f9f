//! One pass over a collection, on a thread of its own: records in, rows ready for COPY out.
//!
//! A source blocks, and encoding and digests take time, so all three are done beside the server's work. The channel holds few
//! batches and each is bounded, so that memory stays the same however many records there are.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::buffer::{Buffer, Buffers};
use super::digest::{Buckets, Digest};
use super::judgement::{self, Shape};
use super::policy::{Action, Policies};
use super::rejects::Rejects;
use super::{Collection, ImportError, Record, Source, tuple};

/// Rows of one COPY, in bytes: so many that its round trips and its commit do not count.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Records asked of a source at once, in bytes of their vectors: a source looks after each time whether it was written to.
const READ_BYTES: usize = 2 * 1024 * 1024;
/// Batches that wait for the server.
const WAITING: usize = 2;

/// A source that passes over it take in turn.
pub type SharedSource = Arc<Mutex<Box<dyn Source>>>;

/// What a pass does.
#[derive(Debug)]
pub struct Pass {
    pub collection: Collection,
    pub shape: Shape,
    pub policies: Policies,
    /// Records that an earlier run has passed: they are counted into the digest, and give no rows.
    pub before: Option<Before>,
    pub output: Output,
    /// Lists what the policies leave out or change.
    pub rejects: Option<Rejects>,
}

/// What batches are made of.
#[derive(Debug)]
pub enum Output {
    /// Whole rows: all, or those of some buckets.
    Rows(Option<Buckets>),
    /// Each row's id and digest.
    Keys,
}

/// How far an earlier run has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    pub passed: u64,
    /// [`Digest::total`] of the rows that these records came to.
    pub digest: String,
}

/// Some rows, ready to be sent between the header and the trailer of a binary COPY.
#[derive(Debug)]
pub struct Batch {
    pub tuples: Buffer,
    pub rows: u64,
    /// Records of the collection up to the end of this batch.
    pub passed: u64,
    /// [`Digest::total`] of all rows up to the end of this batch.
    pub digest: String,
}

/// What a pass sends: batches, then its end.
#[derive(Debug)]
pub enum Message {
    Batch(Batch),
    End(Ended),
}

#[derive(Debug)]
pub struct Ended {
    pub digest: Digest,
    /// All records of the collection.
    pub passed: u64,
    pub rejects: Option<Rejects>,
}

/// Begins a pass; it ends early when the receiver is dropped.
pub fn begin(source: &SharedSource, pass: Pass) -> Receiver<Result<Message, ImportError>> {
    let (sender, receiver) = channel(WAITING);
    let source = Arc::clone(source);
    std::thread::spawn(move || {
        // A source whose thread panicked is in an unknown state; reading it says so or is right.
        let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(Some(error)) = run(source.as_mut(), pass, &sender) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

/// `Err(None)` when nobody listens any more.
fn run(
    source: &mut dyn Source,
    pass: Pass,
    sender: &Sender<Result<Message, ImportError>>,
) -> Result<(), Option<ImportError>> {
    let width = usize::from(pass.shape.dimensions) * 4 + 512;
    let most = (READ_BYTES / width).clamp(1, 1000);
    let collection = pass.collection.clone();
    let mut records = source.records(&collection, 0)?;
    let buffers = Buffers::of(BATCH_BYTES + BATCH_BYTES / 8);
    let mut running = Running {
        pass,
        sender,
        digest: Digest::default(),
        passed: 0,
        tuples: buffers.next(),
        rows: 0,
        buffers,
    };
    loop {
        let read = records.next_batch(most)?;
        if read.is_empty() {
            break;
        }
        for record in read {
            running.take(record)?;
        }
    }
    running.end()
}

struct Running<'a> {
    pass: Pass,
    sender: &'a Sender<Result<Message, ImportError>>,
    digest: Digest,
    passed: u64,
    buffers: Buffers,
    /// What the next batch has so far.
    tuples: Buffer,
    rows: u64,
}

impl Running<'_> {
    fn take(&mut self, mut record: Record) -> Result<(), Option<ImportError>> {
        let remarks = judgement::judge(&record, self.pass.shape, &self.pass.policies);
        let Some(first) = remarks.first() else {
            return self.add(&record);
        };
        if first.action == Action::Fail {
            // What was right up to here is kept.
            self.flush()?;
            return Err(Some(ImportError::Record {
                collection: self.pass.collection.name.to_string(),
                id: record.id,
                kind: first.kind,
                reason: first.reason.clone(),
            }));
        }
        if let Some(rejects) = &mut self.pass.rejects {
            rejects.list(&record, &remarks)?;
        }
        if first.action == Action::Skip {
            return self.pass_by();
        }
        let has_other_id = record.id.contains('\0');
        judgement::replaced(&mut record, self.pass.shape, &remarks);
        if has_other_id {
            // It may be the id of another record now; alone, the two never meet in one statement.
            self.flush()?;
            self.add(&record)?;
            return self.flush();
        }
        self.add(&record)
    }

    fn add(&mut self, record: &Record) -> Result<(), Option<ImportError>> {
        let begin = self.tuples.len();
        let row = tuple::append(&mut self.tuples, record, self.pass.shape);
        self.digest.add(record.id.as_bytes(), row);
        let is_wanted = match &self.pass.output {
            Output::Rows(only) => only.as_ref().is_none_or(|only| only.has(record.id.as_bytes())),
            Output::Keys => {
                self.tuples.truncate(begin);
                tuple::append_key(&mut self.tuples, &record.id, row);
                true
            }
        };
        let is_there = self
            .pass
            .before
            .as_ref()
            .is_some_and(|before| self.passed < before.passed);
        if is_wanted && !is_there {
            self.rows += 1;
        } else {
            self.tuples.truncate(begin);
        }
        self.pass_by()
    }

    fn pass_by(&mut self) -> Result<(), Option<ImportError>> {
        self.passed += 1;
        if let Some(before) = &self.pass.before
            && before.passed == self.passed
        {
            self.check(before)?;
        }
        if self.tuples.len() >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn check(&self, before: &Before) -> Result<(), ImportError> {
        if self.passed == before.passed && self.digest.total() == before.digest {
            return Ok(());
        }
        Err(ImportError::SourceChanged {
            collection: self.pass.collection.name.to_string(),
            fact: format!("the first {} records are others than before", before.passed),
        })
    }

    fn flush(&mut self) -> Result<(), Option<ImportError>> {
        if self.rows == 0 {
            return Ok(());
        }
        let batch = Batch {
            tuples: std::mem::replace(&mut self.tuples, self.buffers.next()),
            rows: std::mem::take(&mut self.rows),
            passed: self.passed,
            digest: self.digest.total(),
        };
        self.sender
            .blocking_send(Ok(Message::Batch(batch)))
            .map_err(|_| None)
    }

    fn end(mut self) -> Result<(), Option<ImportError>> {
        if let Some(before) = self
            .pass
            .before
            .as_ref()
            .filter(|before| self.passed < before.passed)
        {
            self.check(before)?;
        }
        self.flush()?;
        let ended = Ended {
            digest: self.digest,
            passed: self.passed,
            rejects: self.pass.rejects,
        };
        self.sender
            .blocking_send(Ok(Message::End(ended)))
            .map_err(|_| None)
    }
}
