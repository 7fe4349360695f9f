//! `index_metadata.pickle`: which label belongs to which id. A machine with the few operations that Chroma's two flavours need: an
//! object of one class (protocol 5, to 0.6) or a plain dictionary (protocol 3, since 1.0).

use super::opcode::{Opcode, Opcodes};
use crate::host::SourceFile;
use crate::import::chroma::DirectoryError;
use crate::import::chroma::id::IdDigest;

/// The only class, with its module.
const MODULE: &[u8] = b"chromadb.segment.impl.vector.local_persistent_hnsw";
const CLASS: &[u8] = b"PersistentData";
/// Entries of dictionaries never wait on the stack, so it stays this low.
const DEEPEST_STACK: usize = 64;

/// What the pickle says, pair by pair.
pub(super) enum Pair {
    /// Of `id_to_label`.
    Label(IdDigest, u64),
    /// Of `label_to_id`, which says the same the other way round.
    Name(u64, IdDigest),
    /// Of `id_to_seq_id`: the line of the log that gave the id its vector.
    Position(IdDigest, i64),
}

/// Reads the pickle and hands on the pairs of its dictionaries. Returns the position in the log that it says it holds, which it does
/// up to Chroma 0.5.5, and stale later.
///
/// # Errors
/// [`DirectoryError::Damaged`] for anything that Chroma does not write.
pub(super) fn read(file: &SourceFile, each: &mut dyn FnMut(Pair)) -> Result<Option<i64>, DirectoryError> {
    let mut machine = Machine {
        opcodes: Opcodes::from(file),
        stack: Vec::new(),
        memo: Vec::new(),
        before: None,
        position: None,
    };
    while machine.step(each)? {}
    Ok(machine.position)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Mark,
    Dict(Role),
    Text(IdDigest),
    Integer(i64),
    Class,
    Tuple,
    Object,
    /// None, True or False.
    Constant,
}

/// What a dictionary is for, by its key in the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Labels,
    Names,
    Positions,
    Other,
}

struct Machine<'f> {
    opcodes: Opcodes<'f>,
    stack: Vec<Item>,
    /// Texts by their number; `None` for what is no text.
    memo: Vec<Option<IdDigest>>,
    before: Option<Opcode>,
    position: Option<i64>,
}

