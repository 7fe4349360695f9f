use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait before a request is sent again: twice as long each time, by chance up to half of it less so that many clients do
/// not come back at once, and never into the time after the deadline. What the server asks for is waited at least.
#[derive(Debug, Clone)]
pub struct Backoff {
    ends: Instant,
    next: Duration,
}

impl Backoff {
    /// `patience` is for all attempts together.
    pub fn new(patience: Duration) -> Self {
        Self {
            ends: Instant::now() + patience,
            next: FIRST,
        }
    }

    /// Puts the deadline off by a wait that was not the server's fault.
    pub fn put_off(&mut self, wait: Duration) {
        self.ends += wait;
    }

    /// What is left for one attempt of at most `longest`.
    pub fn left(&self, longest: Duration) -> Duration {
        self.ends.saturating_duration_since(Instant::now()).min(longest)
    }

    /// `None` where another attempt would begin after the deadline.
    pub fn pause(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        let mut byte = [0_u8; 1];
        // Without chance the wait is only longer.
        let chance = getrandom::fill(&mut byte).map_or(0, |()| u32::from(byte[0]));
        let pause = (self.next - self.next * chance / 512).max(retry_after.unwrap_or_default());
        self.next = (self.next * 2).min(LONGEST);
        let left = self.ends.saturating_duration_since(Instant::now());
        (pause < left).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_about_twice_the_one_before_up_to_a_limit() {
        let mut backoff = Backoff::new(Duration::from_secs(3600));
        for most in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
            let pause = backoff.pause(None).unwrap();
            let most = Duration::from_millis(most);
            assert!(most / 2 <= pause && pause <= most, "{pause:?} of {most:?}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_waited_unless_the_deadline_is_before() {
        let mut backoff = Backoff::new(Duration::from_secs(3600));
        let asked = Duration::from_secs(90);
        assert_eq!(backoff.pause(Some(asked)), Some(asked));
        assert_eq!(backoff.pause(Some(Duration::from_secs(3601))), None);
        assert_eq!(Backoff::new(Duration::ZERO).pause(None), None);
        backoff.put_off(asked);
        assert_eq!(
            backoff.pause(Some(Duration::from_secs(3601))),
            Some(Duration::from_secs(3601))
        );
    }
}
