//! The embedded chain of a daemon: `navvyd --embedded-chain` needs no bitcoind. Its blocks are kept in a file,
//! for a node that knows blocks which nobody else has could not go on; its mempool is not.

use bitcoin::consensus::encode;
use bitcoin::{Block, BlockHash, OutPoint, Transaction, Txid};
use chain::regtest::{Options, Regtest, faucet_script};
use chain::{
    Backend, BackendError, BroadcastError, ChainEvent, ChainUpdate, Seen, Tip, UnspentOutput,
    Verdict,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The embedded chain, with its file. It is what follows the chain: a block is in the file before the node
/// hears of it.
pub struct EmbeddedChain {
    chain: Regtest,
    file: File,
    /// Where in the file each block ends, from height 1 on.
    ends: Vec<u64>,
}

impl EmbeddedChain {
    /// The chain in the file at `path`, or a new one of a single block.
    ///
    /// # Errors
    /// When the file cannot be used. A block at its end that was not written whole is dropped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let start_time = u32::try_from(now).unwrap_or(u32::MAX);
        let chain = Regtest::new(Options { start_time, ..Options::default() });
        let file =
            File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut embedded = Self { chain, file, ends: Vec::new() };
        embedded.read()?;
        if embedded.ends.is_empty() {
            // Wallets of all kinds are ill at ease with a chain that has its genesis block only.
            embedded.chain.mine(1, &faucet_script());
        }
        Ok(embedded)
    }

    /// The chain itself, to mine on.
    pub fn chain(&self) -> Regtest {
        self.chain.clone()
    }

    fn read(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(&self.file);
        let mut end: u64 = 0;
        let mut length = [0; 4];
        while reader.read_exact(&mut length).is_ok() {
            let length = u64::from(u32::from_le_bytes(length));
            let mut bytes = Vec::new();
            (&mut reader).take(length).read_to_end(&mut bytes)?;
            let Ok(block) = encode::deserialize::<Block>(&bytes) else { break };
            if self.chain.submit_block(block).is_err() {
                break;
            }
            end = end.saturating_add(4).saturating_add(length);
            self.ends.push(end);
        }
        self.file.set_len(end)
    }

    fn record(&mut self, update: &ChainUpdate) -> io::Result<()> {
        let height = usize::try_from(update.fork.height).unwrap_or(usize::MAX);
        self.ends.truncate(height);
        let mut end = self.ends.last().copied().unwrap_or(0);
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        let mut bytes = Vec::new();
        for connected in &update.connected {
            let block = encode::serialize(connected.block.as_ref());
            let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
            bytes.extend(length.to_le_bytes());
            bytes.extend(block);
            let written = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.ends.push(end.saturating_add(written));
        }
        self.file.write_all(&bytes)?;
        end = self.ends.last().copied().unwrap_or(0);
        debug_assert_eq!(self.file.stream_position().ok(), Some(end));
        Ok(())
    }
}

impl Backend for EmbeddedChain {
    fn next(&mut self, locator: &[Tip], timeout: Duration) -> Result<ChainEvent, BackendError> {
        let event = self.chain.next(locator, timeout)?;
        if let ChainEvent::Update(update) = &event {
            self.record(update).map_err(|error| {
                BackendError::Unavailable(format!("the file of the embedded chain: {error}"))
            })?;
        }
        Ok(event)
    }

    fn broadcast(&mut self, transactions: &[Transaction]) -> Result<(), BroadcastError> {
        self.chain.broadcast(transactions)
    }

    fn test_accept(&mut self, transaction: &Transaction) -> Verdict {
        self.chain.test_accept(transaction)
    }

    fn feerate(&mut self, target_blocks: u16) -> Option<u32> {
        self.chain.feerate(target_blocks)
    }

    fn seen(&mut self, txids: &[Txid]) -> Result<BTreeMap<Txid, Seen>, BackendError> {
        self.chain.seen(txids)
    }

    fn unspent(
        &mut self,
        outpoints: &[OutPoint],
    ) -> Result<BTreeMap<OutPoint, UnspentOutput>, BackendError> {
        self.chain.unspent(outpoints)
    }

    fn tip(&mut self) -> Result<Tip, BackendError> {
        self.chain.tip()
    }

    fn tip_at(&mut self, height: u32) -> Result<Option<Tip>, BackendError> {
        self.chain.tip_at(height)
    }

    fn block(&mut self, hash: BlockHash) -> Result<Option<Arc<Block>>, BackendError> {
        self.chain.block(hash)
    }

    fn another(&self) -> Box<dyn Backend> {
        self.chain.another()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::Amount;
    use chain::Follower;

    /// Follows to the end, as the daemon does.
    fn follow(embedded: &mut EmbeddedChain, follower: &mut Follower) {
        while follower.tip() != embedded.chain.best() {
            let event = embedded.next(&follower.locator(), Duration::ZERO).unwrap();
            let ChainEvent::Update(update) = event else { panic!("{event:?}") };
            follower.apply(&update).unwrap();
        }
    }

    #[test]
    fn its_blocks_are_there_again_also_after_a_reorganisation_and_a_torn_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain");
        let mut embedded = EmbeddedChain::open(&path).unwrap();
        let birthday = embedded.birthday().unwrap();
        let mut follower = Follower::new(birthday);
        embedded.chain.fund(&faucet_script(), Amount::from_sat(50_000)).unwrap();
        follow(&mut embedded, &mut follower);
        embedded.chain.reorg(2, 3).unwrap();
        follow(&mut embedded, &mut follower);
        let tip = embedded.chain.best();
        drop(embedded);
        let whole = std::fs::metadata(&path).unwrap().len();
        assert_eq!(EmbeddedChain::open(&path).unwrap().chain.best(), tip);

        let file = File::options().append(true).open(&path).unwrap();
        (&file).write_all(&[80, 0, 0, 0, 1, 2, 3]).unwrap();
        let mut embedded = EmbeddedChain::open(&path).unwrap();
        assert_eq!(embedded.chain.best(), tip);
        assert_eq!(file.metadata().unwrap().len(), whole);
        embedded.chain.mine(1, &faucet_script());
        follow(&mut embedded, &mut follower);
        assert_eq!(EmbeddedChain::open(&path).unwrap().chain.best(), embedded.chain.best());
    }
}
