//! OpenPGP public keys, as far as trust in one needs it: which keys a file holds, by their fingerprints.
//!
//! Packets as in RFC 4880 section 4, the ASCII armor as in section 6, fingerprints as in section 12.2. Nothing is verified
//! here: apt does that, with the key that this let through.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// Tags of RFC 4880 section 4.3.
const SECRET_KEY: u8 = 5;
const PUBLIC_KEY: u8 = 6;
const SECRET_SUBKEY: u8 = 7;

/// A file of public keys.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PublicKeys {
    /// Of every primary key in it, upper case hexadecimal without spaces.
    pub fingerprints: Vec<String>,
    /// The file in ASCII armor.
    pub armored: String,
}

/// Reads a key file, armored or binary.
///
/// # Errors
/// What is wrong with it, to follow the file's name.
pub fn parse(bytes: &[u8]) -> Result<PublicKeys, String> {
    let text = std::str::from_utf8(bytes).ok();
    let armor = text.and_then(|text| text.find(BEGIN).map(|start| &text[start..]));
    let (packets, armored) = match armor {
        Some(armor) => (unarmored(armor)?, armor.to_owned()),
        None => (bytes.to_vec(), armor_of(bytes)),
    };
    let fingerprints = fingerprints(&packets)?;
    if fingerprints.is_empty() {
        return Err("holds no public key".to_owned());
    }
    Ok(PublicKeys {
        fingerprints,
        armored,
    })
}

/// The bytes between the armor's lines: after the first empty line, without the checksum that begins with `=`.
fn unarmored(armor: &str) -> Result<Vec<u8>, String> {
    let body: String = armor
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.is_empty())
        .take_while(|line| *line != END)
        .filter(|line| !line.starts_with('='))
        .collect();
    if !armor.contains(END) {
        return Err("is cut off".to_owned());
    }
    let decoded = STANDARD.decode(body);
    decoded.map_err(|_| "is not in base64 between its armor's lines".to_owned())
}

fn armor_of(packets: &[u8]) -> String {
    let encoded = STANDARD.encode(packets);
    let mut armored = format!("{BEGIN}\n\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        armored.push_str(line);
        armored.push('\n');
        rest = after;
    }
    armored.push_str(END);
    armored.push('\n');
    armored
}

fn fingerprints(mut packets: &[u8]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    while !packets.is_empty() {
        let (tag, body, rest) = packet(packets).ok_or("is no file of OpenPGP packets")?;
        match tag {
            SECRET_KEY | SECRET_SUBKEY => return Err("holds a secret key".to_owned()),
            PUBLIC_KEY => found.push(fingerprint(body)?),
            _ => {}
        }
        packets = rest;
    }
    Ok(found)
}

/// SHA-1 over 0x99, the body's length in two bytes, and the body.
fn fingerprint(body: &[u8]) -> Result<String, String> {
    let (Some(4), Ok(length)) = (body.first(), u16::try_from(body.len())) else {
        return Err("holds a key of another version than 4".to_owned());
    };
    let mut hash = Sha1::new();
    hash.update([0x99]);
    hash.update(length.to_be_bytes());
    hash.update(body);
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02X}")).collect())
}

/// Tag, body and what follows. `None` for what is no packet, is cut off, or has a length that is not known beforehand,
/// which no key packet may have.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&header, rest) = bytes.split_first()?;
    if header & 0x80 == 0 {
        return None;
    }
    let (tag, length, rest) = if header & 0x40 == 0 {
        let width = match header & 0b11 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        };
        let (length, rest) = rest.split_at_checked(width)?;
        ((header >> 2) & 0x0f, big_endian(length), rest)
    } else {
        let (length, rest) = new_length(rest)?;
        (header & 0x3f, length, rest)
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some((tag, body, rest))
}

/// RFC 4880 section 4.2.2, without partial lengths.
fn new_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..=191 => Some((first.into(), rest)),
        192..=223 => {
            let (&second, rest) = rest.split_first()?;
            Some((
                ((usize::from(first) - 192) << 8) + usize::from(second) + 192,
                rest,
            ))
        }
        224..=254 => None,
        255 => {
            let (length, rest) = rest.split_at_checked(4)?;
            Some((big_endian(length), rest))
        }
    }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PGDG: &[u8] = include_bytes!("../evidence/apt.postgresql.org.asc");
    const FINGERPRINT: &str = "B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8";

    #[test]
    fn the_fingerprint_of_a_key_is_the_same_armored_binary_and_armored_again() {
        let keys = parse(PGDG).unwrap();
        assert_eq!(keys.fingerprints, [FINGERPRINT]);
        let binary = unarmored(&keys.armored).unwrap();
        let again = parse(&binary).unwrap();
        assert_eq!(again.fingerprints, [FINGERPRINT]);
        assert_eq!(unarmored(&again.armored).unwrap(), binary);
    }

    #[test]
    fn a_key_with_one_bit_changed_has_another_fingerprint() {
        let mut binary = unarmored(&parse(PGDG).unwrap().armored).unwrap();
        binary[40] ^= 1;
        assert_ne!(parse(&binary).unwrap().fingerprints, [FINGERPRINT]);
    }

    #[test]
    fn a_second_key_in_the_file_is_seen() {
        let mut binary = unarmored(&parse(PGDG).unwrap().armored).unwrap();
        // An old-format packet of tag 6 with one byte of length.
        binary.extend([0x98, 3, 4, 0, 0]);
        assert_eq!(parse(&binary).unwrap().fingerprints.len(), 2);
    }

    #[test]
    fn what_is_no_public_key_is_told_by_what_it_is() {
        let cut = &PGDG[..400];
        for (bytes, problem) in [
            (&b""[..], "holds no public key"),
            (b"hello", "is no file of OpenPGP packets"),
            (&[0x94, 1, 4], "holds a secret key"),
            (&[0xc5, 1, 4], "holds a secret key"),
            (&[0x98, 1, 6], "holds a key of another version than 4"),
            (&[0x98, 200, 4], "is no file of OpenPGP packets"),
            (&[0x9b, 4], "is no file of OpenPGP packets"),
            (
                &[0xc6, 0xff, 0xff, 0xff, 0xff, 0xff],
                "is no file of OpenPGP packets",
            ),
            (&[0xb4, 0], "holds no public key"),
            (cut, "is cut off"),
        ] {
            assert_eq!(parse(bytes).unwrap_err(), problem, "{bytes:?}");
        }
    }
}
