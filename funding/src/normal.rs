//! Both sides, after both `channel_ready`: an open channel with commitment #0.
//!
//! Enters when  `channel_ready` went both ways.
//! On disk      the channel, with the peer's second point.
//! Waits for    a command, the peer, or a spend of the funding output.
//! Leaves to    `closing`; `Tombstone`, if another transaction takes the funding's coins after all.
//! On a crash   resumed: both reestablish; `channel_ready` is sent again while both are at number 1.

use crate::funded::{self, ErrorMeaning};
use crate::wait_for_channel_ready::{bury, rebroadcast};
use crate::{CloseCause, Context, Effect, Event, FundedChannel, Transition, announcement};
use wire::{AnnouncementSignatures, RawMessage, Shutdown};

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normal {
    /// The channel.
    pub channel: FundedChannel,
}

impl Normal {
    /// A new connection: `channel_reestablish`, then nothing until theirs.
    pub fn on_connected(self, cx: &Context<'_>) -> Transition {
        // [BOLT 2 channel_reestablish G9] and nothing more until theirs is here
        let effects = funded::on_connected(&self.channel, cx);
        Transition { effects, ..Transition::stay(self) }
    }

    /// The peer's `channel_reestablish`: both at 1 means that `channel_ready` may have been lost.
    pub fn on_reestablish(mut self, cx: &mut Context<'_>) -> Transition {
        if let Some(cause) = funded::on_reestablish(&self.channel, cx) {
            return Transition::close(self.channel, cause, Vec::new());
        }
        let mut effects: Vec<Effect> =
            // [BOLT 2 channel_reestablish G11] both at 1: it may have been lost
            funded::channel_ready(&self.channel, cx).into_iter().collect();
        if self.channel.peer_update_pending {
            effects.extend(funded::warn_of_updates(self.channel.channel_id(), cx.link));
        }
        let exchange = announcement::exchange(&mut self.channel, cx);
        effects.extend(exchange.effects);
        Transition::to(self, announced(exchange.is_new), effects)
    }

    /// News of the chain: only the position moves, unless it can never be the agreed one again.
    pub fn on_chain(mut self, event: &Event, cx: &mut Context<'_>) -> Transition {
        let mut cause = self.channel.on_chain(event, cx.now.timestamp).unwrap_or_default();
        if self.channel.position.is_dead(cx.tip) {
            return bury(self.channel, cx);
        }
        let exchange = announcement::exchange(&mut self.channel, cx);
        let mut effects = exchange.effects;
        if matches!(event, Event::Block) {
            effects.extend(rebroadcast(&self.channel));
        }
        if exchange.is_new && cause.is_empty() {
            cause = announced(true).to_owned();
        }
        Transition::to(self, cause, effects)
    }

    /// The peer's half of the channel's announcement.
    pub fn on_announcement_signatures(
        mut self,
        theirs: AnnouncementSignatures,
        cx: &mut Context<'_>,
    ) -> Transition {
        announcement::on_announcement_signatures(&self.channel, theirs, cx.link);
        let exchange = announcement::exchange(&mut self.channel, cx);
        Transition::to(self, announced(exchange.is_new), exchange.effects)
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
            ErrorMeaning::Abandoned(text) | ErrorMeaning::Fatal(text) => {
                Transition::close(self.channel, CloseCause::PeerError(text), Vec::new())
            }
        }
    }

    /// The peer's `shutdown`.
    pub fn on_shutdown(self, shutdown: Shutdown) -> Transition {
        Transition::close(self.channel, CloseCause::RemoteShutdown(shutdown), Vec::new())
    }
}

/// The cause of a change by the peer's half of the announcement.
const fn announced(is_new: bool) -> &'static str {
    if is_new { "the peer signed the announcement of the channel" } else { "" }
}
