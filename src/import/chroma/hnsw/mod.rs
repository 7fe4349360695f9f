//! A VECTOR segment's directory: the vectors as they were when Chroma last persisted its index. The graph (`link_lists.bin`, and the
//! links in `data_level0.bin`) is not needed and not read.

pub(super) mod header;
pub(super) mod labels;
mod opcode;
mod pickle;
mod window;

use std::path::{Path, PathBuf};

use self::header::Header;
use self::labels::Labels;
pub(super) use self::window::Window;
use super::DirectoryError;
use super::id::IdDigest;
use crate::host::{Host, SourceFile};
use crate::import::Space;
use crate::lanes;

/// Which vector is whose.
pub(super) const LABELS: &str = "index_metadata.pickle";
/// What a segment's directory holds that is read.
pub(super) const FILES: [&str; 4] = ["header.bin", "data_level0.bin", "length.bin", LABELS];

/// Lengths in `length.bin` read at a time.
const PIECE: usize = 16 * 1024;

/// The vectors of a segment, found by id.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// By digest. 24 bytes each.
    places: Vec<Place>,
    vectors: Option<Vectors>,
    /// What the pickle says of its position in the log; stale since Chroma 0.5.7.
    pub(super) position: Option<i64>,
    /// Ids whose vector is not in the files.
    pub(super) lost: usize,
    /// Those of them that are known, in order.
    gone: Vec<IdDigest>,
    /// Ids whose vector is of a line that the catalog does not have, with that line; in order. Chroma up to 0.6 writes its index within
    /// the transaction that writes the log, so that a writer killed before the end of it leaves a vector newer than the record. Once
    /// another write has taken the position, that can no longer be told; nor where the writer was killed after the vectors' file, which is
    /// written in place, and before the pickle.
    uncommitted: Vec<(IdDigest, i64)>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    id: IdDigest,
    /// A record's number in `data_level0.bin`.
    slot: u32,
    /// The original vector's length, for cosine alone.
    norm: f32,
}

#[derive(Debug)]
struct Vectors {
    header: Header,
    file: SourceFile,
    space: Space,
}

impl Snapshot {
    /// `None` where the segment was never persisted. `committed` as in [`Labels::read`].
    ///
    /// # Errors
    /// [`DirectoryError::Damaged`] where it cannot be told which vector belongs to which id.
    pub(super) fn open(
        host: &Host,
        directory: &Path,
        space: Space,
        committed: Option<i64>,
    ) -> Result<Option<Self>, DirectoryError> {
        let pickle = match host.open_source(&file(directory, LABELS)) {
            Err(error) if error.is_not_found() => return Ok(None),
            opened => opened?,
        };
        let mut labels = Labels::read(&pickle, committed)?;
        let (all, position) = (labels.count(), labels.position);
        let uncommitted = std::mem::take(&mut labels.uncommitted);
        if all == 0 {
            return Ok(Some(Self {
                places: Vec::new(),
                vectors: None,
                position,
                lost: 0,
                gone: Vec::new(),
                uncommitted,
            }));
        }
        let header = Header::read(host, &file(directory, "header.bin"))?;
        let vectors = Vectors {
            header,
            file: host.open_source(&file(directory, "data_level0.bin"))?,
            space,
        };
        let norms = match space {
            Space::Cosine => Some(norms(host, &file(directory, "length.bin"), header.count)?),
            Space::L2 | Space::Ip => None,
        };
        let sound = labels.into_sound();
        let slots = vectors.slots(&sound)?;
        // Of the same size, so that the places take the memory of the labels.
        let place = |(pair, (id, _)): (usize, (IdDigest, u64))| {
            let slot = slots[pair]?;
            let norm = match &norms {
                None => 1.0,
                Some(norms) => *norms.get(slot as usize)?,
            };
            Some(Place { id, slot, norm })
        };
        let is_placed = |pair: usize| {
            slots[pair].is_some_and(|slot| norms.as_ref().is_none_or(|norms| (slot as usize) < norms.len()))
        };
        let without = sound.iter().enumerate().filter(|(pair, _)| !is_placed(*pair));
        let mut gone: Vec<IdDigest> = without.map(|(_, (id, _))| *id).collect();
        gone.sort_unstable();
        let mut places: Vec<Place> = sound.into_iter().enumerate().filter_map(place).collect();
        places.sort_unstable_by_key(|place| place.id);
        places.shrink_to_fit();
        Ok(Some(Self {
            lost: all - places.len(),
            gone,
            places,
            vectors: Some(vectors),
            position,
            uncommitted,
        }))
    }

    pub(super) fn has(&self, id: IdDigest) -> bool {
        self.place(id).is_some()
    }

    /// Whether the index may have had a vector of this id, which it has no more. Where it contradicts itself about an id, that can be any.
    pub(super) fn may_have_lost(&self, id: IdDigest) -> bool {
        !self.has(id) && (self.gone.len() < self.lost || self.gone.binary_search(&id).is_ok())
    }

