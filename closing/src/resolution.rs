//! What a confirmed spend of the funding output means for us (BOLT 5), and the sweep that brings our outputs
//! home.

use crate::Effect;
use crate::closing::Closing;
use crate::plan::Plan;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use funding::{Context, FINAL_DEPTH, FundedChannel, Spend, depth};
use transactions::{
    ANCHOR_WITNESS_WEIGHT, CommitmentFormat, CommitmentOutput, Depth, FeeratePerKw, Height, Signer,
    SweepInput, SweepKey, anchor_script, sweep_sighash, sweep_transaction, sweep_witness,
    to_remote_anchors_script,
};

/// How a channel ended, and what of it is ours to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It has not.
    Open,
    /// By a transaction that both signed: our money is in the wallet already.
    Mutual,
    /// By our commitment.
    Local(Vec<SweepInput>),
    /// By the peer's commitment #0.
    Remote(Vec<SweepInput>),
    /// By a transaction that we do not know: a later commitment of the peer's.
    Unknown(Vec<SweepInput>),
}

/// The transaction that brings our outputs home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Complete.
    pub transaction: Transaction,
    /// Its feerate.
    pub feerate: FeeratePerKw,
    /// The height at which it was built.
    pub built: Height,
    /// The height of its block.
    pub confirmed: Option<Height>,
}

impl Sweep {
    /// Whether every delay of its inputs has passed at this depth of what they spend.
    pub fn is_ripe(&self, age: Depth) -> bool {
        self.transaction.input.iter().all(|input| age >= Depth(input.sequence.to_consensus_u32()))
    }
}

impl Ending {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Mutual => "mutual close",
            Self::Local(_) => "our commitment",
            Self::Remote(_) => "the peer's commitment",
            Self::Unknown(_) => "a transaction that we do not know",
        }
    }

    /// What is ours to fetch.
    pub fn claims(&self) -> &[SweepInput] {
        match self {
            Self::Open | Self::Mutual => &[],
            Self::Local(claims) | Self::Remote(claims) | Self::Unknown(claims) => claims,
        }
    }

    /// Whether nothing is left to fetch: all is swept and settled, taken by others, or not worth its fee.
    pub fn is_home(&self, closing: &Closing, tip: Height) -> bool {
        let settled = closing.sweep.as_ref().and_then(|sweep| sweep.confirmed);
        if settled.is_some_and(|height| depth(height, tip) >= FINAL_DEPTH) {
            return true;
        }
        // What others took, or an earlier sweep of ours, may come back until then.
        if closing.lost.iter().any(|(_, height)| depth(*height, tip) < FINAL_DEPTH) {
            return false;
        }
        let worth = worth_fetching(self.claims(), closing, FLOOR);
        worth.is_empty() || sweep_transaction(&worth, closing.sweep_script(), FLOOR, 0).is_none()
    }
}

/// How the channel ended, by the chain.
pub fn ending(closing: &Closing, signer: &dyn Signer) -> Ending {
    let Some(spend) = closing.spend() else { return Ending::Open };
    let channel = &closing.channel;
    let txid = spend.transaction.compute_txid();
    if let Some(commitment) = channel.local_commitment()
        && commitment.transaction.compute_txid() == txid
    {
        // [BOLT 5 local_commitment G1] to_local comes home
        return Ending::Local(local_claims(channel, &commitment, signer));
    }
    if let Some(commitment) = channel.remote_commitment()
        && commitment.transaction.compute_txid() == txid
    {
        // [BOLT 5 remote_commitment G1] ours comes home, theirs is theirs
        return Ending::Remote(remote_claims(channel, spend));
    }
    // The peer may have named another script since.
    let is_planned = matches!(
        &closing.plan,
        Plan::Mutual { transaction } if transaction.compute_txid() == txid
    );
    let scripts = [Some(&closing.local_script), closing.remote_script.as_ref()];
    let is_mutual =
        is_planned
            || spend.transaction.output.iter().all(|output| {
                scripts.iter().flatten().any(|script| **script == output.script_pubkey)
            });
    if is_mutual { Ending::Mutual } else { Ending::Unknown(remote_claims(channel, spend)) }
}