impl Machine<'_> {
    /// One opcode; `false` after the last.
    fn step(&mut self, each: &mut dyn FnMut(Pair)) -> Result<bool, DirectoryError> {
        let offset = self.opcodes.offset();
        let opcode = self.opcodes.next()?;
        let before = self.before.replace(opcode);
        match opcode {
            Opcode::Proto(2..=5) if self.stack.is_empty() => {}
            Opcode::Mark => self.stack.push(Item::Mark),
            Opcode::EmptyDict => self.stack.push(Item::Dict(self.role())),
            Opcode::EmptyTuple => self.stack.push(Item::Tuple),
            Opcode::Constant => self.push(Item::Constant, each)?,
            Opcode::Integer(value) => self.push(Item::Integer(value), each)?,
            Opcode::Text(text) => self.push(Item::Text(text), each)?,
            Opcode::Get(number) => {
                let place = usize::try_from(number).ok();
                let text = place.and_then(|place| *self.memo.get(place)?);
                let text = text.ok_or_else(|| self.opcodes.damaged(offset, "a text in the memo"))?;
                self.push(Item::Text(text), each)?;
            }
            Opcode::Put(number) => self.remember(number, before, offset)?,
            Opcode::StackGlobal => self.class(offset)?,
            Opcode::NewObject => self.replace(&[Item::Class, Item::Tuple], Some(Item::Object), offset)?,
            Opcode::Build => {
                self.replace(
                    &[Item::Object, Item::Dict(Role::Root)],
                    Some(Item::Object),
                    offset,
                )?;
            }
            Opcode::SetItem => match self.stack[..] {
                [.., Item::Dict(role), key, value] => {
                    self.stack.truncate(self.stack.len() - 2);
                    self.take(role, key, value, each)?;
                }
                _ => return Err(self.opcodes.damaged(offset, "a dictionary, a key and a value")),
            },
            Opcode::SetItems => self.set_items(offset, each)?,
            Opcode::Stop => {
                return match self.stack[..] {
                    [Item::Object | Item::Dict(Role::Root)] => Ok(false),
                    _ => Err(self
                        .opcodes
                        .damaged(offset, "one object or dictionary at the end")),
                };
            }
            Opcode::Proto(_) => {
                return Err(self.opcodes.damaged(offset, "protocol 2 to 5, at the beginning"));
            }
        }
        if self.stack.len() > DEEPEST_STACK {
            return Err(self
                .opcodes
                .damaged(offset, format!("at most {DEEPEST_STACK} values at once")));
        }
        Ok(true)
    }

    /// Pushes a value that is whole. An entry of a dictionary is taken at once.
    fn push(&mut self, value: Item, each: &mut dyn FnMut(Pair)) -> Result<(), DirectoryError> {
        match self.stack[..] {
            [.., Item::Dict(role), Item::Mark, key] if key != Item::Mark => {
                self.stack.pop();
                self.take(role, key, value, each)
            }
            _ => {
                self.stack.push(value);
                Ok(())
            }
        }
    }

    /// Entries that wait are those with a dictionary as value, and what follows them in the root.
    fn set_items(&mut self, offset: u64, each: &mut dyn FnMut(Pair)) -> Result<(), DirectoryError> {
        let mark = self.stack.iter().rposition(|item| *item == Item::Mark);
        let Some((mark, Item::Dict(role))) =
            mark.and_then(|mark| Some((mark, *self.stack.get(mark.checked_sub(1)?)?)))
        else {
            return Err(self.opcodes.damaged(offset, "a dictionary and a mark"));
        };
        let waiting = self.stack.split_off(mark + 1);
        self.stack.truncate(mark);
        for entry in waiting.chunks(2) {
            let [key, value] = *entry else {
                return Err(self.opcodes.damaged(offset, "a value for each key"));
            };
            self.take(role, key, value, each)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        role: Role,
        key: Item,
        value: Item,
        each: &mut dyn FnMut(Pair),
    ) -> Result<(), DirectoryError> {
        let offset = self.opcodes.offset();
        let label = |label| {
            u64::try_from(label).map_err(|_| {
                self.opcodes
                    .damaged(offset, format!("a label before this, found {label}"))
            })
        };
        match (role, key, value) {
            (Role::Root, Item::Text(key), Item::Integer(position)) => {
                if key == IdDigest::of(b"max_seq_id") {
                    self.position = Some(position);
                }
            }
            (Role::Labels, Item::Text(id), Item::Integer(number)) => each(Pair::Label(id, label(number)?)),
            (Role::Names, Item::Integer(number), Item::Text(id)) => each(Pair::Name(label(number)?, id)),
            (Role::Labels | Role::Names, ..) => {
                return Err(self.opcodes.damaged(offset, "an id and its label before this"));
            }
            (Role::Positions, Item::Text(id), Item::Integer(position)) => each(Pair::Position(id, position)),
            (Role::Root | Role::Positions | Role::Other, ..) => {}
        }
        Ok(())
    }

    /// What the dictionary that comes now is for.
    fn role(&self) -> Role {
        let mark = self.stack.iter().rposition(|item| *item == Item::Mark);
        let around = mark.or(self.stack.len().checked_sub(1));
        let around = around.and_then(|place| self.stack.get(place.checked_sub(1)?));
        match (&self.stack[..], around) {
            ([] | [Item::Object], _) => Role::Root,
            ([.., Item::Text(key)], Some(Item::Dict(Role::Root))) => {
                if *key == IdDigest::of(b"id_to_label") {
                    Role::Labels
                } else if *key == IdDigest::of(b"label_to_id") {
                    Role::Names
                } else if *key == IdDigest::of(b"id_to_seq_id") {
                    Role::Positions
                } else {
                    Role::Other
                }
            }
            _ => Role::Other,
        }
    }

    /// Gives the value that the opcode before made its number.
    fn remember(
        &mut self,
        number: Option<u64>,
        before: Option<Opcode>,
        offset: u64,
    ) -> Result<(), DirectoryError> {
        let text = match before {
            Some(Opcode::Text(text)) => Some(text),
            _ => None,
        };
        let number = number.map_or(Some(self.memo.len()), |number| usize::try_from(number).ok());
        match number {
            Some(number) if number < self.memo.len() => self.memo[number] = text,
            Some(number) if number == self.memo.len() => self.memo.push(text),
            _ => return Err(self.opcodes.damaged(offset, "the next number in the memo")),
        }
        Ok(())
    }

    fn class(&mut self, offset: u64) -> Result<(), DirectoryError> {
        let [.., Item::Text(module), Item::Text(class)] = self.stack[..] else {
            return Err(self.opcodes.damaged(offset, "a module and a class"));
        };
        if module != IdDigest::of(MODULE) || class != IdDigest::of(CLASS) {
            return Err(self
                .opcodes
                .damaged(offset, "Chroma's own class, found another; it is not loaded"));
        }
        self.stack.truncate(self.stack.len() - 2);
        self.stack.push(Item::Class);
        Ok(())
    }

    /// Takes exactly these from the top of the stack.
    fn replace(&mut self, top: &[Item], with: Option<Item>, offset: u64) -> Result<(), DirectoryError> {
        if !self.stack.ends_with(top) {
            return Err(self.opcodes.damaged(offset, format!("{top:?} on the stack")));
        }
        self.stack.truncate(self.stack.len() - top.len());
        self.stack.extend(with);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test writes what is read")]

    use super::{IdDigest, Pair, read};
    use crate::host::{Environment, Host};

    /// The pairs of the labels' two dictionaries, and the position.
    type Found = (Vec<(IdDigest, u64)>, Vec<(IdDigest, u64)>, Option<i64>);

    fn labels(pickle: &[u8]) -> Result<Found, String> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("index_metadata.pickle");
        std::fs::write(&path, pickle).expect("written");
        let file = Host::new(Environment::default())
            .open_source(&path)
            .expect("opened");
        let (mut labels, mut names) = (Vec::new(), Vec::new());
        let position = read(&file, &mut |pair| match pair {
            Pair::Label(id, label) => labels.push((id, label)),
            Pair::Name(label, id) => names.push((id, label)),
            Pair::Position(..) => {}
        });
        let position = position.map_err(|error| error.to_string())?;
        Ok((labels, names, position))
    }

    fn pair(id: &str, label: u64) -> (IdDigest, u64) {
        (IdDigest::of(id.as_bytes()), label)
    }

    /// As Python's pickle writes `{"max_seq_id": 7, "id_to_label": {"a": 1, "b": 300}, "label_to_id": {1: "a", 300: "b"}}`.
    const OBJECT: &[u8] = b"\x80\x05\x95\x00\x00\x00\x00\x00\x00\x00\x00\
        \x8c\x32chromadb.segment.impl.vector.local_persistent_hnsw\x94\x8c\x0ePersistentData\x94\x93\x94)\x81\x94}\x94(\
        \x8c\x0amax_seq_id\x94K\x07\x8c\x0bid_to_label\x94}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94M\x2c\x01u\
        \x8c\x0blabel_to_id\x94}\x94(K\x01h\x08M\x2c\x01h\x09uub.";

    const DICTIONARY: &[u8] = b"\x80\x03}(X\x0e\x00\x00\x00dimensionalityNX\x0b\x00\x00\x00id_to_label}(\
        X\x01\x00\x00\x00aJ\x01\x00\x00\x00X\x01\x00\x00\x00bJ\x2c\x01\x00\x00uX\x0c\x00\x00\x00id_to_seq_id}u.";

    #[test]
    fn both_flavours_give_ids_and_labels() {
        let expected = vec![pair("a", 1), pair("b", 300)];
        assert_eq!(labels(OBJECT), Ok((expected.clone(), expected.clone(), Some(7))));
        assert_eq!(labels(DICTIONARY), Ok((expected, Vec::new(), None)));
    }

    #[test]
    fn one_entry_needs_no_mark_and_a_key_may_come_from_the_memo() {
        let single = b"\x80\x04}\x94(\x8c\x01x\x94K\x05\x8c\x0bid_to_label\x94}\x94h\x01K\x02su.";
        assert_eq!(labels(single), Ok((vec![pair("x", 2)], Vec::new(), None)));
    }

    #[test]
    fn nothing_is_executed() {
        for hostile in [
            &b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00idtR."[..],
            b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
            b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
            b"\x80\x04}\x82\x01.",
            b"\x80\x04P0\n.",
        ] {
            let error = labels(hostile).expect_err("refused");
            assert!(
                error.contains("not run") || error.contains("not loaded"),
                "{error}"
            );
        }
    }

    #[test]
    fn no_length_is_believed_beyond_the_file() {
        for hostile in [
            &b"\x80\x04X\xff\xff\xff\xffabc"[..],
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc",
            b"\x80\x04}r\xff\xff\xff\xff.",
            b"\x80\x04}j\xff\xff\xff\xff.",
            b"\x80\x04\x8a\xff\x01.",
            b"\x80\x04}(u",
            b"",
        ] {
            assert!(labels(hostile).is_err(), "{hostile:?}");
        }
        let deep = [&b"\x80\x04"[..], &b"}".repeat(100_000)].concat();
        assert!(labels(&deep).expect_err("too deep").contains("at most 64"));
    }

    #[test]
    fn a_pickle_that_ends_anywhere_too_early_is_refused() {
        for whole in [OBJECT, DICTIONARY] {
            for length in 0..whole.len() {
                assert!(labels(&whole[..length]).is_err(), "{length}");
            }
        }
    }
}
