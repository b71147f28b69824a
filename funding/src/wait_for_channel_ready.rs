//! Both sides, from `funding_signed` to the second `channel_ready`.
//!
//! Enters when  the signatures are exchanged and on disk.
//! On disk      the channel: terms, both signatures, the full transaction (opener), the start height.
//! Waits for    depth, and both `channel_ready` (BOLT 2).
//! Leaves to    `Normal`; to `closing` on an error, a shutdown or a command; or it is forgotten.
//! On a crash   resumed: the opener broadcasts again, both reestablish, `channel_ready` is sent again.

use crate::error::{error_message, warning_message};
use crate::funded::{self, ErrorMeaning};
use crate::{
    CloseCause, Context, Effect, Event, Failure, FundedChannel, FundingPosition, Normal, Origin,
    Role, Tombstone, Transition, Violation, announcement,
};
use bitcoin::{Transaction, TxOut};
use wire::{AnnouncementSignatures, ChannelReady, RawMessage, Shutdown};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitForChannelReady {
    /// The channel. `channel_ready_sent` and `remote_next_point` say which of the two is missing.
    pub channel: FundedChannel,
}

impl WaitForChannelReady {
    /// A new connection: `channel_reestablish`, then `channel_ready` if it is due; theirs is not waited for,
    /// for LND sends none until it has our `channel_ready`.
    pub fn on_connected(self, cx: &mut Context<'_>) -> Transition {
        // [BOLT 2 channel_reestablish G9] theirs is not waited for: a listed exception
        let mut effects = funded::on_connected(&self.channel, cx);
        if self.channel.channel_ready_sent {
            effects.extend(funded::channel_ready(&self.channel, cx));
        }
        Transition { effects, ..Transition::stay(self) }
    }

    /// The peer's `channel_reestablish`.
    pub fn on_reestablish(self, cx: &mut Context<'_>) -> Transition {
        match funded::on_reestablish(&self.channel, cx) {
            Some(cause) if self.is_only_promised() && cause != CloseCause::PeerAhead => {
                // A stranger's word is all there is: no coin and no fee of ours for it.
                let text = cause.to_string();
                let error = error_message(self.channel.channel_id(), "the channel was not funded");
                let tombstone = Tombstone::new(self.channel, &text, false);
                Transition::to(tombstone, text, vec![Effect::Send(error)])
            }
            Some(cause) => Transition::close(self.channel, cause, Vec::new()),
            None => {
                let mut effects = Vec::new();
                // [BOLT 2 channel_reestablish G11] both at 1: it may have been lost
                if self.channel.channel_ready_sent {
                    effects.extend(funded::channel_ready(&self.channel, cx));
                }
                if self.channel.peer_update_pending {
                    let channel_id = self.channel.channel_id();
                    effects.extend(funded::warn_of_updates(channel_id, cx.link));
                }
                Transition { effects, ..Transition::stay(self) }
            }
        }
    }

    /// The peer's `channel_ready`: early, late or twice.
    pub fn on_channel_ready(mut self, ready: &ChannelReady, cx: &mut Context<'_>) -> Transition {
        // [BOLT 2 channel_reestablish G13] once is enough
        if self.channel.remote_next_point.is_some() {
            return Transition::stay(self);
        }
        self.channel.remote_next_point = Some(ready.second_per_commitment_point);
        self.advance("the peer sent channel_ready".to_owned(), Vec::new(), cx)
    }

    /// The peer's half of the channel's announcement: it waits for our `channel_ready`.
    pub fn on_announcement_signatures(
        self,
        theirs: AnnouncementSignatures,
        cx: &mut Context<'_>,
    ) -> Transition {
        announcement::on_announcement_signatures(&self.channel, theirs, cx.link);
        Transition::stay(self)
    }

    /// News of the chain.
    pub fn on_chain(mut self, event: &Event, cx: &mut Context<'_>) -> Transition {
        if let Event::Confirmed { output, .. } = event
            // [BOLT 2 channel_ready S1] the exact amount and script, or no channel
            && !self.channel.is_funding_output(output.as_ref())
        {
            return self.on_wrong_output(output.as_ref(), cx);
        }
        let mut cause = self.channel.on_chain(event, cx.now.timestamp).unwrap_or_default();
        if self.is_over(cx) {
            return self.forget(cx);
        }
        let mut effects = Vec::new();
        if funded::is_ready_due(&self.channel, cx.tip) {
            self.channel.channel_ready_sent = true;
            self.channel.forget_rescue();
            effects.extend(funded::channel_ready(&self.channel, cx));
            cause = format!("{} confirmations", self.channel.depth(cx.tip));
        }
        if matches!(event, Event::Block) {
            effects.extend(rebroadcast(&self.channel));
        }
        self.advance(cause, effects, cx)
    }

    /// A message that changes the commitment.
    pub fn on_update(mut self, message: &RawMessage, cx: &mut Context<'_>) -> Transition {
        let (changed, effects) = funded::on_update(&mut self.channel, message, cx);
        let cause = if changed { "the peer asks for another commitment" } else { "" };
        Transition::to(self, cause, effects)
    }

    /// The peer's `error`.
    pub fn on_error(self, data: &[u8], cx: &mut Context<'_>) -> Transition {
        match funded::on_error(&self.channel, data) {
            ErrorMeaning::Transient(text) => {
                let text = format!("the peer reports trouble of its own: {text:?}");
                let note = cx.link.note(text).map(Effect::Note);
                Transition { effects: note.into_iter().collect(), ..Transition::stay(self) }
            }
            ErrorMeaning::Abandoned(text) => {
                let reason = format!("the opener gave the channel up: {text:?}");
                Transition::to(Tombstone::new(self.channel, &reason, true), reason, Vec::new())
            }
            ErrorMeaning::Fatal(text) => {
                Transition::close(self.channel, CloseCause::PeerError(text), Vec::new())
            }
        }
    }

