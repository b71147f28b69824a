//! HTLCs in a commitment: which ones get an output, and its script (BOLT 3).

use bitcoin::{
    Amount, Script, ScriptBuf,
    hashes::{Hash as _, hash160, ripemd160},
    opcodes::all::{
        OP_CHECKMULTISIG, OP_CHECKSIG, OP_CLTV, OP_CSV, OP_DROP, OP_DUP, OP_ELSE, OP_ENDIF,
        OP_EQUAL, OP_EQUALVERIFY, OP_HASH160, OP_IF, OP_NOTIF, OP_SIZE, OP_SWAP,
    },
    script::Builder,
};

use crate::{
    CommitmentFormat, CommitmentKeys, FeeratePerKw, MilliSatoshi, htlc_transaction_weight,
};

/// A hashed time-locked contract in a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Htlc {
    /// Whether the commitment's owner offered it.
    pub offered: bool,
    /// Amount.
    pub amount: MilliSatoshi,
    /// Payment hash.
    pub payment_hash: [u8; 32],
    /// Height from which it can time out.
    pub cltv_expiry: u32,
}

impl Htlc {
    /// Whether it gets no output: its amount, without the fee of its HTLC transaction, is less than
    /// the `dust_limit_satoshis` of the commitment's owner.
    pub fn is_trimmed(
        &self,
        format: CommitmentFormat,
        feerate: FeeratePerKw,
        dust_limit: Amount,
    ) -> bool {
        // [BOLT 3 trimmed_outputs G6] An offered one: compared after the HTLC-timeout fee.
        // [BOLT 3 trimmed_outputs G8] A received one: compared after the HTLC-success fee.
        let fee = htlc_transaction_fee(format, feerate, self.offered);
        self.amount.floor().checked_sub(fee).is_none_or(|rest| rest < dust_limit)
    }

    /// The script behind its output.
    pub fn script(&self, format: CommitmentFormat, keys: &CommitmentKeys) -> ScriptBuf {
        if self.offered {
            offered_htlc_script(format, keys, &self.payment_hash)
        } else {
            received_htlc_script(format, keys, &self.payment_hash, self.cltv_expiry)
        }
    }
}

/// The fee of an HTLC-timeout (`offered`) or HTLC-success transaction. Nothing with anchors: there
/// its owner attaches a fee when it is broadcast.
pub fn htlc_transaction_fee(
    format: CommitmentFormat,
    feerate: FeeratePerKw,
    offered: bool,
) -> Amount {
    match format {
        // [BOLT 3 fee_calculation G1] HTLC-timeout with anchors: nothing.
        // [BOLT 3 fee_calculation G3] HTLC-success with anchors: nothing.
        CommitmentFormat::Anchors => Amount::ZERO,
        // [BOLT 3 fee_calculation G2] HTLC-timeout: 663 weight units, rounded down.
        // [BOLT 3 fee_calculation G4] HTLC-success: 703 weight units, rounded down.
        CommitmentFormat::StaticRemotekey => feerate.fee(htlc_transaction_weight(format, offered)),
    }
}

/// The script of an HTLC that the commitment's owner offered.
// [BOLT 3 offered_htlc G1] Punisher, preimage, or both signatures of HTLC-timeout.
pub fn offered_htlc_script(
    format: CommitmentFormat,
    keys: &CommitmentKeys,
    payment_hash: &[u8; 32],
) -> ScriptBuf {
    let branches = revocation_or_other_side(keys)
        .push_opcode(OP_NOTIF)
        .push_opcode(OP_DROP)
        .push_int(2)
        .push_opcode(OP_SWAP)
        .push_slice(keys.owner_htlc_pubkey.serialize())
        .push_int(2)
        .push_opcode(OP_CHECKMULTISIG)
        .push_opcode(OP_ELSE)
        .push_opcode(OP_HASH160)
        .push_slice(ripemd160::Hash::hash(payment_hash).to_byte_array())
        .push_opcode(OP_EQUALVERIFY)
        .push_opcode(OP_CHECKSIG)
        .push_opcode(OP_ENDIF);
    end_of_htlc_script(branches, format)
}

/// The script of an HTLC that the commitment's owner received.
// [BOLT 3 received_htlc G1] Punisher, both signatures and preimage of HTLC-success, or the expiry.
pub fn received_htlc_script(
    format: CommitmentFormat,
    keys: &CommitmentKeys,
    payment_hash: &[u8; 32],
    cltv_expiry: u32,
) -> ScriptBuf {
    let branches = revocation_or_other_side(keys)
        .push_opcode(OP_IF)
        .push_opcode(OP_HASH160)
        .push_slice(ripemd160::Hash::hash(payment_hash).to_byte_array())
        .push_opcode(OP_EQUALVERIFY)
        .push_int(2)
        .push_opcode(OP_SWAP)
        .push_slice(keys.owner_htlc_pubkey.serialize())
        .push_int(2)
        .push_opcode(OP_CHECKMULTISIG)
        .push_opcode(OP_ELSE)
        .push_opcode(OP_DROP)
        .push_int(i64::from(cltv_expiry))
        .push_opcode(OP_CLTV)
        .push_opcode(OP_DROP)
        .push_opcode(OP_CHECKSIG)
        .push_opcode(OP_ENDIF);
    end_of_htlc_script(branches, format)
}

/// Up to the length of what lies below the signature: 32 bytes are a preimage.
fn revocation_or_other_side(keys: &CommitmentKeys) -> Builder {
    let revocation = hash160::Hash::hash(&keys.revocation_pubkey.serialize());
    Script::builder()
        .push_opcode(OP_DUP)
        .push_opcode(OP_HASH160)
        .push_slice(revocation.to_byte_array())
        .push_opcode(OP_EQUAL)
        .push_opcode(OP_IF)
        .push_opcode(OP_CHECKSIG)
        .push_opcode(OP_ELSE)
        .push_slice(keys.other_htlc_pubkey.serialize())
        .push_opcode(OP_SWAP)
        .push_opcode(OP_SIZE)
        .push_int(32)
        .push_opcode(OP_EQUAL)
}

// [BOLT 3 offered_htlc G2] With anchors every branch but the punisher's waits for a block.
// [BOLT 3 received_htlc G2] The same.
fn end_of_htlc_script(branches: Builder, format: CommitmentFormat) -> ScriptBuf {
    let branches = match format {
        CommitmentFormat::StaticRemotekey => branches,
        CommitmentFormat::Anchors => branches.push_int(1).push_opcode(OP_CSV).push_opcode(OP_DROP),
    };
    branches.push_opcode(OP_ENDIF).into_script()
}
