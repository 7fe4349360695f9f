//! Facts x dnf and rpm: what is installed, what can be had, and what stands in the way.

/// The state of dnf and rpm on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DnfFacts {}
