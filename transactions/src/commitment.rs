//! Commitment transactions (BOLT 3).

use bitcoin::{
    Amount, ScriptBuf, Transaction, TxIn, TxOut, WPubkeyHash,
    hashes::{Hash as _, hash160},
    transaction::Version,
};
use secp256k1::{Message, PublicKey, ecdsa::Signature};

use crate::{
    ChannelPublicKeys, CommitmentKeys, CommitmentNumber, FeeratePerKw, FundingOutput, Htlc,
    MilliSatoshi, ObscuringFactor, anchor_script, commitment_weight, to_local_script,
    to_remote_anchors_script, verify_signature,
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
    /// Builds it. The balances have to be covered by the funding output exactly, and the opener's by
    /// fee and anchors.
    // [BOLT 3 fee_payment R1] Fee and anchors come from the opener's balance.
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

    /// Builds it even if the opener's balance, without the anchors, does not cover the fee: then all of
    /// it is the fee. This is what BOLT 3's vectors expect of such a feerate. Never for a first
    /// commitment, which has to be refused instead (BOLT 2). The anchors are outputs and cannot be
    /// left unpaid.
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
    /// or rounded off. `None` if `funding` is less than the outputs, so never for the funding output
    /// that it was built with.
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
        // [BOLT 3 commitment R3] One input,
        // [BOLT 3 commitment R4] the outpoint of `funding_created`,
        // [BOLT 3 commitment R7] with an empty script.
        let input =
            vec![TxIn { previous_output: terms.funding.outpoint, sequence, ..TxIn::default() }];
        let outputs = ordered_outputs(terms, state, &balances, &keys, &to_local_script);
        let (outputs, output) = outputs.into_iter().map(|(kind, txout, _)| (kind, txout)).unzip();
        // [BOLT 3 commitment R1] Version 2.
        let transaction = Transaction { version: Version::TWO, lock_time, input, output };
        Ok(Self { transaction, outputs, to_local_script })
    }
}

/// The fee that the opener pays for a commitment with `untrimmed_htlcs` (BOLT 3, Fee Calculation),
/// anchors apart.
// [BOLT 3 fee_calculation R7] Feerate times weight, rounded down.
pub fn commitment_fee(
    format: CommitmentFormat,
    feerate: FeeratePerKw,
    untrimmed_htlcs: usize,
) -> Amount {
    feerate.fee(commitment_weight(format, untrimmed_htlcs))
}

/// Both anchors: 660 sat or nothing.
pub fn anchors_amount(format: CommitmentFormat) -> Amount {
    match format {
        CommitmentFormat::StaticRemotekey => Amount::ZERO,
        CommitmentFormat::Anchors => BOTH_ANCHORS,
    }
}

/// In whole satoshi: both balances, rounded down.
struct Balances {
    owner: Amount,
    other: Amount,
}

impl Balances {
    // [BOLT 3 commitment_outputs R2] Amounts are rounded down to whole satoshi.
    fn new(terms: &CommitmentTerms, state: &CommitmentState) -> Result<Self, CommitmentError> {
        let htlcs = state.htlcs.iter().map(|htlc| htlc.amount);
        let total = [state.to_owner, state.to_other]
            .into_iter()
            .chain(htlcs)
            .try_fold(MilliSatoshi::ZERO, MilliSatoshi::checked_add);
        if total.is_none() || total != MilliSatoshi::from_amount(terms.funding.amount) {
            return Err(CommitmentError::BalancesDifferFromFunding);
        }
        Ok(Self { owner: state.to_owner.floor(), other: state.to_other.floor() })
    }

    fn opener(&self, terms: &CommitmentTerms) -> Amount {
        if terms.owner_is_opener { self.owner } else { self.other }
    }

    fn with_opener(self, terms: &CommitmentTerms, opener: Amount) -> Self {
        if terms.owner_is_opener {
            Self { owner: opener, ..self }
        } else {
            Self { other: opener, ..self }
        }
    }
}

