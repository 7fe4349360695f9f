//! Where the fault-loop tests end the process, as `kill -9` would. Compiled only with the `fault-checkpoints` feature.

/// Called at every step boundary.
#[cfg(not(feature = "fault-checkpoints"))]
pub(super) fn reached() {}

#[cfg(feature = "fault-checkpoints")]
pub(super) fn reached() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    #[allow(clippy::disallowed_methods, reason = "a test hook, never in a release")]
    let wanted = std::env::var("PGVECTOR_SETUP_KILL_AT")
        .ok()
        .and_then(|text| text.parse::<u32>().ok());
    if wanted == Some(count) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
