//! Architectures as dpkg and as Rust name them (dpkg-architecture(1), `std::env::consts::ARCH`).

const NAMES: [(&str, &str); 8] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("ppc64el", "powerpc64"),
    ("s390x", "s390x"),
    ("riscv64", "riscv64"),
    ("i386", "x86"),
    ("armhf", "arm"),
    ("armel", "arm"),
];

/// `None` for one that is not known here.
pub fn rust_architecture(debian: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(name, _)| *name == debian)
        .map(|(_, rust)| *rust)
}
