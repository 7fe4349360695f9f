//! What a repository's release file says of its own time, read back out of what apt prints of it.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One release file that is not valid by this machine's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    file: String,
    clock: OffsetDateTime,
    bound: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    From(OffsetDateTime),
    Until(OffsetDateTime),
}

impl Validity {
    /// Reads one of (apt-pkg/acquire-item.cc)
    /// `Release file for URL is not valid yet (invalid for another 2d 3h 4min 5s).` and
    /// `Release file for URL is expired (invalid since 400d 1h 2min 3s).`
    pub fn read(line: &str, clock: OffsetDateTime) -> Option<Self> {
        const YET: (&str, &str) = (" is not valid yet (invalid for another ", ")");
        const EXPIRED: (&str, &str) = (" is expired (invalid since ", ")");
        let (_, line) = line.split_once("Release file for ")?;
        let clock = clock.replace_nanosecond(0).ok()?;
        let parts = |(middle, end): (&str, &str)| {
            let (file, rest) = line.split_once(middle)?;
            let (distance, _) = rest.split_once(end)?;
            Some((file.to_owned(), distance_of(distance)?))
        };
        if let Some((file, distance)) = parts(YET) {
            let bound = Bound::From(clock.checked_add(distance)?);
            return Some(Self { file, clock, bound });
        }
        let (file, distance) = parts(EXPIRED)?;
        let bound = Bound::Until(clock.checked_sub(distance)?);
        Some(Self { file, clock, bound })
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |time: OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
        let (word, bound) = match self.bound {
            Bound::From(bound) => ("from", bound),
            Bound::Until(bound) => ("until", bound),
        };
        write!(
            formatter,
            "this machine's clock says {}; {} is valid {word} {}",
            text(self.clock),
            self.file,
            text(bound)
        )
    }
}

/// `2d 3h 4min 5s`, without what is nothing at its beginning (apt-pkg/contrib/strutl.cc, `TimeToStr`).
fn distance_of(text: &str) -> Option<time::Duration> {
    let part = |word: &str| {
        let digits = word.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit) = word.split_at(digits);
        let seconds = match unit {
            "d" => 24 * 60 * 60,
            "h" => 60 * 60,
            "min" => 60,
            "s" => 1,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds)
    };
    let seconds = text
        .split_whitespace()
        .try_fold(0_u64, |sum, word| sum.checked_add(part(word)?))?;
    Duration::from_secs(seconds).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-02T03:04:05Z
    fn clock() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_767_323_045).unwrap()
    }

    #[test]
    fn what_clock_and_file_say_is_read_from_the_distance_between_them() {
        for (line, expected) in [
            (
                "E: Release file for http://127.0.0.1/InRelease is not valid yet (invalid for another 2d 3h 4min 5s). \
                 Updates for this repository will not be applied.",
                "this machine's clock says 2026-01-02T03:04:05Z; http://127.0.0.1/InRelease is valid from 2026-01-04T06:08:10Z",
            ),
            (
                "E: Release file for http://x/InRelease is not valid yet (invalid for another 55s). Updates for this",
                "this machine's clock says 2026-01-02T03:04:05Z; http://x/InRelease is valid from 2026-01-02T03:05:00Z",
            ),
            (
                "E: Release file for http://x/InRelease is expired (invalid since 1d 0h 0min 5s). Updates for this",
                "this machine's clock says 2026-01-02T03:04:05Z; http://x/InRelease is valid until 2026-01-01T03:04:00Z",
            ),
        ] {
            let read = Validity::read(line, clock()).map(|validity| validity.to_string());
            assert_eq!(read.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_such_line_says_nothing() {
        for line in [
            "",
            "E: Release file for http://x/InRelease is expired (invalid since long ago).",
            "E: Release file for http://x/InRelease is expired (invalid since 99999999999999999999d).",
            "E: Release file for http://x/InRelease is expired (invalid since 99999999999999d).",
            "Not live until 2026-01-02T03:04:05Z",
        ] {
            assert_eq!(Validity::read(line, clock()), None, "{line}");
        }
    }
}
