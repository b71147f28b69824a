//! Both sides, from a transaction that ends the channel to the last coin at home.
//!
//! Enters when  a close is agreed, or done by force, or seen in the chain, or must be asked of the peer.
//! On disk      the channel, the request, our transaction with its child, our scripts, the sweep.
//! Waits for    a spend of the funding output in a block; then for our outputs to ripen; then for depth.
//! Leaves to    `Closed`.
//! On a crash   resumed: what is not in a block is broadcast again, with each block.

use crate::anchor::{Child, bump};
use crate::ask_to_close::{ask_to_close, closed_reestablish};
use crate::offers::Balances;
use crate::plan::Plan;
use crate::resolution::{Ending, Sweep, drop_stale_sweep, ending, rewound, sweep_step};
use crate::shutting_down::{ShuttingDown, default_cap, rebroadcast, remote_request};
use crate::{CloseRequest, Closed, Effect, State, Transition, Who};
use bitcoin::{OutPoint, ScriptBuf, Transaction, Txid};
use funding::{CloseCause, Context, FINAL_DEPTH, FundedChannel, FundingPosition, Spend, depth};
use funding::{error_message, peer_text};
use transactions::{CommitmentFormat, Height, Signer};
use wire::{ClosingComplete, Message};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The channel; its position tells of the spend.
    pub channel: FundedChannel,
    /// The wish behind it.
    pub request: CloseRequest,
    /// What we do about it.
    pub plan: Plan,
    /// Where our money of a mutual close goes, and of a sweep if the wish names no other script.
    pub local_script: ScriptBuf,
    /// Where the peer's money of a mutual close goes, if it was said.
    pub remote_script: Option<ScriptBuf>,
    /// The last spend of the funding output that we saw: after a reorganisation it is broadcast again.
    pub seen: Option<Transaction>,
    /// What brings our outputs home.
    pub sweep: Option<Sweep>,
    /// Outputs of ours that somebody else took, anchors after 16 blocks, and in which block.
    pub lost: Vec<(OutPoint, Height)>,
    /// Our `closing_complete` on this connection that waits for its `closing_sig`.
    pub complete: Option<ClosingComplete>,
}

impl Closing {
    /// The state before anything is in the chain.
    pub fn new(
        channel: FundedChannel,
        request: CloseRequest,
        plan: Plan,
        local_script: ScriptBuf,
    ) -> Self {
        let (remote_script, seen, sweep, lost) = (None, None, None, Vec::new());
        Self {
            channel,
            request,
            plan,
            local_script,
            remote_script,
            seen,
            sweep,
            lost,
            complete: None,
        }
    }

    /// With the peer's script of a mutual close.
    pub fn with_remote_script(self, remote_script: Option<ScriptBuf>) -> Self {
        Self { remote_script, ..self }
    }

    /// A close that follows from what the peer, or the chain, did.
    pub fn by_cause(channel: FundedChannel, cause: CloseCause, cx: &mut Context<'_>) -> Transition {
        let request = CloseRequest {
            who: Who::Remote,
            reason: cause.to_string(),
            script: None,
            feerate: cx.fees.normal,
            cap: default_cap(cx.fees.normal),
        };
        match cause {
            CloseCause::RemoteShutdown(shutdown) => {
                let (state, mut effects) = ShuttingDown::begin(channel, remote_request(cx), cx);
                let mut transition = state.on_shutdown(shutdown, cx);
                effects.append(&mut transition.effects);
                Transition { effects, ..transition }
            }
            // [BOLT 5 failing G5] our commitment may be an old one
            // [BOLT 2 channel_reestablish R2] so it is not broadcast
            // [BOLT 2 channel_reestablish R3] and the peer is asked to close
            CloseCause::PeerAhead => Self::ask(channel, request, "the peer is ahead of us", cx),
            CloseCause::OrphanFunded => match channel.signed_local_commitment(cx.wallet) {
                Some(_) => Self::force(channel, request, "the channel was given up", cx),
                None => Self::ask(channel, request, "this channel was given up: close it", cx),
            },
            CloseCause::PeerError(_) => {
                let mut forced = Self::force(channel, request, "closed by your error", cx);
                // It knows that the channel failed: never an `error` in answer to one.
                forced.effects.retain(|effect| !is_error(effect));
                forced
            }
            // [BOLT 2 channel_reestablish G10] what it asks for
            CloseCause::PeerAskedToClose => {
                Self::force(channel, request, "closed as you asked", cx)
            }
            // [BOLT 2 channel_reestablish G15] error and failure
            // [BOLT 2 channel_reestablish G19] for each of these
            // [BOLT 2 channel_reestablish R4] three
            CloseCause::BadReestablish(_) => {
                Self::force(channel, request, "channel_reestablish is not ours", cx)
            }
        }
    }

