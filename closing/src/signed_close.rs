//! `Closing`, when a mutual close was signed and the peer may have missed our signature: it is said again, and
//! a dearer close of the peer's may take its place.

use crate::closing::Closing;
use crate::plan::Plan;
use crate::shutting_down::closing_signed;
use crate::simple_close::answer;
use crate::{Effect, Transition};
use funding::Context;
use wire::{ClosingComplete, ClosingSigned, Shutdown};

impl Closing {
    /// The peer's `shutdown`, after we have signed a close: it missed our signature. The same script again.
    pub fn on_shutdown(mut self, shutdown: &Shutdown, cx: &mut Context<'_>) -> Transition {
        let Plan::Mutual { .. } = &self.plan else { return Transition::stay(self) };
        let mut effects: Vec<Effect> = self.shutdown(cx).into_iter().collect();
        if self.remote_script.is_none() {
            self.remote_script = Some(shutdown.scriptpubkey.clone());
        }
        effects.extend(self.repeat_offer(cx));
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
        let out = transaction.output.iter().map(|output| output.value).sum();
        let fee = self.channel.agreed.capacity().checked_sub(out)?;
        let balances = self.balances()?;
        let signature = balances.sign_legacy(&self.channel, fee, cx.wallet)?;
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
        self.plan = Plan::Mutual { transaction };
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
}
