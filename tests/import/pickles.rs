//! `index_metadata.pickle` by somebody who means harm: nothing in it runs, nothing in it grows, and no vector goes to another id.

use std::path::PathBuf;

use crate::verdict::{Damage, Verdict};

/// Thirty lists, each twice the one before: a thousand million elements, were they ever walked.
fn laughs() -> Vec<u8> {
    let mut bytes = b"\x80\x04]\x94".to_vec();
    for memo in 0..30 {
        bytes.extend([b']', 0x94, b'(', b'h', memo, b'h', memo, b'e']);
    }
    bytes.push(b'.');
    bytes
}

/// The same, as keys that are joined into one text by nobody but a reader that copies what a memo holds.
fn long_text_remembered() -> Vec<u8> {
    let mut bytes = b"\x80\x04".to_vec();
    bytes.push(b'X');
    bytes.extend(100_000_u32.to_le_bytes());
    bytes.extend(vec![b'x'; 100_000]);
    bytes.extend(b"\x94](");
    bytes.extend(b"h\x00".repeat(100_000));
    bytes.extend(b"e.");
    bytes
}

fn with_length(opcode: u8, length: &[u8]) -> Vec<u8> {
    [b"\x80\x04".as_slice(), &[opcode], length, b"abc."].concat()
}

fn nested(open: &[u8], close: &[u8]) -> Vec<u8> {
    [
        b"\x80\x04".as_slice(),
        &open.repeat(3_000_000),
        &close.repeat(3_000_000),
        b".",
    ]
    .concat()
}

/// A plain dictionary with these bytes as `id_to_label`.
fn labels(bytes: &[u8]) -> Vec<u8> {
    [b"\x80\x03}(X\x0b\x00\x00\x00id_to_label".as_slice(), bytes, b"u."].concat()
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let marker = marker();
    let shell = format!("touch {}", marker.display());
    let reduce = format!("cos\nsystem\n(S'{shell}'\ntR.").into_bytes();
    let instance = format!("(S'{shell}'\nios\nsystem\n.").into_bytes();
    let stack_global = [
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c".as_slice(),
        &[shell.len() as u8],
        shell.as_bytes(),
        b"\x85R.",
    ]
    .concat();
    vec![
        ("nothing", Vec::new()),
        ("stop alone", b".".to_vec()),
        ("no stop", b"\x80\x03}".to_vec()),
        ("a billion laughs", laughs()),
        ("a long text remembered", long_text_remembered()),
        ("deep lists", nested(b"]", b"a")),
        ("deep tuples", nested(b"(", b"t")),
        ("deep tuples of one", nested(b"", b"\x85")),
        ("deep dictionaries", nested(b"}N", b"s")),
        ("marks", b"(".repeat(20_000_000)),
        (
            "memos",
            [b"\x80\x04]".as_slice(), &b"\x94".repeat(20_000_000), b"."].concat(),
        ),
        ("a memo far away", b"\x80\x04]r\xff\xff\xff\xff.".to_vec()),
        ("a memo by its name", b"(dp99999999999999999999\n.".to_vec()),
        ("a memo that is not there", b"\x80\x03h\x07.".to_vec()),
        ("text of 4 GB", with_length(b'X', &[0xff; 4])),
        ("text of 16 EB", with_length(0x8d, &[0xff; 8])),
        ("bytes of 16 EB", with_length(0x8e, &[0xff; 8])),
        ("a byte array of 16 EB", with_length(0x96, &[0xff; 8])),
        ("a frame of 16 EB", with_length(0x95, &[0xff; 8])),
        ("an integer of 2 GB", with_length(0x8b, &[0xff, 0xff, 0xff, 0x7f])),
        ("an integer of less than nothing", with_length(0x8b, &[0xff; 4])),
        ("text of less than nothing", with_length(b'T', &[0xff; 4])),
        ("a command by reduce", reduce),
        ("a command by instance", instance),
        ("a command by stack global", stack_global),
        ("a class by its number", b"\x80\x02\x82\x01.".to_vec()),
        ("a persistent id", b"Pabc\n.".to_vec()),
        ("a buffer from elsewhere", b"\x80\x05\x97.".to_vec()),
        ("another version", b"\x80\xff}.".to_vec()),
        ("labels that are a list", labels(b"](K\x01e")),
        (
            "a label that is text",
            labels(b"}X\x01\x00\x00\x00aX\x01\x00\x00\x001s"),
        ),
        (
            "a negative label",
            labels(b"}X\x01\x00\x00\x00aJ\xff\xff\xff\xffs"),
        ),
        (
            "a label beyond 64 bits",
            labels(b"}X\x01\x00\x00\x00a\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09s"),
        ),
        ("an id that is a number", labels(b"}K\x01K\x01s")),
        (
            "an id that is no UTF-8",
            labels(b"}X\x02\x00\x00\x00\xed\xa0K\x01s"),
        ),
        ("a dictionary with an odd end", labels(b"}(K\x01u")),
        (
            "a dictionary in itself",
            b"\x80\x03}q\x00X\x0b\x00\x00\x00id_to_labelh\x00s.".to_vec(),
        ),
    ]
}

