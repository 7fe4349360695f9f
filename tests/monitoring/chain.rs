//! The whole way of a measurement: `doctor` writes, node_exporter serves, Prometheus scrapes, the dashboard asks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use pgvector_setup::health::metrics::{self, Reading};
use pgvector_setup::health::{AppliedAdvisory, HealthReport, Measures, Severity};
use serde_json::Value;

use crate::doctor::{TABLE, doctor, prepare};
use crate::programs::{program, render};
use crate::rules::RULES;
use crate::support::bundle::settings;

const DEADLINE: Duration = Duration::from_secs(60);

/// A server of the test's own, ended by its id.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts it and reads its log until a line says that it answers.
    fn start(command: &mut Command, answers: &str) -> Self {
        // Both let the system choose no port that they would tell, so one is chosen here.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        let mut child = command
            .arg(format!("--web.listen-address={address}"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains(answers) {
            assert!(log.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        // Read on, or it would wait for a reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(connection, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }

    /// What Prometheus answers; its `data`.
    #[track_caller]
    fn data(&self, path: &str) -> Value {
        let answer: Value = serde_json::from_str(&self.get(path)).unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    /// Asks until there is a result: what is computed over time takes two scrapes.
    #[track_caller]
    fn result(&self, expression: &str) -> Vec<Value> {
        let (path, started) = (
            format!("/api/v1/query?query={}", encoded(expression)),
            Instant::now(),
        );
        loop {
            let data = self.data(&path);
            let result = data["result"].as_array().unwrap();
            if !result.is_empty() {
                return result.clone();
            }
            assert!(started.elapsed() < DEADLINE, "nothing for {expression}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn node_exporter(program: &Path, textfiles: &Path) -> Server {
    let mut command = Command::new(program);
    command
        .args(["--collector.disable-defaults", "--collector.textfile"])
        .arg(format!("--collector.textfile.directory={}", textfiles.display()));
    Server::start(&mut command, "Listening on")
}

fn prometheus(program: &Path, place: &Path, target: &str) -> Server {
    let configuration = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{RULES}]\n\
         scrape_configs: [{{job_name: node, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    std::fs::write(place.join("prometheus.yaml"), configuration).unwrap();
    let mut command = Command::new(program);
    command
        .arg(format!(
            "--config.file={}",
            place.join("prometheus.yaml").display()
        ))
        .arg(format!("--storage.tsdb.path={}", place.join("data").display()));
    Server::start(&mut command, "Server is ready to receive web requests.")
}

#[tokio::test]
async fn every_question_of_the_dashboard_is_answered_by_the_real_chain() {
    let programs = ["prometheus", "prometheus-node-exporter"].map(program);
    let [Some(prometheus_program), Some(node_exporter_program)] = programs else {
        return;
    };
    prepare().await;
    let place = tempfile::tempdir().unwrap();
    render(place.path(), &["monitoring"]);
    let option = format!("--output={}/pgvector-setup.prom", place.path().display());
    assert_eq!(
        doctor(&["--recall", "--format=prometheus", &option])
            .status
            .code(),
        Some(1)
    );

    std::fs::write(place.path().join("sites.prom"), two_sites(place.path())).unwrap();

    let exporter = node_exporter(&node_exporter_program, place.path());
    assert!(
        exporter
            .get("/metrics")
            .contains("node_textfile_scrape_error 0\n")
    );
    let prometheus = prometheus(&prometheus_program, place.path(), &exporter.address);
    let own = prometheus.result("pgvector_setup_up{site=\"\"}");
    assert_eq!(own[0]["metric"]["table"], TABLE);

    let text = std::fs::read_to_string(place.path().join("pgvector-setup.dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let mut expression = target["expr"].as_str().unwrap().to_owned();
            for variable in ["$instance", "$site", "$database"] {
                expression = expression.replace(variable, ".*");
            }
            assert!(!expression.contains('$'), "{expression}");
            prometheus.result(&expression);
            asked += 1;
        }
    }
    assert!(asked > 15, "{asked}");
    for (variable, count) in [("instance", 1), ("site", 2), ("database", 1)] {
        let path = format!("/api/v1/label/{variable}/values?match[]=pgvector_setup_up");
        let values = prometheus.data(&path);
        assert_eq!(values.as_array().unwrap().len(), count, "{variable}: {values}");
    }

    let groups = prometheus.data("/api/v1/rules");
    let rules = groups["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 10);
    for rule in rules {
        let result = rule["lastError"].as_str().unwrap_or_default();
        assert_eq!(result, "", "{rule}");
    }
}

/// One that has what the test's own server has not, and one that is down.
fn two_sites(root: &Path) -> String {
    let advisory = AppliedAdvisory {
        id: "CVE-2026-3172".into(),
        severity: Severity::High,
        fixed: "0.8.2".into(),
    };
    let down = HealthReport::unavailable("no server answers");
    let affected = HealthReport {
        error: None,
        measures: Some(Measures {
            advisories: vec![advisory],
            ..Measures::default()
        }),
        ..down.clone()
    };
    let settings = settings(root);
    let reading = |site, report| Reading {
        site: Some(site),
        settings: &settings,
        report,
        duration: Duration::from_millis(1),
        taken: SystemTime::now(),
    };
    metrics::text(&[reading("affected", &affected), reading("down", &down)])
}

/// For a query of a URL.
fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}