    // [BOLT 1 error S7] an error of ours is the end of the channel
    /// Broadcasts our commitment, with its child. The `error` leaves with the broadcast, never without.
    pub fn force(
        channel: FundedChannel,
        request: CloseRequest,
        text: &str,
        cx: &mut Context<'_>,
    ) -> Transition {
        Self::force_over(channel, request, text, None, cx)
    }

    fn force_over(
        channel: FundedChannel,
        request: CloseRequest,
        text: &str,
        old: Option<Child>,
        cx: &mut Context<'_>,
    ) -> Transition {
        let Some(commitment) = channel.signed_local_commitment(cx.wallet) else {
            return Self::ask(channel, request, text, cx);
        };
        let child = match channel.agreed.format() {
            // [BOLT 5 failing G7] with a child that pays for it
            CommitmentFormat::Anchors => {
                bump(&channel, &commitment, &request, request.feerate, old.as_ref(), cx)
            }
            CommitmentFormat::StaticRemotekey => None,
        };
        let mut effects = Vec::new();
        if let (Some(old), Some(_)) = (&old, &child) {
            effects.push(Effect::Disown(old.transaction.compute_txid()));
        }
        if cx.link.is_up() {
            effects.push(Effect::send(error_message(channel.channel_id(), text)));
        }
        if let Some(child) = &child {
            effects.push(Effect::Own(child.transaction.clone()));
        }
        let local_script = cx.wallet.fresh_script();
        let cause = request.reason.clone();
        let plan = Plan::Force { commitment, child: child.or(old), text: text.to_owned() };
        let closing = Self::new(channel, request, plan, local_script);
        // [BOLT 5 failing G6] our commitment, and a child if there is one
        effects.extend(closing.broadcasts(cx.tip));
        Transition::to(closing, cause, effects)
    }

    /// Asks the peer to close, now and on every connection.
    fn ask(
        channel: FundedChannel,
        request: CloseRequest,
        text: &str,
        cx: &mut Context<'_>,
    ) -> Transition {
        let effects = ask_to_close(&channel, text, cx);
        let local_script = cx.wallet.fresh_script();
        let cause = request.reason.clone();
        let plan = Plan::Ask { text: text.to_owned() };
        Transition::to(Self::new(channel, request, plan, local_script), cause, effects)
    }

    /// A new connection: where we stand, and that the channel is over.
    pub fn on_connected(mut self, cx: &mut Context<'_>) -> Transition {
        self.complete = None;
        let reestablish = closed_reestablish(&self.channel, cx.wallet);
        let channel_id = self.channel.channel_id();
        let effects = match &self.plan {
            Plan::Ask { text } => ask_to_close(&self.channel, &text.clone(), cx),
            Plan::Force { text, .. } => {
                // [BOLT 2 channel_reestablish G7] the error again
                vec![Effect::send(reestablish), Effect::send(error_message(channel_id, text))]
            }
            // A peer that missed our last signature begins again with `shutdown`, and gets the same one.
            Plan::Mutual { .. } | Plan::Watch => vec![Effect::send(reestablish)],
        };
        Transition::to(self, "", effects)
    }

    /// The peer's `error` means nothing any more; its words are noted.
    pub fn on_error(self, data: &[u8], cx: &mut Context<'_>) -> Transition {
        // [BOLT 5 failing G4] a signed close is not thrown away
        let text = format!("the peer answered the close with: {:?}", peer_text(data));
        let note = cx.link.note(text).map(Effect::Note);
        Transition::to(self, "", note.into_iter().collect())
    }

