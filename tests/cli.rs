//! The binary as a person meets it: whole exchanges, the wizard on a pseudo-terminal, and what bad input comes to.
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]
#![allow(clippy::disallowed_methods, reason = "the tests stand outside the product")]

mod support;

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "support/chroma/mod.rs"]
mod chroma;
#[path = "cli/docker.rs"]
mod docker;
#[path = "cli/embed.rs"]
mod embed;
#[path = "cli/events.rs"]
mod events;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/import.rs"]
mod import;
#[path = "cli/interruptions.rs"]
mod interruptions;
#[path = "cli/journal.rs"]
mod journal;
#[path = "cli/lifecycle.rs"]
mod lifecycle;
#[path = "cli/place.rs"]
mod place;
#[path = "cli/running.rs"]
mod running;
#[path = "cli/seed.rs"]
mod seed;
#[path = "cli/server_url.rs"]
mod server_url;
#[path = "cli/shared_memory.rs"]
mod shared_memory;
#[path = "cli/site/mod.rs"]
mod site;
#[path = "cli/store.rs"]
mod store;
#[path = "cli/surroundings.rs"]
mod surroundings;
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/transcript.rs"]
mod transcript;
#[path = "cli/tree.rs"]
mod tree;
#[path = "cli/wizard.rs"]
mod wizard;
