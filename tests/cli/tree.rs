//! Everything in a directory, so that "nothing was changed" can be compared.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::place::Place;

/// Path to mode, owner and content; for a link its target. What a running server writes is left out.
pub type Tree = BTreeMap<PathBuf, (u32, u32, Vec<u8>)>;

impl Place {
    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        add(self.root(), &mut tree);
        tree
    }
}

fn add(directory: &Path, tree: &mut Tree) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        let is_a_servers = path.join("postmaster.pid").exists() || path.ends_with("bundles");
        let content = if metadata.is_symlink() {
            std::fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else if metadata.is_file() {
            std::fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        if metadata.is_dir() && !is_a_servers {
            add(&path, tree);
        }
        tree.insert(path, (metadata.mode(), metadata.uid(), content));
    }
}