    /// Whether the vector of this id is of a line that was never committed. `noted` is the last that changed the record, as the METADATA
    /// segment has it: what that has is committed, whatever else the catalog claims.
    pub(super) fn is_uncommitted(&self, id: IdDigest, noted: Option<i64>) -> bool {
        let first = self.uncommitted.partition_point(|(other, _)| *other < id);
        let mut lines = self.uncommitted[first..]
            .iter()
            .take_while(|(other, _)| *other == id);
        lines.any(|(_, position)| noted.is_none_or(|noted| *position > noted))
    }

    /// How many ids have a vector that was never committed, whether their record lives or not.
    pub(super) fn uncommitted(&self) -> usize {
        self.uncommitted.len()
    }

    /// Components of each vector; `None` where there are none.
    pub(super) fn dimensions(&self) -> Option<u32> {
        self.vectors.as_ref().map(|vectors| vectors.header.dimensions)
    }

    /// Reads one vector. `None` where the segment has none for this id, or where a cosine one is not of length 1, as Chroma stores
    /// them: then neither it nor its length can be trusted.
    ///
    /// # Errors
    /// [`DirectoryError::File`]
    pub(super) fn vector(
        &self,
        id: IdDigest,
        window: &mut Window,
    ) -> Result<Option<Vec<f32>>, DirectoryError> {
        match (self.place(id), &self.vectors) {
            (Some(place), Some(vectors)) => vectors.read(place, window),
            _ => Ok(None),
        }
    }

    /// Of a few records all over the segment, how many are not as Chroma stores them, and how many were looked at.
    pub(super) fn sample(&self) -> Result<(usize, usize), DirectoryError> {
        let mut window = Window::default();
        let (mut broken, mut seen) = (0, 0);
        for place in self.places.iter().step_by((self.places.len() / 32).max(1)) {
            seen += 1;
            broken += usize::from(self.vector(place.id, &mut window)?.is_none());
        }
        Ok((broken, seen))
    }

    fn place(&self, id: IdDigest) -> Option<Place> {
        let found = id.first_in(&self.places, |place| place.id);
        self.places.get(found).copied().filter(|place| place.id == id)
    }
}

impl Vectors {
    /// The record of each label, in the order of these pairs, which is that of their labels. None for a label that two records or two
    /// ids have. A record that is marked as deleted is one of them: whether it lives is not for the index to say.
    fn slots(&self, pairs: &[(IdDigest, u64)]) -> Result<Vec<Option<u32>>, DirectoryError> {
        let Header {
            count, stride, label, ..
        } = self.header;
        let whole = self.file.length() / stride;
        let count = u32::try_from(whole).unwrap_or(u32::MAX).min(count);
        let mut slots = vec![None; pairs.len()];
        let mut is_taken = vec![false; pairs.len()];
        let mut bytes = [0; 8];
        // Each by itself: of a record of 6 KiB this is all that is needed, and the kernel reads ahead.
        for slot in 0..count {
            self.file.read_at(u64::from(slot) * stride + label, &mut bytes)?;
            let label = u64::from_le_bytes(bytes);
            let first = pairs.partition_point(|(_, other)| *other < label);
            if let Some((_, other)) = pairs.get(first)
                && *other == label
            {
                let is_shared = pairs.get(first + 1).is_some_and(|(_, other)| *other == label);
                let is_second = std::mem::replace(&mut is_taken[first], true);
                slots[first] = (!is_shared && !is_second).then_some(slot);
            }
        }
        Ok(slots)
    }

    fn read(&self, place: Place, window: &mut Window) -> Result<Option<Vec<f32>>, DirectoryError> {
        let Some(bytes) = window.vector(&self.file, &self.header, place.slot)? else {
            return Ok(None);
        };
        let mut components = lanes::from_le_bytes(bytes);
        if self.space == Space::Cosine {
            if !is_normalised(lanes::square(&components), place.norm) {
                return Ok(None);
            }
            lanes::scale(&mut components, place.norm);
        }
        Ok(Some(components))
    }
}

/// Whether a cosine vector is as Chroma stores it: divided by its length. Not so are those too short to have a direction, and those
/// with a NaN.
fn is_normalised(square: f32, norm: f32) -> bool {
    const TOLERANCE: f32 = 1e-3;
    /// Chroma divides by the length plus 1e-30; shorter vectors are no longer of length 1.
    const SHORTEST: f32 = 1e-20;
    if square.is_nan() {
        return !norm.is_finite();
    }
    norm >= 0.0 && (norm < SHORTEST || (square - 1.0).abs() < TOLERANCE)
}

/// The original lengths of the first `count` records; fewer where the file ends before.
fn norms(host: &Host, path: &Path, count: u32) -> Result<Vec<f32>, DirectoryError> {
    let file = host.open_source(path)?;
    let count = (file.length() / 4).min(count.into());
    let mut norms = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    while offset < count * 4 {
        let wanted = usize::try_from(count * 4 - offset).unwrap_or(PIECE).min(PIECE);
        let read = file.read_at(offset, &mut piece[..wanted])?;
        norms.extend(lanes::from_le_bytes(&piece[..read]));
        if read < wanted {
            break;
        }
        offset += read as u64;
    }
    Ok(norms)
}

fn file(directory: &Path, name: &str) -> PathBuf {
    directory.join(name)
}