/// Our outputs of our own commitment: the money after the delay, and the anchor.
fn local_claims(
    channel: &FundedChannel,
    commitment: &transactions::Commitment,
    signer: &dyn Signer,
) -> Vec<SweepInput> {
    let point = signer.per_commitment_point(&channel.keys_id, transactions::CommitmentNumber(0));
    // [BOLT 5 local_commitment G2] what the peer asked us to wait
    let csv = channel.agreed.to_self_delay(channel.role);
    let funding_pubkey = channel.agreed.keys(channel.role).funding_pubkey;
    let claim = |output: CommitmentOutput, script: ScriptBuf, key: SweepKey, csv: u16| {
        let vout = commitment.output_index(output)?;
        let index = usize::try_from(vout).ok()?;
        let txout = commitment.transaction.output.get(index)?.clone();
        let outpoint = OutPoint { txid: commitment.transaction.compute_txid(), vout };
        Some(SweepInput { outpoint, output: txout, witness_script: script, key, csv })
    };
    let to_local = claim(
        CommitmentOutput::ToLocal,
        commitment.to_local_script.clone(),
        SweepKey::ToLocal { per_commitment_point: point },
        csv,
    );
    let anchor =
        claim(CommitmentOutput::OwnerAnchor, anchor_script(&funding_pubkey), SweepKey::Anchor, 0);
    to_local.into_iter().chain(anchor).collect()
}

/// Our outputs of any commitment of the peer's: the money, whose key never changes, and the anchor.
fn remote_claims(channel: &FundedChannel, spend: &Spend) -> Vec<SweepInput> {
    let keys = channel.agreed.keys(channel.role);
    let (script_pubkey, witness_script, csv) = match channel.agreed.format() {
        CommitmentFormat::Anchors => {
            let script = to_remote_anchors_script(&keys.payment_basepoint);
            (script.to_p2wsh(), script, 1)
        }
        CommitmentFormat::StaticRemotekey => {
            let key = bitcoin::CompressedPublicKey(keys.payment_basepoint);
            (ScriptBuf::new_p2wpkh(&key.wpubkey_hash()), ScriptBuf::new(), 0)
        }
    };
    let anchor = anchor_script(&keys.funding_pubkey);
    let to_remote = find(spend, &script_pubkey, &witness_script, SweepKey::ToRemote, csv);
    let anchor = find(spend, &anchor.to_p2wsh(), &anchor, SweepKey::Anchor, 0);
    to_remote.into_iter().chain(anchor).collect()
}

fn find(
    spend: &Spend,
    script_pubkey: &ScriptBuf,
    witness_script: &ScriptBuf,
    key: SweepKey,
    csv: u16,
) -> Option<SweepInput> {
    let (index, output): (usize, &TxOut) = spend
        .transaction
        .output
        .iter()
        .enumerate()
        .find(|(_, output)| output.script_pubkey == *script_pubkey)?;
    let outpoint =
        OutPoint { txid: spend.transaction.compute_txid(), vout: u32::try_from(index).ok()? };
    let (output, witness_script) = (output.clone(), witness_script.clone());
    Some(SweepInput { outpoint, output, witness_script, key, csv })
}

/// The claims that nobody took and that pay for their own input at this feerate. An anchor comes along with
/// other money or not at all: alone it is dust.
fn worth_fetching(
    claims: &[SweepInput],
    closing: &Closing,
    feerate: FeeratePerKw,
) -> Vec<SweepInput> {
    let anchor_is_used = matches!(&closing.plan, Plan::Force { child: Some(_), .. });
    let anchor_costs = feerate.fee_ceil(ANCHOR_INPUT_WEIGHT);
    let kept: Vec<SweepInput> = claims
        .iter()
        .filter(|claim| !closing.lost.iter().any(|(lost, _)| *lost == claim.outpoint))
        .filter(|claim| match claim.key {
            SweepKey::Anchor => !anchor_is_used && claim.output.value > anchor_costs,
            SweepKey::ToLocal { .. } | SweepKey::ToRemote => true,
        })
        .cloned()
        .collect();
    let has_money = kept.iter().any(|claim| claim.key != SweepKey::Anchor);
    if has_money { kept } else { Vec::new() }
}

