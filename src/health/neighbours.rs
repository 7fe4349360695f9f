//! Recall: how many of the true nearest neighbours an approximate search returned.

/// Distances nearer than this count as equal, so that ties are hits whichever row was returned.
const TIE: f64 = 1e-9;

/// Hits of one search: how many of the approximate distances are no farther than the `k`th exact one.
/// Both slices are ascending distances; `exact` holds the `k` nearest (fewer in a small table). A zero vector has no
/// cosine distance: its NaN is nobody's neighbour.
pub fn hits(exact: &[f64], approximate: &[f64]) -> usize {
    let Some(farthest) = exact.iter().rfind(|distance| !distance.is_nan()) else {
        return 0;
    };
    approximate
        .iter()
        .take(exact.len())
        .filter(|distance| **distance <= farthest + TIE)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_and_missing_or_farther_rows_do_not() {
        for (exact, approximate, expected) in [
            (&[0.1, 0.2, 0.2][..], &[0.1, 0.2, 0.2][..], 3),
            (&[0.1, 0.2, 0.2], &[0.1, 0.2, 0.200_000_000_1], 3),
            (&[0.1, 0.2, 0.3], &[0.1, 0.3, 0.4], 2),
            (&[0.1, 0.2, 0.3], &[0.1], 1),
            (&[0.1, 0.2], &[0.1, 0.2, 0.2], 2),
            (&[], &[0.1], 0),
            (&[0.1], &[f64::NAN], 0),
            (&[0.1, f64::NAN], &[0.1, f64::NAN], 1),
        ] {
            assert_eq!(hits(exact, approximate), expected, "{exact:?} {approximate:?}");
        }
    }
}
