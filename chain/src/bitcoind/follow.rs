//! New blocks: finding the fork, fetching what follows it, waiting for more.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::constants::genesis_block;
use bitcoin::{Amount, Block, BlockHash, Network};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Bitcoind;
use super::rpc::{INVALID_PARAMETER, MISC_ERROR, NOT_FOUND, RpcError, TYPE_ERROR, UNKNOWN_METHOD};
use crate::{
    BackendError, ChainEvent, ChainUpdate, ConnectedBlock, MAX_BLOCKS_PER_UPDATE,
    MAX_BYTES_PER_UPDATE, Tip, find_fork,
};

/// What `getblockchaininfo` says of the best chain.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChainInfo {
    chain: String,
    blocks: u32,
    headers: u32,
    bestblockhash: BlockHash,
    initialblockdownload: bool,
    /// The lowest block that is kept, if blocks are pruned.
    #[serde(default, rename = "pruneheight")]
    kept_from: Option<u32>,
}

impl ChainInfo {
    pub fn tip(&self) -> Tip {
        Tip { height: self.blocks, hash: self.bestblockhash }
    }

    /// Whether the node is still catching up. A node alone on a regtest says so as well, when its
    /// newest block is old, and there it means nothing.
    fn is_behind(&self, network: Network) -> bool {
        let alone = network == Network::Regtest && self.blocks >= self.headers;
        self.initialblockdownload && !alone
    }

    /// Height that counts as the end of the chain.
    fn target(&self, network: Network) -> u32 {
        match self.is_behind(network) {
            true => self.blocks.max(self.headers),
            false => self.blocks,
        }
    }
}

/// What a locator has in common with the chain of the node.
enum Shared {
    Fork(Tip),
    /// Nothing, because the node has not come as far as our oldest block.
    NotYet,
}

impl Bitcoind {
    pub(super) fn next_event(
        &mut self,
        locator: &[Tip],
        timeout: Duration,
    ) -> Result<ChainEvent, BackendError> {
        let info = self.info()?;
        if let Some(update) = self.news(locator, &info)? {
            return Ok(ChainEvent::Update(update));
        }
        self.wait(info.bestblockhash, timeout)?;
        let info = self.info()?;
        if let Some(update) = self.news(locator, &info)? {
            return Ok(ChainEvent::Update(update));
        }
        let below_ours = locator.last().is_some_and(|oldest| info.blocks < oldest.height);
        if info.is_behind(self.config.network) || below_ours {
            let headers = info.headers.max(info.blocks);
            return Ok(ChainEvent::Syncing { height: info.blocks, headers });
        }
        Ok(ChainEvent::Idle { synced: info.tip() })
    }

    /// The state of the best chain, once it is sure that it is the right network.
    pub(super) fn info(&mut self) -> Result<ChainInfo, BackendError> {
        let info: ChainInfo = self.rpc.call("getblockchaininfo", &json!([]))?;
        let expected = self.config.network;
        if info.chain != expected.to_core_arg() {
            return Err(BackendError::WrongNetwork { expected, found: info.chain });
        }
        let connection = self.rpc.connection();
        if connection.is_none() || self.checked != connection {
            let genesis = self.hash_at(0)?;
            if genesis != Some(genesis_block(expected).block_hash()) {
                let hash = genesis.map_or_else(|| "none".to_owned(), |hash| hash.to_string());
                let found = format!("{} with the first block {hash}", info.chain);
                return Err(BackendError::WrongNetwork { expected, found });
            }
            self.checked = self.rpc.connection();
            // It may be another version than before.
            (self.long_poll, self.packages) = (true, true);
        }
        Ok(info)
    }

    /// Asks once on each connection whether it is the right chain: at the same address may be another
    /// bitcoind than before.
    pub(super) fn check_network(&mut self) -> Result<(), BackendError> {
        match self.rpc.connection() {
            Some(connection) if self.checked == Some(connection) => Ok(()),
            Some(_) | None => self.info().map(|_| ()),
        }
    }

