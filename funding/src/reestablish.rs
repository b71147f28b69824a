//! What a peer's `channel_reestablish` says about a channel that has commitment #0 only (BOLT 2).

use crate::{CloseCause, FundedChannel};
use transactions::{CommitmentNumber, Signer};
use wire::ChannelReestablish;

/// What follows from a peer's `channel_reestablish`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Both sides are at commitment #0.
    InSync,
    /// The channel ends.
    Close(CloseCause),
}

/// Compares the peer's numbers with ours.
// [BOLT 2 channel_reestablish R1] the point of theirs is not looked at
pub fn compare(
    channel: &FundedChannel,
    theirs: &ChannelReestablish,
    signer: &dyn Signer,
) -> Standing {
    if theirs.next_revocation_number > 0 {
        return match is_proof(channel, theirs, signer) {
            // [BOLT 2 channel_reestablish R2] proof that our commitment is an old one
            true => Standing::Close(CloseCause::PeerAhead),
            // [BOLT 2 channel_reestablish R4] a secret that is not ours
            // [BOLT 2 channel_reestablish G19] and nothing of ours was ever revoked
            false => Standing::Close(CloseCause::BadReestablish("holds a secret that is not ours")),
        };
    }
    // [BOLT 2 channel_reestablish R4] where none was revealed there is none to hold
    if theirs.your_last_per_commitment_secret != [0; 32] {
        return Standing::Close(CloseCause::BadReestablish("holds a secret that is not ours"));
    }
    match theirs.next_commitment_number {
        // [BOLT 2 channel_reestablish G12] with any other number channel_ready is not said again
        1 => Standing::InSync,
        // [BOLT 2 channel_reestablish G10] it has lost everything and asks for our commitment
        0 => Standing::Close(CloseCause::PeerAskedToClose),
        // We never signed a second commitment, or lost it; as the peer expects our first revocation, our
        // commitment #0 is still good.
        // [BOLT 2 channel_reestablish G15] a number that nobody signed for
        _ => Standing::Close(CloseCause::BadReestablish("counts commitments that we never signed")),
    }
}

/// Whether the peer knows a secret that only a revocation of ours can have told it.
fn is_proof(channel: &FundedChannel, theirs: &ChannelReestablish, signer: &dyn Signer) -> bool {
    let Some(number) = theirs.next_revocation_number.checked_sub(1) else { return false };
    if number > MAX_COMMITMENT_NUMBER {
        return false;
    }
    let secret = signer.per_commitment_secret(&channel.keys_id, CommitmentNumber(number));
    secret == theirs.your_last_per_commitment_secret
}

/// Commitment numbers have 48 bits (BOLT 3).
const MAX_COMMITMENT_NUMBER: u64 = (1 << 48) - 1;
