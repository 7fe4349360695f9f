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

    /// Where the first of these elements is whose id is not below this one; they are in order of their ids. Digests are spread evenly, so
    /// the place is guessed first, and looked for around it: what that touches lies together.
    pub(super) fn first_in<Element>(self, elements: &[Element], id: impl Fn(&Element) -> Self) -> usize {
        let is_below = |place: usize| id(&elements[place]) < self;
        let guess = (u128::from(self.0[0]) * elements.len() as u128) >> 64;
        // Below the number of elements, as the half is below 2^64.
        let guess = guess as usize;
        let (mut low, mut high, mut step) = (guess, guess, 64);
        while low > 0 && !is_below(low - 1) {
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 64;
        while high < elements.len() && is_below(high) {
            high = (high + step).min(elements.len());
            step *= 2;
        }
        low + elements[low..high].partition_point(|element| id(element) < self)
    }

    pub(super) fn halves(self) -> [u64; 2] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::IdDigest;

    #[test]
    fn the_first_is_found_wherever_the_guess_is() {
        let last = u64::MAX;
        for elements in [
            vec![],
            vec![[0, 0]],
            vec![[last, last]],
            (0..300).map(|number| [number, 7]).collect(),
            (0..300).map(|number| [last - 300 + number, 7]).collect(),
            [[5, 1]; 200].into(),
            (0..1000_u64).map(|number| [number * (last / 1000), 0]).collect(),
        ] {
            let elements: Vec<IdDigest> = elements.into_iter().map(IdDigest).collect();
            let around = elements.iter().flat_map(|IdDigest([high, low])| {
                [
                    [*high, low.saturating_sub(1)],
                    [*high, *low],
                    [*high, low.saturating_add(1)],
                ]
            });
            for wanted in around.chain([[0, 0], [last, last], [last / 2, 1]]).map(IdDigest) {
                let expected = elements.partition_point(|element| *element < wanted);
                let found = wanted.first_in(&elements, |element| *element);
                assert_eq!(found, expected, "{wanted:?} of {}", elements.len());
            }
        }
    }
}
