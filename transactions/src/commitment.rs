//! Commitment transactions (BOLT 3).
use crate::{ChannelPublicKeys, CommitmentNumber, FeeratePerKw, FundingOutput, Htlc, MilliSatoshi};
use bitcoin::{Amount, ScriptBuf, Transaction};
use secp256k1::{PublicKey, ecdsa::Signature};

/// Which commitment transactions a channel type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitmentFormat {
    /// `option_static_remotekey`.
    StaticRemotekey,
    /// `option_anchors` with zero-fee HTLC transactions.
    Anchors,
}

/// What all commitment transactions of one side have in common. The owner is the side that can broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentTerms {
    /// Format.
    pub format: CommitmentFormat,
    /// What it spends.
    pub funding: FundingOutput,
    /// Whether the owner is the channel's opener, who pays the fee and the anchors.
    pub owner_is_opener: bool,
    /// The owner's keys.
    pub owner: ChannelPublicKeys,
    /// The other side's keys.
    pub other: ChannelPublicKeys,
    /// The owner's `dust_limit_satoshis`.
    pub dust_limit: Amount,
    /// How many blocks the owner's money waits: the other side's `to_self_delay`.
    pub to_self_delay: u16,
}

/// What changes from one commitment to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentState {
    /// Its number.
    pub number: CommitmentNumber,
    /// The owner's point for it.
    pub per_commitment_point: PublicKey,
    /// The feerate.
    pub feerate: FeeratePerKw,
    /// The owner's balance, before fee and anchors.
    pub to_owner: MilliSatoshi,
    /// The other side's balance, before fee and anchors.
    pub to_other: MilliSatoshi,
    /// The HTLCs; `Htlc::offered` is seen from the owner.
    pub htlcs: Vec<Htlc>,
}

/// An output of a commitment transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitmentOutput {
    /// The owner's money, after a delay.
    ToLocal,
    /// The other side's money.
    ToRemote,
    /// The owner's anchor.
    OwnerAnchor,
    /// The other side's anchor.
    OtherAnchor,
    /// The HTLC with this index in [`CommitmentState::htlcs`].
    Htlc(usize),
}

/// A commitment transaction without signatures, and what its outputs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Unsigned.
    pub transaction: Transaction,
    /// One for each output, in order.
    pub outputs: Vec<CommitmentOutput>,
    /// The script behind `to_local`.
    pub to_local_script: ScriptBuf,
}

/// Why no commitment can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitmentError {
    /// The opener cannot pay fee and anchors.
    FeeExceedsBalance,
    /// The points cancel out: nobody sends such a point by chance.
    BadPoint,
}

impl Commitment {
    /// Builds it.
    pub fn build(terms: &CommitmentTerms, state: &CommitmentState) -> Result<Self, CommitmentError> { let _ = (terms, state); todo!() }
    /// Index of an output.
    pub fn output_index(&self, output: CommitmentOutput) -> Option<u32> { let _ = output; todo!() }
    /// What is signed with the funding keys (SIGHASH_ALL).
    pub fn sighash(&self, funding: &FundingOutput) -> secp256k1::Message { let _ = funding; todo!() }
    /// Whether `signature` by `key` signs it (low S required).
    pub fn verify(&self, funding: &FundingOutput, key: &PublicKey, signature: &Signature) -> bool { let _ = (funding, key, signature); todo!() }
    /// Complete with both signatures.
    pub fn signed(&self, terms: &CommitmentTerms, owner: &Signature, other: &Signature) -> Transaction { let _ = (terms, owner, other); todo!() }
}

/// The fee that the opener pays for a commitment with `untrimmed_htlcs` (BOLT 3, Fee Calculation), anchors apart.
pub fn commitment_fee(format: CommitmentFormat, feerate: FeeratePerKw, untrimmed_htlcs: usize) -> Amount { let _ = (format, feerate, untrimmed_htlcs); todo!() }

/// Both anchors: 660 sat or nothing.
pub fn anchors_amount(format: CommitmentFormat) -> Amount { let _ = format; todo!() }
