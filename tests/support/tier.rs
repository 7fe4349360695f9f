//! The slow tiers: they run only when the environment names them.

#![allow(clippy::disallowed_methods, reason = "a test reads its own surroundings")]

/// Whether `PGVECTOR_SETUP_TIER` names this tier: alone, in a list with commas, or by `all`.
pub fn is_asked_for(tier: &str) -> bool {
    std::env::var("PGVECTOR_SETUP_TIER")
        .is_ok_and(|asked| asked.split(',').any(|name| ["all", tier].contains(&name.trim())))
}
