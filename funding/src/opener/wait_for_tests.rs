//! Opener, while the funding transaction and the connection are tested.
//!
//! Enters when  `accept_channel` fits, and the funding transaction is built and signed in memory.
//! On disk      the attempt, as before.
//! Waits for    the mempool's verdict and the peer's pong.
//! Leaves to    `WaitForFundingSigned`, saying `funding_created`.
//! On a crash   the attempt ends, its coins are free, the request tries again: nothing was promised.

use crate::attempt::{COIN_GONE, cancelled, coin_gone, peer_gone, refused_by_peer, timed_out};
use crate::error::{error_message, peer_text};
use crate::opener::WaitForFundingSigned;
use crate::{
    AgreedParameters, Attempt, CancelCause, Context, Effect, Failure, Monotonic, Origin,
    Transition, Verdict,
};
use bitcoin::{OutPoint, Transaction};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitForTests {
    /// What is on disk.
    pub attempt: Attempt,
    /// The terms.
    pub agreed: AgreedParameters,
    /// The funding transaction, complete.
    pub transaction: Transaction,
    /// The funding output.
    pub outpoint: OutPoint,
    /// Whether the mempool would take the transaction, or cannot be asked.
    pub tested: bool,
    /// Whether the peer has answered.
    pub alive: bool,
    /// When we give up.
    pub deadline: Monotonic,
}

impl WaitForTests {
    /// The state in which nothing is known yet.
    pub fn new(
        attempt: Attempt,
        agreed: AgreedParameters,
        transaction: Transaction,
        outpoint: OutPoint,
        cx: &Context<'_>,
    ) -> Self {
        let deadline = cx.now.monotonic.after_seconds(cx.policy.accept_timeout);
        Self { attempt, agreed, transaction, outpoint, tested: false, alive: false, deadline }
    }

    /// The mempool has spoken: a transaction that it would refuse never gets as far as the peer.
    pub fn on_tested(self, verdict: Verdict, cx: &mut Context<'_>) -> Transition {
        match verdict {
            Verdict::Accepted | Verdict::Unknown => Self { tested: true, ..self }.proceed(cx),
            Verdict::Unavailable(reason) => {
                let id = self.attempt.temporary_channel_id();
                let failure = Failure {
                    origin: Origin::Chain,
                    stage: STAGE,
                    text: format!("the funding transaction could not be tested: {reason}"),
                    retry: true,
                };
                let error = error_message(id, "the funding transaction cannot be tested now");
                Transition::ended(failure, vec![Effect::Send(error)])
            }
            Verdict::Refused(reason) => {
                let id = self.attempt.temporary_channel_id();
                let failure = Failure {
                    origin: Origin::Chain,
                    stage: STAGE,
                    text: format!("the funding transaction would be refused: {reason}"),
                    retry: false,
                };
                let error = error_message(id, "the funding transaction cannot be broadcast");
                Transition::ended(failure, vec![Effect::Send(error)])
            }
        }
    }

    /// The peer is there.
    pub fn on_alive(self, cx: &mut Context<'_>) -> Transition {
        Self { alive: true, ..self }.proceed(cx)
    }

    /// The peer will not.
    pub fn on_error(self, data: &[u8]) -> Transition {
        Transition::ended(refused_by_peer(STAGE, &peer_text(data)), Vec::new())
    }

    /// Nothing was promised: the attempt ends.
    pub fn on_disconnected(self) -> Transition {
        // [BOLT 2 channel_reestablish G2] nothing was broadcast, nothing is remembered
        Transition::ended(peer_gone(STAGE), Vec::new())
    }

    /// The backend or the peer is silent.
    pub fn on_deadline(self) -> Transition {
        let failure = match (self.tested, self.alive) {
            (true, _) => timed_out(STAGE, "a pong"),
            (false, true) => late("the backend did not test the funding transaction in time"),
            (false, false) => late("neither the backend nor the peer answered in time"),
        };
        let error = error_message(self.attempt.temporary_channel_id(), "the open took too long");
        Transition::ended(failure, vec![Effect::Send(error)])
    }

    /// A coin is gone, in a block: another attempt takes others.
    pub fn on_conflicted(self) -> Transition {
        let error = error_message(self.attempt.temporary_channel_id(), COIN_GONE);
        Transition::ended(coin_gone(STAGE), vec![Effect::Send(error)])
    }

    /// We end it.
    pub fn on_cancel(self, cause: CancelCause) -> Transition {
        let error = error_message(self.attempt.temporary_channel_id(), cause.text());
        Transition::ended(cancelled(STAGE, cause), vec![Effect::Send(error)])
    }

    fn proceed(self, cx: &mut Context<'_>) -> Transition {
        if !(self.tested && self.alive) {
            return Transition::stay(self);
        }
        WaitForFundingSigned::enter(self, cx)
    }
}

fn late(text: &str) -> Failure {
    Failure { origin: Origin::Chain, stage: STAGE, text: text.to_owned(), retry: true }
}

const STAGE: &str = "WaitForTests";
