//! The word that names a source, and the source.

use std::path::Path;

use super::chroma::Directory;
use super::chroma_server::{Server, ServerOptions};
use super::{ImportError, Source};
use crate::host::Host;

/// Opens a directory, or the server at an http or https address. Blocks.
///
/// # Errors
/// [`ImportError::Directory`], [`ImportError::Server`].
pub fn open(host: &Host, word: &str, options: ServerOptions) -> Result<Box<dyn Source>, ImportError> {
    if is_address(word) {
        return Ok(Box::new(Server::open(host, word, options)?));
    }
    Ok(Box::new(Directory::open(host, Path::new(word))?))
}

/// Whether the word is an address and not a path, whatever its scheme: one that is not served is to be refused as such.
pub fn is_address(word: &str) -> bool {
    word.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric()))
}
