//! The closing transactions that a channel can have (BOLT 3), and which of them a signature is for.

use bitcoin::{Amount, ScriptBuf, Transaction};
use funding::{FundedChannel, Role};
use secp256k1::ecdsa::Signature;
use transactions::{
    ClosingKind, FeeratePerKw, Signer, closing_transaction, closing_weight, dust_limit, is_low_s,
    verify_signature,
};
use wire::FeeRange;

/// What the two sides get before the fee, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balances {
    /// Our script.
    pub local_script: ScriptBuf,
    /// Our money in whole satoshi.
    pub local: Amount,
    /// The peer's script.
    pub remote_script: ScriptBuf,
    /// The peer's money in whole satoshi.
    pub remote: Amount,
    /// Who pays the fee of a legacy close: the opener.
    pub local_is_opener: bool,
    /// Below this an output of a legacy close is left out: our own dust limit.
    pub local_dust_limit: Amount,
    /// The peer's.
    pub remote_dust_limit: Amount,
}

/// Which outputs a closing transaction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputSet {
    /// Ours.
    pub local: bool,
    /// The peer's.
    pub remote: bool,
}

/// A closing transaction that both sides have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Complete.
    pub transaction: Transaction,
    /// Our signature in it, to be sent.
    pub local_signature: Signature,
}

impl Agreed {
    /// The weight that fees are counted for, with signatures of full length and with just its own outputs.
    pub fn weight(&self, channel: &FundedChannel) -> u64 {
        let outputs = self.transaction.output.iter();
        let scripts: Vec<_> = outputs.map(|output| output.script_pubkey.as_script()).collect();
        closing_weight(&channel.funding_output(), &scripts)
    }
}

impl Balances {
    /// The balances of commitment #0, whose fee and anchors go back to the opener.
    pub fn new(channel: &FundedChannel, local_script: ScriptBuf, remote_script: ScriptBuf) -> Self {
        let (local, remote) = (channel.role, channel.role.other());
        // [BOLT 3 legacy_closing S1] fractions of a satoshi are nobody's
        // [BOLT 3 closing S1] here too
        Self {
            local_script,
            local: channel.agreed.balance(local).floor(),
            remote_script,
            remote: channel.agreed.balance(remote).floor(),
            local_is_opener: channel.role == Role::Opener,
            local_dust_limit: channel.agreed.dust_limit(local),
            remote_dust_limit: channel.agreed.dust_limit(remote),
        }
    }

    /// Both balances after the opener, or the closer of a simple close, paid `fee`; `None` if it cannot.
    // [BOLT 3 legacy_closing G9] the final balances but for the fee
    // [BOLT 3 legacy_closing S2] which is the opener's to pay
    // [BOLT 3 closing G1] or the closer's
    // [BOLT 3 closing S2] out of its own output
    // [BOLT 3 closing G13] which holds what is left
    // [BOLT 3 closing G16] and the other's all that it has
    fn after_fee(&self, fee: Amount, local_pays: bool) -> Option<(Amount, Amount)> {
        if local_pays {
            Some((self.local.checked_sub(fee)?, self.remote))
        } else {
            Some((self.local, self.remote.checked_sub(fee)?))
        }
    }

    /// The outputs that our own signature is for in a legacy close: none below our dust limit.
    pub fn legacy_outputs(&self, fee: Amount) -> Option<OutputSet> {
        let (local, remote) = self.after_fee(fee, self.local_is_opener)?;
        // [BOLT 3 legacy_closing S3] by our own limit, not by the peer's
        let set = OutputSet {
            local: local >= self.local_dust_limit,
            remote: remote >= self.local_dust_limit,
        };
        (set.local || set.remote).then_some(set)
    }

    /// Every set of outputs that we would take from the peer in a legacy close, the likeliest first. Ours is
    /// missed only where it is dust to one of the two; the peer may drop its own as it likes.
    fn acceptable_outputs(&self, fee: Amount) -> Vec<OutputSet> {
        let Some((local, remote)) = self.after_fee(fee, self.local_is_opener) else {
            return Vec::new();
        };
        // LDK leaves out an output at exactly its limit too, and closes by force where we insist on it.
        let is_dust = local <= self.local_dust_limit.max(self.remote_dust_limit);
        // What does not relay would leave the close standing still.
        let relays = |set: &OutputSet| {
            (!set.local || local >= dust_limit(&self.local_script))
                && (!set.remote || remote >= dust_limit(&self.remote_script))
        };
        [(true, true), (true, false), (false, true)]
            .into_iter()
            .map(|(local, remote)| OutputSet { local, remote })
            .filter(|set| set.local || is_dust)
            // [BOLT 2 closing_signed R16] no output below what the network relays
            .filter(relays)
            .collect()
    }

