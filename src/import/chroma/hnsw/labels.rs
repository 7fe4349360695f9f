//! Which label belongs to which id, as far as nothing in the index contradicts it: a vector that could be somebody else's is none.

use super::pickle::{self, Pair};
use crate::host::SourceFile;
use crate::import::chroma::DirectoryError;
use crate::import::chroma::id::IdDigest;

#[derive(Debug, Default)]
pub(in crate::import::chroma) struct Labels {
    /// By id, once all are there.
    pairs: Vec<(IdDigest, u64)>,
    /// Whether the other dictionary says the same.
    is_confirmed: Vec<bool>,
    /// The position in the log, see [`pickle::read`].
    pub(super) position: Option<i64>,
    /// The ids whose vector is of a line after the last that was committed, with that line; in order.
    pub(super) uncommitted: Vec<(IdDigest, i64)>,
}

impl Labels {
    /// `committed` is the last position in the log that the catalog has of the collection; `None` where that is not known.
    pub(in crate::import::chroma) fn read(
        file: &SourceFile,
        committed: Option<i64>,
    ) -> Result<Self, DirectoryError> {
        let mut labels = Self::default();
        let position = pickle::read(file, &mut |pair| match pair {
            // Chroma writes the other dictionary second.
            Pair::Label(id, label) if labels.is_confirmed.is_empty() => labels.pairs.push((id, label)),
            Pair::Label(..) => {}
            Pair::Name(label, id) => labels.confirm(id, label),
            Pair::Position(id, position) if committed.is_some_and(|committed| position > committed) => {
                labels.uncommitted.push((id, position));
            }
            Pair::Position(..) => {}
        })?;
        labels.position = position;
        labels.uncommitted.sort_unstable();
        Ok(labels)
    }

    /// How many ids the index names.
    pub(super) fn count(&self) -> usize {
        self.pairs.len()
    }

    /// The pairs that both dictionaries have, of ids that are there once, by label.
    pub(in crate::import::chroma) fn into_sound(self) -> Vec<(IdDigest, u64)> {
        let Self {
            mut pairs,
            mut is_confirmed,
            ..
        } = self;
        // What was never confirmed is not in order either.
        is_confirmed.resize(pairs.len(), false);
        for place in 1..pairs.len() {
            if pairs[place - 1].0 == pairs[place].0 {
                is_confirmed[place - 1] = false;
                is_confirmed[place] = false;
            }
        }
        let mut is_sound = is_confirmed.into_iter();
        pairs.retain(|_| is_sound.next() == Some(true));
        pairs.sort_unstable_by_key(|(_, label)| *label);
        pairs
    }

    fn confirm(&mut self, id: IdDigest, label: u64) {
        if self.is_confirmed.is_empty() {
            self.pairs.shrink_to_fit();
            self.pairs.sort_unstable();
            self.is_confirmed.resize(self.pairs.len(), false);
        }
        let first = id.first_in(&self.pairs, |(id, _)| *id);
        let place = match self.pairs.get(first) == Some(&(id, label)) {
            true => Ok(first),
            // Only a damaged index has an id with two labels.
            false => self.pairs.binary_search(&(id, label)),
        };
        if let Ok(place) = place {
            self.is_confirmed[place] = true;
        }
    }
}
