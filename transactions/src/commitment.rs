//! Commitment transactions (BOLT 3).

use bitcoin::{Amount, ScriptBuf, Transaction, TxIn, transaction::Version};
use secp256k1::{Message, PublicKey, ecdsa::Signature};

use crate::{
    ChannelPublicKeys, CommitmentKeys, CommitmentNumber, FeeratePerKw, FundingOutput, Htlc,
    MilliSatoshi, ObscuringFactor, anchors_amount,
    commitment_outputs::{Balances, ordered_outputs, untrimmed_htlcs},
    commitment_weight, to_local_script, verify_signature,
};

/// Which commitment transactions a channel type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitmentFormat {
    /// `option_static_remotekey`.
    StaticRemotekey,
    /// `option_anchors` with zero-fee HTLC transactions.
    Anchors,
}

/// What all commitment transactions of one side have in common. The owner is the side that can
/// broadcast.
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
    /// The balances and the HTLCs together are not the funding amount, to the millisatoshi.
    BalancesDifferFromFunding,
}

impl Commitment {
    /// Builds it. The balances have to be covered by the funding output exactly, and the opener's
    /// by fee and anchors.
    // [BOLT 3 fee_payment G1] Fee and anchors come from the opener's balance.
    // [BOLT 3 trimmed_outputs G1] They are subtracted before outputs are decided on.
    // [BOLT 3 construction G4] Fee and both anchors, from the opener.
    pub fn build(
        terms: &CommitmentTerms,
        state: &CommitmentState,
    ) -> Result<Self, CommitmentError> {
        let balances = Balances::new(terms, state)?;
        let rest = balances
            .opener(terms)
            .checked_sub(anchors_amount(terms.format))
            .and_then(|before_fee| before_fee.checked_sub(base_fee(terms, state)))
            .ok_or(CommitmentError::FeeExceedsBalance)?;
        Self::with_balances(terms, state, balances.with_opener(terms, rest))
    }

    /// Builds it even if the opener's balance, without the anchors, does not cover the fee: then
    /// all of it is the fee. This is what BOLT 3's vectors expect of such a feerate. Never for a
    /// first commitment, which has to be refused instead (BOLT 2). The anchors are outputs and
    /// cannot be left unpaid.
    pub fn build_with_capped_fee(
        terms: &CommitmentTerms,
        state: &CommitmentState,
    ) -> Result<Self, CommitmentError> {
        let balances = Balances::new(terms, state)?;
        let before_fee = balances
            .opener(terms)
            .checked_sub(anchors_amount(terms.format))
            .ok_or(CommitmentError::FeeExceedsBalance)?;
        let rest = before_fee.checked_sub(base_fee(terms, state)).unwrap_or(Amount::ZERO);
        Self::with_balances(terms, state, balances.with_opener(terms, rest))
    }

    /// Index of an output.
    pub fn output_index(&self, output: CommitmentOutput) -> Option<u32> {
        let index = self.outputs.iter().position(|candidate| *candidate == output)?;
        u32::try_from(index).ok()
    }

    /// What the transaction really pays to miners: the fee of the formula, and whatever was trimmed
    /// or rounded off. `None` if `funding` is less than the outputs, so never for the funding
    /// output that it was built with.
    pub fn fee(&self, funding: &FundingOutput) -> Option<Amount> {
        let mut outputs = self.transaction.output.iter();
        outputs.try_fold(funding.amount, |rest, output| rest.checked_sub(output.value))
    }

    /// What is signed with the funding keys (SIGHASH_ALL).
    pub fn sighash(&self, funding: &FundingOutput) -> Message {
        funding.sighash(&self.transaction)
    }

    /// Whether `signature` by `key` signs it (low S required).
    pub fn verify(&self, funding: &FundingOutput, key: &PublicKey, signature: &Signature) -> bool {
        verify_signature(&self.sighash(funding), signature, key)
    }

    /// Complete with both signatures.
    pub fn signed(
        &self,
        terms: &CommitmentTerms,
        owner: &Signature,
        other: &Signature,
    ) -> Transaction {
        let mut transaction = self.transaction.clone();
        for input in &mut transaction.input {
            input.witness = terms.funding.witness(
                (&terms.owner.funding_pubkey, owner),
                (&terms.other.funding_pubkey, other),
            );
        }
        transaction
    }

    fn with_balances(
        terms: &CommitmentTerms,
        state: &CommitmentState,
        balances: Balances,
    ) -> Result<Self, CommitmentError> {
        let keys = CommitmentKeys::derive(terms, &state.per_commitment_point)
            .ok_or(CommitmentError::BadPoint)?;
        let to_local_script = to_local_script(
            &keys.revocation_pubkey,
            terms.to_self_delay,
            &keys.owner_delayed_pubkey,
        );
        let (sequence, lock_time) = obscuring_factor(terms).hide(state.number);
        // [BOLT 3 construction G1] Input and locktime come first.
        // [BOLT 3 commitment G3] One input,
        // [BOLT 3 commitment G4] the outpoint of `funding_created`,
        // [BOLT 3 commitment G6] with an empty script.
        let input =
            vec![TxIn { previous_output: terms.funding.outpoint, sequence, ..TxIn::default() }];
        let outputs = ordered_outputs(terms, state, &balances, &keys, &to_local_script);
        let (outputs, output) = outputs.into_iter().map(|(kind, txout, _)| (kind, txout)).unzip();
        // [BOLT 3 commitment G1] Version 2.
        let transaction = Transaction { version: Version::TWO, lock_time, input, output };
        Ok(Self { transaction, outputs, to_local_script })
    }
}

/// The fee that the opener pays for a commitment with `untrimmed_htlcs` (BOLT 3, Fee Calculation),
/// anchors apart.
// [BOLT 3 fee_calculation G5] Feerate times expected weight, rounded down.
// [BOLT 3 construction G3] The base fee, of the HTLCs that are left.
pub fn commitment_fee(
    format: CommitmentFormat,
    feerate: FeeratePerKw,
    untrimmed_htlcs: usize,
) -> Amount {
    feerate.fee(commitment_weight(format, untrimmed_htlcs))
}

fn base_fee(terms: &CommitmentTerms, state: &CommitmentState) -> Amount {
    commitment_fee(terms.format, state.feerate, untrimmed_htlcs(terms, state).count())
}

fn obscuring_factor(terms: &CommitmentTerms) -> ObscuringFactor {
    let (owner, other) = (&terms.owner.payment_basepoint, &terms.other.payment_basepoint);
    if terms.owner_is_opener {
        ObscuringFactor::new(owner, other)
    } else {
        ObscuringFactor::new(other, owner)
    }
}
