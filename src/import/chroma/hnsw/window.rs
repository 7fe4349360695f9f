//! Vectors that lie together in `data_level0.bin`, read in one go.

use super::header::Header;
use crate::host::{HostError, SourceFile};

/// Some pages: enough that a call of the kernel does not count, and few enough to stay in the processor's cache.
const BYTES: usize = 128 * 1024;

/// What was read last. Records are asked for in about the order in which they were added, and that is the file's.
#[derive(Debug, Default)]
pub(in crate::import::chroma) struct Window {
    /// From the vector of the first record up to that of the last.
    bytes: Vec<u8>,
    /// The first record, and how many there are of which all was in the file.
    first: u32,
    count: u32,
    /// The record after the one that was asked for last.
    next: u32,
}

impl Window {
    /// The vector of a record as the file has it; `None` where the file ends before.
    ///
    /// # Errors
    /// [`HostError::Io`]
    pub(super) fn vector(
        &mut self,
        file: &SourceFile,
        header: &Header,
        slot: u32,
    ) -> Result<Option<&[u8]>, HostError> {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let (stride, length) = (size(header.stride), size(header.label - header.vector));
        if !(self.first..self.first.saturating_add(self.count)).contains(&slot) {
            // One that is somewhere else is read alone: what lies behind it may not be wanted.
            let wanted = match slot == self.next {
                true => (BYTES / stride).max(1),
                false => 1,
            };
            self.bytes.resize((wanted - 1) * stride + length, 0);
            (self.first, self.count) = (slot, 0);
            let offset = u64::from(slot) * header.stride + header.vector;
            let read = file.read_at(offset, &mut self.bytes)?;
            let whole = match read.checked_sub(length) {
                None => 0,
                Some(before_last) => before_last / stride + 1,
            };
            self.count = u32::try_from(whole).unwrap_or(u32::MAX);
        }
        self.next = slot.saturating_add(1);
        let begin = slot.abs_diff(self.first) as usize * stride;
        Ok((self.count > 0).then(|| &self.bytes[begin..begin + length]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test writes what is read")]

    use super::{Header, Window};
    use crate::host::{Environment, Host};

    /// A record: links, a vector of two components, a label.
    const HEADER: Header = Header {
        count: 40_000,
        stride: 20,
        label: 12,
        vector: 4,
        dimensions: 2,
    };

    fn record(slot: u32) -> Vec<u8> {
        [slot.to_le_bytes(); 5].concat()
    }

    #[test]
    fn every_order_gives_every_vector_up_to_the_end_of_the_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("data_level0.bin");
        let mut bytes: Vec<u8> = (0..HEADER.count).flat_map(record).collect();
        // The last record has half a vector.
        bytes.truncate(bytes.len() - 12);
        std::fs::write(&path, bytes).expect("written");
        let file = Host::new(Environment::default())
            .open_source(&path)
            .expect("opened");
        let forwards: Vec<u32> = (0..HEADER.count + 2).collect();
        let backwards = forwards.iter().rev().copied().collect();
        let scattered = (0..HEADER.count + 2)
            .map(|slot| slot * 7919 % HEADER.count)
            .collect();
        let in_pairs = forwards.iter().map(|slot| slot ^ 1).collect();
        for order in [forwards, backwards, scattered, in_pairs] {
            let mut window = Window::default();
            for slot in order {
                let expected = (slot < HEADER.count - 1).then(|| record(slot)[4..12].to_vec());
                let found = window.vector(&file, &HEADER, slot).expect("read");
                assert_eq!(found.map(<[u8]>::to_vec), expected, "record {slot}");
            }
        }
    }
}
