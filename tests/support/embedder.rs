//! A stand-in for a service of embeddings that cannot be reached here: it speaks OpenAI's protocol, its vectors are bags of words.
//!
//! Texts that share words have vectors that are near each other; the same text always has the same vector.

#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the service does instead of answering as it should, once each.
#[derive(Debug, Clone)]
pub enum Fault {
    Status {
        status: u16,
        /// Whole lines, as `Retry-After: 1`.
        headers: &'static str,
        body: &'static str,
    },
    /// The connection ends in the middle of the answer.
    Truncated,
    /// Nothing is answered until the client goes away.
    Silent,
    /// A vector less than texts.
    TooFew,
    /// The last vector first, with its index.
    Reversed,
    /// A component that no `f32` holds.
    Infinite,
    /// `NaN`, as Python writes it.
    NotANumber,
    /// A component more in the last vector.
    OtherLength,
    /// As base64, though numbers were asked for.
    Base64,
}

/// One request as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub authorization: Option<String>,
    pub body: Value,
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<Fault>,
    received: Vec<Received>,
}

/// The service; it ends with the process.
#[derive(Debug, Clone)]
pub struct EmbedderService {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl EmbedderService {
    /// Its vectors have as many components, unless a request asks for others.
    pub fn start(dimensions: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream.unwrap(), dimensions, &state));
            }
        });
        Self { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// What the next requests meet, one each; the ones after them are answered.
    pub fn fail_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }
}

/// The unit vector of a text: each word counts at one place, by its hash (FNV-1a).
pub fn vector_of(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    for word in text
        .to_lowercase()
        .split(|character: char| !character.is_alphanumeric())
    {
        let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        vector[usize::try_from(hash % dimensions as u64).unwrap()] += 1.0;
    }
    let length = vector
        .iter()
        .map(|component| component * component)
        .sum::<f32>()
        .sqrt();
    vector.iter_mut().for_each(|component| *component /= length);
    vector
}

fn serve(mut stream: TcpStream, dimensions: usize, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(received) = receive(&mut reader) {
        let fault = {
            let mut state = state.lock().unwrap();
            state.received.push(received.clone());
            state.faults.pop_front()
        };
        let answer = answer(&received.body, dimensions);
        match fault {
            Some(Fault::Silent) => {
                let _ = reader.read(&mut [0]);
                return;
            }
            Some(Fault::Truncated) => {
                let whole = answered(200, "", &answer.to_string());
                let _ = stream.write_all(&whole.as_bytes()[..whole.len() / 2]);
                return;
            }
            fault => {
                let _ = stream.write_all(with(fault, answer).as_bytes());
            }
        }
    }
}

/// `None` where the client closed the connection.
fn receive(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        lines.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        path: lines[0].split(' ').nth(1).unwrap().to_owned(),
        authorization: header("authorization"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

fn answer(request: &Value, dimensions: usize) -> Value {
    let asked = request["dimensions"].as_u64();
    let dimensions = asked.map_or(dimensions, |asked| usize::try_from(asked).unwrap());
    let texts: Vec<&str> = request["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            json!({ "object": "embedding", "index": index, "embedding": vector_of(text, dimensions) })
        })
        .collect();
    let tokens: usize = texts.iter().map(|text| text.split_whitespace().count()).sum();
    json!({
        "object": "list",
        "model": request["model"],
        "data": data,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}

fn with(fault: Option<Fault>, mut answer: Value) -> String {
    let last = answer["data"].as_array().map_or(0, Vec::len).saturating_sub(1);
    let mut body = None;
    match fault {
        Some(Fault::Status {
            status,
            headers,
            body,
        }) => return answered(status, headers, body),
        Some(Fault::TooFew) => {
            answer["data"].as_array_mut().unwrap().pop();
        }
        Some(Fault::Reversed) => answer["data"].as_array_mut().unwrap().reverse(),
        Some(Fault::Infinite) => answer["data"][last]["embedding"][0] = json!(1e300),
        Some(Fault::NotANumber) => {
            answer["data"][last]["embedding"][0] = json!("@");
            body = Some(answer.to_string().replace("\"@\"", "NaN"));
        }
        Some(Fault::OtherLength) => answer["data"][last]["embedding"]
            .as_array_mut()
            .unwrap()
            .push(json!(0.5)),
        Some(Fault::Base64) => {
            for item in answer["data"].as_array_mut().unwrap() {
                item["embedding"] = json!(base64_of(&item["embedding"]));
            }
        }
        Some(Fault::Truncated | Fault::Silent) | None => {}
    }
    answered(200, "", &body.unwrap_or_else(|| answer.to_string()))
}

fn base64_of(numbers: &Value) -> String {
    use base64::Engine as _;
    let numbers: Vec<f32> = serde_json::from_value(numbers.clone()).unwrap();
    let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn answered(status: u16, headers: &str, body: &str) -> String {
    let headers = if headers.is_empty() {
        String::new()
    } else {
        format!("{headers}\r\n")
    };
    format!(
        "HTTP/1.1 {status} Answer\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
