//! What is on a node's disk, as the simulator knows it: it saw every commit. And what it makes of a row of the
//! channels table.

use bitcoin::OutPoint;
use funding::{FundedChannel, FundingPosition};
use node::{Channel, ChannelState, ResumedChannel, Row, Store, StoreError, Table, Write};
use std::collections::BTreeMap;
use transactions::KeysId;

/// Rows by table and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl Rows {
    /// Does what a commit did.
    pub fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            let key = (write.table, write.key.clone());
            match &write.value {
                Some(value) => drop(self.rows.insert(key, value.clone())),
                None => drop(self.rows.remove(&key)),
            }
        }
    }

    /// Whether these are the rows of the live tables.
    pub fn are(&self, live: &[Row]) -> bool {
        let mut theirs = live.to_vec();
        theirs.sort();
        let is_live = |row: &Row| Table::LIVE.contains(&row.0);
        let all =
            self.rows.iter().map(|((table, key), value)| (*table, key.clone(), value.clone()));
        all.filter(is_live).eq(theirs)
    }

    /// The rows of one table.
    pub fn of(&self, table: Table) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows
            .iter()
            .filter(move |((of, _), _)| *of == table)
            .map(|((_, key), value)| (key.as_slice(), value.as_slice()))
    }

    /// One row.
    pub fn at(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(&(table, key.to_vec())).map(Vec::as_slice)
    }
}

/// A store that keeps what was written, and hands it on or not.
pub struct Recorder<'a> {
    /// The disk; none for a commit that only looks like one.
    pub inner: Option<&'a mut dyn Store>,
    /// What was written.
    pub writes: Vec<Write>,
}

impl Store for Recorder<'_> {
    fn live(&self) -> Result<Vec<Row>, StoreError> {
        Ok(Vec::new())
    }

    fn read(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn range(&self, _: Table, _: &[u8], _: usize) -> Result<Vec<Row>, StoreError> {
        Ok(Vec::new())
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.writes = writes.to_vec();
        match &mut self.inner {
            Some(inner) => inner.write(writes),
            None => Ok(()),
        }
    }
}

/// A row of the channels table, as a restart would read it.
#[derive(Clone, Debug)]
pub struct Durable {
    /// The channel; none for an attempt.
    pub channel: Option<FundedChannel>,
}

impl Durable {
    /// Reads a row.
    pub fn read(row: &[u8]) -> Result<Self, String> {
        match Channel::resume(row).map_err(|error| format!("a row cannot be read: {error}"))? {
            ResumedChannel::Channel(channel, _) => {
                Ok(Self { channel: channel.state.channel().cloned() })
            }
            ResumedChannel::Ended(..) => Ok(Self { channel: None }),
        }
    }
}

/// The coins that a channel must hold, by our own reading: those of an attempt; those of a funding
/// transaction that is signed for and in no block; those of the child of a commitment, until it is in one.
pub fn coins_of(state: &ChannelState) -> Vec<OutPoint> {
    let spent_by = |channel: &FundedChannel| -> Vec<OutPoint> {
        let transaction = channel.funding_transaction.iter();
        transaction.flat_map(|tx| tx.input.iter().map(|input| input.previous_output)).collect()
    };
    let is_confirmed =
        |channel: &FundedChannel| matches!(channel.position, FundingPosition::Confirmed { .. });
    let mut coins = Vec::new();
    match state {
        ChannelState::Funding(funding::State::Tombstone(_)) => {}
        ChannelState::Funding(state) => {
            coins.extend(state.attempt().map(|attempt| attempt.coins.clone()).unwrap_or_default());
        }
        ChannelState::Closing(_) => {}
    }
    let is_dead = matches!(state, ChannelState::Funding(funding::State::Tombstone(_)));
    if let Some(channel) = state.channel().filter(|channel| !is_dead && !is_confirmed(channel)) {
        coins.extend(spent_by(channel));
    }
    if let ChannelState::Closing(closing::State::Closing(closing)) = state
        && let closing::Plan::Force { child: Some(child), .. } = &closing.plan
        && child.confirmed.is_none()
    {
        let inputs = child.transaction.input.iter().map(|input| input.previous_output);
        coins.extend(inputs.filter(|outpoint| *outpoint != child.anchor));
    }
    coins
}

/// The key of a row of the channels table.
pub fn keys_id(key: &[u8]) -> Result<KeysId, String> {
    key.try_into().map(KeysId).map_err(|_| "a channel's key has not 16 bytes".to_owned())
}