    /// By force after all, or with more; not once the chain has decided.
    pub fn on_forced(self, request: CloseRequest, cx: &mut Context<'_>) -> Transition {
        match &self.plan {
            Plan::Ask { .. } => {
                // [BOLT 5 failing G5] not even by force
                let text = "our commitment may have been revoked: only the peer can close";
                let effects = vec![Effect::Note(text.to_owned())];
                Transition::to(self, "", effects)
            }
            Plan::Watch => Transition::stay(self),
            Plan::Mutual { .. } | Plan::Force { .. } if self.spend().is_some() => {
                Transition::stay(self)
            }
            Plan::Mutual { .. } | Plan::Force { .. } => self.force_again(request, cx),
        }
    }

    /// Our commitment with a new child, which takes the place of the old one. If the wallet has no coins for
    /// another one, or it would pay no more, the old one has to do.
    fn force_again(self, request: CloseRequest, cx: &mut Context<'_>) -> Transition {
        let before = self.clone();
        let Self { channel, plan, local_script, remote_script, seen, sweep, lost, .. } = self;
        let old = match plan {
            Plan::Force { child, .. } => child,
            Plan::Mutual { .. } | Plan::Ask { .. } | Plan::Watch => None,
        };
        let mut forced = Self::force_over(channel, request, "closed by force", old, cx);
        if let Some(State::Closing(closing)) = &mut forced.next {
            (closing.local_script, closing.remote_script) = (local_script, remote_script);
            // What a reorganisation took back may come again.
            (closing.seen, closing.sweep, closing.lost) = (seen, sweep, lost);
            if **closing == before {
                forced.cause.clear();
            }
        }
        forced
    }

    /// A block holds a spend of the funding output.
    pub fn on_spent(
        mut self,
        transaction: Transaction,
        height: Height,
        cx: &mut Context<'_>,
    ) -> Transition {
        let txid = transaction.compute_txid();
        // [BOLT 5 nomenclature G5] whatever it is, the channel ends
        // [BOLT 5 nomenclature G6] it is in a block, so it is valid
        self.seen = Some(transaction.clone());
        let FundingPosition::Confirmed { block, height: funded, tx_index, .. } =
            self.channel.position.clone()
        else {
            // The funding transaction is in the same block or was missed: the spend says enough.
            let note = format!("{txid} spends a funding output that is not in our chain");
            return Transition::to(self, note, Vec::new());
        };
        let spent = Some(Box::new(Spend { transaction, height }));
        self.channel.position =
            FundingPosition::Confirmed { block, height: funded, tx_index, spent };
        let mut effects = self.drop_child(txid);
        effects.extend(drop_stale_sweep(&mut self, txid));
        effects.extend(self.sweep.as_ref().map(|sweep| Effect::Own(sweep.transaction.clone())));
        effects.extend(self.advance(cx));
        let ending = ending(&self, cx.wallet);
        let kind = ending.name();
        if matches!(ending, Ending::Unknown(_)) {
            // [BOLT 5 general G1] [BOLT 5 remote_commitment G6] the operator has to know
            let text = format!("{txid} closed the channel, and it is neither side's commitment #0");
            effects.push(Effect::Note(text));
        }
        let cause = format!("the channel was closed in block {height} by {txid} ({kind})");
        self.settle(cx, cause, effects)
    }

    /// Somebody spent an output that we may claim.
    pub fn on_claim_spent(
        mut self,
        outpoint: OutPoint,
        txid: Txid,
        height: Height,
        cx: &mut Context<'_>,
    ) -> Transition {
        let mut cause = String::new();
        let mut effects = Vec::new();
        if let Some(sweep) = &mut self.sweep
            && sweep.transaction.compute_txid() == txid
        {
            // It has an input for each of our outputs, and they are found one by one.
            if sweep.confirmed.replace(height) != Some(height) {
                cause = format!("our outputs came home in block {height}");
            }
        } else if let Plan::Force { child: Some(child), .. } = &mut self.plan
            && child.transaction.compute_txid() == txid
        {
            child.confirmed = Some(height);
            cause = format!("the child of our commitment is in block {height}");
        } else if !self.lost.iter().any(|(lost, _)| *lost == outpoint) {
            self.lost.push((outpoint, height));
            cause = format!("{outpoint} was spent by {txid}");
            if let Some(sweep) = self.sweep.take() {
                effects.push(Effect::Disown(sweep.transaction.compute_txid()));
            }
            if let Plan::Force { child, .. } = &mut self.plan
                && let Some(gone) = child.take_if(|child| child.anchor == outpoint)
            {
                effects.push(Effect::Disown(gone.transaction.compute_txid()));
            }
            effects.extend(self.advance(cx));
        }
        self.settle(cx, cause, effects)
    }

