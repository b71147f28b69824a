//! What the backend's mempool holds of ours, and of what peers have promised.
//!
//! It is asked every 30 seconds, and with each block about what peers promised. Our own goes out again with
//! each block, whose answers say as much as a look; what is missing in between goes out again at once. All
//! of this is in memory: the next process learns it from its first broadcasts.

use crate::Effect;
use crate::channel::{Channel, ChannelEvent, ChannelState};
use crate::node::{Node, Timer};
use crate::reply::{Notice, Standing, UnconfirmedView};
use crate::turn::Turn;
use bitcoin::{OutPoint, Transaction, Txid};
use chain::Look;
use funding::{FundingPosition, Monotonic, Role};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use transactions::{Height, KeysId};

/// See the file's head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mempool {
    own: Own,
    pub(crate) promised: Promised,
}

/// What went out since the last block.
type Own = BTreeMap<Txid, OwnTransaction>;

#[derive(Clone, Debug)]
struct OwnTransaction {
    /// Whose it is; `None`: a payment of the operator's.
    channel: Option<KeysId>,
    /// The first transaction of those that went out together.
    package: Txid,
    standing: Standing,
}

impl Mempool {
    /// These go out together.
    pub(crate) fn add(&mut self, channel: Option<KeysId>, transactions: &[Transaction]) {
        let txids: Vec<Txid> = transactions.iter().map(Transaction::compute_txid).collect();
        let Some(package) = txids.first().copied() else { return };
        for txid in txids {
            let own = self.own.entry(txid).or_insert(OwnTransaction {
                channel,
                package,
                standing: Standing::Unknown,
            });
            own.package = package;
        }
    }

    /// Whether a transaction went out for a channel.
    pub(crate) fn is_of_channel(&self, txid: &Txid) -> bool {
        self.own.get(txid).is_some_and(|own| own.channel.is_some())
    }

    /// What is known of the transactions of a channel.
    pub(crate) fn of_channel(&self, keys_id: &KeysId) -> Vec<UnconfirmedView> {
        let own = self.own.iter().filter(|(_, own)| own.channel.as_ref() == Some(keys_id));
        own.map(|(txid, own)| UnconfirmedView { txid: *txid, standing: own.standing.clone() })
            .collect()
    }

    /// The backend's answer to a broadcast. Whose it is, if it is a refusal that was not known.
    fn answer(&mut self, package: Txid, result: &Result<(), String>) -> Option<Option<KeysId>> {
        let mut news = None;
        for own in self.own.values_mut().filter(|own| own.package == package) {
            let standing = match result {
                Ok(()) => Standing::Held,
                Err(reason) => Standing::Refused(reason.clone()),
            };
            if own.standing != standing {
                own.standing = standing;
                news = Some(own.channel);
            }
        }
        news.filter(|_| result.is_err())
    }

    /// What a look found of one of ours. Whose it is, if it has to go out again.
    fn look(&mut self, txid: &Txid, is_there: bool) -> Option<Option<KeysId>> {
        let own = self.own.get_mut(txid)?;
        match (is_there, &own.standing) {
            (true, _) => own.standing = Standing::Held,
            // With the next block.
            (false, Standing::Refused(_)) => return None,
            (false, Standing::Unknown | Standing::Held | Standing::Missing) => {
                own.standing = Standing::Missing;
                return Some(own.channel);
            }
        }
        None
    }

    /// Everything that is about to go out again, if it still has to.
    fn take(&mut self, is_meant: impl Fn(Option<KeysId>) -> bool) -> Own {
        let all = std::mem::take(&mut self.own);
        let (taken, kept) = all.into_iter().partition(|(_, own)| is_meant(own.channel));
        self.own = kept;
        taken
    }

    /// What went out again is known as it was.
    fn carry_over(&mut self, before: Own) {
        for (txid, old) in before {
            if let Some(own) = self.own.get_mut(&txid)
                && own.standing == Standing::Unknown
            {
                own.standing = old.standing;
            }
        }
    }
}

/// Funding outputs that peers have promised and that no block holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promised {
    /// The newest first.
    all: BTreeSet<(Reverse<Height>, OutPoint)>,
    /// The last one of those that are not the newest, which have their turn one after the other.
    last: Option<(Reverse<Height>, OutPoint)>,
    /// No look before this.
    not_before: Monotonic,
}

impl Promised {
    pub(crate) fn insert(&mut self, (height, outpoint): (Height, OutPoint)) {
        self.all.insert((Reverse(height), outpoint));
    }

    pub(crate) fn remove(&mut self, (height, outpoint): (Height, OutPoint)) {
        self.all.remove(&(Reverse(height), outpoint));
    }

