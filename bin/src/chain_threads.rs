//! The two threads that speak to the chain backend: one waits for blocks, one does everything else. They only
//! send events.

use crate::inbox::Inbox;
use crate::shell::ChainWork;
use chain::{Backend, BroadcastError, ChainEvent, Follower, Tip, Untested};
use funding::{Fees, Verdict};
use node::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use transactions::FeeratePerKw;

/// Follows the chain from what the node knows until it is told to stop, or the core is gone.
pub fn follow(
    mut backend: Box<dyn Backend>,
    mut follower: Follower,
    inbox: &Inbox,
    stop: &Arc<AtomicBool>,
) {
    let mut said: Option<(bool, Option<String>)> = None;
    while !stop.load(Ordering::Relaxed) {
        let (events, state) = match backend.next(&follower.locator(), WAIT) {
            Ok(ChainEvent::Update(update)) => match follower.apply(&update) {
                Ok(_) => {
                    let synced = update.remaining == 0;
                    (vec![Event::Chain(update)], (synced, None))
                }
                Err(error) => (Vec::new(), (false, Some(error.to_string()))),
            },
            Ok(ChainEvent::Idle { .. }) => (Vec::new(), (true, None)),
            Ok(ChainEvent::Syncing { height, headers }) => {
                let text = format!("the backend itself is at block {height} of {headers}");
                (Vec::new(), (false, Some(text)))
            }
            Err(error) => (Vec::new(), (false, Some(error.to_string()))),
        };
        let failed = state.1.is_some();
        for event in events {
            if !inbox.push_chain(event) {
                return;
            }
        }
        if said.as_ref() != Some(&state) {
            if let Some(problem) = &state.1 {
                tracing::warn!(problem, "chain backend");
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

/// Broadcasts, tests and asks for feerates, one after the other.
pub fn work(mut backend: Box<dyn Backend>, work: &Receiver<ChainWork>, inbox: &Inbox) {
    let mut fees: Option<Fees> = None;
    loop {
        let estimated = estimates(backend.as_mut(), fees.unwrap_or_default());
        if fees != Some(estimated) && inbox.push_command(Event::Fees(estimated)) {
            fees = Some(estimated);
        }
        match work.recv_timeout(FEES_EVERY) {
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
    }
}

/// The backend's estimates; where it has none, or is away, the last ones.
fn estimates(backend: &mut dyn Backend, last: Fees) -> Fees {
    let at = |backend: &mut dyn Backend, blocks: u16, default: FeeratePerKw| {
        backend.feerate(blocks).map_or(default, |rate| FeeratePerKw(rate.max(default_floor())))
    };
    let normal = at(backend, 6, last.normal);
    let fast = at(backend, 2, last.fast).max(normal);
    Fees { fast, normal, floor: last.floor }
}

/// Where a new node begins.
pub fn birthday(backend: &mut dyn Backend) -> Result<Tip, chain::BackendError> {
    backend.birthday()
}

fn default_floor() -> u32 {
    Fees::default().floor.0
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