    /// Blocks were taken back.
    pub fn on_rewound(mut self, fork: Height, cx: &mut Context<'_>) -> Transition {
        // [BOLT 5 nomenclature G3] everything that these blocks had settled is open again
        let before = self.clone();
        self.channel.position = self.channel.position.rewound(fork, cx.now.timestamp);
        rewound(&mut self, fork);
        let mut effects = self.disown_what_hangs();
        let cause = if self == before { String::new() } else { "the chain was rewound".to_owned() };
        effects.extend(self.broadcasts(cx.tip));
        Transition::to(self, cause, effects)
    }

    /// What spends something that is in no block any more is no coin of the wallet's until that is back; and
    /// without the channel a child has nothing to pay for, and its coins are free.
    fn disown_what_hangs(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.spend().is_none() {
            let sweep = self.sweep.as_ref().map(|sweep| sweep.transaction.compute_txid());
            effects.extend(sweep.map(Effect::Disown));
        }
        if !self.channel.position.is_confirmed() {
            effects.extend(self.drop_any_child());
        }
        effects
    }

    /// A new tip: what is not in a block goes out again, what is ripe is swept, what is deep is done.
    pub fn on_block(mut self, cx: &mut Context<'_>) -> Transition {
        if self.channel.position.is_dead(cx.tip) {
            return self.bury(cx);
        }
        let before = self.sweep.clone();
        let mut effects = self.tend_child(cx);
        let mut cause =
            if effects.is_empty() { "" } else { "our commitment got a child that pays for it" };
        effects.extend(self.broadcasts(cx.tip));
        effects.extend(self.advance(cx));
        if self.sweep != before {
            cause = "our outputs are ripe";
        }
        self.settle(cx, cause.to_owned(), effects)
    }

    /// The funding transaction can never confirm: its other coins and those of a child are free again.
    fn bury(mut self, cx: &Context<'_>) -> Transition {
        let mut effects = self.drop_any_child();
        let mut cause = "";
        if self.channel.funding_transaction.take().is_some() {
            effects.push(Effect::Disown(self.channel.outpoint.txid));
            cause = "an input of the funding transaction was spent elsewhere";
        }
        if self.channel.position.is_forgotten(cx.tip) {
            return Transition { next: None, effects, cause: "its time has passed".to_owned() };
        }
        Transition::to(self, cause, effects)
    }

    /// News of the funding transaction, or the wish to have its coins back.
    pub fn on_funding(mut self, event: &funding::Event, cx: &Context<'_>) -> Transition {
        if let funding::Event::Reclaim(transaction) = event
            && self.channel.check_cancel().is_ok()
        {
            let cause = format!("cancelled: {} takes the coins back", transaction.compute_txid());
            let effects = self.channel.reclaim(transaction.clone());
            return Transition::to(self, cause, effects.into_iter().filter_map(reclaim).collect());
        }
        let cause = self.channel.on_chain(event, cx.now.timestamp).unwrap_or_default();
        Transition::to(self, cause, Vec::new())
    }

    /// The spend of the funding output in the chain.
    pub fn spend(&self) -> Option<&Spend> {
        match &self.channel.position {
            FundingPosition::Confirmed { spent, .. } => spent.as_deref(),
            FundingPosition::Unbroadcast { .. }
            | FundingPosition::Mempool { .. }
            | FundingPosition::Conflicted { .. } => None,
        }
    }

    /// How the channel ends, as the chain says.
    pub fn ending(&self, signer: &dyn Signer) -> Ending {
        ending(self, signer)
    }

