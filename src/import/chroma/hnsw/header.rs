//! `header.bin`: where things are in a record of `data_level0.bin`.
//!
//! 100 bytes, packed, little-endian, the same from Chroma 0.4.0 to 1.5: i32 version @0, u64 offset of level 0 @4, u64 capacity @12,
//! u64 count @20, u64 stride @28, u64 label's place @36, u64 vector's place @44, u64 links of a record @68; the rest describes the
//! graph.

use std::path::Path;

use crate::host::{Host, SourceFile};
use crate::import::chroma::DirectoryError;

/// The only version there is.
const VERSION: u32 = 1;
const LENGTH: u64 = 100;
const COMPONENT: u64 = 4;
const LABEL: u64 = 8;
/// How many links there are, and the mark of deletion, before the links.
const LINKS: u64 = 4;
const LINK: u64 = 4;

/// Places in bytes from a record's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import::chroma) struct Header {
    /// Records, the deleted ones included; whatever follows them in the file is not initialised.
    pub(super) count: u32,
    /// Bytes of a record.
    pub(in crate::import::chroma) stride: u64,
    /// The label, 8 bytes.
    pub(in crate::import::chroma) label: u64,
    /// The vector, 4 bytes a component.
    pub(in crate::import::chroma) vector: u64,
    pub(in crate::import::chroma) dimensions: u32,
}

impl Header {
    /// # Errors
    /// [`DirectoryError::Damaged`] names the first field that does not fit the others.
    pub(super) fn read(host: &Host, path: &Path) -> Result<Self, DirectoryError> {
        let file = host.open_source(path)?;
        let mut bytes = [0; LENGTH as usize];
        if (file.read_at(0, &mut bytes)? as u64) < LENGTH {
            return Err(damaged(&file, file.length(), "a header of 100 bytes".to_owned()));
        }
        Self::parse(&bytes).map_err(|(offset, expected)| damaged(&file, offset, expected))
    }

    /// Or the place of the field that is wrong, and what belongs there.
    pub(in crate::import::chroma) fn parse(bytes: &[u8; LENGTH as usize]) -> Result<Self, (u64, String)> {
        let long = |place: usize| {
            let mut value = [0; 8];
            value.copy_from_slice(&bytes[place..place + 8]);
            u64::from_le_bytes(value)
        };
        let version = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (level0, count, stride, label, vector) = (long(4), long(20), long(28), long(36), long(44));
        let links = long(68);
        let check = |is_right: bool, offset: u64, expected: String| match is_right {
            true => Ok(()),
            false => Err((offset, expected)),
        };
        check(
            version == VERSION,
            0,
            format!("version {VERSION}, found {version}"),
        )?;
        check(
            level0 == 0,
            4,
            format!("0 as the offset of level 0, found {level0}"),
        )?;
        // So that no sum below can overflow.
        check(
            stride <= u64::from(u32::MAX),
            28,
            format!("a record of at most 4 GiB, found {stride} bytes"),
        )?;
        check(
            label.checked_add(LABEL) == Some(stride),
            36,
            format!("the label in the last 8 of a record's {stride} bytes, found it at {label}"),
        )?;
        check(
            links.checked_mul(LINK).and_then(|links| links.checked_add(LINKS)) == Some(vector),
            44,
            format!("the vector behind {links} links, found it at {vector}"),
        )?;
        let is_vector = vector < label && (label - vector).is_multiple_of(COMPONENT);
        check(
            is_vector,
            44,
            format!("a vector of whole components before the label at {label}, found it at {vector}"),
        )?;
        let count =
            u32::try_from(count).map_err(|_| (20, format!("fewer than 2^32 records, found {count}")))?;
        let dimensions = u32::try_from((label - vector) / COMPONENT).unwrap_or(u32::MAX);
        Ok(Self {
            count,
            stride,
            label,
            vector,
            dimensions,
        })
    }
}

fn damaged(file: &SourceFile, offset: u64, expected: String) -> DirectoryError {
    DirectoryError::Damaged {
        path: file.path().to_owned(),
        offset,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::Header;

    fn header(fields: &[(usize, u64)]) -> Result<Header, (u64, String)> {
        let mut bytes = [0; 100];
        bytes[0] = 1;
        for (place, value) in [(12, 100), (20, 57), (28, 204), (36, 196), (44, 132), (68, 32)]
            .iter()
            .chain(fields)
        {
            bytes[*place..place + 8].copy_from_slice(&value.to_le_bytes());
        }
        Header::parse(&bytes)
    }

    #[test]
    fn a_header_gives_the_places() {
        let parsed = header(&[]).expect("as Chroma 1.5.9 writes it");
        assert_eq!((parsed.count, parsed.stride, parsed.dimensions), (57, 204, 16));
    }

    #[test]
    fn a_field_that_does_not_fit_is_named() {
        for (place, value) in [
            (0, 2),
            (4, 8),
            (20, u64::MAX),
            (28, u64::MAX),
            (28, 0),
            (36, u64::MAX),
            (36, u64::MAX - 8),
            (36, 197),
            (44, 196),
            (44, 133),
            (44, 128),
            (68, 31),
            (68, u64::MAX),
            (44, u64::MAX),
        ] {
            let (offset, expected) = header(&[(place, value)]).expect_err("hostile");
            assert!(
                [place as u64, 36, 44].contains(&offset),
                "{place}={value}: {offset}: {expected}"
            );
        }
    }
}
