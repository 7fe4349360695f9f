//! A server played from a script, on loopback: what it answers decides whether a password would ever be sent.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;
use crate::error::Explain as _;
use crate::secret::Secret;
use crate::settings::{Given, Surroundings, server_url};

/// Answers one connection with `answers`, one for each message that comes in, and returns everything that was sent to it.
fn played(answers: Vec<Vec<u8>>) -> (u16, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        for answer in answers {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap();
            heard.extend(&buffer[..count]);
            stream.write_all(&answer).unwrap();
        }
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    (port, server)
}

fn asked(port: u16, parameters: &str) -> ServerUrl {
    let url = Secret::new(format!(
        "postgresql://ann:canary@127.0.0.1:{port}/app{parameters}"
    ));
    let given = Given {
        url: Some(&url),
        ..Given::default()
    };
    server_url(&given, &Surroundings::default()).unwrap()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

fn authentication(code: i32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes()[..], rest].concat())
}

#[tokio::test]
async fn what_a_server_asks_for_decides_and_no_password_is_ever_sent() {
    let scram = || authentication(10, b"SCRAM-SHA-256\0\0");
    let mut oversized = vec![b'R'];
    oversized.extend(u32::MAX.to_be_bytes());
    let table: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("scram", "", scram(), "Scram"),
        (
            "scram with channel binding",
            "",
            authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
            "Scram",
        ),
        (
            "a notice first",
            "",
            [message(b'N', b"SNOTICE\0\0"), scram()].concat(),
            "Scram",
        ),
        ("nothing", "", authentication(0, b""), "None"),
        (
            "nothing, where SCRAM is wanted",
            "?require_auth=scram-sha-256",
            authentication(0, b""),
            "E0617",
        ),
        ("the password", "", authentication(3, b""), "E0617"),
        ("md5", "", authentication(5, b"salt"), "E0617"),
        (
            "md5, which the URL allows",
            "?require_auth=md5,scram-sha-256",
            authentication(5, b"salt"),
            "Md5",
        ),
        (
            "another mechanism",
            "",
            authentication(10, b"OAUTHBEARER\0\0"),
            "E0617",
        ),
        ("Kerberos", "", authentication(7, b""), "E0617"),
        (
            "an error",
            "",
            message(b'E', b"SFATAL\0C28000\0Mno entry\0\0"),
            "E0605",
        ),
        ("an endless message", "", oversized, "E0604"),
        (
            "another protocol",
            "",
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            "E0604",
        ),
    ];
    for (answer, parameters, bytes, expected) in table {
        let (port, server) = played(vec![b"N".to_vec(), bytes]);
        let outcome = greeting(&asked(port, parameters), None).await;
        let found = match outcome {
            Ok(greeting) => format!("{:?}", greeting.authentication),
            Err(error) => error.code().to_owned(),
        };
        assert_eq!(found, expected, "{answer}");
        let heard = server.join().unwrap();
        assert!(!heard.windows(6).any(|window| window == b"canary"), "{answer}");
        assert!(
            heard.starts_with(&[0, 0, 0, 8, 4, 210, 22, 47]),
            "{answer}: TLS was asked for first"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_no_more_than_the_question() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let (port, server) = played(vec![b"N".to_vec()]);
        let error = greeting(&asked(port, &format!("?sslmode={mode}")), None)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "E0613", "{mode}");
        assert_eq!(server.join().unwrap().len(), 8, "{mode}");
    }
}