    /// What to look for now.
    fn next(&mut self, now: Monotonic) -> Vec<OutPoint> {
        if now < self.not_before || self.all.is_empty() {
            return Vec::new();
        }
        self.not_before = now.after_seconds(EVERY);
        let mut chosen: Vec<_> = self.all.iter().take(AT_ONCE).copied().collect();
        if chosen.len() < self.all.len() {
            chosen.truncate(NEWEST);
            let from = self.last.take().max(chosen.last().copied());
            let rest = self.all.range((from.map_or(Unbounded, Excluded), Unbounded));
            let room = AT_ONCE.saturating_sub(chosen.len());
            chosen.extend(rest.take(room));
            // At the end of the list it begins anew.
            self.last = chosen.get(AT_ONCE.saturating_sub(1)).copied();
        }
        chosen.into_iter().map(|(_, outpoint)| outpoint).collect()
    }
}

/// The funding output of a channel, if only the mempool can tell of it: our own transactions tell by their
/// broadcasts.
pub(crate) fn promised_by(channel: &Channel) -> Option<(Height, OutPoint)> {
    let funded = channel.state.channel()?;
    let is_given_up = matches!(channel.state, ChannelState::Funding(funding::State::Tombstone(_)));
    match funded.position {
        FundingPosition::Unbroadcast { .. } | FundingPosition::Mempool { .. }
            if funded.funding_transaction.is_none() || funded.cancel.is_some() || is_given_up =>
        {
            Some((funded.start_height, funded.outpoint))
        }
        FundingPosition::Unbroadcast { .. }
        | FundingPosition::Mempool { .. }
        | FundingPosition::Confirmed { .. }
        | FundingPosition::Conflicted { .. } => None,
    }
}

impl Node {
    /// Every state that minds blocks looks at the tip: what is due is done, what is not in a block goes out
    /// again.
    pub(crate) fn look_at_the_chain(&mut self, turn: &mut Turn<'_>) {
        let before = self.mempool.take(|_| true);
        for keys_id in self.all_keys() {
            self.look_at_ancestors(keys_id, turn);
            if self.channels.get(&keys_id).is_some_and(Channel::minds_blocks) {
                self.drive(keys_id, ChannelEvent::Block, turn);
            }
        }
        self.thaw_again(turn);
        self.rebroadcast_payments(turn);
        self.mempool.carry_over(before);
        self.look_for(Vec::new(), turn);
    }

    /// A funding transaction that builds on one that lost its own coins, by a reorganisation, has lost its
    /// own as well. Nothing spends the output that is not there, so no watch finds it.
    fn look_at_ancestors(&mut self, keys_id: KeysId, turn: &mut Turn<'_>) {
        let funded = self.channels.get(&keys_id).and_then(|channel| channel.state.channel());
        let Some(funded) = funded else { return };
        if let FundingPosition::Unbroadcast { .. } = funded.position
            && let Some(transaction) = &funded.funding_transaction
            && let Some((by, height)) = self.wallet.conflict_of(transaction)
        {
            let height = Height(height);
            self.drive(keys_id, ChannelEvent::Conflicted { by, height }, turn);
        }
    }

    /// Half a minute has passed.
    pub(crate) fn look_into_mempool(&mut self, turn: &mut Turn<'_>) {
        let own = self.mempool.own.keys().copied().collect();
        self.look_for(own, turn);
    }

    /// As long as there is something to look for, the next look is planned.
    pub(crate) fn plan_look(&mut self, now: Monotonic) {
        let is_idle = self.mempool.own.is_empty() && self.mempool.promised.all.is_empty();
        if !is_idle && !self.deadlines.has(&Timer::Mempool) {
            self.deadlines.set(Timer::Mempool, Some(now.after_seconds(EVERY)));
        }
    }

    fn look_for(&mut self, transactions: Vec<Txid>, turn: &mut Turn<'_>) {
        let outputs = self.mempool.promised.next(turn.now.monotonic);
        if !transactions.is_empty() || !outputs.is_empty() {
            turn.step.effect(Effect::LookFor { transactions, outputs });
        }
    }

    /// What the backend said to a broadcast.
    pub(crate) fn on_broadcasted(
        &mut self,
        txid: Txid,
        result: &Result<(), String>,
        turn: &mut Turn<'_>,
    ) {
        if let (Some(whose), Err(reason)) = (self.mempool.answer(txid, result), result) {
            tracing::warn!(%txid, reason, "a transaction was refused, it is tried again with each block");
            self.note_refusal(whose, txid, reason, turn);
        }
        for keys_id in self.funded_by(txid) {
            self.drive(keys_id, ChannelEvent::Broadcasted(result.clone()), turn);
        }
        if let Some(keys_id) = self.cancels.get(&txid).copied() {
            self.drive(keys_id, ChannelEvent::CancelBroadcasted(result.clone()), turn);
        }
    }

