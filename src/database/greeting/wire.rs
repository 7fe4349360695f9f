//! The few messages that a session begins with (PostgreSQL, "Message Formats").

use std::io::{self, Read, Write};

use crate::settings::Authentication;

/// `SSLRequest`: length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Protocol 3.0.
const PROTOCOL: i32 = 196_608;
/// No message before the session is open is longer.
const LONGEST: usize = 64 * 1024;
/// Notices and negotiations that may come before the answer.
const MOST_MESSAGES: usize = 8;

/// The first thing that a server says about who we are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Authentication(Authentication),
    Error { code: String, message: String },
}

/// Whether the server is ready for TLS. Exactly one byte is read: whatever else was sent in the clear is no answer.
pub(super) fn request_tls(stream: &mut (impl Read + Write)) -> io::Result<bool> {
    stream.write_all(&SSL_REQUEST)?;
    stream.flush()?;
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    match byte {
        [b'S'] => Ok(true),
        [b'N'] => Ok(false),
        _ => Err(io::Error::other("what answers is no PostgreSQL")),
    }
}

pub(super) fn start(stream: &mut impl Write, user: &str, database: &str) -> io::Result<()> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for text in [
        "user",
        user,
        "database",
        database,
        "application_name",
        "pgvector-setup",
    ] {
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = i32::try_from(body.len() + 4).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&body)?;
    stream.flush()
}

pub(super) fn answer(stream: &mut impl Read) -> io::Result<Answer> {
    for _ in 0..MOST_MESSAGES {
        let (kind, body) = message(stream)?;
        match kind {
            b'R' => return Ok(Answer::Authentication(authentication(&body))),
            b'E' => return Ok(error(&body)),
            // NoticeResponse and NegotiateProtocolVersion.
            b'N' | b'v' => {}
            _ => break,
        }
    }
    Err(io::Error::other("what answers is no PostgreSQL"))
}

/// `Terminate`, so that the server notes no broken connection.
pub(super) fn leave(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(&[b'X', 0, 0, 0, 4])?;
    stream.flush()
}

fn message(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [kind, a, b, c, d] = head;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if !(4..=LONGEST).contains(&length) {
        return Err(io::Error::other("what answers is no PostgreSQL"));
    }
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body)?;
    Ok((kind, body))
}

/// `Authentication…`: a code, and for SASL the names of its mechanisms.
fn authentication(body: &[u8]) -> Authentication {
    let Some((code, rest)) = body.split_first_chunk::<4>() else {
        return Authentication::Other;
    };
    match i32::from_be_bytes(*code) {
        0 => Authentication::None,
        3 => Authentication::Password,
        5 => Authentication::Md5,
        10 if rest.split(|byte| *byte == 0).any(|name| name == b"SCRAM-SHA-256") => Authentication::Scram,
        _ => Authentication::Other,
    }
}

/// `ErrorResponse`: fields of one letter each, ended by NUL.
fn error(body: &[u8]) -> Answer {
    let field = |letter: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        let found = fields.find_map(|field| field.strip_prefix(&[letter]));
        String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
    };
    Answer::Error {
        code: field(b'C'),
        message: field(b'M'),
    }
}
