//! The outputs of a commitment: which there are, with how much, and in which order.

use bitcoin::{
    Amount, ScriptBuf, TxOut, WPubkeyHash,
    hashes::{Hash as _, hash160},
};
use secp256k1::PublicKey;

use crate::{
    CommitmentError, CommitmentFormat, CommitmentKeys, CommitmentOutput, CommitmentState,
    CommitmentTerms, Htlc, MilliSatoshi, anchor_script, to_remote_anchors_script,
};

/// Both anchors: 660 sat or nothing.
pub fn anchors_amount(format: CommitmentFormat) -> Amount {
    match format {
        CommitmentFormat::StaticRemotekey => Amount::ZERO,
        CommitmentFormat::Anchors => BOTH_ANCHORS,
    }
}

/// In whole satoshi: both balances, rounded down.
pub(crate) struct Balances {
    owner: Amount,
    other: Amount,
}

impl Balances {
    // [BOLT 3 commitment_outputs G3] Amounts are rounded down to whole satoshi.
    pub(crate) fn new(
        terms: &CommitmentTerms,
        state: &CommitmentState,
    ) -> Result<Self, CommitmentError> {
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

    pub(crate) fn opener(&self, terms: &CommitmentTerms) -> Amount {
        if terms.owner_is_opener { self.owner } else { self.other }
    }

    pub(crate) fn with_opener(self, terms: &CommitmentTerms, opener: Amount) -> Self {
        if terms.owner_is_opener {
            Self { owner: opener, ..self }
        } else {
            Self { other: opener, ..self }
        }
    }
}

/// An output, what it is, and the expiry that decides between equal HTLC outputs.
pub(crate) type OrderedOutput = (CommitmentOutput, TxOut, u32);

pub(crate) fn ordered_outputs(
    terms: &CommitmentTerms,
    state: &CommitmentState,
    balances: &Balances,
    keys: &CommitmentKeys,
    to_local_script: &ScriptBuf,
) -> Vec<OrderedOutput> {
    // [BOLT 3 trimmed_outputs G7] An offered HTLC that is not trimmed has its output,
    // [BOLT 3 trimmed_outputs G9] and so has a received one.
    // [BOLT 3 construction G5] Outputs for offered HTLCs,
    // [BOLT 3 construction G6] and for received ones.
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
    // [BOLT 3 trimmed_outputs G2] No `to_local` below the owner's dust limit,
    // [BOLT 3 trimmed_outputs G3] otherwise there is one.
    // [BOLT 3 construction G7] From the dust limit on, not above it.
    let has_to_local = balances.owner >= terms.dust_limit;
    if has_to_local {
        push(CommitmentOutput::ToLocal, balances.owner, to_local_script.to_p2wsh());
    }
    // [BOLT 3 trimmed_outputs G4] No `to_remote` below the owner's dust limit,
    // [BOLT 3 trimmed_outputs G5] otherwise there is one.
    // [BOLT 3 construction G8] From the owner's dust limit on, not the other side's.
    let has_to_remote = balances.other >= terms.dust_limit;
    if has_to_remote {
        let script_pubkey = to_remote_script_pubkey(terms.format, &keys.other_payment_pubkey);
        push(CommitmentOutput::ToRemote, balances.other, script_pubkey);
    }
    if terms.format == CommitmentFormat::Anchors {
        // [BOLT 3 anchors G1] An anchor for each balance that has an output, or both with HTLCs.
        // [BOLT 3 construction G9] The same.
        if has_to_local || has_htlcs {
            let script = anchor_script(&terms.owner.funding_pubkey);
            push(CommitmentOutput::OwnerAnchor, ANCHOR_AMOUNT, script.to_p2wsh());
        }
        if has_to_remote || has_htlcs {
            let script = anchor_script(&terms.other.funding_pubkey);
            push(CommitmentOutput::OtherAnchor, ANCHOR_AMOUNT, script.to_p2wsh());
        }
    }
    // [BOLT 3 construction G10] Sorted at the end:
    // [BOLT 3 output_ordering G1] by amount in whole satoshi,
    // [BOLT 3 output_ordering G2] then by script, bytewise, the shorter one first,
    // [BOLT 3 output_ordering G3] then by expiry.
    outputs.sort_by(|(_, a, a_expiry), (_, b, b_expiry)| {
        (a.value, &a.script_pubkey, a_expiry).cmp(&(b.value, &b.script_pubkey, b_expiry))
    });
    outputs
}

// [BOLT 3 to_remote G4] Without anchors a P2WPKH.
fn to_remote_script_pubkey(format: CommitmentFormat, key: &PublicKey) -> ScriptBuf {
    match format {
        CommitmentFormat::Anchors => to_remote_anchors_script(key).to_p2wsh(),
        CommitmentFormat::StaticRemotekey => {
            let hash = hash160::Hash::hash(&key.serialize());
            ScriptBuf::new_p2wpkh(&WPubkeyHash::from_raw_hash(hash))
        }
    }
}

// [BOLT 3 commitment_outputs G4] What would be dust after the HTLC transaction's fee has no output.
// [BOLT 3 construction G2] Trimmed HTLCs are known before the fee.
pub(crate) fn untrimmed_htlcs<'a>(
    terms: &'a CommitmentTerms,
    state: &'a CommitmentState,
) -> impl Iterator<Item = (usize, &'a Htlc)> {
    let is_trimmed = |htlc: &Htlc| htlc.is_trimmed(terms.format, state.feerate, terms.dust_limit);
    state.htlcs.iter().enumerate().filter(move |(_, htlc)| !is_trimmed(htlc))
}

// [BOLT 3 anchors G3] 330 sat each.
const ANCHOR_AMOUNT: Amount = Amount::from_sat(330);
const BOTH_ANCHORS: Amount = Amount::from_sat(660);
