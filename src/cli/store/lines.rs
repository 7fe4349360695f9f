//! A file of lines in batches, read by a thread of its own: memory holds a few batches, however long the file is.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use tokio::sync::mpsc;

use crate::host::{Host, HostError};

/// Most lines of a batch.
const LINES: usize = 500;
/// Bytes after which a batch is full.
const BATCH_BYTES: usize = 8 << 20;
/// Longest line, in bytes.
const LINE_LIMIT: u64 = 64 << 20;
/// Batches that may wait.
const WAITING: usize = 2;

/// A line that is not blank, with its number from 1 on.
#[derive(Debug)]
pub struct Line {
    pub number: u64,
    pub bytes: Vec<u8>,
}

pub type Batch = Result<Vec<Line>, HostError>;

/// Batches of the file's lines in their order; after an error comes nothing.
pub fn read(host: &Host, path: &Path) -> mpsc::Receiver<Batch> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let (host, path) = (host.clone(), path.to_owned());
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send(&host, &path, &sender) {
            // Who waits no longer has an error of its own.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn send(host: &Host, path: &Path, sender: &mpsc::Sender<Batch>) -> Result<(), HostError> {
    let mut reader = BufReader::new(host.open_input(path)?);
    let (mut batch, mut size) = (Vec::new(), 0);
    for number in 1.. {
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(LINE_LIMIT + 1).read_until(b'\n', &mut bytes);
        if read.map_err(|source| HostError::io("read", path, source))? == 0 {
            break;
        }
        if bytes.len() as u64 > LINE_LIMIT {
            return Err(HostError::TooLarge {
                path: path.to_owned(),
                limit: LINE_LIMIT,
            });
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        size += bytes.len();
        batch.push(Line { number, bytes });
        if batch.len() == LINES || size > BATCH_BYTES {
            size = 0;
            if sender.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                return Ok(());
            }
        }
    }
    if !batch.is_empty() {
        let _ = sender.blocking_send(Ok(batch));
    }
    Ok(())
}