    /// What is to be in the network as long as no block holds a spend of the funding output.
    fn broadcasts(&self, tip: Height) -> Vec<Effect> {
        let mut effects: Vec<Effect> = rebroadcast(&self.channel).into_iter().collect();
        if let Some(spend) = self.spend() {
            if let Some(sweep) = &self.sweep
                && sweep.confirmed.is_none()
                // [BOLT 5 local_commitment G2] after a reorganisation it may have to wait again
                && sweep.is_ripe(depth(spend.height, tip))
            {
                effects.push(Effect::Broadcast(vec![sweep.transaction.clone()]));
            }
            if let Plan::Force { child: Some(child), .. } = &self.plan
                && child.confirmed.is_none()
            {
                effects.push(Effect::Broadcast(vec![child.transaction.clone()]));
            }
            return effects;
        }
        if self.channel.cancel.is_some() && !self.channel.position.is_confirmed() {
            // Nothing can spend a funding output that is not to be.
            return effects;
        }
        if let Some(seen) = &self.seen {
            effects.push(Effect::Broadcast(vec![seen.clone()]));
        }
        match &self.plan {
            Plan::Mutual { transaction } => {
                effects.push(Effect::Broadcast(vec![transaction.clone()]));
            }
            Plan::Force { commitment, child, .. } => {
                let child = child.as_ref().map(|child| child.transaction.clone());
                let package = std::iter::once(commitment.clone()).chain(child).collect();
                effects.push(Effect::Broadcast(package));
            }
            Plan::Ask { .. } | Plan::Watch => {}
        }
        effects
    }

    /// Another transaction won: the child of ours can never confirm.
    fn drop_child(&mut self, winner: Txid) -> Vec<Effect> {
        match &mut self.plan {
            Plan::Force { commitment, child, .. } if commitment.compute_txid() != winner => child
                .take()
                .map(|child| Effect::Disown(child.transaction.compute_txid()))
                .into_iter()
                .collect(),
            Plan::Force { .. } | Plan::Mutual { .. } | Plan::Ask { .. } | Plan::Watch => Vec::new(),
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Vec<Effect> {
        sweep_step(self, cx)
    }

    /// `Closed`, once the spend and the sweep are beyond any usual reorganisation.
    fn settle(self, cx: &Context<'_>, cause: String, effects: Vec<Effect>) -> Transition {
        let Some(spend) = self.spend() else { return Transition::to(self, cause, effects) };
        let deep = depth(spend.height, cx.tip) >= FINAL_DEPTH;
        // [BOLT 5 failing G3] until then nothing is forgotten
        let swept = ending(&self, cx.wallet).is_home(&self, cx.tip);
        if deep && swept {
            let cause = "every coin is settled".to_owned();
            return Transition {
                next: Some(State::Closed(Box::new(Closed { closing: self }))),
                effects,
                cause,
            };
        }
        Transition::to(self, cause, effects)
    }

    /// Where a sweep goes: to the operator's script, if there is one.
    pub(crate) fn sweep_script(&self) -> &ScriptBuf {
        self.request.script.as_ref().unwrap_or(&self.local_script)
    }

    pub(crate) fn balances(&self) -> Option<Balances> {
        let remote_script = self.remote_script.clone()?;
        Some(Balances::new(&self.channel, self.local_script.clone(), remote_script))
    }
}

fn is_error(effect: &Effect) -> bool {
    matches!(effect, Effect::Send(message) if matches!(**message, Message::Error(_)))
}

/// What takes the coins of a funding transaction back, as this crate wants it of the world.
fn reclaim(effect: funding::Effect) -> Option<Effect> {
    match effect {
        funding::Effect::Own(transaction) => Some(Effect::Own(transaction)),
        funding::Effect::Disown(txid) => Some(Effect::Disown(txid)),
        funding::Effect::Broadcast(transactions) => Some(Effect::Broadcast(transactions)),
        funding::Effect::Send(_)
        | funding::Effect::TestAccept(_)
        | funding::Effect::Ping
        | funding::Effect::Decide
        | funding::Effect::Note(_) => None,
    }
}
