//! Channels at rest: a peer's opens that no block has ever held, beyond those that there is room for. Their rows
//! are on disk only; in memory is what finds them again.

use crate::channel::Channel;
use crate::{Row, Store, StoreError, Table};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Transaction, Txid};
use funding::RecordError;
use funding::record::{read_transaction, read_version, write_transaction};
use secp256k1::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use transactions::{Height, KeysId};
use wire::codec::{Reader, Writer};

/// What finds a channel at rest: by its funding transaction, by its peer, by its age.
#[derive(Clone, Debug, Default)]
pub struct DormantIndex {
    by_txid: BTreeSet<(u64, KeysId)>,
    by_peer: BTreeSet<(u64, KeysId)>,
    by_age: BTreeSet<(u32, KeysId)>,
    /// Those that were seen in a block, and were not read since: what was seen.
    pub(crate) seen: BTreeMap<KeysId, Vec<Sighting>>,
}

/// What stands before a channel's own row: enough for the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DormantHead {
    /// The first 8 bytes of the funding txid.
    pub txid: u64,
    /// 8 bytes of the peer's id.
    pub peer: u64,
    /// The height at which it was signed for.
    pub start_height: Height,
}

/// A transaction in a block that concerns a channel at rest: its funding, or a spend of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The block.
    pub block: BlockHash,
    /// Its height.
    pub height: Height,
    /// Where in the block.
    pub tx_index: u32,
    /// The transaction.
    pub transaction: Transaction,
}

impl DormantHead {
    /// Of a channel that is funded; nothing else is ever at rest.
    pub(crate) fn of(channel: &Channel) -> Option<Self> {
        let funded = channel.state.channel()?;
        Some(Self {
            txid: txid_key(&funded.outpoint.txid),
            peer: peer_key(&funded.node_id),
            start_height: funded.start_height,
        })
    }
}

impl DormantIndex {
    /// The index of a disk.
    ///
    /// # Errors
    /// The store's; a row that cannot be read is [`StoreError::Corrupt`].
    pub fn read(store: &impl Store) -> Result<Self, StoreError> {
        let mut index = Self::default();
        let mut from = Vec::new();
        loop {
            let rows = store.range(Table::Dormant, &from, ROWS_AT_ONCE)?;
            let Some((_, last, _)) = rows.last() else { return Ok(index) };
            from = [last.as_slice(), &[0]].concat();
            for row in &rows {
                index.read_row(row).map_err(|error| {
                    StoreError::Corrupt(format!("a row of the dormant channels: {error}"))
                })?;
            }
        }
    }

