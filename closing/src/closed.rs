//! Both sides, when every coin of the channel is settled.
//!
//! Enters when  the spend of the funding output and the sweep are 6 deep.
//! On disk      what `Closing` had: a reorganisation may still bring it back.
//! Waits for    its time to pass.
//! Leaves to    nothing; or back to `Closing`, in a reorganisation.
//! On a crash   resumed.

use crate::ask_to_close::closed_reestablish;
use crate::closing::Closing;
use crate::{Effect, Transition};
use funding::{Context, depth, error_message};
use transactions::Height;

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// All that is known of it.
    pub closing: Closing,
}

impl Closed {
    /// A peer that still knows the channel learns that it is over, and where it stood.
    pub fn on_reestablish(self, cx: &Context<'_>) -> Transition {
        let channel = &self.closing.channel;
        let effects = vec![
            Effect::send(closed_reestablish(channel, cx.wallet)),
            Effect::send(error_message(channel.channel_id(), "this channel is closed")),
        ];
        Transition::to(self, "", effects)
    }

    /// Blocks were taken back: if they held the spend or the sweep, the channel is closing again.
    pub fn on_rewound(self, fork: Height, cx: &mut Context<'_>) -> Transition {
        let spend = self.closing.spend().map(|spend| spend.height);
        let sweep = self.closing.sweep.as_ref().and_then(|sweep| sweep.confirmed);
        let lost = self.closing.lost.iter().map(|(_, height)| *height);
        if spend.into_iter().chain(sweep).chain(lost).any(|height| height > fork) {
            return self.closing.on_rewound(fork, cx);
        }
        Transition::stay(self)
    }

    /// A new tip: 2016 blocks after depth 100 nothing has to be remembered any more.
    pub fn on_block(self, cx: &Context<'_>) -> Transition {
        let age = self.closing.spend().map(|spend| depth(spend.height, cx.tip).0);
        // [BOLT 5 nomenclature G1] beyond 100 blocks
        if age.is_some_and(|age| age >= FORGOTTEN_DEPTH) {
            let cause = "its time has passed".to_owned();
            return Transition { next: None, effects: Vec::new(), cause };
        }
        Transition::stay(self)
    }
}

/// 100 blocks until a spend is beyond doubt, 2016 in which a peer may still ask.
const FORGOTTEN_DEPTH: u32 = 100 + 2_016;
