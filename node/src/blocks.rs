//! Blocks: one pass over the transactions of each, and a reorganisation is one event like any other.

use crate::channel::ChannelEvent;
use crate::node::Node;
use crate::reply::Notice;
use crate::turn::Turn;
use bitcoin::{OutPoint, Transaction};
use chain::{ChainUpdate, ConnectedBlock, Found, Match};
use transactions::{Height, KeysId};

impl Node {
    pub(crate) fn on_chain(&mut self, update: &ChainUpdate, turn: &mut Turn<'_>) {
        let applied = match self.follower.apply(update) {
            Ok(applied) => applied,
            Err(error) => {
                tracing::warn!(%error, "the backend's news does not fit");
                self.set_chain_problem(Some(error.to_string()), turn);
                return;
            }
        };
        if !applied.disconnected.is_empty() {
            let fork = Height(applied.fork.height);
            self.stale_heights.extend(applied.disconnected.iter().map(|tip| tip.height));
            tracing::warn!(%fork, blocks = applied.disconnected.len(), "the chain was rewound");
            self.unsee(fork, turn);
            for keys_id in self.all_keys() {
                self.drive(keys_id, ChannelEvent::Rewound { fork }, turn);
            }
        }
        for connected in applied.connected(update) {
            self.on_block(connected, turn);
        }
        if let Some(last) = update.connected.last() {
            self.tip_time = last.block.header.time;
        }
        self.remaining_blocks = update.remaining;
        let height = self.height();
        turn.notify(Notice::Block { height });
        // States ask for their depth against the tip: one look at the end of an update is enough.
        self.look_at_the_chain(turn);
        self.expire_requests(turn);
        self.forget_the_resting(turn);
        self.try_requests(turn);
    }

    fn on_block(&mut self, connected: &ConnectedBlock, turn: &mut Turn<'_>) {
        self.stale_heights.insert(connected.height);
        if let Err(error) = self.wallet.apply_block(connected.height, &connected.block) {
            // The follower took the block: the two have to agree, whatever the backend says.
            turn.step.break_off(format!("the wallet cannot follow the chain: {error}"));
            return;
        }
        for (tx_index, transaction) in (0_u32..).zip(&connected.block.txdata) {
            if !self.dormant.is_empty() {
                self.sight(tx_index, transaction, connected, turn);
            }
            // What a transaction changes may be what the next one spends: look again for each.
            for found in self.watches.find_in(tx_index, transaction) {
                self.on_match(&found, transaction, connected, turn);
            }
        }
    }

    fn on_match(
        &mut self,
        found: &Match<KeysId>,
        transaction: &Transaction,
        connected: &ConnectedBlock,
        turn: &mut Turn<'_>,
    ) {
        let height = Height(connected.height);
        let Some(channel) = self.channels.get(&found.key) else { return };
        let Some(funding) = channel.state.channel() else {
            // An attempt watches its coins only, and its own transaction was never broadcast.
            self.drive(found.key, ChannelEvent::Conflicted { by: found.txid, height }, turn);
            return;
        };
        let event = match &found.found {
            Found::Confirmed => ChannelEvent::Confirmed {
                block: connected.hash,
                height,
                tx_index: found.tx_index,
                output: usize::try_from(funding.outpoint.vout)
                    .ok()
                    .and_then(|vout| transaction.output.get(vout))
                    .cloned(),
            },
            Found::Spent { outpoint, .. } if *outpoint == funding.outpoint => {
                ChannelEvent::Spent { transaction: transaction.clone(), height }
            }
            Found::Spent { outpoint, .. } if is_coin_of(funding, outpoint) => {
                if found.txid == funding.outpoint.txid {
                    return;
                }
                ChannelEvent::Conflicted { by: found.txid, height }
            }
            Found::Spent { outpoint, .. } => {
                ChannelEvent::ClaimSpent { outpoint: *outpoint, txid: found.txid, height }
            }
            Found::Paid { .. } => return,
        };
        self.drive(found.key, event, turn);
    }

    pub(crate) fn all_keys(&self) -> Vec<KeysId> {
        self.channels.keys().copied().collect()
    }
}

fn is_coin_of(channel: &funding::FundedChannel, outpoint: &OutPoint) -> bool {
    channel.funding_transaction.as_ref().is_some_and(|transaction| {
        transaction.input.iter().any(|input| input.previous_output == *outpoint)
    })
}
