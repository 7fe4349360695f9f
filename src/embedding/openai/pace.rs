use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// When the next request may go, so that no minute has more requests or tokens than allowed: requests are spread evenly.
#[derive(Debug)]
pub(super) struct Pace {
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u32>,
    /// Nothing goes before it.
    free: Option<Instant>,
}

impl Pace {
    /// `None` is no limit.
    pub(super) fn new(requests_per_minute: Option<u32>, tokens_per_minute: Option<u32>) -> Self {
        Self {
            requests_per_minute,
            tokens_per_minute,
            free: None,
        }
    }

    /// The moment for a request of about so many tokens, which takes its turn by asking.
    pub(super) fn turn(&mut self, now: Instant, tokens: u64) -> Instant {
        let turn = self.free.map_or(now, |free| free.max(now));
        let share = |amount: u64, limit: Option<u32>| {
            let limit = u64::from(limit?.max(1));
            Some(Duration::from_millis(
                amount.saturating_mul(MINUTE.as_millis() as u64) / limit,
            ))
        };
        let by_requests = share(1, self.requests_per_minute);
        let by_tokens = share(tokens, self.tokens_per_minute);
        self.free = by_requests.max(by_tokens).map(|pause| turn + pause);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_so_that_neither_limit_is_passed() {
        let now = Instant::now();
        let table = [
            (None, None, [0, 0, 0]),
            (Some(60), None, [0, 1, 2]),
            (None, Some(6000), [0, 1, 2]),
            (Some(60), Some(3000), [0, 2, 4]),
            (Some(30), Some(6000), [0, 2, 4]),
        ];
        for (requests, tokens, expected) in table {
            let mut pace = Pace::new(requests, tokens);
            let turns = [100, 100, 100].map(|tokens| (pace.turn(now, tokens) - now).as_secs());
            assert_eq!(turns, expected, "{requests:?} {tokens:?}");
        }
    }

    #[test]
    fn time_that_passed_anyway_is_not_waited_again() {
        let now = Instant::now();
        let mut pace = Pace::new(Some(60), None);
        assert_eq!(pace.turn(now, 1), now);
        let later = now + Duration::from_secs(30);
        assert_eq!(pace.turn(later, 1), later);
    }
}
