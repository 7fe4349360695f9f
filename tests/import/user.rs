//! Another process that has a catalog open, until it is dropped.

use std::path::Path;
use std::process::{Child, Command};

use crate::verdict::Damage;

pub struct User(Child);

impl User {
    pub fn of(damage: &Damage) -> Self {
        let catalog = std::fs::File::open(damage.path(Path::new("chroma.sqlite3"))).unwrap();
        let mut waiting = Command::new("/usr/bin/tail");
        Self(waiting.args(["-f", "/dev/null"]).stdin(catalog).spawn().unwrap())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
