//! `header.bin`: an error, or places that agree with each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgvector_setup::import::chroma::fuzzing;

fuzz_target!(|bytes: [u8; 100]| {
    if let Ok([stride, label, vector, dimensions]) = fuzzing::header(&bytes) {
        assert!(stride <= u64::from(u32::MAX) && dimensions > 0);
        assert_eq!((vector + 4 * dimensions, label + 8), (label, stride));
    }
});