/// Builds the sweep when our outputs are ripe, and builds it again with a higher fee when it does not confirm.
pub fn sweep_step(closing: &mut Closing, cx: &mut Context<'_>) -> Vec<Effect> {
    let Some(spend) = closing.spend() else { return Vec::new() };
    let age = depth(spend.height, cx.tip);
    let ending = ending(closing, cx.wallet);
    let feerates = match &closing.sweep {
        // At the floor an anchor may come along that is not worth its fee otherwise.
        None => vec![cx.fees.normal, FLOOR],
        Some(sweep) if sweep.confirmed.is_some() => return Vec::new(),
        Some(sweep) if cx.tip.0.saturating_sub(sweep.built.0) < BUMP_AFTER => return Vec::new(),
        Some(sweep) => {
            vec![raised(sweep.feerate).max(cx.fees.normal)]
        }
    };
    let built = feerates.into_iter().find_map(|feerate| {
        let claims = worth_fetching(ending.claims(), closing, feerate);
        // [BOLT 5 local_commitment G2] not a block earlier
        let ripe = claims.iter().all(|claim| age >= Depth(u32::from(claim.csv)));
        // [BOLT 5 nomenclature G2] one transaction for all that is ours
        if ripe { build(closing, &claims, feerate, cx) } else { None }
    });
    let before = closing.sweep.as_ref().map(|sweep| sweep.feerate);
    let Some((transaction, feerate)) = built.filter(|(_, feerate)| before < Some(*feerate)) else {
        return Vec::new();
    };
    let replaced = closing.sweep.take().map(|sweep| sweep.transaction.compute_txid());
    let mut effects: Vec<Effect> = replaced.into_iter().map(Effect::Disown).collect();
    effects.push(Effect::Own(transaction.clone()));
    effects.push(Effect::Broadcast(vec![transaction.clone()]));
    closing.sweep = Some(Sweep { transaction, feerate, built: cx.tip, confirmed: None });
    effects
}

/// The signed sweep; at the floor if nothing would be left at the feerate wanted, and never for more than
/// half of what it brings.
fn build(
    closing: &Closing,
    claims: &[SweepInput],
    feerate: FeeratePerKw,
    cx: &Context<'_>,
) -> Option<(Transaction, FeeratePerKw)> {
    let total: Amount = claims.iter().map(|claim| claim.output.value).sum();
    let script = closing.sweep_script();
    let weight = transactions::sweep_weight(claims, script).max(1);
    let most = (total.to_sat() / 2).saturating_mul(1_000).checked_div(weight).unwrap_or(0);
    let most = u32::try_from(most).unwrap_or(u32::MAX).max(FLOOR.0);
    let feerate = FeeratePerKw(feerate.0.min(most));
    let mut transaction = sweep_transaction(claims, script, feerate, cx.tip.0)?;
    let keys = closing.channel.agreed.keys(closing.channel.role);
    let witnesses: Vec<_> = claims
        .iter()
        .enumerate()
        .map(|(index, claim)| {
            let sighash = sweep_sighash(&transaction, index, claim);
            let keys_id = &closing.channel.keys_id;
            let signature = cx.wallet.sign_sweep(keys_id, claim.key, &sighash);
            sweep_witness(claim, &keys.payment_basepoint, &signature)
        })
        .collect();
    for (input, witness) in transaction.input.iter_mut().zip(witnesses) {
        input.witness = witness;
    }
    Some((transaction, feerate))
}

/// A sweep of another transaction's outputs is worth nothing.
pub fn drop_stale_sweep(closing: &mut Closing, winner: Txid) -> Option<Effect> {
    let sweep = closing.sweep.as_ref()?;
    let fits = sweep.transaction.input.iter().all(|input| input.previous_output.txid == winner);
    if fits {
        return None;
    }
    closing.sweep.take().map(|sweep| Effect::Disown(sweep.transaction.compute_txid()))
}

/// Forgets what only the blocks that were taken back had said.
pub fn rewound(closing: &mut Closing, fork: Height) {
    if let Some(sweep) = &mut closing.sweep {
        sweep.confirmed = sweep.confirmed.filter(|height| *height <= fork);
    }
    if let Plan::Force { child: Some(child), .. } = &mut closing.plan {
        child.confirmed = child.confirmed.filter(|height| *height <= fork);
    }
    closing.lost.retain(|(_, height)| *height <= fork);
}

/// The next feerate of what did not confirm: enough for every mempool to take it in place of the last one.
pub(crate) fn raised(feerate: FeeratePerKw) -> FeeratePerKw {
    FeeratePerKw(feerate.0.saturating_add(feerate.0 / 4).saturating_add(1))
}

/// 164 and the witness.
const ANCHOR_INPUT_WEIGHT: u64 = 164 + ANCHOR_WITNESS_WEIGHT;
/// What every node relays.
const FLOOR: FeeratePerKw = FeeratePerKw(253);
/// After so many blocks an unconfirmed sweep, or child, is replaced.
pub(crate) const BUMP_AFTER: u32 = 6;
