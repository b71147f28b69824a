//! The time of the process.

use std::time::Duration;

use peer::Monotonic;
use tokio::time::Instant;

/// Counts from when it was made; the process makes one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Zero is now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Now.
    pub fn now(&self) -> Monotonic {
        Monotonic::START.plus(self.start.elapsed())
    }

    /// When that is; `None` for a time beyond all clocks.
    pub fn instant(&self, time: Monotonic) -> Option<Instant> {
        // A millisecond more: `now` rounds down, and must have reached `time` by then.
        let millis = time.as_millis().checked_add(1)?;
        self.start.checked_add(Duration::from_millis(millis))
    }
}
