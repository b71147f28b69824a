//! Our own pings, and what their pongs tell.

use std::time::Duration;

use wire::Ping;

use crate::{Limits, Monotonic};

/// At most one ping is on its way at any time: eclair hangs up at the second.
#[derive(Clone, Debug)]
pub(crate) struct Keepalive {
    interval: Duration,
    pong_deadline: Duration,
    next_ping: Monotonic,
    outstanding: Option<Outstanding>,
    /// The node asked while a ping was on its way. Its pong may have been sent before the
    /// question, so another ping answers it.
    ask_again: bool,
    sent: u16,
}

#[derive(Clone, Debug)]
struct Outstanding {
    num_pong_bytes: u16,
    deadline: Monotonic,
    /// The node waits for this pong.
    asked: bool,
}

/// What a deadline of the keepalive demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping(Ping),
    PongTimeout,
}

/// What a pong means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// It answers our ping.
    pub(crate) answered: bool,
    /// It answers a question of the node.
    pub(crate) alive: bool,
    /// The next question.
    pub(crate) ping: Option<Ping>,
}

impl Keepalive {
    pub(crate) fn new(limits: &Limits, now: Monotonic) -> Self {
        Self {
            interval: limits.ping_interval,
            pong_deadline: limits.pong_deadline,
            next_ping: now.plus(limits.ping_interval),
            outstanding: None,
            ask_again: false,
            sent: 0,
        }
    }

    /// The node wants to know whether the peer lives.
    pub(crate) fn ask(&mut self, now: Monotonic) -> Option<Ping> {
        self.ask_again = self.outstanding.as_ref().is_some_and(|ping| !ping.asked);
        self.outstanding.is_none().then(|| self.ping(now, true))
    }

    pub(crate) fn pong(&mut self, now: Monotonic, byteslen: u16) -> Answer {
        // [BOLT 1 pong R1] A pong that answers no ping of ours is no sign of life. It does not
        // close the connection; without the right pong the deadline does.
        let answered = self.outstanding.take_if(|ping| ping.num_pong_bytes == byteslen);
        let Some(answered) = answered else { return Answer::default() };
        let ask = std::mem::take(&mut self.ask_again);
        Answer { answered: true, alive: answered.asked, ping: ask.then(|| self.ping(now, true)) }
    }

    pub(crate) fn due(&mut self, now: Monotonic) -> Due {
        match &self.outstanding {
            // [BOLT 1 ping S3] Only the connection closes.
            Some(ping) if now >= ping.deadline => Due::PongTimeout,
            None if now >= self.next_ping => Due::Ping(self.ping(now, false)),
            Some(_) | None => Due::Nothing,
        }
    }

    pub(crate) fn deadline(&self) -> Monotonic {
        self.outstanding.as_ref().map_or(self.next_ping, |ping| ping.deadline)
    }

    pub(crate) fn postpone(&mut self, by: Duration) {
        self.next_ping = self.next_ping.plus(by);
        if let Some(ping) = &mut self.outstanding {
            ping.deadline = ping.deadline.plus(by);
        }
    }

    /// The lengths differ from one ping to the next, so that each pong answers one ping only.
    fn ping(&mut self, now: Monotonic, asked: bool) -> Ping {
        let num_pong_bytes = SHORTEST_PONG.saturating_add(self.sent % PONG_LENGTHS);
        self.sent = self.sent.wrapping_add(1);
        self.next_ping = now.plus(self.interval);
        let deadline = now.plus(self.pong_deadline);
        self.outstanding = Some(Outstanding { num_pong_bytes, deadline, asked });
        // [BOLT 1 ping S1] [BOLT 1 ping S2] No ignored bytes at all.
        Ping { num_pong_bytes, byteslen: 0 }
    }
}

const SHORTEST_PONG: u16 = 1;
const PONG_LENGTHS: u16 = 64;
