//! When to dial again.

use std::time::Duration;

/// Delays between the dials of one peer: they double, and no two peers keep step.
///
/// Each delay lies between its step and one and a half times that, so all lie between 1 and 30
/// seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The delay before the next dial, after a connection that lasted so long (zero for a dial
    /// that failed). Only a connection that lasted a minute counts as a success: a peer that
    /// accepts and hangs up is not dialled each second.
    ///
    /// `random` is any number that differs from peer to peer and from call to call.
    pub fn next_delay(&mut self, lasted: Duration, random: u64) -> Duration {
        if lasted >= STABLE {
            self.failures = 0;
        }
        let step = FIRST.saturating_mul(1 << self.failures.min(DOUBLINGS)).min(LAST);
        self.failures = self.failures.saturating_add(1).min(DOUBLINGS);
        let half = u64::try_from(step.as_millis()).unwrap_or(0) / 2;
        let jitter = random.checked_rem(half.saturating_add(1)).unwrap_or(0);
        step.saturating_add(Duration::from_millis(jitter))
    }
}

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(20);
const DOUBLINGS: u32 = 5;
const STABLE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(backoff: &mut Backoff, random: u64) -> Vec<u64> {
        (0..8).map(|_| backoff.next_delay(Duration::ZERO, random).as_secs()).collect()
    }

    #[test]
    fn doubles_up_to_half_a_minute() {
        assert_eq!(seconds(&mut Backoff::default(), 0), [1, 2, 4, 8, 16, 20, 20, 20]);
        let mut backoff = Backoff::default();
        for _ in 0..1_000 {
            let delay = backoff.next_delay(Duration::ZERO, 10_000);
            assert!((Duration::from_secs(1)..=Duration::from_secs(30)).contains(&delay));
        }
        assert_eq!(backoff.next_delay(Duration::ZERO, 10_000), Duration::from_secs(30));
    }

    #[test]
    fn starts_again_only_after_a_connection_that_lasted() {
        let mut backoff = Backoff::default();
        seconds(&mut backoff, 0);
        assert_eq!(backoff.next_delay(Duration::from_secs(59), 0), Duration::from_secs(20));
        assert_eq!(backoff.next_delay(Duration::from_secs(60), 0), Duration::from_secs(1));
    }

    #[test]
    fn random_numbers_spread_the_dials() {
        let delay = |random| Backoff::default().next_delay(Duration::ZERO, random);
        assert_eq!(delay(0), Duration::from_millis(1_000));
        assert_eq!(delay(500), Duration::from_millis(1_500));
        assert_eq!(delay(501), Duration::from_millis(1_000));
        assert_eq!(delay(u64::MAX), Duration::from_millis(1_000 + u64::MAX % 501));
    }
}
