//! The two threads that speak to the chain backend: one waits for blocks, one does everything else. They only
//! send events.

use crate::inbox::Inbox;
use crate::shell::ChainWork;
use chain::{
    Backend, BackendError, BroadcastError, ChainEvent, ChainUpdate, Feerates, Follower, Tip,
    Untested,
};
use funding::{Fees, Verdict};
use node::Event;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use transactions::FeeratePerKw;

/// Follows the chain from what the node knows until it is told to stop, or the core is gone.
pub fn follow(
    mut backend: Box<dyn Backend>,
    mut follower: Follower,
    inbox: &Inbox,
    stop: &Arc<AtomicBool>,
    wrong_backend: &OnceLock<String>,
) {
    let mut said: Option<(bool, Option<String>)> = None;
    let mut progress = Progress::default();
    let mut is_known = false;
    while !stop.load(Ordering::Relaxed) {
        let (events, state) = match backend.next(&follower.locator(), WAIT) {
            Ok(ChainEvent::Update(update)) => match follower.apply(&update) {
                Ok(applied) => {
                    let synced = update.remaining == 0;
                    progress.on_update(applied.connected(&update).len(), &update);
                    (vec![Event::Chain(update)], (synced, None))
                }
                Err(error) => (Vec::new(), (false, Some(error.to_string()))),
            },
            Ok(ChainEvent::Idle { .. }) => (Vec::new(), (true, None)),
            Ok(ChainEvent::Syncing { height, headers }) => {
                let text = format!("the backend itself is at block {height} of {headers}");
                (Vec::new(), (false, Some(text)))
            }
            Err(error) => {
                // From the start: a mistake of the configuration. Later it may be one that passes.
                if !is_known && matches!(error, BackendError::WrongNetwork { .. }) {
                    let _ = wrong_backend.set(error.to_string());
                }
                (Vec::new(), (false, Some(error.to_string())))
            }
        };
        is_known |= state.1.is_none();
        let failed = state.1.is_some();
        for event in events {
            if !inbox.push_chain(event) {
                return;
            }
        }
        if said.as_ref() != Some(&state) {
            match (&state.1, &said) {
                (Some(problem), _) => tracing::warn!(problem, "chain backend"),
                (None, Some((_, Some(_)))) => tracing::info!("the chain backend is back"),
                (None, _) => {}
            }
            let event = Event::ChainState { synced: state.0, problem: state.1.clone() };
            if !inbox.push_chain(event) {
                return;
            }
            said = Some(state);
        }
        if failed {
            pause(stop, AFTER_ERROR);
        }
    }
}

/// What is said of a long way to the tip, so that nobody takes it for a standstill.
#[derive(Default)]
struct Progress {
    /// When it began, and how many blocks have come since.
    begun: Option<(Instant, usize)>,
    said: Option<Instant>,
}

impl Progress {
    fn on_update(&mut self, blocks: usize, update: &ChainUpdate) {
        let now = Instant::now();
        let (begun, before) = self.begun.unwrap_or((now, 0));
        let count = before.saturating_add(blocks);
        let (height, remaining) = (update.tip().height, update.remaining);
        let seconds = now.saturating_duration_since(begun).as_secs_f32();
        if remaining == 0 {
            if self.said.is_some() {
                tracing::info!(height, blocks = count, seconds, "followed the chain to its end");
            }
            *self = Self::default();
            return;
        }
        self.begun = Some((begun, count));
        if self.said.is_none_or(|said| now.saturating_duration_since(said) >= PROGRESS_EVERY) {
            self.said = Some(now);
            let end = height.saturating_add(remaining);
            tracing::info!(height, end, blocks = count, seconds, "following the chain");
        }
    }
}

/// Broadcasts, tests, looks and asks for feerates, one after the other.
pub fn work(mut backend: Box<dyn Backend>, work: &Receiver<ChainWork>, inbox: &Inbox) {
    let mut fees = FeeWatch { last: Feerates::default(), told: None, next: Instant::now() };
    loop {
        fees.ask_if_due(backend.as_mut(), inbox);
        let wait = fees.next.saturating_duration_since(Instant::now());
        match work.recv_timeout(wait) {
            Ok(job) => {
                let mut next = Some(job);
                while let Some(job) = next {
                    run(backend.as_mut(), job, inbox);
                    next = work.try_recv().ok();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The feerates, as they were last asked for and told.
struct FeeWatch {
    last: Feerates,
    told: Option<Feerates>,
    next: Instant,
}

impl FeeWatch {
    fn ask_if_due(&mut self, backend: &mut dyn Backend, inbox: &Inbox) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let asked = chain::ask_feerates(backend, self.last);
        let every = if asked.answered { FEES_EVERY } else { FEES_AGAIN };
        self.next = now.checked_add(every).unwrap_or(now);
        self.last = asked.feerates;
        if self.told == Some(self.last) {
            return;
        }
        let Feerates { fast, normal, floor } = self.last;
        if let Some(absurd) = asked.absurd {
            tracing::warn!(absurd, taken = fast, "an estimate in sat/kw that is not believed");
        }
        tracing::info!(fast, normal, floor, "feerates in sat/kw");
        let [fast, normal, floor] = [fast, normal, floor].map(FeeratePerKw);
        if inbox.push_command(Event::Fees(Fees { fast, normal, floor })) {
            self.told = Some(self.last);
        }
    }
}

fn run(backend: &mut dyn Backend, job: ChainWork, inbox: &Inbox) {
    match job {
        ChainWork::Broadcast(transactions) => {
            let Some(first) = transactions.first() else { return };
            let txid = first.compute_txid();
            let result = match backend.broadcast(&transactions) {
                Ok(()) => Ok(()),
                Err(BroadcastError::Refused(refusal)) => Err(refusal.to_string()),
                // Not known: the next block brings it again.
                Err(BroadcastError::Unavailable(text)) => {
                    tracing::warn!(%txid, text, "no broadcast");
                    return;
                }
            };
            inbox.push_command(Event::Broadcasted { txid, result });
        }
        ChainWork::TestAccept(transaction) => {
            let txid = transaction.compute_txid();
            let verdict = match backend.test_accept(&transaction) {
                chain::Verdict::Accepted => Verdict::Accepted,
                chain::Verdict::Refused(refusal) => Verdict::Refused(refusal.to_string()),
                chain::Verdict::Unknown(Untested::Unsupported) => Verdict::Unknown,
                // The attempt ends rather than going on untested, and is tried again.
                chain::Verdict::Unknown(Untested::Unavailable(text)) => Verdict::Unavailable(text),
            };
            inbox.push_command(Event::Tested { txid, verdict });
        }
        ChainWork::LookFor { transactions, outputs } => {
            // No answer is none: in half a minute it is asked again.
            if let Ok(look) = chain::look_for(backend, &transactions, &outputs) {
                inbox.push_command(Event::Looked(look));
            }
        }
    }
}

/// Where a new node begins.
pub fn birthday(backend: &mut dyn Backend) -> Result<Tip, BackendError> {
    backend.birthday()
}

fn pause(stop: &Arc<AtomicBool>, time: Duration) {
    let step = Duration::from_millis(50);
    let mut left = time;
    while !left.is_zero() && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(step.min(left));
        left = left.saturating_sub(step);
    }
}

/// How long one call waits for a block.
const WAIT: Duration = Duration::from_secs(2);
/// After an error of the backend.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How often feerates are asked for.
const FEES_EVERY: Duration = Duration::from_secs(30);
/// The same when there was no answer.
const FEES_AGAIN: Duration = Duration::from_secs(5);
/// How often a long catch-up is spoken of.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