    /// The transaction with these outputs; `None` if the fee cannot be paid.
    pub fn transaction(
        &self,
        channel: &FundedChannel,
        kind: ClosingKind,
        fee: Amount,
        local_pays: bool,
        set: OutputSet,
    ) -> Option<Transaction> {
        let (local, remote) = self.after_fee(fee, local_pays)?;
        let local = set.local.then(|| (self.local_script.clone(), local));
        let remote = set.remote.then(|| (self.remote_script.clone(), remote));
        Some(closing_transaction(&channel.funding_output(), kind, [local, remote]))
    }

    /// Our signature on the legacy transaction with this fee.
    pub fn sign_legacy(
        &self,
        channel: &FundedChannel,
        fee: Amount,
        signer: &dyn Signer,
    ) -> Option<Signature> {
        let set = self.legacy_outputs(fee)?;
        let pays = self.local_is_opener;
        let transaction = self.transaction(channel, ClosingKind::Legacy, fee, pays, set)?;
        Some(sign(channel, &transaction, signer))
    }

    /// The legacy transaction that the peer's signature is for, signed by both; `None` if it is for none.
    pub fn agree_legacy(
        &self,
        channel: &FundedChannel,
        fee: Amount,
        theirs: &Signature,
        signer: &dyn Signer,
    ) -> Option<Agreed> {
        self.acceptable_outputs(fee).into_iter().find_map(|set| {
            let pays = self.local_is_opener;
            let unsigned = self.transaction(channel, ClosingKind::Legacy, fee, pays, set)?;
            agree(channel, unsigned, theirs, signer)
        })
    }

    /// The weight of the closing transaction with both outputs, or with the only one that is no dust.
    pub fn weight(&self, channel: &FundedChannel) -> u64 {
        let set = self.legacy_outputs(Amount::ZERO);
        let scripts = match set {
            Some(OutputSet { local: true, remote: false }) => vec![self.local_script.as_script()],
            Some(OutputSet { local: false, remote: true }) => vec![self.remote_script.as_script()],
            Some(OutputSet { .. }) | None => {
                vec![self.local_script.as_script(), self.remote_script.as_script()]
            }
        };
        closing_weight(&channel.funding_output(), &scripts)
    }

    /// The fee at a feerate, but no more than whoever pays has.
    pub fn fee_at(&self, channel: &FundedChannel, feerate: FeeratePerKw) -> Amount {
        let payer = if self.local_is_opener { self.local } else { self.remote };
        feerate.fee_ceil(self.weight(channel)).min(payer)
    }

    /// The range that goes with a fee of ours. As opener it ends there: the cap never goes on the wire, for
    /// LDK takes the top. As accepter the opener may pay all it has, and no less than what relays.
    pub fn fee_range(&self, channel: &FundedChannel, fee: Amount, floor: FeeratePerKw) -> FeeRange {
        FeeRange {
            // [BOLT 2 closing_signed S5] what relays is enough
            min_fee_satoshis: self.fee_at(channel, floor).min(fee),
            // [BOLT 2 closing_signed S2] our offer, not the cap: an exception
            // [BOLT 2 closing_signed S4] the opener may pay all it has
            max_fee_satoshis: if self.local_is_opener { fee } else { self.remote.max(fee) },
        }
    }

    /// Whether our output is dust to the network.
    pub fn is_local_dust(&self) -> bool {
        self.local < dust_limit(&self.local_script)
    }

    /// Whether the peer's output is dust to the network.
    pub fn is_remote_dust(&self) -> bool {
        self.remote < dust_limit(&self.remote_script)
    }
}

/// Completes an unsigned closing transaction with the peer's signature and ours; `None` if the peer's is bad.
pub fn agree(
    channel: &FundedChannel,
    unsigned: Transaction,
    theirs: &Signature,
    signer: &dyn Signer,
) -> Option<Agreed> {
    // [BOLT 2 closing_signed R1] a high S is refused
    // [BOLT 2 closing_complete R16] here too
    // [BOLT 2 closing_sig R5] and here
    if !is_low_s(theirs) {
        return None;
    }
    let funding = channel.funding_output();
    let remote_key = channel.agreed.keys(channel.role.other()).funding_pubkey;
    let local_key = channel.agreed.keys(channel.role).funding_pubkey;
    // [BOLT 2 closing_signed R1] and so is a wrong signature
    // [BOLT 2 closing_complete R15] here too
    // [BOLT 2 closing_sig R4] and here
    if !verify_signature(&funding.sighash(&unsigned), theirs, &remote_key) {
        return None;
    }
    let local_signature = sign(channel, &unsigned, signer);
    let mut transaction = unsigned;
    let input = transaction.input.first_mut()?;
    input.witness = funding.witness((&local_key, &local_signature), (&remote_key, theirs));
    Some(Agreed { transaction, local_signature })
}

/// Our signature on a transaction that spends the funding output.
pub fn sign(channel: &FundedChannel, transaction: &Transaction, signer: &dyn Signer) -> Signature {
    signer.sign_funding_spend(&channel.keys_id, &channel.funding_output(), transaction)
}
