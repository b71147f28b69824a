//! The wallet as a value.

use crate::coins::{Balance, Coin, Coins, Keychain};
use crate::keys::Keys;
use crate::record;
use crate::seed::Seed;
use bdk_wallet::chain::{BlockId, CheckPoint, Merge};
use bdk_wallet::{ChangeSet, KeychainKind, LoadError, Update};
use bitcoin::{Address, Block, BlockHash, Network, OutPoint, Script, ScriptBuf, Transaction, Txid};
use secp256k1::SecretKey;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Keys and coins of one node on one network.
///
/// It changes when it is told of a block or of a transaction of the node's own, and when it gives out
/// an address. Every such call is followed, in the same commit, by the row of
/// [`Wallet::take_changes`].
pub struct Wallet {
    keys: Keys,
    network: Network,
    pub(crate) inner: bdk_wallet::Wallet,
    /// What was not taken yet.
    changes: ChangeSet,
    pub(crate) coins: Coins,
    pub(crate) unconfirmed: BTreeMap<Txid, Arc<Transaction>>,
    /// The change address of each transaction that was built, by its index, with the coins spent:
    /// see [`Wallet::change_script`].
    change_indices: BTreeMap<u32, Vec<OutPoint>>,
}

impl Wallet {
    /// A wallet on its first start. It knows nothing before `birthday`, which is the block that the
    /// first one it will be told of builds on. At height 0 that is the network's first block, of
    /// whatever hash a test gives it.
    pub fn new(seed: &Seed, network: Network, birthday: BlockId) -> Self {
        let keys = Keys::new(seed, network);
        let mut params = bdk_wallet::Wallet::create(
            keys.descriptor(Keychain::External),
            keys.descriptor(Keychain::Internal),
        )
        .network(network)
        .lookahead(LOOKAHEAD);
        if birthday.height == 0 {
            params = params.genesis_hash(birthday.hash);
        }
        // Fails for a descriptor that does not parse or that holds secrets: these two are ours.
        #[allow(clippy::expect_used)]
        let inner = params.create_wallet_no_persist().expect("public BIP 84 descriptors");
        let mut wallet = Self::over(keys, network, inner);
        // A chain that begins with the first block connects to anything.
        let _ = wallet.start_at(birthday);
        wallet.collect();
        wallet
    }

    /// The wallet of these rows, in the order in which they were written.
    ///
    /// # Errors
    /// When a row is damaged, or the rows are of another seed or network.
    pub fn restore<'a>(
        seed: &Seed,
        network: Network,
        rows: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, WalletError> {
        let mut all = ChangeSet::default();
        for row in rows {
            let changes = record::decode(row).ok_or(WalletError::Corrupt)?;
            record::add(&mut all, changes).ok_or(WalletError::Corrupt)?;
        }
        if all.network.is_some_and(|stored| stored != network) {
            return Err(WalletError::OtherNetwork);
        }
        let keys = Keys::new(seed, network);
        let inner = load(&keys, network, all)?;
        let mut wallet = Self::over(keys, network, inner);
        wallet.collect();
        wallet.refresh();
        Ok(wallet)
    }

    fn over(keys: Keys, network: Network, inner: bdk_wallet::Wallet) -> Self {
        Self {
            keys,
            network,
            inner,
            changes: ChangeSet::default(),
            coins: Coins::default(),
            unconfirmed: BTreeMap::new(),
            change_indices: BTreeMap::new(),
        }
    }

    /// What changed since it was last asked, as a row to write in the same commit as whatever caused
    /// it. The rows are restored in their order.
    pub fn take_changes(&mut self) -> Option<Vec<u8>> {
        self.collect();
        let changes = std::mem::take(&mut self.changes);
        (!changes.is_empty()).then(|| record::encode(&changes))
    }

    /// Whether something changed that must not wait for the next row: a transaction or an address of
    /// ours. Blocks without either may be followed again after a crash.
    pub fn has_urgent_changes(&self) -> bool {
        !self.changes.tx_graph.is_empty() || !self.changes.indexer.is_empty()
    }

    /// Everything as one row, to replace all rows before it.
    pub fn folded(&self) -> Vec<u8> {
        record::encode(&record::fold(&self.inner))
    }

    /// The last block that the wallet knows.
    pub fn tip(&self) -> (u32, BlockHash) {
        let tip = self.inner.latest_checkpoint();
        (tip.height(), tip.hash())
    }

