//! What the two sides told each other, kept as sent, and the one place that knows which limit binds whom.

use crate::Role;
use bitcoin::{Amount, OutPoint};
use secp256k1::PublicKey;
use transactions::{
    ChannelPublicKeys, Commitment, CommitmentError, CommitmentFormat, CommitmentNumber,
    CommitmentState, CommitmentTerms, FeeratePerKw, FundingOutput, MilliSatoshi, funding_script,
};
use wire::{AcceptChannel, ChannelType, OpenChannel};

/// `open_channel` and `accept_channel` as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedParameters {
    /// The opener's words.
    pub open: OpenChannel,
    /// The accepter's words.
    pub accept: AcceptChannel,
}

impl AgreedParameters {
    /// The kind of commitment transactions.
    // [BOLT 2 funding_signed G1] the type that both said, for the whole life of the channel
    pub fn format(&self) -> CommitmentFormat {
        format(self.open.channel_type.as_ref())
    }

    /// The whole channel.
    pub fn capacity(&self) -> Amount {
        self.open.funding_satoshis
    }

    /// The confirmations that the accepter asked for; at least one.
    pub fn minimum_depth(&self) -> u32 {
        self.accept.minimum_depth.max(1)
    }

    /// Whether the channel is to be announced.
    pub fn is_announced(&self) -> bool {
        // [BOLT 2 open_channel R1] the other bits mean nothing
        self.open.channel_flags & ANNOUNCE_CHANNEL != 0
    }

    /// The keys that `role` gave.
    pub fn keys(&self, role: Role) -> ChannelPublicKeys {
        match role {
            Role::Opener => opener_keys(&self.open),
            Role::Accepter => accepter_keys(&self.accept),
        }
    }

    /// The point of `role`'s commitment #0.
    pub fn first_point(&self, role: Role) -> PublicKey {
        match role {
            Role::Opener => self.open.first_per_commitment_point,
            Role::Accepter => self.accept.first_per_commitment_point,
        }
    }

    /// The dust limit of `role`'s commitment: its own.
    pub fn dust_limit(&self, role: Role) -> Amount {
        match role {
            Role::Opener => self.open.dust_limit_satoshis,
            Role::Accepter => self.accept.dust_limit_satoshis,
        }
    }

    /// What `role` must keep in the channel: the other side's demand.
    pub fn reserve(&self, role: Role) -> Amount {
        match role {
            Role::Opener => self.accept.channel_reserve_satoshis,
            Role::Accepter => self.open.channel_reserve_satoshis,
        }
    }

    /// How many blocks `role` waits for its money after its own commitment: the other side's demand.
    pub fn to_self_delay(&self, role: Role) -> u16 {
        match role {
            Role::Opener => self.accept.to_self_delay,
            Role::Accepter => self.open.to_self_delay,
        }
    }

    /// What belongs to `role` in commitment #0, before fee and anchors.
    pub fn balance(&self, role: Role) -> MilliSatoshi {
        match role {
            Role::Opener => MilliSatoshi(
                self.capacity().to_sat().saturating_mul(1_000).saturating_sub(self.open.push_msat),
            ),
            Role::Accepter => MilliSatoshi(self.open.push_msat),
        }
    }

    /// The commitment feerate.
    pub fn feerate(&self) -> FeeratePerKw {
        FeeratePerKw(self.open.feerate_per_kw)
    }

    /// The funding output, at `outpoint`.
    pub fn funding_output(&self, outpoint: OutPoint) -> FundingOutput {
        FundingOutput {
            outpoint,
            amount: self.capacity(),
            witness_script: funding_script(&self.open.funding_pubkey, &self.accept.funding_pubkey),
        }
    }

    /// What all commitments of `owner` have in common.
    pub fn commitment_terms(&self, owner: Role, outpoint: OutPoint) -> CommitmentTerms {
        CommitmentTerms {
            format: self.format(),
            funding: self.funding_output(outpoint),
            owner_is_opener: owner == Role::Opener,
            owner: self.keys(owner),
            other: self.keys(owner.other()),
            dust_limit: self.dust_limit(owner),
            to_self_delay: self.to_self_delay(owner),
        }
    }

    /// Commitment #0 of `owner`.
    pub fn commitment(
        &self,
        owner: Role,
        outpoint: OutPoint,
    ) -> Result<Commitment, CommitmentError> {
        Commitment::build(
            &self.commitment_terms(owner, outpoint),
            &CommitmentState {
                number: CommitmentNumber(0),
                per_commitment_point: self.first_point(owner),
                feerate: self.feerate(),
                to_owner: self.balance(owner),
                to_other: self.balance(owner.other()),
                htlcs: Vec::new(),
            },
        )
    }
}

/// The kind of commitment transactions of a channel type; without anchors it is static_remotekey, for
/// every other type is refused before it gets here.
pub fn format(channel_type: Option<&ChannelType>) -> CommitmentFormat {
    match channel_type {
        Some(channel_type) if channel_type.has_anchors() => CommitmentFormat::Anchors,
        Some(_) | None => CommitmentFormat::StaticRemotekey,
    }
}

fn opener_keys(open: &OpenChannel) -> ChannelPublicKeys {
    ChannelPublicKeys {
        funding_pubkey: open.funding_pubkey,
        revocation_basepoint: open.revocation_basepoint,
        payment_basepoint: open.payment_basepoint,
        delayed_payment_basepoint: open.delayed_payment_basepoint,
        htlc_basepoint: open.htlc_basepoint,
    }
}

fn accepter_keys(accept: &AcceptChannel) -> ChannelPublicKeys {
    ChannelPublicKeys {
        funding_pubkey: accept.funding_pubkey,
        revocation_basepoint: accept.revocation_basepoint,
        payment_basepoint: accept.payment_basepoint,
        delayed_payment_basepoint: accept.delayed_payment_basepoint,
        htlc_basepoint: accept.htlc_basepoint,
    }
}

/// Bit 0 of `channel_flags`.
pub const ANNOUNCE_CHANNEL: u8 = 1;
