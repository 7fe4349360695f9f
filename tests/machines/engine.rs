//! The container engine: is there one, which network do its containers have, which image stands for which machine.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use super::case::TRIXIE;
use super::machine::Image;

/// Marks our containers; the value is the process that made them.
pub const LABEL: &str = "pgvector-setup-fresh-machine";

pub struct Engine {
    /// `bridge` where that reaches the package mirror: every machine then has its ports to itself. Else `host`.
    pub network: &'static str,
    tags: Mutex<HashMap<Image, String>>,
}

impl Engine {
    /// `None` where no engine answers.
    pub fn connect() -> Option<Self> {
        docker(["version"])?;
        remove_leftovers();
        let mut engine = Self {
            network: "bridge",
            tags: Mutex::default(),
        };
        if !engine.bridge_reaches_the_mirror() {
            engine.network = "host";
        }
        Some(engine)
    }

    /// The containers of one host network share its ports, so only one machine may exist at a time.
    pub fn machines_at_once(&self) -> usize {
        if self.network == "host" { 1 } else { 2 }
    }

    /// The tag of the image, built if it is not there. Panics with the build's last words.
    pub fn image_tag(&self, image: Image) -> String {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.entry(image).or_insert_with(|| build(image)).clone()
    }

    fn bridge_reaches_the_mirror(&self) -> bool {
        let tag = self.image_tag(TRIXIE);
        let update = "apt-get update -qq -o APT::Update::Error-Mode=any -o Acquire::Retries=0 -o Acquire::http::Timeout=10";
        docker(["run", "--rm", "--network", "bridge", &tag, "sh", "-c", update]).is_some()
    }
}

fn build(image: Image) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = if image.suite == Image::SERVERS {
        Command::new(root.join("docker/servers/build"))
    } else if ["rocky", "fedora"].contains(&image.suite) {
        let mut command = Command::new(root.join("docker/rpm/build"));
        command.arg(image.suite);
        command
    } else {
        let mut command = Command::new(root.join("docker/fresh/build"));
        command.args([image.suite, image.flavour()]);
        command
    };
    let output = command.stdin(Stdio::null()).output().expect("the recipe starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    let from = errors.lines().count().saturating_sub(15);
    let last_words: Vec<&str> = errors.lines().skip(from).collect();
    assert!(
        output.status.success(),
        "no image of {image:?}; the build ended with:\n{}",
        last_words.join("\n")
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Standard output of one docker command; `None` where it fails.
pub fn docker<Arguments>(arguments: Arguments) -> Option<String>
where
    Arguments: IntoIterator,
    Arguments::Item: AsRef<std::ffi::OsStr>,
{
    let Output { status, stdout, .. } = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    status
        .success()
        .then(|| String::from_utf8_lossy(&stdout).trim().to_owned())
}

/// Removes the containers of test runs that were killed before they could do it themselves.
fn remove_leftovers() {
    let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    let filter = format!("label={LABEL}");
    let listing = docker(["ps", "--all", "--filter", &filter, "--format", &format]).unwrap_or_default();
    for (container, owner) in listing.lines().filter_map(|line| line.split_once(' ')) {
        if !Path::new("/proc").join(owner).exists() {
            docker(["rm", "--force", "--volumes", container]);
        }
    }
}
