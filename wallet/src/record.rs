//! The wallet's rows: bdk's change sets in an encoding of our own, so that neither a new version of
//! bdk nor of a serializer can change what is on disk.
//!
//! A row is the version byte and then each part of the change set in Bitcoin's encoding: a list is
//! its length as a compact size and its items, an option a list of at most one. Parts that this
//! wallet does not use (bdk's own locks and its script cache) are not written.

use bdk_wallet::ChangeSet;
use bdk_wallet::KeychainKind;
use bdk_wallet::chain::{BlockId, ConfirmationBlockTime, DescriptorExt, DescriptorId, Merge};
use bdk_wallet::miniscript::{Descriptor, DescriptorPublicKey};
use bitcoin::consensus::encode::{Decodable, Encodable, VarInt};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{BlockHash, Network, Transaction, Txid};
use std::str::FromStr;
use std::sync::Arc;

/// The row of a change set.
pub(crate) fn encode(changes: &ChangeSet) -> Vec<u8> {
    // Names every part, so that one that a new bdk adds is not forgotten here.
    let ChangeSet {
        descriptor,
        change_descriptor,
        network,
        local_chain,
        tx_graph,
        indexer,
        locked_outpoints: _,
    } = changes;
    let mut row = Row(vec![VERSION]);
    row.list(descriptor, |row, it| row.text(&it.to_string()));
    row.list(change_descriptor, |row, it| row.text(&it.to_string()));
    row.list(network, |row, it| row.put(&it.magic().to_bytes()));
    row.list(&local_chain.blocks, |row, (height, hash)| {
        row.put(height);
        row.list(hash, Row::put);
    });
    row.list(&tx_graph.txs, |row, tx| row.put(tx.as_ref()));
    row.list(&tx_graph.txouts, |row, (outpoint, output)| {
        row.put(outpoint);
        row.put(output);
    });
    row.list(&tx_graph.anchors, |row, (anchor, txid)| {
        row.put(&anchor.block_id.height);
        row.put(&anchor.block_id.hash);
        row.put(&anchor.confirmation_time);
        row.put(txid);
    });
    for times in [&tx_graph.first_seen, &tx_graph.last_seen, &tx_graph.last_evicted] {
        row.list(times, |row, (txid, time)| {
            row.put(txid);
            row.put(time);
        });
    }
    row.list(&indexer.last_revealed, |row, (id, index)| {
        row.put(&id.0.to_byte_array());
        row.put(index);
    });
    row.0
}

/// The change set of a row; `None` if the row is damaged or of a version that is not known.
pub(crate) fn decode(row: &[u8]) -> Option<ChangeSet> {
    let (version, mut rest) = row.split_first()?;
    if *version != VERSION {
        return None;
    }
    let from = &mut rest;
    let mut changes = ChangeSet {
        descriptor: list(from, descriptor)?.pop(),
        change_descriptor: list(from, descriptor)?.pop(),
        network: list(from, network)?.pop(),
        ..ChangeSet::default()
    };
    changes.local_chain.blocks =
        list(from, |from| Some((take(from)?, list(from, take::<BlockHash>)?.pop())))?
            .into_iter()
            .collect();
    let graph = &mut changes.tx_graph;
    graph.txs = list(from, |from| take::<Transaction>(from).map(Arc::new))?.into_iter().collect();
    graph.txouts = list(from, |from| Some((take(from)?, take(from)?)))?.into_iter().collect();
    graph.anchors = list(from, anchor)?.into_iter().collect();
    for times in [&mut graph.first_seen, &mut graph.last_seen, &mut graph.last_evicted] {
        *times = list(from, |from| Some((take(from)?, take(from)?)))?.into_iter().collect();
    }
    changes.indexer.last_revealed = list(from, |from| {
        let id = sha256::Hash::from_byte_array(take(from)?);
        Some((DescriptorId(id), take(from)?))
    })?
    .into_iter()
    .collect();
    from.is_empty().then_some(changes)
}

