//! Each message that leaves a node, held against what is durable.

use crate::simulation::rows::{Durable, keys_id};
use crate::simulation::world::{Violation, World};
use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;
use node::Table;
use wire::{ChannelId, Message};

impl World {
    /// A message leaves.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other messages promise nothing")]
    pub fn check_message(&mut self, index: usize, message: &Message) -> Result<(), Violation> {
        match message {
            Message::OpenChannel(open) => {
                self.check_key(index, open.funding_pubkey, open.temporary_channel_id)
            }
            Message::AcceptChannel(accept) => {
                self.check_key(index, accept.funding_pubkey, accept.temporary_channel_id)
            }
            Message::FundingCreated(created) => {
                let vout = u32::from(created.funding_output_index);
                let outpoint = OutPoint { txid: created.funding_txid, vout };
                let id = ChannelId::from_funding(outpoint);
                self.checkers.created.insert((index, created.funding_txid), id);
                // Its open must be remembered, or the peer is stranded with it.
                self.durable_with(index, id, |_| true)
                    .then_some(())
                    .ok_or_else(|| format!("n{index} sends funding_created for nothing durable"))
            }
            Message::FundingSigned(signed) => self
                .durable_with(index, signed.channel_id, |channel| {
                    channel.remote_signature.is_some()
                })
                .then_some(())
                .ok_or_else(|| {
                    format!("n{index} sends funding_signed, and the channel is not durable")
                }),
            Message::ChannelReady(ready) => self
                .durable_with(index, ready.channel_id, |channel| channel.channel_ready_sent)
                .then_some(())
                .ok_or_else(|| {
                    format!("n{index} sends channel_ready, and no commit says that it was due")
                }),
            _ => Ok(()),
        }
    }

    /// Whether a host has a durable channel with this id for which `holds`.
    fn durable_with(
        &self,
        index: usize,
        id: ChannelId,
        holds: impl Fn(&funding::FundedChannel) -> bool,
    ) -> bool {
        let is_it = |channel: &funding::FundedChannel| {
            ChannelId::from_funding(channel.outpoint) == id && holds(channel)
        };
        let durable = self.checkers.durable[index].values();
        durable.filter_map(|durable| durable.channel.as_ref()).any(is_it)
            || self.is_at_rest(index, is_it)
    }

    /// Whether such a channel rests on a host's disk: several that a batch brings may rest at once.
    fn is_at_rest(&self, index: usize, is_it: impl Fn(&funding::FundedChannel) -> bool) -> bool {
        let rows = self.hosts[index].rows.of(Table::Dormant);
        rows.filter(|(key, _)| keys_id(key).is_ok())
            .filter_map(|(_, row)| Durable::read(row.get(DORMANT_HEAD..)?).ok()?.channel)
            .any(|channel| is_it(&channel))
    }

    /// A key on the wire is new, unless it is the same open that says it again.
    fn check_key(&mut self, index: usize, key: PublicKey, id: ChannelId) -> Result<(), Violation> {
        let known = self.checkers.funding_keys.entry((index, key)).or_insert(id);
        if *known == id {
            Ok(())
        } else {
            Err(format!("n{index} sends a funding key for the second time: {known} and {id}"))
        }
    }
}

/// What stands before a resting channel's own row: a version, what finds it, its height.
const DORMANT_HEAD: usize = 21;