#[test]
fn a_hostile_pickle_costs_vectors_at_most_and_runs_nothing() {
    for version in ["0.6.3", "1.5.9"] {
        let damage = Damage::of(version);
        let pickle = damage.of_the_index("index_metadata.pickle");
        for (what, bytes) in hostile() {
            let verdict = damage.verdict_on_one(&pickle, Some(&bytes), what);
            assert_ne!(verdict, Verdict::Whole, "{version} {what}");
        }
        assert!(!marker().exists(), "a command ran");
    }
}

#[test]
fn every_opcode_is_survived() {
    let damage = Damage::of("1.5.9");
    let pickle = damage.of_the_index("index_metadata.pickle");
    for opcode in 0..=u8::MAX {
        // A dictionary that is open, with a key and a value: what most opcodes want below them.
        let bytes = [b"\x80\x04}(NN".as_slice(), &[opcode], &[0; 9], b"."].concat();
        let verdict = damage.verdict_on_one(&pickle, Some(&bytes), &format!("opcode {opcode:#x}"));
        assert_ne!(verdict, Verdict::Whole, "opcode {opcode:#x}");
    }
}

#[test]
fn two_ids_never_get_one_vector() {
    for version in ["0.6.3", "1.5.9"] {
        let damage = Damage::of(version);
        let pickle = damage.of_the_index("index_metadata.pickle");
        let bytes = damage.bytes(&pickle);
        // The text of one id becomes that of another, wherever it stands.
        let twice = replaced(&bytes, b"urn:doc:00400", b"urn:doc:00401");
        damage.verdict_on_one(&pickle, Some(&twice), "an id twice");
        let exchanged = replaced(&bytes, b"urn:doc:00400", b"urn:doc:00x01");
        damage.verdict_on_one(&pickle, Some(&exchanged), "an id that is nobody's");
    }
}

#[test]
fn an_id_that_was_added_after_the_index_keeps_its_own_vector() {
    let damage = Damage::of("0.6.3");
    let pickle = damage.of_the_index("index_metadata.pickle");
    // This one is in the log's end alone, where its addition would be passed over, had the index it already.
    let later = replaced(&damage.bytes(&pickle), b"urn:doc:00400", b"urn:doc:00995");
    let verdict = damage.verdict_on_one(&pickle, Some(&later), "an id of the log's end");
    assert_eq!(verdict, Verdict::Without(1));
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut replaced = 0;
    for start in 0..bytes.len() - old.len() {
        if &bytes[start..start + old.len()] == old {
            bytes[start..start + old.len()].copy_from_slice(new);
            replaced += 1;
        }
    }
    assert!(replaced > 0, "it is there");
    bytes
}

/// What the commands in the hostile pickles would make.
fn marker() -> PathBuf {
    std::env::temp_dir().join(format!("pgvector-setup-pickle-{}", std::process::id()))
}
