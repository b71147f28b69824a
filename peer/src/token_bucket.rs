//! A rate with a burst.

use crate::Monotonic;

/// Fills at `per_second`, holds at most `burst`, and is full at the start.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    per_second: u64,
    burst: u64,
    /// Thousandths of a token, so that a millisecond adds a whole number of them.
    millitokens: u64,
    filled: Monotonic,
}

impl TokenBucket {
    pub(crate) fn new(per_second: u32, burst: u32, now: Monotonic) -> Self {
        let burst = u64::from(burst).saturating_mul(1_000);
        Self { per_second: u64::from(per_second), burst, millitokens: burst, filled: now }
    }

    /// Takes `tokens`, or takes nothing and says no.
    pub(crate) fn take(&mut self, now: Monotonic, tokens: u32) -> bool {
        let passed = now.as_millis().saturating_sub(self.filled.as_millis());
        self.filled = self.filled.max(now);
        let added = passed.saturating_mul(self.per_second);
        self.millitokens = self.millitokens.saturating_add(added).min(self.burst);
        let Some(left) = self.millitokens.checked_sub(u64::from(tokens).saturating_mul(1_000))
        else {
            return false;
        };
        self.millitokens = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_then_rate() {
        let mut bucket = TokenBucket::new(2, 3, Monotonic::START);
        let taken = |bucket: &mut TokenBucket, millis| {
            (0..10).take_while(|_| bucket.take(Monotonic::from_millis(millis), 1)).count()
        };
        assert_eq!(taken(&mut bucket, 0), 3);
        assert_eq!(taken(&mut bucket, 499), 0);
        assert_eq!(taken(&mut bucket, 500), 1);
        assert_eq!(taken(&mut bucket, 1_000_000), 3);
    }

    #[test]
    fn refused_tokens_are_not_taken_and_time_never_runs_back() {
        let mut bucket = TokenBucket::new(1, 5, Monotonic::from_millis(10_000));
        assert!(!bucket.take(Monotonic::from_millis(10_000), 6));
        assert!(bucket.take(Monotonic::START, 5));
        assert!(!bucket.take(Monotonic::from_millis(10_999), 1));
        assert!(bucket.take(Monotonic::from_millis(11_000), 1));
    }
}