    /// The network.
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Follows the chain by one block. A block at or below the tip replaces the ones from its height
    /// on: that is how a reorganisation begins.
    ///
    /// # Errors
    /// When the block does not build on one that the wallet knows; nothing changed then.
    pub fn apply_block(&mut self, height: u32, block: &Block) -> Result<(), WalletError> {
        let (tip, _) = self.tip();
        if height <= tip && self.is_gap(height) {
            self.cut(height, block.header.prev_blockhash)?;
        }
        let disconnected = WalletError::Disconnected { height, tip };
        self.inner.apply_block(block, height).map_err(|_| disconnected)?;
        if self.collect() || height <= tip {
            self.refresh();
        }
        Ok(())
    }

    /// Learns of a transaction of the node's own, in the commit before its broadcast: its inputs are
    /// no coins from now on, and its change is one once it confirms. `seen_seconds` is the time since
    /// 1970. It takes the place of unconfirmed ones that spend the same coins, and comes back if it
    /// was forgotten.
    pub fn insert_own(&mut self, tx: &Transaction, seen_seconds: u64) {
        let txid = tx.compute_txid();
        let plain = self.is_plain(tx, txid);
        let seen = self.seen_after(tx, txid, seen_seconds);
        self.inner.apply_unconfirmed_txs([(tx.clone(), seen)]);
        self.collect();
        self.refresh_with(txid, plain);
    }

    /// Forgets an unconfirmed transaction of the node's own, whose open is dead: its inputs are coins
    /// again, unless something else spends them. A block that has it after all brings it back.
    pub fn forget(&mut self, txid: Txid, evicted_at: u64) {
        let seen = self.inner.tx_graph().get_tx_node(txid).and_then(|node| node.last_seen);
        let evicted_at = evicted_at.max(seen.unwrap_or(0));
        self.inner.apply_evicted_txs([(txid, evicted_at)]);
        self.collect();
        self.refresh();
    }

    /// An address to give to somebody, never given before.
    pub fn fresh_address(&mut self) -> Address {
        let address = self.inner.reveal_next_address(KeychainKind::External).address;
        self.collect();
        address
    }

    /// Every coin, spendable or not, in the order of their outpoints.
    pub fn coins(&self) -> impl Iterator<Item = &Coin> {
        self.coins.all()
    }

    /// What there is, by what can be done with it.
    pub fn balance(&self, leased: &BTreeSet<OutPoint>) -> Balance {
        self.coins.balance(self.tip().0, leased)
    }

    /// The secret of the node id, for the handshake with peers.
    pub fn node_secret(&self) -> SecretKey {
        *self.keys.node()
    }

    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn is_own(&self, script: &Script) -> bool {
        self.inner.is_mine(ScriptBuf::from(script))
    }

    /// A script for change or a sweep that was never given out.
    pub(crate) fn fresh_internal(&mut self) -> ScriptBuf {
        let info = self.inner.reveal_next_address(KeychainKind::Internal);
        self.collect();
        info.address.script_pubkey()
    }

    /// The script for the change of a transaction that will spend `coins`. If one was built before
    /// that spends any of them, its script serves again: at most one of the two can ever confirm, and
    /// an open that is tried a hundred times does not leave a hundred unused addresses behind, which
    /// a scan with the seed alone would stop at.
    pub(crate) fn change_script(&mut self, coins: &[OutPoint]) -> ScriptBuf {
        let before = self
            .change_indices
            .iter()
            .find(|(_, spent)| spent.iter().any(|coin| coins.contains(coin)))
            .map(|(index, _)| *index);
        let (index, script) = match before {
            Some(index) => {
                let info = self.inner.peek_address(KeychainKind::Internal, index);
                (index, info.address.script_pubkey())
            }
            None => {
                let info = self.inner.reveal_next_address(KeychainKind::Internal);
                self.collect();
                (info.index, info.address.script_pubkey())
            }
        };
        self.change_indices.insert(index, coins.to_vec());
        script
    }

    /// Takes over what bdk staged; whether a transaction is among it.
    fn collect(&mut self) -> bool {
        let Some(staged) = self.inner.take_staged() else { return false };
        let transactions = !staged.tx_graph.is_empty();
        self.changes.merge(staged);
        transactions
    }

