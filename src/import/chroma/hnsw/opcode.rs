//! The words of a pickle, one after the other: only those that Chroma writes (pickletools.py lists all). Nothing is executed, and
//! nothing is allocated beyond what the file really holds.

use crate::host::SourceFile;
use crate::import::chroma::DirectoryError;
use crate::import::chroma::id::IdDigest;

/// Bytes read from the file at a time.
const PIECE: usize = 64 * 1024;
/// No id is longer than this, in bytes.
const LONGEST_TEXT: u64 = 16 * 1024 * 1024;

/// One opcode with its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Proto(u8),
    Mark,
    EmptyDict,
    EmptyTuple,
    SetItem,
    SetItems,
    NewObject,
    Build,
    StackGlobal,
    /// None, True or False.
    Constant,
    Integer(i64),
    /// Ids are told apart by their digests, so no text is kept.
    Text(IdDigest),
    /// A number in the memo.
    Get(u64),
    /// Into the memo; `None` as the next.
    Put(Option<u64>),
    Stop,
}

/// Reads opcodes from a file.
#[derive(Debug)]
pub(super) struct Opcodes<'f> {
    file: &'f SourceFile,
    piece: Vec<u8>,
    /// Where the piece begins in the file.
    start: u64,
    /// The next byte, from the file's beginning.
    at: u64,
    text: Vec<u8>,
}

impl<'f> Opcodes<'f> {
    pub(super) fn from(file: &'f SourceFile) -> Self {
        Self {
            file,
            piece: Vec::new(),
            start: 0,
            at: 0,
            text: Vec::new(),
        }
    }

    /// From the file's beginning, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.at
    }

    /// # Errors
    /// [`DirectoryError::Damaged`] for an opcode that is not on the list, or where the file ends within one.
    pub(super) fn next(&mut self) -> Result<Opcode, DirectoryError> {
        loop {
            let offset = self.at;
            return Ok(match self.byte()? {
                0x80 => Opcode::Proto(self.byte()?),
                // FRAME tells only how much to read at a time.
                0x95 => {
                    self.array::<8>()?;
                    continue;
                }
                b'(' => Opcode::Mark,
                b'}' => Opcode::EmptyDict,
                b')' => Opcode::EmptyTuple,
                b's' => Opcode::SetItem,
                b'u' => Opcode::SetItems,
                0x81 => Opcode::NewObject,
                b'b' => Opcode::Build,
                0x93 => Opcode::StackGlobal,
                b'N' | 0x88 | 0x89 => Opcode::Constant,
                b'K' => Opcode::Integer(self.byte()?.into()),
                b'M' => Opcode::Integer(u16::from_le_bytes(self.array()?).into()),
                b'J' => Opcode::Integer(i32::from_le_bytes(self.array()?).into()),
                0x8a => Opcode::Integer(self.long(offset)?),
                0x8c => {
                    let length = self.byte()?.into();
                    self.read_text(offset, length)?
                }
                b'X' => {
                    let length = u32::from_le_bytes(self.array()?).into();
                    self.read_text(offset, length)?
                }
                0x8d => {
                    let length = u64::from_le_bytes(self.array()?);
                    self.read_text(offset, length)?
                }
                b'h' => Opcode::Get(self.byte()?.into()),
                b'j' => Opcode::Get(u32::from_le_bytes(self.array()?).into()),
                b'q' => Opcode::Put(Some(self.byte()?.into())),
                b'r' => Opcode::Put(Some(u32::from_le_bytes(self.array()?).into())),
                0x94 => Opcode::Put(None),
                b'.' => Opcode::Stop,
                other => {
                    return Err(self.damaged(
                        offset,
                        format!("an opcode that Chroma writes, found 0x{other:02x}; it is not run"),
                    ));
                }
            });
        }
    }

    pub(super) fn damaged(&self, offset: u64, expected: impl Into<String>) -> DirectoryError {
        DirectoryError::Damaged {
            path: self.file.path().to_owned(),
            offset,
            expected: expected.into(),
        }
    }

    /// LONG1: a length in one byte, then as many bytes, two's complement, little-endian.
    fn long(&mut self, offset: u64) -> Result<i64, DirectoryError> {
        let length = usize::from(self.byte()?);
        if length > 8 {
            return Err(self.damaged(offset, format!("an integer of at most 8 bytes, found {length}")));
        }
        let mut bytes = [0; 8];
        for byte in &mut bytes[..length] {
            *byte = self.byte()?;
        }
        if length > 0 && bytes[length - 1] & 0x80 != 0 {
            bytes[length..].fill(0xff);
        }
        Ok(i64::from_le_bytes(bytes))
    }

    fn read_text(&mut self, offset: u64, length: u64) -> Result<Opcode, DirectoryError> {
        let left = self.file.length().saturating_sub(self.at);
        if length > left.min(LONGEST_TEXT) {
            return Err(self.damaged(
                offset,
                format!(
                    "a text of at most {} bytes, found a length of {length}",
                    left.min(LONGEST_TEXT)
                ),
            ));
        }
        let mut missing = usize::try_from(length).unwrap_or(usize::MAX);
        if missing > 0
            && let Some(text) = self.rest_of_piece()?.get(..missing)
        {
            let text = IdDigest::of(text);
            self.at += length;
            return Ok(Opcode::Text(text));
        }
        self.text.clear();
        while missing > 0 {
            let piece = self.rest_of_piece()?;
            let taken = piece.len().min(missing);
            let place = usize::try_from(self.at - self.start).unwrap_or(usize::MAX);
            self.text.extend_from_slice(&self.piece[place..place + taken]);
            self.at += taken as u64;
            missing -= taken;
        }
        Ok(Opcode::Text(IdDigest::of(&self.text)))
    }

    fn byte(&mut self) -> Result<u8, DirectoryError> {
        let byte = self.rest_of_piece()?[0];
        self.at += 1;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DirectoryError> {
        if let Some(bytes) = self.rest_of_piece()?.first_chunk() {
            let bytes = *bytes;
            self.at += N as u64;
            return Ok(bytes);
        }
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// What was read and not looked at yet: at least one byte.
    fn rest_of_piece(&mut self) -> Result<&[u8], DirectoryError> {
        let end = self.start + self.piece.len() as u64;
        if self.at < self.start || self.at >= end {
            self.piece.resize(PIECE, 0);
            let count = self.file.read_at(self.at, &mut self.piece)?;
            self.piece.truncate(count);
            self.start = self.at;
            if count == 0 {
                return Err(self.damaged(self.at, "more of a pickle, the file ends here"));
            }
        }
        Ok(&self.piece[usize::try_from(self.at - self.start).unwrap_or(usize::MAX)..])
    }
}
