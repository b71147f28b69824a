//! What a batch led to: no `error` in answer to an `error`, and proofs that were heard.

use crate::simulation::world::{Violation, World};
use node::{ChannelState, Effect, Event};
use std::collections::BTreeSet;
use wire::{ChannelId, Message};

impl World {
    /// A step whose commit holds is about to act.
    pub fn check_answers(
        &mut self,
        index: usize,
        batch: &[Event],
        effects: &[Effect],
    ) -> Result<(), Violation> {
        check_errors(index, batch, effects)?;
        for event in batch {
            if let Event::Message { message: Message::ChannelReestablish(theirs), .. } = event
                && theirs.next_revocation_number > 0
                && self.has_asked(index, theirs.channel_id)
            {
                self.checkers.proven_ahead.insert((index, theirs.channel_id));
            }
        }
        for event in batch {
            if let Event::Chain(update) = event {
                let transactions = update.connected.iter().flat_map(|block| &block.block.txdata);
                for input in transactions.flat_map(|transaction| &transaction.input) {
                    self.checkers.ever_spent.insert((index, input.previous_output));
                }
            }
        }
        Ok(())
    }

    /// Whether the proof found a channel that could still be stopped; by a close that was under way before,
    /// the commitment is in the network already.
    fn has_asked(&self, index: usize, id: ChannelId) -> bool {
        self.hosts[index].node().is_some_and(|node| {
            node.channels().values().any(|channel| match &channel.state {
                ChannelState::Closing(closing::State::Closing(closing)) => {
                    let is_forced = matches!(closing.plan, closing::Plan::Force { .. });
                    closing.channel.channel_id() == id && !is_forced
                }
                ChannelState::Funding(state) => {
                    state.channel().is_some_and(|channel| channel.channel_id() == id)
                }
                ChannelState::Closing(_) => false,
            })
        })
    }
}

/// A batch that holds nothing but errors of a peer about a channel cannot lead to one of ours about it.
fn check_errors(index: usize, batch: &[Event], effects: &[Effect]) -> Result<(), Violation> {
    let mut errors = BTreeSet::new();
    for event in batch {
        if let Event::Message { message: Message::Error(error), .. } = event {
            errors.insert(error.channel_id);
        } else if !is_mute(event) {
            return Ok(());
        }
    }
    for effect in effects {
        if let Effect::Send { message, .. } = effect
            && let Message::Error(ours) = message.as_ref()
            && errors.contains(&ours.channel_id)
        {
            let text = String::from_utf8_lossy(&ours.data);
            return Err(format!("n{index} answers an error with an error: {text:?}"));
        }
    }
    Ok(())
}

/// Whether an event says nothing about any channel.
fn is_mute(event: &Event) -> bool {
    let is_warning = matches!(event, Event::Message { message: Message::Warning(_), .. });
    is_warning || matches!(event, Event::Fees(_) | Event::Alive { .. })
}
