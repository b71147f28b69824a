//! `Closing`, when a mutual close was signed and the peer may have missed our signature: it is said again, and
//! a dearer close of the peer's may take its place.

use crate::closing::Closing;
use crate::offers::sign;
use crate::plan::Plan;
use crate::shutting_down::closing_signed;
use crate::simple_close::{answer, complete, finish, is_minable};
use crate::{CloseRequest, Effect, Transition, Who};
use bitcoin::{Amount, Transaction};
use funding::{Context, warning_message};
use transactions::FeeratePerKw;
use wire::{ClosingComplete, ClosingSig, ClosingSigned, Shutdown};

impl Closing {
    /// The peer's `shutdown`, after we have signed a close: it missed our signature. The same script again.
    pub fn on_shutdown(mut self, shutdown: &Shutdown, cx: &mut Context<'_>) -> Transition {
        let Plan::Mutual { .. } = &self.plan else { return Transition::stay(self) };
        let mut effects: Vec<Effect> = self.shutdown(cx).into_iter().collect();
        if self.remote_script.is_none() {
            self.remote_script = Some(shutdown.scriptpubkey.clone());
        }
        effects.extend(self.repeat_offer(cx));
        effects.extend(self.offer_more(cx));
        Transition::to(self, "", effects)
    }

    /// Our `shutdown`, once on a connection.
    pub(crate) fn shutdown(&self, cx: &mut Context<'_>) -> Option<Effect> {
        if std::mem::replace(&mut cx.link.sent_shutdown, true) {
            return None;
        }
        let channel_id = self.channel.channel_id();
        Some(Effect::send(Shutdown { channel_id, scriptpubkey: self.local_script.clone() }))
    }

    /// As opener the first `closing_signed` is ours to send: the fee of the transaction that exists.
    fn repeat_offer(&self, cx: &Context<'_>) -> Option<Effect> {
        let Plan::Mutual { transaction } = &self.plan else { return None };
        if self.channel.role != funding::Role::Opener || cx.link.simple_close {
            return None;
        }
        let fee = self.fee_of(transaction)?;
        let balances = self.balances()?;
        // With the outputs that it has: an output at the limit may be missing.
        let signature = sign(&self.channel, transaction, cx.wallet);
        let range = balances.fee_range(&self.channel, fee, cx.fees.floor);
        Some(closing_signed(&self.channel, fee, signature, range))
    }

    /// The peer's `closing_signed` after we have signed a close. It is answered only where the same fee has
    /// not been said on this connection, so that two nodes never echo each other for ever.
    pub fn on_closing_signed(self, m: &ClosingSigned, cx: &mut Context<'_>) -> Transition {
        let Plan::Mutual { transaction } = &self.plan else { return Transition::stay(self) };
        let answered = cx.link.echoed_close || self.channel.role == funding::Role::Opener;
        let fee = m.fee_satoshis;
        let Some(balances) = self.balances() else { return Transition::stay(self) };
        let agreed = balances.agree_legacy(&self.channel, fee, &m.signature, cx.wallet);
        let Some(agreed) = agreed.filter(|agreed| {
            !answered && cx.link.sent_shutdown && agreed.transaction.output == transaction.output
        }) else {
            return Transition::stay(self);
        };
        cx.link.echoed_close = true;
        let range = balances.fee_range(&self.channel, fee, cx.fees.floor);
        let echo = closing_signed(&self.channel, fee, agreed.local_signature, range);
        Transition::to(self, "", vec![echo])
    }

