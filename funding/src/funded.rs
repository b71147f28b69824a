//! What `WaitForChannelReady` and `Normal` do alike with a funded channel, which is in `channel.rs`.

use crate::error::{peer_text, warning_message};
use crate::reestablish::{Standing, compare};
use crate::{CloseCause, Context, Effect, FundedChannel, Link, Role};
use transactions::{Depth, Height};
use wire::{ChannelId, Message, RawMessage};

/// Our first message on a new connection: `channel_reestablish`, and nothing before it.
pub fn on_connected(channel: &FundedChannel, cx: &Context<'_>) -> Vec<Effect> {
    // [BOLT 2 channel_reestablish G5] the channel goes on
    // [BOLT 2 channel_reestablish G8] and this is the first that is said of it
    vec![Effect::Send(Message::ChannelReestablish(channel.reestablish(cx.wallet)))]
}

/// The peer's `channel_reestablish`: `None` if all is well.
pub fn on_reestablish(channel: &FundedChannel, cx: &Context<'_>) -> Option<CloseCause> {
    let theirs = cx.link.theirs.as_ref()?;
    match compare(channel, theirs, cx.wallet) {
        Standing::InSync => None,
        Standing::Close(cause) => Some(cause),
    }
}

/// Says `channel_ready`, at most once on a connection.
pub fn channel_ready(channel: &FundedChannel, cx: &mut Context<'_>) -> Option<Effect> {
    if !cx.link.is_up() || cx.link.sent_channel_ready {
        return None;
    }
    cx.link.sent_channel_ready = true;
    Some(Effect::Send(Message::ChannelReady(channel.channel_ready(cx.wallet))))
}

/// A message that changes the commitment, which this build cannot follow: the peer is warned once, the
/// record remembers it, and nothing is ever answered. Returns whether the record changed.
pub fn on_update(
    channel: &mut FundedChannel,
    message: &RawMessage,
    cx: &mut Context<'_>,
) -> (bool, Vec<Effect>) {
    let changed = !channel.peer_update_pending && is_update(message);
    if !is_update(message) {
        return (false, Vec::new());
    }
    channel.peer_update_pending = true;
    (changed, warn_of_updates(channel.channel_id(), cx.link).into_iter().collect())
}

/// The warning, once for each channel and connection, and only after both `channel_reestablish`.
pub fn warn_of_updates(channel_id: ChannelId, link: &mut Link) -> Option<Effect> {
    if link.warned || !link.is_reestablished() {
        return None;
    }
    link.warned = true;
    Some(Effect::Send(warning_message(channel_id, UPDATES_TEXT)))
}

/// Whether a message asks for another commitment, or for silence before one.
pub fn is_update(message: &RawMessage) -> bool {
    UPDATES.contains(&message.type_number)
}

/// Whether LND means trouble that passes: some of its own, or that its graph has not yet the channel that it is
/// to close simply.
pub fn is_transient(text: &str) -> bool {
    text.trim_end().ends_with("internal error") || text.contains("edge not found")
}

/// What a peer's `error` means for a channel that is funded, or may be.
pub fn on_error(channel: &FundedChannel, data: &[u8]) -> ErrorMeaning {
    let text = peer_text(data);
    if is_transient(&text) {
        return ErrorMeaning::Transient(text);
    }
    match (channel.role, channel.position.is_confirmed()) {
        // The opener's own word that it will not fund the channel.
        (Role::Accepter, false) => ErrorMeaning::Abandoned(text),
        // [BOLT 1 error R2] that channel and no other
        (Role::Accepter, true) | (Role::Opener, _) => ErrorMeaning::Fatal(text),
    }
}

/// See [`on_error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorMeaning {
    /// LND's word for trouble that a reconnect heals.
    Transient(String),
    /// The opener gave an unfunded channel up.
    Abandoned(String),
    /// The peer has failed the channel.
    Fatal(String),
}

/// Whether `channel_ready` is due: not sent, and deep enough.
pub fn is_ready_due(channel: &FundedChannel, tip: Height) -> bool {
    !channel.channel_ready_sent
        // [BOLT 2 channel_ready S2] the accepter waits for its depth
        // [BOLT 2 channel_ready S12] and the opener, who has no alias to give, with it
        && channel.depth(tip) >= Depth(channel.agreed.minimum_depth())
        && channel.position.is_confirmed()
}

/// stfu, start_batch, update_add_htlc, update_fulfill_htlc, update_fail_htlc, commitment_signed,
/// revoke_and_ack, update_fee, update_fail_malformed_htlc.
const UPDATES: [u16; 9] = [2, 127, 128, 130, 131, 132, 133, 134, 135];

const UPDATES_TEXT: &str =
    "this node cannot update commitments yet: the channel stays as it was opened";
