//! The container engine: is there one, which network do its containers have, which image stands for which machine.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::case::TRIXIE;
pub use super::docker::docker;
use super::docker::{build as build_by, remove_containers_of_the_dead};
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
        remove_containers_of_the_dead(LABEL);
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
    if image.suite == Image::SERVERS {
        build_by("docker/servers/build", &[])
    } else if image.suite == Image::SITES {
        build_by("docker/sites/build", &[])
    } else if ["rocky", "fedora"].contains(&image.suite) {
        build_by("docker/rpm/build", &[image.suite])
    } else {
        build_by("docker/fresh/build", &[image.suite, image.flavour()])
    }
}