    pub(super) fn hash_at(&mut self, height: u32) -> Result<Option<BlockHash>, BackendError> {
        match self.rpc.call("getblockhash", &json!([height])) {
            Ok(hash) => Ok(Some(hash)),
            Err(RpcError::Said { code: INVALID_PARAMETER, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn find_block(
        &mut self,
        hash: BlockHash,
    ) -> Result<Option<Arc<Block>>, BackendError> {
        match self.fetch_block(hash) {
            Ok(block) => Ok(Some(Arc::new(block))),
            Err(RpcError::Said { code: NOT_FOUND, .. }) => Ok(None),
            Err(error) => match is_pruned(&error) {
                true => {
                    let header: Header = self.rpc.call("getblockheader", &json!([hash]))?;
                    Err(BackendError::Pruned { height: header.height, kept_from: None })
                }
                false => Err(error.into()),
            },
        }
    }

    /// What follows the blocks of `locator`, if anything does.
    fn news(
        &mut self,
        locator: &[Tip],
        info: &ChainInfo,
    ) -> Result<Option<ChainUpdate>, BackendError> {
        if locator.first() == Some(&info.tip()) {
            return Ok(None);
        }
        for _ in 0..RACES {
            let Shared::Fork(fork) = self.shared(locator, info)? else { return Ok(None) };
            if fork.height >= info.blocks {
                return Ok(None);
            }
            let connected = self.fetch_after(fork, info)?;
            if let Some(mut update) = ChainUpdate::new(fork, connected) {
                let target = info.target(self.config.network);
                update.remaining = target.saturating_sub(update.tip().height);
                return Ok(Some(update));
            }
        }
        // The node keeps changing its mind: next time.
        Ok(None)
    }

    fn shared(&mut self, locator: &[Tip], info: &ChainInfo) -> Result<Shared, BackendError> {
        let fork = find_fork(locator, |tip| match tip.height > info.blocks {
            true => Ok(false),
            false => Ok::<_, BackendError>(self.hash_at(tip.height)? == Some(tip.hash)),
        })?;
        match (fork, locator.last()) {
            (Some(fork), _) => Ok(Shared::Fork(fork)),
            (None, Some(oldest)) if info.blocks < oldest.height => Ok(Shared::NotYet),
            (None, oldest) => Err(BackendError::NoCommonBlock { oldest: oldest.copied() }),
        }
    }

    /// The blocks after `fork` up to the best one, as many as an update may have. Stops, perhaps
    /// before the first one, where a reorganisation happens between two questions.
    fn fetch_after(
        &mut self,
        fork: Tip,
        info: &ChainInfo,
    ) -> Result<Vec<ConnectedBlock>, BackendError> {
        let heights = fork.height.saturating_add(1)..=info.blocks;
        let questions: Vec<Value> =
            heights.take(MAX_BLOCKS_PER_UPDATE).map(|height| json!([height])).collect();
        let hashes = self.rpc.batch::<BlockHash>("getblockhash", &questions)?;
        let is_there = |hash: &Result<BlockHash, RpcError>| {
            !matches!(hash, Err(RpcError::Said { code: INVALID_PARAMETER, .. }))
        };
        let hashes: Vec<BlockHash> =
            hashes.into_iter().take_while(is_there).collect::<Result<_, _>>()?;
        let mut rest = hashes.as_slice();
        let (mut connected, mut bytes, mut previous) = (Vec::new(), 0_usize, fork);
        while !rest.is_empty() && bytes < MAX_BYTES_PER_UPDATE {
            let (portion, later) = rest.split_at(self.blocks_at_once.clamp(1, rest.len()));
            rest = later;
            for block in self.fetch_blocks(portion)? {
                let height = previous.height.saturating_add(1);
                let block = match block {
                    Ok(block) => block,
                    Err(error) if is_pruned(&error) => {
                        let kept_from = info.kept_from;
                        return Err(BackendError::Pruned { height, kept_from });
                    }
                    Err(RpcError::Said { code: INVALID_PARAMETER | NOT_FOUND, .. }) => {
                        return Ok(connected);
                    }
                    Err(error) => return Err(error.into()),
                };
                if block.header.prev_blockhash != previous.hash {
                    return Ok(connected);
                }
                bytes = bytes.saturating_add(block.total_size());
                let block = ConnectedBlock::new(height, block);
                previous = block.tip();
                connected.push(block);
            }
        }
        Ok(connected)
    }

    /// Some blocks in one call, and from their sizes how many the next call may have.
    fn fetch_blocks(
        &mut self,
        hashes: &[BlockHash],
    ) -> Result<Vec<Result<Block, RpcError>>, RpcError> {
        let questions: Vec<Value> = hashes.iter().map(|hash| json!([hash, 0])).collect();
        let at_once = std::mem::replace(&mut self.blocks_at_once, 1);
        let answers = self.rpc.batch::<String>("getblock", &questions)?;
        let digits: usize = answers.iter().flatten().map(String::len).sum();
        let each = digits.checked_div(answers.len()).unwrap_or(0).max(1);
        // No sudden jump: the next blocks may be larger.
        let most = at_once.saturating_mul(4).min(MAX_BLOCKS_PER_UPDATE);
        self.blocks_at_once = PORTION.checked_div(each).unwrap_or(1).clamp(1, most);
        let read = |(hash, hex): (&BlockHash, Result<String, RpcError>)| match hex {
            Ok(hex) => self.read_block(*hash, &hex),
            Err(error) => Err(error),
        };
        Ok(hashes.iter().zip(answers).map(read).collect())
    }

    fn fetch_block(&mut self, hash: BlockHash) -> Result<Block, RpcError> {
        let hex: String = self.rpc.call("getblock", &json!([hash, 0]))?;
        self.read_block(hash, &hex)
    }

    /// A block that is what its hash says, with amounts that can be.
    fn read_block(&self, hash: BlockHash, hex: &str) -> Result<Block, RpcError> {
        let block: Block =
            deserialize_hex(hex).map_err(|error| self.rpc.nonsense("getblock", error))?;
        if block.block_hash() != hash || !block.check_merkle_root() {
            return Err(self.rpc.nonsense("getblock", "it is another block"));
        }
        let mut outputs = block.txdata.iter().flat_map(|transaction| &transaction.output);
        if outputs.any(|output| output.value > Amount::MAX_MONEY) {
            return Err(self.rpc.nonsense("getblock", "an amount is more than there can be"));
        }
        Ok(block)
    }

    /// Sleeps until the best block is not `known` any more, or until the timeout.
    fn wait(&mut self, known: BlockHash, timeout: Duration) -> Result<(), BackendError> {
        let milliseconds = u64::try_from(timeout.min(LONGEST_WAIT).as_millis()).unwrap_or(0);
        if milliseconds == 0 {
            return Ok(());
        }
        if self.long_poll {
            let params = json!([milliseconds, known]);
            let wait = Duration::from_millis(milliseconds);
            match self.rpc.call_within::<IgnoredAny>("waitfornewblock", &params, wait) {
                Ok(IgnoredAny) => return Ok(()),
                Err(RpcError::Said {
                    code: MISC_ERROR | TYPE_ERROR | INVALID_PARAMETER | UNKNOWN_METHOD,
                    ..
                }) => self.long_poll = false,
                Err(error) => return Err(error.into()),
            }
        }
        self.ask_again_and_again(known, timeout)
    }

    fn ask_again_and_again(
        &mut self,
        known: BlockHash,
        timeout: Duration,
    ) -> Result<(), BackendError> {
        let mut left = timeout;
        while !left.is_zero() {
            let pause = left.min(self.config.poll_interval.max(SHORTEST_PAUSE));
            sleep(pause);
            left = left.saturating_sub(pause);
            let best: BlockHash = self.rpc.call("getbestblockhash", &json!([]))?;
            if best != known {
                break;
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Header {
    height: u32,
}

fn is_pruned(error: &RpcError) -> bool {
    matches!(error, RpcError::Said { message, .. } if message.contains("pruned"))
}

#[expect(clippy::disallowed_methods, reason = "the thread of the backend has nothing else to do")]
pub(super) fn sleep(pause: Duration) {
    std::thread::sleep(pause);
}

/// How often to begin again when the chain changes while it is read.
const RACES: usize = 3;

/// About how many hexadecimal digits of blocks to ask for in one call.
const PORTION: usize = 8 << 20;

/// One call of `waitfornewblock`; longer waits are the caller's next call.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
