//! What two sets of rows are compared by: sums of the rows' digests, which do not depend on any order.

use sha2::{Digest as _, Sha256};

/// Enough that a difference is found among few rows, and little enough to keep.
const BUCKETS: usize = 4096;

/// 128 bits of SHA-256 over a row's fields as binary COPY has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDigest(u128);

impl RowDigest {
    pub fn of(encoded: &[u8]) -> Self {
        let [first, ..] = *Sha256::digest(encoded).as_chunks().0 else {
            return Self(0);
        };
        Self(u128::from_be_bytes(first))
    }

    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Of 16 bytes; others are no row's.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.try_into().map_or(0, u128::from_be_bytes))
    }
}

/// Rows by a hash of their key: how many there are, and the sum of their digests modulo 2^128.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    buckets: Vec<(u64, u128)>,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            buckets: vec![(0, 0); BUCKETS],
        }
    }
}

impl Digest {
    pub fn add(&mut self, key: &[u8], row: RowDigest) {
        let (rows, sum) = &mut self.buckets[bucket_of(key)];
        *rows += 1;
        *sum = sum.wrapping_add(row.0);
    }

    pub fn rows(&self) -> u64 {
        self.buckets.iter().map(|(rows, _)| rows).sum()
    }

    /// Of all rows together, as 32 hexadecimal digits.
    pub fn total(&self) -> String {
        let sums = self.buckets.iter().map(|(_, sum)| sum);
        format!("{:032x}", sums.fold(0_u128, |all, sum| all.wrapping_add(*sum)))
    }

    /// Where the two differ.
    pub fn differing(&self, other: &Self) -> Buckets {
        let pairs = self.buckets.iter().zip(&other.buckets);
        Buckets(pairs.map(|(ours, theirs)| ours != theirs).collect())
    }
}

/// A choice of buckets.
#[derive(Debug, Clone)]
pub struct Buckets(Vec<bool>);

impl Buckets {
    pub fn none() -> Self {
        Self(vec![false; BUCKETS])
    }

    pub fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    pub fn has(&self, key: &[u8]) -> bool {
        self.0[bucket_of(key)]
    }
}

/// FNV-1a: spreads well enough, and nobody gains by filling one bucket.
fn bucket_of(key: &[u8]) -> usize {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Fewer than BUCKETS, so it fits.
    ((hash ^ (hash >> 32)) % BUCKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: &[(&str, &str)]) -> Digest {
        let mut digest = Digest::default();
        for (key, row) in rows {
            digest.add(key.as_bytes(), RowDigest::of(row.as_bytes()));
        }
        digest
    }

    #[test]
    fn the_order_does_not_count_and_everything_else_does() {
        let rows = digest(&[("a", "1"), ("b", "2")]);
        assert!(rows.differing(&digest(&[("b", "2"), ("a", "1")])).is_empty());
        for other in [
            digest(&[("a", "1")]),
            digest(&[("a", "1"), ("b", "3")]),
            digest(&[("a", "1"), ("c", "2")]),
            digest(&[("a", "1"), ("b", "2"), ("b", "2")]),
        ] {
            assert!(!rows.differing(&other).is_empty());
        }
        let differing = rows.differing(&digest(&[("a", "1"), ("b", "3")]));
        assert_eq!((differing.has(b"a"), differing.has(b"b")), (false, true));
    }
}
