//! How a peer is moved to broadcast its commitment when we have none, or none that we may broadcast.
//!
//! LND and LDK close when `channel_reestablish` says 0 and 0, eclair when an `error` follows, CLN by either.

use crate::closing::Closing;
use crate::plan::Plan;
use crate::{Effect, Transition};
use funding::{CloseCause, Context, FundedChannel, Standing, error_message};
use transactions::{CommitmentNumber, Signer};
use wire::{ChannelReestablish, Message};

/// `channel_reestablish` with zeros and then `error`, once for each channel and connection.
pub fn ask_to_close(channel: &FundedChannel, text: &str, cx: &mut Context<'_>) -> Vec<Effect> {
    if !cx.link.is_up() || cx.link.asked_to_close {
        return Vec::new();
    }
    cx.link.asked_to_close = true;
    let point = cx.wallet.per_commitment_point(&channel.keys_id, CommitmentNumber(0));
    let zeros = ChannelReestablish {
        channel_id: channel.channel_id(),
        next_commitment_number: 0,
        next_revocation_number: 0,
        your_last_per_commitment_secret: [0; 32],
        my_current_per_commitment_point: point,
    };
    vec![
        Effect::send(Message::ChannelReestablish(zeros)),
        Effect::send(error_message(channel.channel_id(), text)),
    ]
}

/// Our true `channel_reestablish` for a channel that is over: a peer that lost it can learn from it.
pub fn closed_reestablish(channel: &FundedChannel, signer: &dyn Signer) -> Message {
    Message::ChannelReestablish(channel.reestablish(signer))
}

impl Closing {
    /// The peer's `channel_reestablish`: proof of a later state stops the broadcast of ours, whatever was
    /// planned; no block must ever hold it.
    pub fn on_reestablish(mut self, cx: &mut Context<'_>) -> Transition {
        let Some(theirs) = cx.link.theirs.clone() else { return Transition::stay(self) };
        if let Plan::Mutual { .. } = &self.plan {
            // [BOLT 2 channel_reestablish G22] the peer may have missed our signature
            let shutdown = if self.spend().is_none() { self.shutdown(cx) } else { None };
            return Transition::to(self, "", shutdown.into_iter().collect());
        }
        let standing = funding::compare(&self.channel, &theirs, cx.wallet);
        let is_ahead = standing == Standing::Close(CloseCause::PeerAhead);
        if !is_ahead || !matches!(self.plan, Plan::Force { .. }) {
            return Transition::stay(self);
        }
        let mut effects = self.drop_any_child();
        if let Plan::Force { commitment, .. } = &self.plan {
            let ours = commitment.compute_txid();
            self.seen = self.seen.take().filter(|seen| seen.compute_txid() != ours);
        }
        let note = "the peer has proved a later state: our commitment, if it is in the network, may cost \
                    the whole balance";
        effects.push(Effect::Note(note.to_owned()));
        let text = "the peer is ahead of us".to_owned();
        if self.spend().is_none() {
            effects.extend(ask_to_close(&self.channel, &text, cx));
        }
        self.plan = Plan::Ask { text };
        // [BOLT 2 channel_reestablish R2] [BOLT 5 failing G5] never our commitment
        Transition::to(self, CloseCause::PeerAhead.to_string(), effects)
    }

    /// Without a child: an anchor that one has spent in a block is gone, else the child's coins are free.
    pub(crate) fn drop_any_child(&mut self) -> Vec<Effect> {
        let Plan::Force { child, .. } = &mut self.plan else { return Vec::new() };
        let Some(child) = child.take() else { return Vec::new() };
        if let Some(height) = child.confirmed {
            self.lost.push((child.anchor, height));
            return Vec::new();
        }
        vec![Effect::Disown(child.transaction.compute_txid())]
    }
}
