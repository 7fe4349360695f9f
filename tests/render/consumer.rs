//! The programs that read a compose file, asked what they make of it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program with the words before its subcommand.
pub struct Consumer {
    program: &'static str,
    words: &'static [&'static str],
}

const ALL: [Consumer; 3] = [
    Consumer {
        program: "docker-compose",
        words: &[],
    },
    Consumer {
        program: "docker",
        words: &["compose"],
    },
    Consumer {
        program: "podman-compose",
        words: &[],
    },
];

/// Every program that is here; a line says which is not.
pub fn consumers() -> impl Iterator<Item = &'static Consumer> {
    let is_here = |consumer: &&Consumer| {
        // podman-compose knows profiles from 1.1 on, and waits for conditions from 1.3 on.
        let help = Command::new(consumer.program)
            .args(consumer.words)
            .arg("--help")
            .output();
        let is_here = help.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("--profile"));
        if !is_here {
            eprintln!(
                "SKIPPED: there is no {} {:?} here that knows profiles",
                consumer.program, consumer.words
            );
        }
        is_here
    };
    ALL.iter().filter(is_here)
}

impl Consumer {
    /// What `config` makes of the project in a directory, as [`read`] gives it.
    pub fn config(&self, directory: &Path, profile: &str) -> serde_json::Value {
        let config = self.answer(directory, &["--profile", profile, "config"]);
        // podman-compose prints what it has interpolated already; the others double every `$` again.
        let is_interpolated = self.program == "podman-compose";
        read(&[config], is_interpolated).remove(0)
    }

    /// The names of the services that a profile starts, sorted. docker-compose 1.29 shows all services with their profiles,
    /// the others only those that would be started.
    pub fn services(&self, directory: &Path, profile: &str) -> Vec<String> {
        let config = self.config(directory, profile);
        let services = config["services"].as_object().unwrap();
        let is_started = |service: &serde_json::Value| {
            let profiles = service["profiles"].as_array().unwrap();
            profiles.contains(&profile.into())
        };
        let started = services.iter().filter(|(_, service)| is_started(service));
        started.map(|(name, _)| name.clone()).collect()
    }

    fn answer(&self, directory: &Path, words: &[&str]) -> String {
        let output = Command::new(self.program)
            .args(self.words)
            .args(words)
            .current_dir(directory)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} {:?}: {errors}",
            self.program,
            self.words
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Compose files read by PyYAML and by the interpolation of docker-compose 1.29, all in one process.
pub fn read(files: &[String], is_interpolated: bool) -> Vec<serde_json::Value> {
    const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/render/read_compose.py");
    let mut python = Command::new("/usr/bin/python3")
        .arg(SCRIPT)
        .args(is_interpolated.then_some("--interpolated"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(files).unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(
        output.status.success(),
        "the packages docker-compose and python3-yaml are needed"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The words of a service's command.
pub fn words<'a>(config: &'a serde_json::Value, service: &str) -> Vec<&'a str> {
    let words = config["services"][service]["command"].as_array().unwrap();
    words.iter().map(|word| word.as_str().unwrap()).collect()
}