    /// Whether a block at this height would meet none to replace, or none to build on: below the
    /// birthday, and where old blocks were folded away.
    fn is_gap(&self, height: u32) -> bool {
        let chain = self.inner.local_chain();
        let below = height.checked_sub(1).and_then(|below| chain.get(below));
        chain.get(height).is_none() || below.is_none()
    }

    /// Ends the chain below a height at which it has a gap: there bdk would take the new block and
    /// keep those above it. No transaction of ours is in a gap, so nothing is lost.
    fn cut(&mut self, height: u32, below_hash: BlockHash) -> Result<(), WalletError> {
        let disconnected = WalletError::Disconnected { height, tip: self.tip().0 };
        let below = height.checked_sub(1).ok_or(disconnected.clone())?;
        let mut all = record::fold(&self.inner);
        let blocks = &mut all.local_chain.blocks;
        let oldest = blocks.keys().find(|at| **at > 0).copied();
        blocks.retain(|at, _| *at < height);
        match blocks.get(&below) {
            Some(Some(hash)) if *hash == below_hash => {}
            None if oldest.is_none_or(|oldest| height <= oldest) => {
                blocks.insert(below, Some(below_hash));
            }
            _ => return Err(disconnected),
        }
        let kept = all.local_chain.blocks.clone();
        let gone = self.inner.local_chain().initial_changeset().blocks.into_keys();
        self.inner = load(&self.keys, self.network, all)?;
        self.changes.local_chain.blocks.extend(gone.map(|at| (at, None)));
        self.changes.local_chain.blocks.extend(kept);
        Ok(())
    }

    /// Makes `block` the only one above the first.
    fn start_at(&mut self, block: BlockId) -> Result<(), WalletError> {
        let error = WalletError::Disconnected { height: block.height, tip: self.tip().0 };
        if block.height == 0 {
            return Ok(());
        }
        let genesis = self.inner.local_chain().genesis_hash();
        let genesis = CheckPoint::new(BlockId { height: 0, hash: genesis });
        let chain = genesis.push(block).map_err(|_| error.clone())?;
        let update = Update { chain: Some(chain), ..Update::default() };
        self.inner.apply_update(update).map_err(|_| error)
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet").field("network", &self.network).finish_non_exhaustive()
    }
}

/// Why a wallet cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletError {
    /// A row is damaged, or of a newer navvy.
    Corrupt,
    /// The rows were written with another seed.
    OtherSeed,
    /// The rows were written on another network.
    OtherNetwork,
    /// A block does not build on the chain that the wallet knows.
    Disconnected {
        /// The block's height.
        height: u32,
        /// The height of the wallet's tip.
        tip: u32,
    },
}

impl fmt::Display for WalletError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt => write!(f, "a row of the wallet is damaged or of a newer version"),
            Self::OtherSeed => write!(f, "the database belongs to another seed"),
            Self::OtherNetwork => write!(f, "the database belongs to another network"),
            Self::Disconnected { height, tip } => {
                write!(f, "block {height} does not connect to the wallet's chain up to {tip}")
            }
        }
    }
}

impl std::error::Error for WalletError {}

/// bdk's wallet of a change set. It has to have these keys.
fn load(keys: &Keys, network: Network, all: ChangeSet) -> Result<bdk_wallet::Wallet, WalletError> {
    bdk_wallet::Wallet::load()
        .descriptor(KeychainKind::External, Some(keys.descriptor(Keychain::External)))
        .descriptor(KeychainKind::Internal, Some(keys.descriptor(Keychain::Internal)))
        .check_network(network)
        .lookahead(LOOKAHEAD)
        .load_wallet_no_persist(all)
        .map_err(load_error)?
        .ok_or(WalletError::Corrupt)
}

fn load_error(error: LoadError) -> WalletError {
    use bdk_wallet::LoadMismatch;
    match error {
        LoadError::Mismatch(LoadMismatch::Descriptor { .. }) => WalletError::OtherSeed,
        LoadError::Mismatch(LoadMismatch::Network { .. } | LoadMismatch::Genesis { .. }) => {
            WalletError::OtherNetwork
        }
        LoadError::Descriptor(_)
        | LoadError::MissingNetwork
        | LoadError::MissingGenesis
        | LoadError::MissingDescriptor(_) => WalletError::Corrupt,
    }
}

/// How many addresses beyond the last one given out are watched for. A scan with the seed alone finds
/// coins as long as no gap between two used addresses is longer.
const LOOKAHEAD: u32 = 200;