/// Everything that bdk knows, as one change set. Of the chain only what is of use again: the blocks
/// of our transactions, and the last ones for reorganisations.
pub(crate) fn fold(wallet: &bdk_wallet::Wallet) -> ChangeSet {
    let mut changes = ChangeSet {
        network: Some(wallet.network()),
        local_chain: wallet.local_chain().initial_changeset(),
        tx_graph: wallet.tx_graph().initial_changeset(),
        ..ChangeSet::default()
    };
    let descriptors = [KeychainKind::External, KeychainKind::Internal]
        .map(|keychain| (keychain, wallet.public_descriptor(keychain).clone()));
    let revealed = wallet.spk_index().last_revealed_indices();
    for (keychain, descriptor) in &descriptors {
        if let Some(index) = revealed.get(keychain) {
            changes.indexer.last_revealed.insert(descriptor.descriptor_id(), *index);
        }
    }
    let [(_, external), (_, internal)] = descriptors;
    changes.descriptor = Some(external);
    changes.change_descriptor = Some(internal);
    let recent = wallet.latest_checkpoint().height().saturating_sub(KEPT_BLOCKS);
    let ours: std::collections::BTreeSet<u32> =
        changes.tx_graph.anchors.iter().map(|(anchor, _)| anchor.block_id.height).collect();
    changes
        .local_chain
        .blocks
        .retain(|height, _| *height == 0 || *height >= recent || ours.contains(height));
    changes
}

/// Adds the changes of a row to those before it; `None` if they are of another wallet.
pub(crate) fn add(all: &mut ChangeSet, changes: ChangeSet) -> Option<()> {
    let fits = same(&all.descriptor, &changes.descriptor)
        && same(&all.change_descriptor, &changes.change_descriptor)
        && same(&all.network, &changes.network);
    fits.then(|| all.merge(changes))
}

fn same<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// A row that is being written.
struct Row(Vec<u8>);

impl Row {
    fn put(&mut self, value: &(impl Encodable + ?Sized)) {
        // A vector takes every byte.
        let _ = value.consensus_encode(&mut self.0);
    }

    fn text(&mut self, text: &str) {
        self.put(&text.as_bytes().to_vec());
    }

    fn list<I: IntoIterator>(&mut self, items: I, mut put: impl FnMut(&mut Self, I::Item))
    where
        I::IntoIter: ExactSizeIterator,
    {
        let items = items.into_iter();
        self.put(&VarInt::from(items.len()));
        for item in items {
            put(self, item);
        }
    }
}

fn take<T: Decodable>(from: &mut &[u8]) -> Option<T> {
    T::consensus_decode(from).ok()
}

fn list<T>(from: &mut &[u8], mut item: impl FnMut(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count = take::<VarInt>(from)?.0;
    // No capacity from a number that may be damaged.
    (0..count).map(|_| item(from)).collect()
}

fn descriptor(from: &mut &[u8]) -> Option<Descriptor<DescriptorPublicKey>> {
    let text = String::from_utf8(take(from)?).ok()?;
    Descriptor::from_str(&text).ok()
}

fn network(from: &mut &[u8]) -> Option<Network> {
    let magic = bitcoin::p2p::Magic::from_bytes(take(from)?);
    Network::try_from(magic).ok()
}

fn anchor(from: &mut &[u8]) -> Option<(ConfirmationBlockTime, Txid)> {
    let block_id = BlockId { height: take(from)?, hash: take(from)? };
    let anchor = ConfirmationBlockTime { block_id, confirmation_time: take(from)? };
    Some((anchor, take(from)?))
}

/// The first byte of every row.
const VERSION: u8 = 1;
/// How many blocks below the tip are kept when rows are folded: more than the chain's follower
/// remembers, so that the wallet can go back wherever the follower can.
const KEPT_BLOCKS: u32 = 2300;
