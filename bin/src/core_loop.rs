//! The loop of the node, on a thread of its own: a batch of events, one step, one commit, its effects.

use crate::inbox::Inbox;
use crate::shell::Shell;
use node::{Command, CommandId, CommitError, Entropy, Event, Node};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use storage::Database;
use transactions::Timestamp;

/// What the core runs with.
pub struct Core {
    /// The node.
    pub node: Node,
    /// Its disk.
    pub database: Database,
    /// Its events.
    pub inbox: Inbox,
    /// Where its effects go.
    pub shell: Shell,
    /// Where chance comes from.
    pub entropy: Box<dyn Entropy + Send>,
    /// When the process began.
    pub start: Instant,
    /// Set by whoever wants it to end.
    pub stop: Arc<AtomicBool>,
}

/// How the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreEnd {
    /// As it was told.
    Stopped,
    /// The disk is full: the room that was kept for this moment was enough for a clean end.
    DiskFull,
    /// The disk failed, or the node contradicted itself: whatever is on disk is a state that was committed.
    Failed(CommitError),
}

impl Core {
    /// Runs until it is told to stop and nothing is under way that should be waited for, or a commit fails.
    pub fn run(mut self) -> CoreEnd {
        let mut stop_by = None;
        let mut full = false;
        loop {
            let planned = self.planned();
            let deadline = planned.or(stop_by).map(|at| stop_by.map_or(at, |stop| at.min(stop)));
            let events = self.inbox.next_batch(deadline);
            if self.inbox.is_killed() {
                return CoreEnd::Stopped;
            }
            let overshoot = planned.map_or(Duration::ZERO, |at| at.elapsed());
            if overshoot > SLEPT {
                // The machine was suspended: nobody had that time.
                let milliseconds = u64::try_from(overshoot.as_millis()).unwrap_or(u64::MAX);
                self.node.overslept(milliseconds);
            }
            let now = now(self.start);
            let step = self.node.handle(now, events, self.entropy.as_mut());
            let effects = match step.commit(&mut self.database) {
                Ok(effects) => effects,
                Err(error) => {
                    tracing::error!(%error, "the node ends");
                    self.inbox.close();
                    return CoreEnd::Failed(error);
                }
            };
            for effect in effects {
                self.shell.run(effect);
            }
            if !full && self.database.is_full() {
                tracing::warn!("the disk is full: stopping while there is room for it");
                full = true;
                self.stop.store(true, Ordering::Relaxed);
                let stop = Event::Command { id: CommandId(0), command: Command::Stop };
                self.inbox.push_command(stop);
            }
            if self.stop.load(Ordering::Relaxed) {
                let now = Instant::now();
                let by =
                    *stop_by.get_or_insert_with(|| now.checked_add(LONGEST_STOP).unwrap_or(now));
                if self.node.can_stop() || Instant::now() >= by {
                    self.inbox.close();
                    return if full { CoreEnd::DiskFull } else { CoreEnd::Stopped };
                }
            }
        }
    }

    fn planned(&self) -> Option<Instant> {
        let at = self.node.next_deadline()?;
        self.start.checked_add(Duration::from_millis(at.0))
    }
}

/// The two times.
pub fn now(start: Instant) -> funding::Now {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    funding::Now {
        monotonic: funding::Monotonic(milliseconds(start.elapsed())),
        timestamp: Timestamp(milliseconds(since_1970)),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A wake-up that comes so much later than planned means that the machine slept.
const SLEPT: Duration = Duration::from_secs(10);
/// How long a polite stop waits for `funding_signed`.
const LONGEST_STOP: Duration = Duration::from_secs(30);
