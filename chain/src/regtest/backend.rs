//! The embedded chain as a [`Backend`].

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::{Block, BlockHash, OutPoint, Transaction, Txid};

use super::Regtest;
use super::coins::{Coin, CoinView};
use super::ledger::Ledger;
use super::world::World;
use crate::{
    Backend, BackendError, BroadcastError, ChainEvent, ChainUpdate, ConnectedBlock,
    MAX_BLOCKS_PER_UPDATE, MAX_BYTES_PER_UPDATE, Seen, Tip, UnspentOutput, Untested, Verdict,
    find_fork,
};

impl Backend for Regtest {
    fn next(&mut self, locator: &[Tip], timeout: Duration) -> Result<ChainEvent, BackendError> {
        // Wakes on each change of the chain, and looks whether it is news for this locator.
        let mut outcome = Ok(None);
        let synced = self.wait(timeout, |world| {
            outcome = world.news(locator);
            !matches!(outcome, Ok(None))
        });
        Ok(outcome?.map_or(ChainEvent::Idle { synced }, ChainEvent::Update))
    }

    fn broadcast(&mut self, transactions: &[Transaction]) -> Result<(), BroadcastError> {
        let mut world = self.lock();
        world.answer()?;
        world.broadcast(transactions).map_err(BroadcastError::Refused)
    }

    fn test_accept(&mut self, transaction: &Transaction) -> Verdict {
        let world = self.lock();
        if let Err(error) = world.answer() {
            return Verdict::Unknown(Untested::Unavailable(error.to_string()));
        }
        match world.judge().transaction(transaction) {
            Ok(_) => Verdict::Accepted,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn feerate(&mut self, target_blocks: u16) -> Option<u32> {
        let world = self.lock();
        world.answer().ok()?;
        world.estimates.at(target_blocks)
    }

    fn min_feerate(&mut self) -> Option<u32> {
        let world = self.lock();
        world.answer().ok()?;
        // 4000 weight units are 1000 virtual bytes.
        u32::try_from(world.ledger.options.min_relay_sat_per_kvb.div_ceil(4)).ok()
    }

    fn seen(&mut self, txids: &[Txid]) -> Result<BTreeMap<Txid, Seen>, BackendError> {
        let world = self.lock();
        world.answer()?;
        let seen = |txid: &Txid| match world.ledger.position(txid) {
            Some(_) => Some((*txid, Seen::Chain)),
            None => world.pool.contains(txid).then_some((*txid, Seen::Mempool)),
        };
        Ok(txids.iter().filter_map(seen).collect())
    }

    fn unspent(
        &mut self,
        outpoints: &[OutPoint],
    ) -> Result<BTreeMap<OutPoint, UnspentOutput>, BackendError> {
        let world = self.lock();
        world.answer()?;
        let unspent = |outpoint: &OutPoint| Some((*outpoint, world.unspent(outpoint)?));
        Ok(outpoints.iter().filter_map(unspent).collect())
    }

    fn tip(&mut self) -> Result<Tip, BackendError> {
        let world = self.lock();
        world.answer()?;
        Ok(world.ledger.tip())
    }

    fn tip_at(&mut self, height: u32) -> Result<Option<Tip>, BackendError> {
        let world = self.lock();
        world.answer()?;
        Ok(world.ledger.at(height))
    }

    fn block(&mut self, hash: BlockHash) -> Result<Option<Arc<Block>>, BackendError> {
        let world = self.lock();
        world.answer()?;
        Ok(world.ledger.block(&hash))
    }

    fn another(&self) -> Box<dyn Backend> {
        Box::new(self.clone())
    }
}

impl World {
    /// The update that leads from the chain of `locator` to this one; `None` when there is no block
    /// beyond what they share.
    pub fn news(&self, locator: &[Tip]) -> Result<Option<ChainUpdate>, BackendError> {
        self.answer()?;
        let shared = find_fork(locator, |tip| Ok::<_, Infallible>(self.ledger.contains(tip)));
        match shared {
            Ok(Some(fork)) => Ok(update(&self.ledger, fork)),
            Ok(None) => Err(BackendError::NoCommonBlock { oldest: locator.last().copied() }),
            Err(never) => match never {},
        }
    }

    fn answer(&self) -> Result<(), BackendError> {
        match self.outage {
            false => Ok(()),
            true => Err(BackendError::Unavailable(OUTAGE.into())),
        }
    }

    fn unspent(&self, outpoint: &OutPoint) -> Option<UnspentOutput> {
        if self.pool.spender(outpoint).is_some() {
            return None;
        }
        let next_height = self.ledger.next_height();
        let view = self.pool.view(&self.ledger.coins, next_height);
        let Coin { txout, height, coinbase } = view.coin(outpoint)?;
        Some(UnspentOutput { txout, confirmations: next_height.saturating_sub(height), coinbase })
    }
}

fn update(ledger: &Ledger, fork: Tip) -> Option<ChainUpdate> {
    let (mut connected, mut bytes) = (Vec::new(), 0_usize);
    for height in fork.height.saturating_add(1)..=ledger.tip_height() {
        if connected.len() >= MAX_BLOCKS_PER_UPDATE || bytes >= MAX_BYTES_PER_UPDATE {
            break;
        }
        let block = ConnectedBlock::new(height, ledger.block_at(height)?);
        bytes = bytes.saturating_add(block.block.total_size());
        connected.push(block);
    }
    let mut update = ChainUpdate::new(fork, connected)?;
    update.remaining = ledger.tip_height().saturating_sub(update.tip().height);
    Some(update)
}

const OUTAGE: &str = "the embedded chain is switched off: end its outage";
