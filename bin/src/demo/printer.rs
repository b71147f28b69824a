//! What the demo prints: time, who, what.

use crate::shell::Tap;
use node::{ConnId, Effect, Notice};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Prints lines with the time since the start. Clones print to the same place.
#[derive(Clone)]
pub struct Printer {
    start: Instant,
    lock: Arc<Mutex<()>>,
}

impl Default for Printer {
    fn default() -> Self {
        Self { start: Instant::now(), lock: Arc::default() }
    }
}

impl Printer {
    /// One line.
    pub fn line(&self, who: &str, what: &str) {
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let ms = self.start.elapsed().as_secs_f64() * 1_000.0;
        println!("{ms:9.1} ms  {who:<6} {what}");
    }

    /// A heading.
    pub fn heading(&self, text: &str) {
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        println!("\n== {text}");
    }

    /// Prints what a node does, as it does it: after the commit that it belongs to.
    pub fn tap(&self, who: &'static str) -> Tap {
        let printer = self.clone();
        Box::new(move |effect: &Effect| {
            if let Some(what) = describe(effect) {
                printer.line(who, &what);
            }
        })
    }
}

fn describe(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Send { message, .. } => Some(format!("sends {}", message.name())),
        Effect::Broadcast(transactions) => {
            let txids: Vec<String> =
                transactions.iter().map(|t| t.compute_txid().to_string()).collect();
            Some(format!("broadcasts {}", txids.join(" and its child ")))
        }
        Effect::TestAccept(_) => Some("has its funding transaction tested".to_owned()),
        Effect::Dial { address, .. } => Some(format!("dials {address}")),
        Effect::Disconnect { conn: ConnId(conn), reason } => {
            Some(format!("ends connection {conn}: {reason}"))
        }
        Effect::Notify(notice) => describe_notice(notice),
        Effect::LookFor { .. }
        | Effect::Thaw { .. }
        | Effect::Acquaint { .. }
        | Effect::Ping { .. }
        | Effect::Decide { .. }
        | Effect::Reply { .. } => None,
    }
}

fn describe_notice(notice: &Notice) -> Option<String> {
    match notice {
        Notice::Channel { entry, .. } => {
            let from = if entry.from.is_empty() { "nothing" } else { &entry.from };
            let to = if entry.to.is_empty() { "nothing" } else { &entry.to };
            if from == to {
                Some(format!("{to}: {}", entry.cause))
            } else {
                Some(format!("{from} -> {to}: {}", entry.cause))
            }
        }
        Notice::Peer { connected: true, .. } => Some("is connected".to_owned()),
        Notice::Peer { connected: false, reason, .. } => Some(format!("lost its peer: {reason}")),
        Notice::Note { text, .. } => Some(format!("notes: {text}")),
        Notice::Request(_) | Notice::Block { .. } => None,
    }
}
