//! HTLC transactions (BOLT 3): how the owner of a broadcast commitment spends its HTLC outputs.

use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid,
    Witness, absolute::LockTime, transaction::Version,
};
use secp256k1::{Message, ecdsa::Signature};

use crate::{
    Commitment, CommitmentError, CommitmentFormat, CommitmentKeys, CommitmentOutput,
    CommitmentState, CommitmentTerms, Htlc, htlc_transaction_fee,
    signature::{segwit_message, witness_signature},
    verify_signature,
};

/// An HTLC-timeout transaction (for an HTLC that the commitment's owner offered) or an HTLC-success
/// transaction (for one that it received), without signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtlcTransaction {
    /// Unsigned.
    pub transaction: Transaction,
    /// The format of its commitment, which says how it is signed.
    pub format: CommitmentFormat,
    /// The HTLC's index in [`CommitmentState::htlcs`].
    pub htlc: usize,
    /// The output that it spends.
    pub spent: TxOut,
    /// The script behind that output.
    pub witness_script: ScriptBuf,
}

impl Commitment {
    /// The transactions for all HTLC outputs, in the order of the outputs, which is the order of
    /// the signatures in `commitment_signed`. `terms` and `state` are those that it was built with.
    pub fn htlc_transactions(
        &self,
        terms: &CommitmentTerms,
        state: &CommitmentState,
    ) -> Result<Vec<HtlcTransaction>, CommitmentError> {
        let keys = CommitmentKeys::derive(terms, &state.per_commitment_point)
            .ok_or(CommitmentError::BadPoint)?;
        let txid = self.transaction.compute_txid();
        let outputs = (0..).zip(self.outputs.iter().zip(&self.transaction.output));
        let transactions = outputs.filter_map(|(vout, (output, spent))| {
            let CommitmentOutput::Htlc(index) = output else { return None };
            let htlc = state.htlcs.get(*index)?;
            Some(HtlcTransaction {
                transaction: self.unsigned(terms, state, htlc, OutPoint { txid, vout }),
                format: terms.format,
                htlc: *index,
                spent: spent.clone(),
                witness_script: htlc.script(terms.format, &keys),
            })
        });
        Ok(transactions.collect())
    }

    fn unsigned(
        &self,
        terms: &CommitmentTerms,
        state: &CommitmentState,
        htlc: &Htlc,
        previous_output: OutPoint,
    ) -> Transaction {
        let fee = htlc_transaction_fee(terms.format, state.feerate, htlc.offered);
        // [BOLT 3 htlc_transactions G9] The HTLC's whole satoshi without the fee; trimming has seen
        // to it that something is left.
        let value = htlc.amount.floor().checked_sub(fee).unwrap_or(Amount::ZERO);
        // [BOLT 3 htlc_transactions G10] The script of `to_local` once more.
        // [BOLT 3 commitment_outputs G2] So the owner's HTLC money waits here, not in the
        // commitment.
        let output = vec![TxOut { value, script_pubkey: self.to_local_script.to_p2wsh() }];
        let sequence = match terms.format {
            // [BOLT 3 htlc_transactions G5] Sequence 0, or 1 with anchors.
            CommitmentFormat::StaticRemotekey => Sequence::ZERO,
            CommitmentFormat::Anchors => Sequence::from_height(1),
        };
        // [BOLT 3 htlc_transactions G2] Locked until the expiry, or not at all.
        // [BOLT 3 offered_htlc G6] HTLC-timeout is the owner's only way, not before the expiry.
        let lock_time = match htlc.offered {
            true => LockTime::from_consensus(htlc.cltv_expiry),
            false => LockTime::ZERO,
        };
        // [BOLT 3 htlc_transactions G3] One input,
        // [BOLT 3 htlc_transactions G4] the HTLC's output,
        // [BOLT 3 htlc_transactions G6] with an empty script.
        let input = vec![TxIn { previous_output, sequence, ..TxIn::default() }];
        // [BOLT 3 htlc_transactions G1] Version 2.
        // [BOLT 3 htlc_transactions G8] One output.
        Transaction { version: Version::TWO, lock_time, input, output }
    }
}

impl HtlcTransaction {
    /// The commitment whose output it spends.
    pub fn commitment_txid(&self) -> Option<Txid> {
        self.transaction.input.first().map(|input| input.previous_output.txid)
    }

    /// What the other side signs in `commitment_signed`. With anchors the owner may add inputs and
    /// outputs for a fee later.
    pub fn other_sighash(&self) -> Message {
        self.sighash(self.other_sighash_type())
    }

    /// What the owner signs when it broadcasts (SIGHASH_ALL).
    pub fn owner_sighash(&self) -> Message {
        self.sighash(EcdsaSighashType::All)
    }

    /// Whether `signature` is the other side's, as it comes in `commitment_signed` (low S
    /// required).
    pub fn verify(&self, keys: &CommitmentKeys, signature: &Signature) -> bool {
        verify_signature(&self.other_sighash(), signature, &keys.other_htlc_pubkey)
    }

    /// Complete with both signatures, and for an HTLC-success transaction with the preimage.
    pub fn signed(
        &self,
        owner: &Signature,
        other: &Signature,
        preimage: Option<&[u8; 32]>,
    ) -> Transaction {
        // [BOLT 3 received_htlc G6] HTLC-success is the owner's only way, with the preimage.
        // [BOLT 3 htlc_transactions G7] Nothing, the other side's signature, ours, the preimage or
        // nothing, the script.
        let witness = Witness::from_slice(&[
            Vec::new(),
            witness_signature(other, self.other_sighash_type()),
            witness_signature(owner, EcdsaSighashType::All),
            preimage.map(|preimage| preimage.to_vec()).unwrap_or_default(),
            self.witness_script.to_bytes(),
        ]);
        let mut transaction = self.transaction.clone();
        for input in &mut transaction.input {
            input.witness = witness.clone();
        }
        transaction
    }

    fn sighash(&self, sighash_type: EcdsaSighashType) -> Message {
        let (script, amount) = (&self.witness_script, self.spent.value);
        segwit_message(&self.transaction, 0, script, amount, sighash_type)
    }

    // [BOLT 3 htlc_transactions G11] With anchors the other side signs one input and one output
    // only.
    fn other_sighash_type(&self) -> EcdsaSighashType {
        match self.format {
            CommitmentFormat::StaticRemotekey => EcdsaSighashType::All,
            CommitmentFormat::Anchors => EcdsaSighashType::SinglePlusAnyoneCanPay,
        }
    }
}
