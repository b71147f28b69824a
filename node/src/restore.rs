//! A start: the first one of a data folder, or one after a stop or a crash. Both are the same path: the rows
//! are read, and everything else is derived from them.

use crate::channel::{Channel, ResumedChannel};
use crate::dormant::DormantIndex;
use crate::mempool::Mempool;
use crate::node::{Config, Deadlines, Node, Peer, Timer};
use crate::request::{LIFETIME, Request, RequestStatus};
use crate::thaw::Thawing;
use crate::turn::Turn;
use crate::{Entropy, JournalSubject, Row, Step, Table};
use chain::{Follower, Tip, Watches};
use funding::{Failure, Fees, Now, RecordError, RequestId};
use secp256k1::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use transactions::KeysId;
use wallet::{Seed, Wallet, WalletError};

/// Why the rows make no node. The daemon must not start with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// A record cannot be read.
    Record(&'static str, RecordError),
    /// The wallet's rows cannot be read, or are of another seed.
    Wallet(String),
    /// The rows are of another network, or of another node.
    Foreign(String),
    /// The rows of the chain cannot be read.
    Chain(String),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(table, error) => write!(f, "table {table}: {error}"),
            Self::Wallet(text) | Self::Foreign(text) | Self::Chain(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for RestoreError {}

impl Node {
    /// The first start of a data folder: a node that knows nothing before `birthday`. Its step makes the
    /// folder this node's.
    pub fn create(
        config: Config,
        seed: &Seed,
        birthday: Tip,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> (Self, Step) {
        let block = wallet::BlockId { height: birthday.height, hash: birthday.hash };
        let wallet = Wallet::new(seed, config.network, block);
        let mut node = Self::empty(config, wallet, Follower::new(birthday));
        let mut turn = Turn::new(now, entropy);
        let network = node.config.network.to_string().into_bytes();
        let node_id = node.node_id().serialize().to_vec();
        turn.step.write(Table::Meta, NETWORK.to_vec(), Some(network));
        turn.step.write(Table::Meta, NODE_ID.to_vec(), Some(node_id));
        node.stale_heights.insert(birthday.height);
        node.finish(&mut turn);
        (node, turn.step)
    }

    /// Whether the rows are of a node at all.
    pub fn exists(rows: &[Row]) -> bool {
        rows.iter().any(|(table, key, _)| *table == Table::Meta && key == NODE_ID)
    }

    /// The node of these rows. Its step holds what the restart itself changed: attempts that ended, opens
    /// that became tombstones.
    ///
    /// # Errors
    /// [`RestoreError`]: the rows are left as they are.
    pub fn restore(
        config: Config,
        seed: &Seed,
        rows: &[Row],
        (journal_rows, dormant): (u64, DormantIndex),
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, Step), RestoreError> {
        let wallet_rows: Vec<&Row> = of(rows, Table::Wallet).collect();
        let wallet = Wallet::restore(
            seed,
            config.network,
            wallet_rows.iter().map(|(_, _, value)| value.as_slice()),
        )
        .map_err(|error| RestoreError::Wallet(wallet_text(&error)))?;
        let follower = restore_follower(rows)?;
        let mut node = Self::empty(config, wallet, follower);
        node.check_meta(rows)?;
        node.next_wallet_row = wallet_rows.last().and_then(|(_, key, _)| next(key)).unwrap_or(0);
        node.next_journal = journal_rows;
        let mut turn = Turn::new(now, entropy);
        for (_, key, value) in of(rows, Table::Peers) {
            node.restore_peer(key, value)?;
        }
        node.restore_requests(rows, now)?;
        for (_, key, value) in of(rows, Table::Channels) {
            let keys_id = <[u8; 16]>::try_from(key.as_slice())
                .map_err(|_| damaged("channels", "the key is not 16 bytes"))?;
            node.restore_channel(KeysId(keys_id), value, &mut turn)?;
        }
        node.fold_wallet(&wallet_rows, &mut turn);
        node.forget_old_blocks(of(rows, Table::Chain), &mut turn);
        node.dormant = dormant;
        node.thaw_again(&mut turn);
        node.redial_all(&mut turn);
        node.finish(&mut turn);
        Ok((node, turn.step))
    }

    fn empty(config: Config, wallet: Wallet, follower: Follower) -> Self {
        Self {
            config,
            wallet,
            oldest_row: follower.oldest().height,
            follower,
            stale_heights: BTreeSet::new(),
            fees: Fees::default(),
            synced: false,
            chain_problem: None,
            chain_problem_since: None,
            remaining_blocks: 0,
            stopping: false,
            tip_time: 0,
            peers: BTreeMap::new(),
            conns: BTreeMap::new(),
            channels: BTreeMap::new(),
            requests: BTreeMap::new(),
            routes: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            outpoints: BTreeMap::new(),
            our_outpoints: BTreeSet::new(),
            cancels: BTreeMap::new(),
            never_seen: BTreeSet::new(),
            // Beyond every height.
            touches: u64::from(u32::MAX),
            leases: BTreeMap::new(),
            leased: BTreeSet::new(),
            watches: Watches::new(),
            mempool: Mempool::default(),
            deadlines: Deadlines::default(),
            dormant: DormantIndex::default(),
            thawing: Thawing::default(),
            next_journal: 0,
            next_wallet_row: 0,
        }
    }

    fn check_meta(&self, rows: &[Row]) -> Result<(), RestoreError> {
        let network = self.config.network.to_string();
        let node_id = self.node_id().serialize();
        for (_, key, value) in of(rows, Table::Meta) {
            if key == NETWORK && *value != network.as_bytes() {
                return Err(RestoreError::Foreign(format!(
                    "the data folder is of network {}, not of {network}: choose another folder",
                    String::from_utf8_lossy(value)
                )));
            }
            if key == NODE_ID && *value != node_id {
                return Err(RestoreError::Foreign(
                    "the data folder is of another seed: put the right seed file back".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn restore_peer(&mut self, key: &[u8], value: &[u8]) -> Result<(), RestoreError> {
        let node_id =
            PublicKey::from_slice(key).map_err(|_| damaged("peers", "the key is not a node id"))?;
        let address = Some(String::from_utf8_lossy(value).into_owned());
        self.peers.insert(node_id, Peer { saved: address.clone(), address, ..Peer::default() });
        Ok(())
    }

    fn restore_requests(&mut self, rows: &[Row], now: Now) -> Result<(), RestoreError> {
        let deadline = now.monotonic.after_seconds(LIFETIME);
        for (_, key, value) in of(rows, Table::Requests) {
            let request = Request::resume(key, value, deadline)
                .map_err(|error| RestoreError::Record("requests", error))?;
            let id = request.command.request.clone();
            if !request.status.is_final() {
                self.deadlines.set(Timer::Request(id.clone()), Some(deadline));
                let peer = self.peers.entry(request.command.node_id).or_default();
                if peer.address.is_none() {
                    peer.address.clone_from(&request.command.address);
                }
            }
            self.requests.insert(id, request);
        }
        Ok(())
    }

    fn restore_channel(
        &mut self,
        keys_id: KeysId,
        row: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<(), RestoreError> {
        let resumed =
            Channel::resume(row).map_err(|error| RestoreError::Record("channels", error))?;
        match resumed {
            ResumedChannel::Channel(mut channel, changed) => {
                if let Some(cause) = changed {
                    let name = channel.state.name();
                    let entry = self.journal(
                        keys_id,
                        channel.subject(),
                        "WaitForFundingSigned",
                        name,
                        &cause,
                        turn,
                    );
                    channel.remember(entry);
                    turn.step.write(Table::Channels, keys_id.0.to_vec(), channel.row());
                    self.fail_request(channel.request.clone(), &cause, turn);
                }
                self.peers.entry(channel.node_id).or_default();
                self.list(keys_id, &channel);
                self.channels.insert(keys_id, *channel);
            }
            ResumedChannel::Ended(request, failure) => {
                self.end_attempt(keys_id, request, &failure, turn);
            }
        }
        Ok(())
    }

    fn end_attempt(
        &mut self,
        keys_id: KeysId,
        request: Option<RequestId>,
        failure: &Failure,
        turn: &mut Turn<'_>,
    ) {
        turn.step.write(Table::Channels, keys_id.0.to_vec(), None);
        let subject = JournalSubject { request, ..JournalSubject::default() };
        self.journal(keys_id, subject, failure.stage, "", &failure.text, turn);
    }

    /// After `funding_created` nothing is retried.
    fn fail_request(&mut self, id: Option<RequestId>, cause: &str, turn: &mut Turn<'_>) {
        let Some(id) = id else { return };
        let Some(request) = self.requests.get_mut(&id) else { return };
        request.status =
            RequestStatus::Failed { origin: funding::Origin::Local, text: cause.to_owned() };
        self.deadlines.set(Timer::Request(id.clone()), None);
        self.save_request(&id, turn);
    }

    /// Rows of blocks that are too old to be of use, or cut off from the others.
    fn forget_old_blocks<'a>(&self, rows: impl Iterator<Item = &'a Row>, turn: &mut Turn<'_>) {
        let oldest = self.follower.oldest().height.to_be_bytes();
        for (table, key, _) in rows.filter(|(_, key, _)| key.as_slice() < oldest.as_slice()) {
            turn.step.write(*table, key.clone(), None);
        }
    }

    /// Everyone with whom there is something to do is dialled within the first seconds.
    fn redial_all(&mut self, turn: &mut Turn<'_>) {
        let all: Vec<PublicKey> = self.peers.keys().copied().collect();
        for node_id in all {
            self.schedule_redial(node_id, turn);
        }
    }
}

fn restore_follower(rows: &[Row]) -> Result<Follower, RestoreError> {
    let mut tips = Vec::new();
    for (_, _, value) in of(rows, Table::Chain) {
        let tip = Tip::from_record(value).map_err(|e| RestoreError::Chain(e.to_string()))?;
        tips.push(tip);
    }
    Follower::from_tips(tips)
        .ok_or_else(|| RestoreError::Chain("the table of blocks is empty".to_owned()))
}

fn of(rows: &[Row], wanted: Table) -> impl Iterator<Item = &Row> {
    rows.iter().filter(move |(table, _, _)| *table == wanted)
}

fn next(key: &[u8]) -> Option<u64> {
    u64::from_be_bytes(key.try_into().ok()?).checked_add(1)
}

fn damaged(table: &'static str, text: &str) -> RestoreError {
    RestoreError::Record(table, RecordError::Damaged(text.to_owned()))
}

fn wallet_text(error: &WalletError) -> String {
    format!("the wallet's rows do not fit the seed or the network: {error}")
}

const NETWORK: &[u8] = b"network";
const NODE_ID: &[u8] = b"node_id";
