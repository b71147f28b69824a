//! `announcement_signatures` (BOLT 7): each side's half of the announcement of a channel. The peer's are
//! answered; the announcement itself is the peer's to spread.

use crate::error::warning_message;
use crate::{ANNOUNCE_CHANNEL, Context, Effect, FINAL_DEPTH, FundedChannel, LinkKind, Role};
use bitcoin::hashes::{Hash as _, sha256d};
use secp256k1::{Message as Digest, PublicKey};
use transactions::verify_signature;
use wire::{AnnouncementSignatures, Message, ShortChannelId};

/// Keeps the peer's signatures until the channel is deep enough, and answers them, once on a connection.
pub fn on_announcement_signatures(
    channel: &FundedChannel,
    theirs: AnnouncementSignatures,
    cx: &mut Context<'_>,
) -> Vec<Effect> {
    // [BOLT 7 announcement_signatures S3] not for a channel that nobody is to know
    if channel.agreed.open.channel_flags & ANNOUNCE_CHANNEL == 0 {
        return Vec::new();
    }
    cx.link.announcement = Some(theirs);
    answer(channel, cx).into_iter().collect()
}

/// Ours, if theirs are here and right, and no usual reorganisation can give the channel another name.
pub fn answer(channel: &FundedChannel, cx: &mut Context<'_>) -> Option<Effect> {
    if cx.link.kind == LinkKind::Down || channel.depth(cx.tip) < FINAL_DEPTH {
        return None;
    }
    // [BOLT 7 announcement_signatures S1] never the first: a listed exception
    // [BOLT 7 announcement_signatures S4] on a new connection neither
    let theirs = cx.link.announcement.take()?;
    if cx.link.sent_announcement_signatures {
        return None;
    }
    let short_channel_id = channel.short_channel_id()?;
    let warning = |text| Some(Effect::Send(warning_message(channel.channel_id(), text)));
    // [BOLT 7 announcement_signatures R1] of another output
    if theirs.short_channel_id != short_channel_id {
        return warning("announcement_signatures names another short_channel_id");
    }
    let digest = digest(channel, cx.wallet.node_id(), short_channel_id);
    let message = Digest::from_digest(digest);
    let remote_key = channel.agreed.keys(channel.role.other()).funding_pubkey;
    // [BOLT 7 announcement_signatures R2] told, and not answered
    if !verify_signature(&message, &theirs.node_signature, &channel.node_id)
        || !verify_signature(&message, &theirs.bitcoin_signature, &remote_key)
    {
        return warning("announcement_signatures does not sign the channel_announcement");
    }
    // [BOLT 7 announcement_signatures S5] theirs are right
    cx.link.sent_announcement_signatures = true;
    Some(Effect::Send(Message::AnnouncementSignatures(AnnouncementSignatures {
        channel_id: channel.channel_id(),
        short_channel_id,
        node_signature: cx.wallet.sign_announcement_node(&digest),
        bitcoin_signature: cx.wallet.sign_announcement(&channel.keys_id, &digest),
    })))
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
