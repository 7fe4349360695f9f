//! The manifests of `render kubernetes`, judged by the operator's schemas and by Kubernetes' types; and every byte of them and of
//! podman's units.

#![allow(
    clippy::disallowed_methods,
    reason = "a test reads the repository and the schemas beside it"
)]
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

mod golden;
mod hostile;
mod job;
#[path = "../support/hostile.rs"]
mod names;
mod operator;
mod options;
mod schema;
