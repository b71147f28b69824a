//! The child that pays for our commitment, by its anchor.

use crate::closing::Closing;
use crate::plan::Plan;
use crate::resolution::{BUMP_AFTER, raised};
use crate::{CloseRequest, Effect, Who};
use bitcoin::{Amount, OutPoint, Transaction, TxOut};
use funding::{Context, FundedChannel};
use transactions::{
    ANCHOR_WITNESS_WEIGHT, BumpRequest, CommitmentFormat, CommitmentOutput, FeeratePerKw, Height,
    SweepInput, SweepKey, anchor_script, sweep_sighash, sweep_witness,
};

/// The child of our commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Complete.
    pub transaction: Transaction,
    /// The anchor that it spends.
    pub anchor: OutPoint,
    /// What it and the commitment pay together.
    pub feerate: FeeratePerKw,
    /// The height at which it was built.
    pub built: Height,
    /// The height of its block.
    pub confirmed: Option<Height>,
}

impl Child {
    /// The wallet's coins in it.
    pub fn coins(&self) -> Vec<OutPoint> {
        self.transaction
            .input
            .iter()
            .map(|input| input.previous_output)
            .filter(|outpoint| *outpoint != self.anchor)
            .collect()
    }
}

/// Builds the child, if the commitment pays less than this feerate and the wallet has coins for it, or
/// those of the child that it replaces do. Without it the commitment goes out alone. There is none before the funding output exists, and if the close is not
/// our wish, none that costs more than a quarter of what we have in the channel: a peer must not be able to
/// make us pay for its money.
pub fn bump(
    channel: &FundedChannel,
    commitment: &Transaction,
    request: &CloseRequest,
    feerate: FeeratePerKw,
    replaced: Option<&Child>,
    cx: &mut Context<'_>,
) -> Option<Child> {
    let feerate = feerate.min(request.cap);
    if replaced.is_some_and(|replaced| replaced.feerate >= feerate) {
        return None;
    }
    if !channel.position.is_confirmed() {
        return None;
    }
    let parent_fee = channel
        .agreed
        .capacity()
        .checked_sub(commitment.output.iter().map(|output| output.value).sum())?;
    let parent_weight = commitment.weight().to_wu();
    if parent_fee >= feerate.fee(parent_weight) {
        return None;
    }
    let most = request.cap.fee_ceil(parent_weight.saturating_add(CHILD_WEIGHT));
    let quarter = Amount::from_sat(channel.agreed.balance(channel.role).floor().to_sat() / 4);
    let max_fee = if request.who == Who::Local { most } else { most.min(quarter) };
    let (anchor, anchor_output) = own_anchor(channel, commitment)?;
    let witness_script = anchor_script(&channel.agreed.keys(channel.role).funding_pubkey);
    let funded = cx
        .wallet
        .bump(
            &BumpRequest {
                anchor,
                anchor_output: anchor_output.clone(),
                anchor_witness_weight: ANCHOR_WITNESS_WEIGHT,
                parent_weight,
                parent_fee,
                feerate,
                max_fee,
                again: replaced.map_or_else(Vec::new, Child::coins),
            },
            cx.leased,
        )
        .ok()?;
    let mut transaction = funded.transaction;
    let claim = SweepInput {
        outpoint: anchor,
        output: anchor_output,
        witness_script,
        key: SweepKey::Anchor,
        csv: 0,
    };
    let index = transaction.input.iter().position(|input| input.previous_output == anchor)?;
    let sighash = sweep_sighash(&transaction, index, &claim);
    let signature = cx.wallet.sign_sweep(&channel.keys_id, SweepKey::Anchor, &sighash);
    let key = channel.agreed.keys(channel.role).funding_pubkey;
    transaction.input.get_mut(index)?.witness = sweep_witness(&claim, &key, &signature);
    Some(Child { transaction, anchor, feerate, built: cx.tip, confirmed: None })
}

impl Closing {
    /// While our commitment is in no block: its child is made as soon as there are coins for it, and made
    /// again with a higher fee when it does not confirm.
    pub(crate) fn tend_child(&mut self, cx: &mut Context<'_>) -> Vec<Effect> {
        let is_spent = self.spend().is_some();
        let Self { channel, request, plan: Plan::Force { commitment, child, .. }, .. } = self
        else {
            return Vec::new();
        };
        if is_spent || channel.agreed.format() != CommitmentFormat::Anchors {
            return Vec::new();
        }
        let wanted = match child {
            // [BOLT 5 failing G7] as soon as it can be paid for
            None => request.feerate,
            Some(child) if cx.tip.0.saturating_sub(child.built.0) < BUMP_AFTER => {
                return Vec::new();
            }
            // [BOLT 5 failing G8] a quarter more
            Some(child) => raised(child.feerate),
        };
        let feerate = wanted.max(cx.fees.normal);
        let Some(better) = bump(channel, commitment, request, feerate, child.as_ref(), cx) else {
            return Vec::new();
        };
        let replaced = child.take().map(|child| Effect::Disown(child.transaction.compute_txid()));
        let own = Effect::Own(better.transaction.clone());
        *child = Some(better);
        replaced.into_iter().chain([own]).collect()
    }
}

fn own_anchor(channel: &FundedChannel, commitment: &Transaction) -> Option<(OutPoint, TxOut)> {
    let vout = channel.local_commitment()?.output_index(CommitmentOutput::OwnerAnchor)?;
    let output = commitment.output.get(usize::try_from(vout).ok()?)?.clone();
    Some((OutPoint { txid: commitment.compute_txid(), vout }, output))
}

/// The weight of a child with two coins and change, for the limit of its fee.
const CHILD_WEIGHT: u64 = 1_000;