    /// The peer's `closing_complete` after a close was signed already: it pays more, so it may have it.
    pub fn on_closing_complete(mut self, m: &ClosingComplete, cx: &Context<'_>) -> Transition {
        let Plan::Mutual { .. } = &self.plan else { return Transition::stay(self) };
        let Some(balances) = self.balances() else { return Transition::stay(self) };
        let Ok((transaction, effects)) = answer(&self.channel, &balances, m, cx) else {
            return Transition::stay(self);
        };
        let before = self.clone();
        if is_minable(&transaction, m.fee_satoshis, cx) && self.is_dearer(&transaction) {
            self.plan = Plan::Mutual { transaction };
        }
        // [BOLT 2 closing_complete R19] its script from now on
        self.remote_script = Some(m.closer_scriptpubkey.clone());
        // A peer that missed our signature asks for the same one again.
        let cause = if self == before {
            String::new()
        } else {
            format!("signed another close of the peer's, for {}", m.fee_satoshis)
        };
        Transition::to(self, cause, effects)
    }

    /// The peer's signature on a close of ours, beside one of its own or in place of an earlier one.
    pub fn on_closing_sig(mut self, sig: &ClosingSig, cx: &Context<'_>) -> Transition {
        let (Plan::Mutual { .. }, Some(complete)) = (&self.plan, self.complete.take()) else {
            return Transition::stay(self);
        };
        let Some(balances) = self.balances() else { return Transition::stay(self) };
        match finish(&self.channel, &balances, &complete, sig, cx) {
            Ok(agreed) => {
                // [BOLT 2 closing_sig R6] signed by both
                let effects = vec![Effect::Broadcast(vec![agreed.transaction.clone()])];
                let mut cause = String::new();
                if self.is_dearer(&agreed.transaction) {
                    cause = format!("the peer signed our close, for {}", sig.fee_satoshis);
                    self.plan = Plan::Mutual { transaction: agreed.transaction };
                }
                Transition::to(self, cause, effects)
            }
            Err(text) => {
                let warning = Effect::send(warning_message(self.channel.channel_id(), text));
                Transition::to(self, "", vec![warning, Effect::Reconnect(text)])
            }
        }
    }

    // [BOLT 2 closing_sig R7] when the operator says so
    /// The operator wants it faster: another `closing_complete`, at a higher fee. The script stays.
    pub fn on_requested(mut self, request: CloseRequest, cx: &mut Context<'_>) -> Transition {
        if !self.can_be_raised() {
            return Transition::stay(self);
        }
        let before = self.request.clone();
        self.request = CloseRequest { script: before.script.clone(), ..request };
        let cause = if self.request == before { "" } else { "the close was asked for again" };
        let effects = self.offer_more(cx).into_iter().collect();
        Transition::to(self, cause, effects)
    }

    /// Whether another `closing_complete` may take the place of the close that was signed.
    pub fn can_be_raised(&self) -> bool {
        matches!(self.plan, Plan::Mutual { .. }) && self.spend().is_none()
    }

    /// `closing_complete` at the feerate that is wanted, if that is more than the present close pays and both
    /// `shutdown` are here.
    fn offer_more(&mut self, cx: &mut Context<'_>) -> Option<Effect> {
        let is_ready =
            cx.link.simple_close && cx.link.sent_shutdown && self.request.who == Who::Local;
        // [BOLT 2 closing_complete S17] one at a time
        if !is_ready || self.complete.is_some() || self.spend().is_some() {
            return None;
        }
        let balances = self.balances()?;
        let feerate = FeeratePerKw(self.request.feerate.0.min(self.request.cap.0));
        let fee = feerate.fee_ceil(balances.weight(&self.channel));
        let complete = complete(&self.channel, &balances, fee, cx)?;
        if self.present_fee() >= Some(complete.fee_satoshis) {
            return None;
        }
        self.complete = Some(complete.clone());
        Some(Effect::send(complete))
    }

    /// Whether a close pays more than the one that was signed before.
    fn is_dearer(&self, transaction: &Transaction) -> bool {
        self.fee_of(transaction) > self.present_fee()
    }

    fn present_fee(&self) -> Option<Amount> {
        let Plan::Mutual { transaction } = &self.plan else { return None };
        self.fee_of(transaction)
    }

    fn fee_of(&self, transaction: &Transaction) -> Option<Amount> {
        let out = transaction.output.iter().map(|output| output.value).sum();
        self.channel.agreed.capacity().checked_sub(out)
    }
}
