//! Metadata in the log: an error at a place in the text, or entries that are no longer than it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgvector_setup::import::chroma::fuzzing;

fuzz_target!(|text: &str| match fuzzing::metadata(text) {
    Ok(entries) => assert!(entries.iter().map(|(key, _)| key.len() + 1).sum::<usize>() <= text.len()),
    Err((place, expected)) => assert!(text.is_char_boundary(place) && !expected.is_empty()),
});