    /// A refused funding transaction is a transition; one that ends a channel is not.
    fn note_refusal(&self, whose: Option<KeysId>, txid: Txid, reason: &str, turn: &mut Turn<'_>) {
        let Some(keys_id) = whose else { return };
        let Some(channel) = self.channels.get(&keys_id) else { return };
        if matches!(channel.state, ChannelState::Closing(_)) {
            let text = format!(
                "the backend refuses the transaction {txid} ({reason}): it is tried again with each \
                 block"
            );
            let (node_id, keys_id) = (channel.node_id, Some(keys_id));
            turn.notify(Notice::Note { node_id, keys_id, text });
        }
    }

    /// What a look into the mempool has found: what is missing goes out again at once.
    pub(crate) fn on_looked(&mut self, look: &Look, turn: &mut Turn<'_>) {
        let mut again = BTreeSet::new();
        for (txid, is_there) in &look.transactions {
            again.extend(self.mempool.look(txid, *is_there));
            for keys_id in self.funded_by(*txid) {
                self.drive(keys_id, ChannelEvent::Seen(*is_there), turn);
            }
        }
        for (outpoint, output) in &look.outputs {
            let Some(keys_id) = self.outpoints.get(outpoint).copied() else { continue };
            let funded = self.channels.get(&keys_id).and_then(|c| c.state.channel());
            let is_there = funded.is_some_and(|c| c.is_funding_output(output.as_ref()));
            self.drive(keys_id, ChannelEvent::Seen(is_there), turn);
        }
        for whose in again {
            let before = self.mempool.take(|channel| channel == whose);
            match whose {
                Some(keys_id) => self.drive(keys_id, ChannelEvent::Block, turn),
                None => self.rebroadcast_payments(turn),
            }
            self.mempool.carry_over(before);
        }
    }

    /// A payment of the operator's belongs to no channel: until it is in a block it goes out again with each
    /// one, like everything else that was broadcast.
    fn rebroadcast_payments(&mut self, turn: &mut Turn<'_>) {
        let sent = turn.step.broadcast_txids();
        for transaction in self.wallet.unconfirmed() {
            let txid = transaction.compute_txid();
            if !sent.contains(&txid) && !self.mempool.is_of_channel(&txid) {
                self.mempool.add(None, std::slice::from_ref(&transaction));
                turn.step.effect(Effect::Broadcast(vec![transaction]));
            }
        }
    }

    /// The channels that a transaction of ours funds. A peer may name any transaction as its own, but what it
    /// promised is looked for by script and amount.
    fn funded_by(&self, txid: Txid) -> Vec<KeysId> {
        let first = OutPoint { txid, vout: 0 };
        let last = OutPoint { txid, vout: u32::MAX };
        let all = self.outpoints.range(first..=last).map(|(_, keys_id)| *keys_id);
        let is_opener = |keys_id: &KeysId| {
            let channel = self.channels.get(keys_id).and_then(|channel| channel.state.channel());
            channel.is_some_and(|channel| channel.role == Role::Opener)
        };
        all.filter(is_opener).collect()
    }
}

/// Seconds between two looks.
const EVERY: u64 = 30;
/// So many promised outputs at once: 200 in a minute.
const AT_ONCE: usize = 100;
/// Of these, so many are the newest when there are more than that.
const NEWEST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash as _;

    fn outpoint(number: u32) -> OutPoint {
        OutPoint { txid: Txid::all_zeros(), vout: number }
    }

    #[test]
    fn the_newest_are_looked_for_each_time_and_the_others_in_turn() {
        let mut promised = Promised::default();
        for number in 0..260 {
            promised.insert((Height(number), outpoint(number)));
        }
        let mut looked = BTreeMap::new();
        for look in 0..5 {
            let found = promised.next(Monotonic(look * 30_000));
            assert!(found.len() <= 100, "200 in a minute");
            for outpoint in found {
                *looked.entry(outpoint.vout).or_insert(0_u32) += 1;
            }
        }
        assert_eq!(looked.len(), 260, "nobody is forgotten");
        assert!((210..260).all(|newest| looked[&newest] == 5));
        assert!((0..210).all(|older| looked[&older] == 1));
    }

    #[test]
    fn blocks_that_follow_each_other_quickly_are_one_occasion() {
        let mut promised = Promised::default();
        promised.insert((Height(1), outpoint(1)));
        assert_eq!(promised.next(Monotonic(1_000)), [outpoint(1)]);
        assert_eq!(promised.next(Monotonic(30_999)), []);
        assert_eq!(promised.next(Monotonic(31_000)), [outpoint(1)]);
        promised.remove((Height(1), outpoint(1)));
        assert_eq!(promised.next(Monotonic(99_000)), []);
    }
}
