//! Rendered files as their readers see them: whole texts, real parsers, and what becomes of files that are there.
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]
#![allow(clippy::disallowed_methods, reason = "the tests stand outside the product")]

#[path = "render/consumer.rs"]
mod consumer;
#[path = "render/golden.rs"]
mod golden;
#[path = "render/hostile.rs"]
mod hostile;
#[path = "render/project.rs"]
mod project;
#[path = "cli/transcript.rs"]
mod transcript;
#[path = "render/written.rs"]
mod written;
