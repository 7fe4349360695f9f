//! Where a vector is if what the index had before the log cannot be known.

use super::{Entry, Whereabouts, effective, whereabouts};

/// Where the vector of a record that lives is, whatever the index had of its id: in the log where every past that agrees with the
/// catalog leads to the same line, and gone else. The addition of an id that was there does nothing, so that a line alone does not tell
/// whether its vector counts; the catalog notes the last line that did anything.
///
/// `entries` are the lines of one id up to the log's end, none missing between two; `noted` the last that changed the record, as
/// the METADATA segment has it, which holds the log up to `noted_to`.
pub(in crate::import::chroma) fn certain(
    entries: &[Entry],
    noted: Option<i64>,
    noted_to: i64,
) -> Whereabouts {
    let (before, after) = entries.split_at(entries.partition_point(|entry| entry.position <= noted_to));
    let mut pasts = [false, true]
        .into_iter()
        .filter(|was_there| noted.is_some() && last_effect(before, *was_there) == noted)
        .map(|was_there| whereabouts(before, was_there));
    let base = match (pasts.next(), pasts.next()) {
        (Some(only), None) => only,
        (Some(one), Some(other)) if one == other => one,
        _ => Whereabouts::Index,
    };
    let now = match whereabouts(after, true) {
        Whereabouts::Index => base,
        changed => changed,
    };
    match now {
        Whereabouts::Log(position) => Whereabouts::Log(position),
        Whereabouts::Index | Whereabouts::Gone => Whereabouts::Gone,
    }
}

fn last_effect(entries: &[Entry], was_there: bool) -> Option<i64> {
    effective(entries, was_there)
        .last()
        .map(|(entry, _)| entry.position)
}

#[cfg(test)]
mod tests {
    use super::super::{IdDigest, Operation};
    use super::*;
    use Operation::{Add, Delete, Update, Upsert};

    fn lines(lines: &[(i64, Operation, bool)]) -> Vec<Entry> {
        let line = |(position, operation, has_vector): &(i64, Operation, bool)| Entry {
            id: IdDigest::of(b"x"),
            position: *position,
            operation: *operation,
            has_vector: *has_vector,
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_vector_of_the_log_counts_where_no_past_says_otherwise() {
        for (replayed, noted, expected) in [
            // Made there: an addition that did nothing is never noted.
            (lines(&[(5, Add, true)]), 5, 5),
            (lines(&[(5, Upsert, true)]), 5, 5),
            (lines(&[(5, Update, true)]), 5, 5),
            (lines(&[(5, Upsert, true), (6, Add, true)]), 5, 5),
            (lines(&[(5, Upsert, true), (7, Update, false)]), 7, 5),
            (
                lines(&[(5, Delete, false), (6, Add, true), (7, Update, false)]),
                7,
                6,
            ),
            // The catalog has not these lines yet, and has the record.
            (lines(&[(5, Add, true), (11, Update, true)]), 2, 11),
            (lines(&[(5, Upsert, true), (11, Add, true)]), 5, 5),
        ] {
            assert_eq!(
                certain(&replayed, Some(noted), 10),
                Whereabouts::Log(expected),
                "{replayed:?}"
            );
        }
    }

    #[test]
    fn a_vector_that_may_be_an_older_one_is_none() {
        for (replayed, noted) in [
            (lines(&[]), Some(2)),
            // Was there: the addition did nothing.
            (lines(&[(5, Add, true)]), Some(2)),
            // Was there or not: the later change says nothing of the vector.
            (lines(&[(5, Add, true), (7, Update, false)]), Some(7)),
            (lines(&[(5, Update, false)]), Some(5)),
            // The catalog cannot be read there, or contradicts the log.
            (lines(&[(5, Add, true)]), None),
            (lines(&[(5, Upsert, true)]), Some(6)),
            (lines(&[(5, Upsert, true), (6, Upsert, true)]), Some(5)),
            // The catalog does not have the line yet, and has the record.
            (lines(&[(11, Add, true)]), Some(2)),
        ] {
            assert_eq!(certain(&replayed, noted, 10), Whereabouts::Gone, "{replayed:?}");
        }
    }
}