/// An output, what it is, and the expiry that decides between equal HTLC outputs.
type OrderedOutput = (CommitmentOutput, TxOut, u32);

fn ordered_outputs(
    terms: &CommitmentTerms,
    state: &CommitmentState,
    balances: &Balances,
    keys: &CommitmentKeys,
    to_local_script: &ScriptBuf,
) -> Vec<OrderedOutput> {
    let mut outputs: Vec<OrderedOutput> = untrimmed_htlcs(terms, state)
        .map(|(index, htlc)| {
            let script_pubkey = htlc.script(terms.format, keys).to_p2wsh();
            let output = TxOut { value: htlc.amount.floor(), script_pubkey };
            (CommitmentOutput::Htlc(index), output, htlc.cltv_expiry)
        })
        .collect();
    let has_htlcs = !outputs.is_empty();
    let mut push = |kind, value, script_pubkey| {
        outputs.push((kind, TxOut { value, script_pubkey }, 0));
    };
    // [BOLT 3 trimmed_outputs R2] No `to_local` below the owner's dust limit,
    // [BOLT 3 trimmed_outputs R3] otherwise there is one.
    let has_to_local = balances.owner >= terms.dust_limit;
    if has_to_local {
        push(CommitmentOutput::ToLocal, balances.owner, to_local_script.to_p2wsh());
    }
    // [BOLT 3 trimmed_outputs R4] No `to_remote` below the owner's dust limit,
    // [BOLT 3 trimmed_outputs R5] otherwise there is one.
    let has_to_remote = balances.other >= terms.dust_limit;
    if has_to_remote {
        let script_pubkey = to_remote_script_pubkey(terms.format, &keys.other_payment_pubkey);
        push(CommitmentOutput::ToRemote, balances.other, script_pubkey);
    }
    if terms.format == CommitmentFormat::Anchors {
        // [BOLT 3 anchors R1] An anchor for each balance that has an output, or both with HTLCs.
        if has_to_local || has_htlcs {
            let script = anchor_script(&terms.owner.funding_pubkey);
            push(CommitmentOutput::OwnerAnchor, ANCHOR_AMOUNT, script.to_p2wsh());
        }
        if has_to_remote || has_htlcs {
            let script = anchor_script(&terms.other.funding_pubkey);
            push(CommitmentOutput::OtherAnchor, ANCHOR_AMOUNT, script.to_p2wsh());
        }
    }
    // [BOLT 3 output_ordering R1] By amount,
    // [BOLT 3 output_ordering R2] then by script,
    // [BOLT 3 output_ordering R3] then by expiry.
    outputs.sort_by(|(_, a, a_expiry), (_, b, b_expiry)| {
        (a.value, &a.script_pubkey, a_expiry).cmp(&(b.value, &b.script_pubkey, b_expiry))
    });
    outputs
}

// [BOLT 3 to_remote R5] Without anchors a P2WPKH.
fn to_remote_script_pubkey(format: CommitmentFormat, key: &PublicKey) -> ScriptBuf {
    match format {
        CommitmentFormat::Anchors => to_remote_anchors_script(key).to_p2wsh(),
        CommitmentFormat::StaticRemotekey => {
            let hash = hash160::Hash::hash(&key.serialize());
            ScriptBuf::new_p2wpkh(&WPubkeyHash::from_raw_hash(hash))
        }
    }
}

fn untrimmed_htlcs<'a>(
    terms: &'a CommitmentTerms,
    state: &'a CommitmentState,
) -> impl Iterator<Item = (usize, &'a Htlc)> {
    let is_trimmed = |htlc: &Htlc| htlc.is_trimmed(terms.format, state.feerate, terms.dust_limit);
    state.htlcs.iter().enumerate().filter(move |(_, htlc)| !is_trimmed(htlc))
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

// [BOLT 3 anchors R3] 330 sat each.
const ANCHOR_AMOUNT: Amount = Amount::from_sat(330);
const BOTH_ANCHORS: Amount = Amount::from_sat(660);
