//! The end of a channel as clients see it: where its money is on the way home.

use crate::channel::ChannelState;
use crate::node::Node;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction};
use closing::{Closing, Plan, State, Who};
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, Height, SweepKey};

/// How a channel ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingView {
    /// Whether the wish was ours.
    pub local: bool,
    /// The feerate aimed at.
    pub feerate: FeeratePerKw,
    /// The highest feerate.
    pub cap: FeeratePerKw,
    /// Where our money goes: of a mutual close at once, of any other by the sweep.
    pub script: ScriptBuf,
    /// What closes it: in a block, or to be in one.
    pub transaction: Option<Transaction>,
    /// The block that holds it.
    pub height: Option<Height>,
    /// By a transaction that both sides signed.
    pub mutual: bool,
    /// By one side's commitment.
    pub forced: bool,
    /// Ours in a mutual close, as its transaction pays it out.
    pub paid: Amount,
    /// Ours, and not home yet: outputs of a commitment, or all that we had while nothing is in a block.
    pub limbo: Amount,
    /// Ours, and home: outputs whose sweep is in a block.
    pub recovered: Amount,
    /// When the last of these outputs is ripe, if there are any.
    pub maturity: Option<Height>,
    /// What became of our anchor.
    pub anchor: AnchorState,
    /// The block that holds the sweep.
    pub sweep_height: Option<Height>,
}

/// What became of our anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorState {
    /// It is there, or there is none.
    Limbo,
    /// We spent it.
    Recovered,
    /// Somebody else did.
    Lost,
}

impl Node {
    pub(crate) fn closing_view(&self, state: &ChannelState) -> Option<ClosingView> {
        let ChannelState::Closing(state) = state else { return None };
        let all = state.channel().agreed.balance(state.channel().role).0 / 1_000;
        let all = Amount::from_sat(all);
        let closing = match state {
            State::ShuttingDown(s) => {
                return Some(ClosingView {
                    local: s.request.who == Who::Local,
                    feerate: s.request.feerate,
                    cap: s.request.cap,
                    script: s.local_script.clone(),
                    transaction: None,
                    height: None,
                    mutual: false,
                    forced: false,
                    paid: Amount::ZERO,
                    limbo: all,
                    recovered: Amount::ZERO,
                    maturity: None,
                    anchor: AnchorState::Limbo,
                    sweep_height: None,
                });
            }
            State::Closing(s) => s,
            State::Closed(s) => &s.closing,
        };
        Some(self.view_of_closing(closing, all))
    }

    fn view_of_closing(&self, closing: &Closing, all: Amount) -> ClosingView {
        let spend = closing.spend();
        let ending = closing.ending(&self.wallet);
        let claims = ending.claims();
        let lost = |outpoint: &OutPoint| closing.lost.iter().any(|(lost, _)| lost == outpoint);
        let swept: BTreeSet<OutPoint> = closing
            .sweep
            .as_ref()
            .filter(|sweep| sweep.confirmed.is_some())
            .into_iter()
            .flat_map(|sweep| &sweep.transaction.input)
            .map(|input| input.previous_output)
            .collect();
        let ours = || claims.iter().filter(|claim| !lost(&claim.outpoint));
        let sum = |home: bool| -> Amount {
            let claims = ours().filter(|claim| swept.contains(&claim.outpoint) == home);
            claims.map(|claim| claim.output.value).sum()
        };
        let maturity = spend.and_then(|spend| {
            let delays = ours().filter(|claim| claim.key != SweepKey::Anchor);
            let longest = delays.map(|claim| u32::from(claim.csv)).max()?;
            Some(Height(spend.height.0.saturating_add(longest)))
        });
        let transaction = spend.map(|spend| spend.transaction.clone()).or_else(|| planned(closing));
        let pays_us = |transaction: &Transaction| -> Amount {
            let outputs = transaction.output.iter();
            let ours = outputs.filter(|output| output.script_pubkey == closing.local_script);
            ours.map(|output| output.value).sum()
        };
        let mutual = match spend {
            Some(_) => claims.is_empty() && ending == closing::Ending::Mutual,
            None => matches!(closing.plan, Plan::Mutual { .. }),
        };
        let anchor_of = claims.iter().find(|claim| claim.key == SweepKey::Anchor);
        ClosingView {
            local: closing.request.who == Who::Local,
            feerate: closing.request.feerate,
            cap: closing.request.cap,
            script: closing.request.script.as_ref().unwrap_or(&closing.local_script).clone(),
            height: spend.map(|spend| spend.height),
            mutual,
            forced: spend.is_some() && !mutual,
            paid: transaction.as_ref().filter(|_| mutual).map_or(Amount::ZERO, pays_us),
            limbo: if spend.is_none() { all } else { sum(false) },
            recovered: sum(true),
            maturity,
            anchor: anchor_state(closing, anchor_of.map(|claim| claim.outpoint), &swept),
            sweep_height: closing.sweep.as_ref().and_then(|sweep| sweep.confirmed),
            transaction,
        }
    }
}

/// What is to close the channel, as long as no block holds anything that does.
fn planned(closing: &Closing) -> Option<Transaction> {
    match &closing.plan {
        Plan::Mutual { transaction } => Some(transaction.clone()),
        Plan::Force { commitment, .. } => Some(commitment.clone()),
        Plan::Ask { .. } | Plan::Watch => None,
    }
}

fn anchor_state(
    closing: &Closing,
    anchor: Option<OutPoint>,
    swept: &BTreeSet<OutPoint>,
) -> AnchorState {
    let Some(anchor) = anchor else { return AnchorState::Limbo };
    let by_child = match &closing.plan {
        Plan::Force { child: Some(child), .. } => {
            child.anchor == anchor && child.confirmed.is_some()
        }
        Plan::Force { .. } | Plan::Mutual { .. } | Plan::Ask { .. } | Plan::Watch => false,
    };
    if by_child || swept.contains(&anchor) {
        AnchorState::Recovered
    } else if closing.lost.iter().any(|(lost, _)| *lost == anchor) {
        AnchorState::Lost
    } else {
        AnchorState::Limbo
    }
}
