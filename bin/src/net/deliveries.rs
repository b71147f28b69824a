//! What one connection has for the core, in order.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use super::{Events, NetEvent};

/// Events that wait for room in the core's inbox. The connection goes on meanwhile, and answers
/// pings; only when too much waits it stops reading.
pub(super) struct Deliveries {
    events: Arc<dyn Events>,
    in_flight: Option<InFlight>,
    waiting: VecDeque<(NetEvent, usize)>,
    bytes: usize,
}

struct InFlight {
    delivery: Pin<Box<dyn Future<Output = ()> + Send>>,
    bytes: usize,
}

impl Deliveries {
    pub(super) fn new(events: Arc<dyn Events>) -> Self {
        Self { events, in_flight: None, waiting: VecDeque::new(), bytes: 0 }
    }

    /// Hands over `event`, of about so many bytes, after those before it.
    pub(super) fn push(&mut self, event: NetEvent, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.waiting.push_back((event, bytes));
        self.start_next();
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MOST_EVENTS && self.bytes < MOST_BYTES
    }

    /// Completes when one more event was handed over; with none, never. Dropping the future
    /// loses nothing.
    pub(super) async fn progress(&mut self) {
        let Some(in_flight) = &mut self.in_flight else { return pending().await };
        in_flight.delivery.as_mut().await;
        self.bytes = self.bytes.saturating_sub(in_flight.bytes);
        self.in_flight = None;
        self.start_next();
    }

    /// Completes when all events were handed over.
    pub(super) async fn finish(&mut self) {
        while self.in_flight.is_some() {
            self.progress().await;
        }
    }

    fn start_next(&mut self) {
        if self.in_flight.is_none()
            && let Some((event, bytes)) = self.waiting.pop_front()
        {
            self.in_flight = Some(InFlight { delivery: self.events.deliver(event), bytes });
        }
    }
}

const MOST_EVENTS: usize = 16;
const MOST_BYTES: usize = 64 * 1024;
