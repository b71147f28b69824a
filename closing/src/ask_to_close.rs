//! How a peer is moved to broadcast its commitment when we have none, or none that we may broadcast.
//!
//! LND and LDK close when `channel_reestablish` says 0 and 0, eclair when an `error` follows, CLN by either.

use crate::Effect;
use funding::{Context, FundedChannel, error_message};
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
