//! The memory of batches, which goes round: from the thread that fills them to the connection that sends them, and back.
//!
//! The kernel clears every page that a program gets. For a batch that is never used again this takes as long as copying it.

use std::ops::{Deref, DerefMut};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Bytes that go back to where they are from when they are dropped.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    home: Sender<Vec<u8>>,
}

/// Gives buffers, those that came back first.
#[derive(Debug)]
pub struct Buffers {
    spare: Receiver<Vec<u8>>,
    home: Sender<Vec<u8>>,
    capacity: usize,
}

impl Buffers {
    pub fn of(capacity: usize) -> Self {
        let (home, spare) = channel();
        Self {
            spare,
            home,
            capacity,
        }
    }

    /// An empty one. What grew for a row of unusual size does not come again.
    pub fn next(&self) -> Buffer {
        let usual = self.capacity * 2;
        let bytes = self.spare.try_iter().find(|bytes| bytes.capacity() <= usual);
        Buffer {
            bytes: bytes.unwrap_or_else(|| Vec::with_capacity(self.capacity)),
            home: self.home.clone(),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        // Nobody is there to take it any more once all is read.
        let _ = self.home.send(bytes);
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Buffers;

    #[test]
    fn what_is_dropped_is_given_again_and_empty() {
        let buffers = Buffers::of(16);
        let mut first = buffers.next();
        first.extend([1; 16]);
        let place = first.as_ptr();
        let second = buffers.next();
        assert_ne!(second.as_ptr(), place);
        drop(first);
        let again = buffers.next();
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        let mut grown = again;
        grown.extend([1; 64]);
        drop(grown);
        assert!(buffers.next().capacity() < 64);
    }
}
