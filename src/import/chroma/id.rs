//! Ids as they are kept in memory: a text of any length in 16 bytes.

use sha2::{Digest as _, Sha256};

/// The first 128 bits of an id's SHA-256: two ids with the same cannot be made on purpose either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IdDigest([u64; 2]);

impl IdDigest {
    pub(super) fn of(id: &[u8]) -> Self {
        let digest = Sha256::digest(id);
        let half = |from: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest[from..from + 8]);
            u64::from_be_bytes(bytes)
        };
        Self([half(0), half(8)])
    }

    pub(super) fn halves(self) -> [u64; 2] {
        self.0
    }
}