    /// The peer's `shutdown`.
    pub fn on_shutdown(self, shutdown: Shutdown) -> Transition {
        // [BOLT 2 shutdown R3] before the funding output exists there is nothing to share out
        if !self.channel.position.is_confirmed() {
            let text = "the funding transaction is not confirmed yet";
            let warning = warning_message(self.channel.channel_id(), text);
            return Transition { effects: vec![Effect::Send(warning)], ..Transition::stay(self) };
        }
        Transition::close(self.channel, CloseCause::RemoteShutdown(shutdown), Vec::new())
    }

    /// The operator wants the coins back. The peer is told when they are: until then the funding transaction
    /// may still win.
    pub fn on_reclaim(mut self, transaction: Transaction) -> Transition {
        if self.channel.check_cancel().is_err() {
            return Transition::stay(self);
        }
        let cause = format!("cancelled: {} takes the coins back", transaction.compute_txid());
        let effects = self.channel.reclaim(transaction);
        Transition::to(self, cause, effects)
    }

    /// The operator wants a child to pay for the funding transaction.
    pub fn on_bump(mut self, child: Transaction) -> Transition {
        if self.channel.check_bump().is_err() {
            return Transition::stay(self);
        }
        let cause = format!("its child {} pays for the funding transaction", child.compute_txid());
        let effects = self.channel.bump(child);
        Transition::to(self, cause, effects)
    }

    /// Whether the opener has only said that it will fund the channel.
    fn is_only_promised(&self) -> bool {
        self.channel.role == Role::Accepter && !self.channel.position.is_confirmed()
    }

    /// Both `channel_ready` make a channel.
    fn advance(
        mut self,
        cause: String,
        mut effects: Vec<Effect>,
        cx: &mut Context<'_>,
    ) -> Transition {
        if self.channel.channel_ready_sent && self.channel.remote_next_point.is_some() {
            effects.extend(announcement::exchange(&mut self.channel, cx).effects);
            return Transition::to(Normal { channel: self.channel }, cause, effects);
        }
        Transition::to(self, cause, effects)
    }

    /// The output in the chain is another one: our commitment can never be valid.
    fn on_wrong_output(self, output: Option<&TxOut>, cx: &Context<'_>) -> Transition {
        let found = output.map_or_else(|| "no such output".to_owned(), |o| o.value.to_string());
        let reason = format!("{} (found: {found})", Violation::WrongFundingOutput);
        let channel_id = self.channel.channel_id();
        let text = Violation::WrongFundingOutput.to_string();
        let effects = if cx.link.is_up() {
            vec![Effect::Send(error_message(channel_id, &text))]
        } else {
            Vec::new()
        };
        Transition::to(Tombstone::new(self.channel, &reason, false), reason, effects)
    }

    /// Whether nothing can come of the channel any more.
    fn is_over(&self, cx: &Context<'_>) -> bool {
        if self.channel.position.is_dead(cx.tip) {
            return true;
        }
        let age = cx.tip.0.saturating_sub(self.channel.start_height.0);
        let never_seen = match self.channel.position {
            FundingPosition::Unbroadcast { .. } | FundingPosition::Mempool { .. } => true,
            FundingPosition::Confirmed { .. } | FundingPosition::Conflicted { .. } => false,
        };
        self.channel.role == Role::Accepter
            && never_seen
            // [BOLT 2 channel_ready G1] 2016 blocks and never seen
            && age >= cx.policy.forget_after
            && cx.synced
    }

    /// Ends a channel that has no money in it, and tells the peer.
    fn forget(self, cx: &Context<'_>) -> Transition {
        if self.channel.position.is_dead(cx.tip) {
            return bury(self.channel, cx);
        }
        let text = "the funding transaction did not confirm in time";
        let mut effects = Vec::new();
        if cx.link.is_up() {
            effects.push(Effect::Send(error_message(self.channel.channel_id(), text)));
        }
        if self.channel.role == Role::Opener {
            effects.push(Effect::Disown(self.channel.outpoint.txid));
        }
        let failure = Failure {
            origin: Origin::Chain,
            stage: "WaitForChannelReady",
            text: text.to_owned(),
            retry: false,
        };
        Transition::ended(failure, effects)
    }
}

/// Another transaction took an input away: there is no channel. A reorganisation can still bring it back, so
/// its outpoint stays watched.
pub(crate) fn bury(channel: FundedChannel, cx: &Context<'_>) -> Transition {
    let text = "an input of the funding transaction was spent elsewhere";
    let reason = match (&channel.position, &channel.cancel) {
        (FundingPosition::Conflicted { by, .. }, Some(cancel)) if cancel.txid() == *by => {
            format!("the open was cancelled: {by} took the coins back")
        }
        _ => text.to_owned(),
    };
    let mut effects = Vec::new();
    if cx.link.is_up() {
        effects.push(Effect::Send(error_message(channel.channel_id(), text)));
    }
    if channel.role == Role::Opener {
        effects.push(Effect::Disown(channel.outpoint.txid));
    }
    Transition::to(Tombstone::new(channel, &reason, false), reason, effects)
}

/// The opener's transaction goes out again with each block until it is in one; or what cancels it.
pub fn rebroadcast(channel: &FundedChannel) -> Option<Effect> {
    // [BOLT 2 funding_signed R3] as often as it takes
    Some(channel.broadcasts()).filter(|all| !all.is_empty()).map(Effect::Broadcast)
}
