//! `announcement_signatures` (BOLT 7): each side's half of the announcement of a channel. The two are
//! exchanged; the announcement itself is for those to spread that keep gossip.

use crate::error::warning_message;
use crate::{ANNOUNCE_CHANNEL, Context, Effect, FINAL_DEPTH, FundedChannel, Link, Role};
use bitcoin::hashes::{Hash as _, sha256d};
use secp256k1::{Message as Digest, PublicKey};
use transactions::verify_signature;
use wire::{AnnouncementSignatures, Message, ShortChannelId};

/// What became of an exchange: whether the record has changed, and what is said.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The peer's half is new, and right.
    pub is_new: bool,
    /// Ours, or a warning.
    pub effects: Vec<Effect>,
}

/// Keeps the peer's half until the channel is deep enough.
pub fn on_announcement_signatures(
    channel: &FundedChannel,
    theirs: AnnouncementSignatures,
    link: &mut Link,
) {
    // [BOLT 7 announcement_signatures S3] not for a channel that nobody is to know
    if is_announced(channel) {
        // [BOLT 7 announcement_signatures R4] before both `channel_ready` it waits here
        link.announcement = Some(theirs);
    }
}

/// Ours, once both sides have said `channel_ready` and no usual reorganisation can give the channel another
/// name: until the peer's half came, and in answer to it, but once on a connection.
pub fn exchange(channel: &mut FundedChannel, cx: &mut Context<'_>) -> Exchange {
    let mut exchange = Exchange::default();
    let is_due =
        is_announced(channel) && cx.link.is_reestablished() && channel.depth(cx.tip) >= FINAL_DEPTH;
    let Some(short_channel_id) = channel.short_channel_id().filter(|_| is_due) else {
        return exchange;
    };
    let digest = digest(channel, cx.wallet.node_id(), short_channel_id);
    let theirs = cx.link.announcement.take();
    let is_asked = theirs.is_some();
    match theirs.map(|theirs| check(channel, theirs, short_channel_id, &digest)) {
        Some(Ok(theirs)) if is_missing(channel) => {
            channel.remote_announcement = Some(theirs);
            exchange.is_new = true;
        }
        Some(Err(text)) => {
            exchange.effects.push(Effect::Send(warning_message(channel.channel_id(), text)));
        }
        Some(Ok(_)) | None => {}
    }
    // [BOLT 7 announcement_signatures S1] deep enough
    // [BOLT 7 announcement_signatures S4] again on a new connection, until theirs came
    // [BOLT 7 announcement_signatures S5] and in answer to theirs
    if !cx.link.sent_announcement_signatures && (is_asked || exchange.is_new || is_missing(channel))
    {
        cx.link.sent_announcement_signatures = true;
        exchange.effects.push(Effect::Send(Message::AnnouncementSignatures(
            AnnouncementSignatures {
                channel_id: channel.channel_id(),
                short_channel_id,
                node_signature: cx.wallet.sign_announcement_node(&digest),
                bitcoin_signature: cx.wallet.sign_announcement(&channel.keys_id, &digest),
            },
        )));
    }
    exchange
}

/// Whether a block can make an exchange due on this connection.
pub fn minds_blocks(channel: &FundedChannel, link: &Link) -> bool {
    let is_unsaid = !link.sent_announcement_signatures && is_missing(channel);
    is_announced(channel) && link.is_reestablished() && (is_unsaid || link.announcement.is_some())
}

/// The peer's half, if it is right; else what is wrong with it.
fn check(
    channel: &FundedChannel,
    theirs: AnnouncementSignatures,
    short_channel_id: ShortChannelId,
    digest: &[u8; 32],
) -> Result<AnnouncementSignatures, &'static str> {
    // [BOLT 7 announcement_signatures R1] of another output
    if theirs.short_channel_id != short_channel_id {
        return Err("announcement_signatures names another short_channel_id");
    }
    let message = Digest::from_digest(*digest);
    let remote_key = channel.agreed.keys(channel.role.other()).funding_pubkey;
    // [BOLT 7 announcement_signatures R2] told, and not kept; the channel is as good without it
    if !verify_signature(&message, &theirs.node_signature, &channel.node_id)
        || !verify_signature(&message, &theirs.bitcoin_signature, &remote_key)
    {
        return Err("announcement_signatures does not sign the channel_announcement");
    }
    Ok(theirs)
}

fn is_announced(channel: &FundedChannel) -> bool {
    channel.agreed.open.channel_flags & ANNOUNCE_CHANNEL != 0
}

/// Whether the peer's half for the channel's present name is not here.
fn is_missing(channel: &FundedChannel) -> bool {
    let known = channel.remote_announcement.as_ref().map(|theirs| theirs.short_channel_id);
    known.is_none() || known != channel.short_channel_id()
}

/// What all four signatures sign: the double SHA-256 of a `channel_announcement` behind its signatures. The
/// node with the lesser id comes first, and so does its funding key.
fn digest(
    channel: &FundedChannel,
    node_id: PublicKey,
    short_channel_id: ShortChannelId,
) -> [u8; 32] {
    let key = |role: Role| channel.agreed.keys(role).funding_pubkey.serialize();
    let ours = (node_id.serialize(), key(channel.role));
    let theirs = (channel.node_id.serialize(), key(channel.role.other()));
    let (first, second) = if ours.0 < theirs.0 { (ours, theirs) } else { (theirs, ours) };
    let mut payload = vec![0, 0];
    payload.extend_from_slice(channel.agreed.open.chain_hash.as_bytes());
    payload.extend_from_slice(&short_channel_id.to_u64().to_be_bytes());
    for point in [first.0, second.0, first.1, second.1] {
        payload.extend_from_slice(&point);
    }
    sha256d::Hash::hash(&payload).to_byte_array()
}