    fn read_row(&mut self, (_, key, value): &Row) -> Result<(), RecordError> {
        let mut r = Reader::new("dormant row", value);
        let mut key = Reader::new("dormant key", key);
        let keys_id = KeysId(key.array("keys_id")?);
        if key.rest().is_empty() {
            self.add(keys_id, read_head(&mut r)?);
        } else {
            self.seen.insert(keys_id, read_sightings(r)?);
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    pub(crate) fn add(&mut self, keys_id: KeysId, head: DormantHead) {
        self.by_txid.insert((head.txid, keys_id));
        self.by_peer.insert((head.peer, keys_id));
        self.by_age.insert((head.start_height.0, keys_id));
    }

    pub(crate) fn remove(&mut self, keys_id: KeysId, head: DormantHead) {
        self.by_txid.remove(&(head.txid, keys_id));
        self.by_peer.remove(&(head.peer, keys_id));
        self.by_age.remove(&(head.start_height.0, keys_id));
    }

    /// Those whose funding transaction may be this one.
    pub(crate) fn of_txid(&self, txid: &Txid) -> Vec<KeysId> {
        of(&self.by_txid, txid_key(txid))
    }

    /// Those that may be of this peer.
    pub(crate) fn of_peer(&self, node_id: &PublicKey) -> Vec<KeysId> {
        of(&self.by_peer, peer_key(node_id))
    }

    /// Takes out those that began at or below this height.
    pub(crate) fn take_old(&mut self, height: u32) -> Vec<KeysId> {
        let old: Vec<KeysId> = self
            .by_age
            .range(..=(height, KeysId([0xff; 16])))
            .map(|(_, keys_id)| *keys_id)
            .filter(|keys_id| !self.seen.contains_key(keys_id))
            .collect();
        if !old.is_empty() {
            let gone: BTreeSet<KeysId> = old.iter().copied().collect();
            self.by_txid.retain(|(_, keys_id)| !gone.contains(keys_id));
            self.by_peer.retain(|(_, keys_id)| !gone.contains(keys_id));
            self.by_age.retain(|(_, keys_id)| !gone.contains(keys_id));
        }
        old
    }
}

/// The row of a channel at rest.
pub(crate) fn dormant_row(head: DormantHead, row: &[u8]) -> Vec<u8> {
    let mut out = vec![VERSION];
    let mut w = Writer::new(&mut out);
    w.u64(head.txid);
    w.u64(head.peer);
    w.u32(head.start_height.0);
    w.bytes(row);
    out
}

/// The head of a row of a channel at rest, and the channel's own row.
pub(crate) fn read_dormant_row(value: &[u8]) -> Result<(DormantHead, &[u8]), RecordError> {
    let mut r = Reader::new("dormant row", value);
    let head = read_head(&mut r)?;
    Ok((head, r.rest()))
}

/// The key of what was seen of a channel at rest, beside that of its row.
pub(crate) fn sightings_key(keys_id: KeysId) -> Vec<u8> {
    [&keys_id.0[..], &[SIGHTINGS]].concat()
}

/// What was seen of a channel at rest.
pub(crate) fn sightings_row(sightings: &[Sighting]) -> Vec<u8> {
    let mut out = vec![VERSION];
    Writer::new(&mut out).bigsize(u64::try_from(sightings.len()).unwrap_or(u64::MAX));
    for sighting in sightings {
        let mut w = Writer::new(&mut out);
        w.bytes(&sighting.block.to_byte_array());
        w.u32(sighting.height.0);
        w.u32(sighting.tx_index);
        write_transaction(&mut out, &sighting.transaction);
    }
    out
}

fn read_head(r: &mut Reader<'_>) -> Result<DormantHead, RecordError> {
    read_version(r, VERSION)?;
    Ok(DormantHead {
        txid: r.u64("txid")?,
        peer: r.u64("peer")?,
        start_height: Height(r.u32("start_height")?),
    })
}

fn read_sightings(mut r: Reader<'_>) -> Result<Vec<Sighting>, RecordError> {
    read_version(&mut r, VERSION)?;
    let mut sightings = Vec::new();
    for _ in 0..r.bigsize("sightings")? {
        sightings.push(Sighting {
            block: BlockHash::from_byte_array(r.array("block")?),
            height: Height(r.u32("height")?),
            tx_index: r.u32("tx_index")?,
            transaction: read_transaction(&mut r)?,
        });
    }
    r.finish("dormant row")?;
    Ok(sightings)
}

fn of(index: &BTreeSet<(u64, KeysId)>, key: u64) -> Vec<KeysId> {
    let all = index.range((key, KeysId([0; 16]))..=(key, KeysId([0xff; 16])));
    all.map(|(_, keys_id)| *keys_id).collect()
}

/// Two that share it are both read: that is all that a peer gains who looks for such a pair.
fn txid_key(txid: &Txid) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = txid.to_byte_array();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn peer_key(node_id: &PublicKey) -> u64 {
    let [_, a, b, c, d, e, f, g, h, ..] = node_id.serialize();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

const VERSION: u8 = 1;
/// What a key ends in under which sightings are.
const SIGHTINGS: u8 = 1;
const ROWS_AT_ONCE: usize = 1_000;
