//! A real `chroma run` on loopback, and what is written to it by its own API.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pgvector_setup::host::http::{Backoff, HttpAddress, HttpClient, HttpLimits};
use pgvector_setup::host::{Environment, Host};
use pgvector_setup::import::{Record, Value};
use serde_json::json;

use super::environment;

const LIMITS: HttpLimits = HttpLimits {
    deadline: Duration::from_secs(60),
    bytes: 100_000_000,
};
pub const DEFAULT: &str = "/api/v2/tenants/default_tenant/databases/default_database";

/// Ended when it is dropped.
pub struct ChromaServer {
    child: Child,
    /// Removed with the server.
    directory: tempfile::TempDir,
    client: HttpClient,
}

impl ChromaServer {
    /// `None` where it cannot be installed.
    pub fn start(version: &str, settings: &[(&str, &str)]) -> Option<Self> {
        let programs = environment::programs(version)?;
        let directory = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new(programs.join("chroma"))
            .args([
                "run",
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--path",
            ])
            .arg(directory.path().join("data"))
            .current_dir(directory.path())
            .env("HOME", directory.path())
            .env("ANONYMIZED_TELEMETRY", "False")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = HttpAddress::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let client = HttpClient::new(&host(), address, None).unwrap();
        let server = Self {
            child,
            directory,
            client,
        };
        server.wait_until_it_answers();
        Some(server)
    }

    pub fn url(&self) -> String {
        self.client.address().to_string()
    }

    /// What a directory reader is given.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Killed, as a machine that loses its power.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn post(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let answer = self
            .client
            .post(path, body.to_string().as_bytes(), LIMITS)
            .unwrap();
        assert!(answer.is_success(), "{path}: {}", answer.words(None));
        answer.json()
    }

    /// The path of a new collection of this database.
    pub fn create(&self, database: &str, name: &str, metadata: &serde_json::Value) -> String {
        let path = format!("{database}/collections");
        let made = self.post(&path, &json!({ "name": name, "metadata": metadata }));
        format!("{path}/{}", made["id"].as_str().unwrap())
    }

    pub fn add(&self, collection: &str, records: &[Record]) {
        for records in records.chunks(500) {
            let body = json!({
                "ids": records.iter().map(|record| &record.id).collect::<Vec<_>>(),
                "embeddings": records.iter().map(|record| &record.embedding).collect::<Vec<_>>(),
                "documents": records.iter().map(|record| &record.document).collect::<Vec<_>>(),
                "uris": records.iter().map(|record| &record.uri).collect::<Vec<_>>(),
                "metadatas": records.iter().map(metadata).collect::<Vec<_>>(),
            });
            self.post(&format!("{collection}/add"), &body);
        }
    }

    pub fn delete(&self, collection: &str, id: &str) {
        self.post(&format!("{collection}/delete"), &json!({ "ids": [id] }));
    }

    fn wait_until_it_answers(&self) {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        while !self
            .client
            .get("/api/v1/heartbeat", LIMITS)
            .is_ok_and(|answer| answer.status < 500)
        {
            std::thread::sleep(backoff.pause(None).expect("the server answers within a minute"));
        }
    }
}

impl Drop for ChromaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn host() -> Host {
    Host::new(Environment::default())
}

fn metadata(record: &Record) -> Option<serde_json::Value> {
    let fields = record
        .metadata
        .iter()
        .map(|(key, value)| (key.clone(), json_of(value)));
    let fields: serde_json::Map<_, _> = fields.collect();
    (!fields.is_empty()).then_some(fields.into())
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(is_true) => json!(is_true),
        Value::Integer(integer) => json!(integer),
        Value::Float(float) => json!(float),
        Value::Text(text) => json!(text),
        Value::List(values) => values.iter().map(json_of).collect(),
    }
}
