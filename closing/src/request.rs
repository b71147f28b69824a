//! A close is a durable object: every round, retransmission and restart derives from it.

use bitcoin::{Amount, ScriptBuf};
use transactions::FeeratePerKw;

/// Who wants the channel closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// We, or our operator.
    Local,
    /// The peer.
    Remote,
}

/// A wish to close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseRequest {
    /// Whose wish.
    pub who: Who,
    /// Why, for a person.
    pub reason: String,
    /// Where our money goes; `None`: to a fresh script of the wallet.
    pub script: Option<ScriptBuf>,
    /// The feerate that the transaction should have.
    pub feerate: FeeratePerKw,
    /// The highest feerate that we ever sign for, whatever happens in between.
    pub cap: FeeratePerKw,
}

impl CloseRequest {
    /// The most that a transaction of this weight may cost us.
    pub fn cap_fee(&self, weight: u64) -> Amount {
        self.cap.fee(weight)
    }
}
