//! Names that YAML, unit files, shells, SQL or templates might take for something of theirs.

use pgvector_setup::settings::Identifier;

#[rustfmt::skip]
const PIECES: [&str; 42] = [
    "a", "Z", "0", " ", "\t", ":", ": ", "#", " #", "'", "\"", "\\", "\\n", "$", "$$", "$(", "$(HOME)", "${x}", ")", "`", "!",
    "!!str ", "&a", "*a", "-", "- ", "---", "...", "{{ x }}", "{%", "[", "]", "{", "}", ",", "|", ">", "%", "%n", ";", "é", "\u{2028}",
];

#[rustfmt::skip]
const KNOWN: [&str; 18] = [
    "yes", "no", "null", "~", "0x1F", "1e3", "2026-11-22", "=", "<<", "?", "@", "\u{feff}x", "\u{85}", "\u{1f600}", "x\u{7f}",
    "a\u{1b}[31m", " lead and trail ", "%%",
];

/// Some that are known for trouble, and 1,000 of one to eight pieces; always the same.
pub fn names() -> Vec<Identifier> {
    let mut state: u64 = 0x2545_F491_4F6C_DD1D;
    let mut next = move |below: usize| {
        // xorshift64*: no more than different numbers are needed.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    };
    let generated = std::iter::repeat_with(|| {
        let length = 1 + next(8);
        (0..length)
            .map(|_| PIECES[next(PIECES.len())])
            .collect::<String>()
    });
    let generated = generated.filter_map(|name| Identifier::new(name).ok()).take(1000);
    let known = KNOWN.iter().map(|name| Identifier::new(*name).expect("a name"));
    known.chain(generated).collect()
}
