//! The client against servers that say exactly what a test wants them to.

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;
use crate::host::Environment;
use crate::secret::Secret;

const LIMITS: HttpLimits = HttpLimits {
    deadline: Duration::from_secs(20),
    bytes: 1000,
};

/// Answers each request of one connection with the next of `answers`, then closes it; gives the requests.
fn server(answers: Vec<Vec<u8>>) -> (HttpAddress, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut requests = Vec::new();
        for answer in answers {
            requests.push(request(&mut reader));
            stream.write_all(&answer).unwrap();
        }
        requests
    });
    let address = HttpAddress::parse(&format!("http://127.0.0.1:{port}/base/")).unwrap();
    (address, requests)
}

fn request(reader: &mut impl std::io::BufRead) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut text).unwrap(), 0, "{text}");
    }
    let lower = text.to_lowercase();
    let length = lower.split_once("content-length: ");
    let length = length.map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + std::str::from_utf8(&body).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn client(address: &HttpAddress, secret: Option<SecretHeader>) -> Result<HttpClient, HttpError> {
    HttpClient::new(&Host::new(Environment::default()), address.clone(), secret)
}

#[test]
fn one_connection_carries_every_request_with_the_secret() {
    let (address, requests) = server(vec![
        answer("200 OK", "", "first"),
        answer("429 Too Many Requests", "Retry-After: 7\r\n", "second"),
    ]);
    let secret = SecretHeader::bearer(&Secret::new("canary")).unwrap();
    let client = client(&address, Some(secret)).unwrap();
    let got = client.get("/a?b=c", LIMITS).unwrap();
    assert_eq!((got.status, got.body.as_slice()), (200, b"first".as_slice()));
    let posted = client.post("/d", b"{}", LIMITS).unwrap();
    assert!(posted.is_transient() && !posted.is_success());
    assert_eq!(posted.retry_after, Some(Duration::from_secs(7)));
    let requests = requests.join().unwrap();
    assert!(
        requests[0].starts_with("GET /base/a?b=c HTTP/1.1\r\n"),
        "{requests:?}"
    );
    assert!(requests[1].starts_with("POST /base/d HTTP/1.1\r\n") && requests[1].ends_with("\r\n\r\n{}"));
    assert!(
        requests
            .iter()
            .all(|request| request.contains("authorization: Bearer canary\r\n"))
    );
    assert!(!format!("{client:?} {got:?}").contains("canary"));
}

#[test]
fn an_answer_that_cannot_be_taken_is_an_error_that_repeats_nothing_of_it() {
    let truncated = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncanary".to_vec();
    let place = "Location: https://u:canary@other.example:9/p?token=canary\r\n";
    let table = [
        (answer("200 OK", "", &"x".repeat(1001)), "E0223", ""),
        (
            answer("307 Temporary Redirect", place, ""),
            "E0224",
            "to https://other.example:9/p,",
        ),
        (
            answer("301 Moved", "Location: /login?t=canary\r\n", ""),
            "E0224",
            "to /login,",
        ),
        (answer("302 Found", "", ""), "E0224", "redirect, which"),
        (b"SSH-2.0-canary\r\n\r\n".to_vec(), "E0225", ""),
        (
            answer("200 OK", "Content-Encoding: gzip\r\n", "canary"),
            "E0225",
            "",
        ),
        (truncated, "E0220", "closed the connection"),
        (Vec::new(), "E0220", "closed the connection"),
    ];
    for (sent, code, part) in table {
        let (address, requests) = server(vec![sent]);
        let client = client(&address, None).unwrap();
        let error = crate::error::Error::from(client.get("/p?q=canary", LIMITS).unwrap_err());
        let shown = format!("{error} {error:?} {:?}", crate::error::Explain::hint(&error));
        assert_eq!(crate::error::Explain::code(&error), code, "{shown}");
        assert!(shown.contains(part) && !shown.contains("canary"), "{shown}");
        requests.join().unwrap();
    }
}

#[test]
fn the_deadline_is_for_the_whole_exchange() {
    // The listener's queue accepts the connection, and nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let client = client(&HttpAddress::parse(&address).unwrap(), None).unwrap();
    let limits = HttpLimits {
        deadline: Duration::from_millis(50),
        ..LIMITS
    };
    let error = client.get("/", limits).unwrap_err();
    assert!(
        matches!(error, HttpError::Deadline { .. }) && error.is_transient(),
        "{error:?}"
    );
}

#[test]
fn a_secret_goes_in_the_clear_to_this_machine_alone() {
    let secret = SecretHeader::new("x-token", &Secret::new("canary")).unwrap();
    let table = [
        ("http://localhost:8000", true),
        ("http://127.0.0.1", true),
        ("http://[::1]:8000", true),
        ("https://api.example/v1", true),
        ("http://api.example/v1", false),
        ("http://127.0.0.1.example", false),
        ("http://192.168.0.1", false),
    ];
    for (address, is_taken) in table {
        let client = client(&HttpAddress::parse(address).unwrap(), Some(secret.clone()));
        assert_eq!(client.is_ok(), is_taken, "{address}: {client:?}");
    }
}

#[test]
fn an_address_is_a_scheme_a_host_and_a_path() {
    let table = [
        ("http://localhost:8000", Some("http://localhost:8000")),
        ("https://API.example/v1/", Some("https://api.example/v1")),
        ("https://api.example:443", Some("https://api.example")),
        ("http://[::1]:80/x", Some("http://[::1]/x")),
        ("localhost:8000", None),
        ("ftp://host", None),
        ("http://", None),
        ("http://host:0", None),
        ("http://host:99999", None),
        ("http://user:canary@host", None),
        ("http://host/?token=canary", None),
        ("http://host/a b", None),
        ("http://host\r\nx: y", None),
    ];
    for (text, expected) in table {
        let address = HttpAddress::parse(text);
        if let Err(error) = &address {
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
        let shown = address.ok().map(|address| address.to_string());
        assert_eq!(shown.as_deref(), expected, "{text}");
    }
}
