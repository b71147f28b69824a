//! The journal: a numbered row for every change of a durable record.

use crate::channel::{Channel, read_entry, write_entry, write_text};
use crate::{HistoryEntry, Store, StoreError, Table};
use bitcoin::OutPoint;
use funding::record::{
    read_option, read_outpoint, read_text, read_version, write_option, write_outpoint,
};
use funding::{RecordError, RequestId};
use secp256k1::PublicKey;
use transactions::KeysId;
use wire::codec::{Reader, Writer};

/// A row: whose transition it is, and the transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    /// The name of the keys, and of the record.
    pub keys_id: KeysId,
    /// What else it goes by.
    pub subject: JournalSubject,
    /// The transition.
    pub entry: HistoryEntry,
}

/// What an open or a channel goes by, as far as it was known at its transition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalSubject {
    /// The peer; `None` in rows of an early version, and of an attempt that ended with the process.
    pub node_id: Option<PublicKey>,
    /// The request that it serves.
    pub request: Option<RequestId>,
    /// Its funding output.
    pub outpoint: Option<OutPoint>,
}

impl JournalRow {
    /// As it is stored.
    pub fn row(&self) -> Vec<u8> {
        let mut row = vec![VERSION];
        row.extend_from_slice(&self.keys_id.0);
        let JournalSubject { node_id, request, outpoint } = &self.subject;
        write_option(&mut row, node_id.as_ref(), |out, id| Writer::new(out).point(id));
        write_option(&mut row, request.as_ref(), |out, request| write_text(out, &request.0));
        write_option(&mut row, outpoint.as_ref(), write_outpoint);
        write_entry(&mut row, &self.entry);
        row
    }

    /// Reads what [`JournalRow::row`] wrote, now or in an earlier version.
    ///
    /// # Errors
    /// [`RecordError`]: it is damaged, or of a later version.
    pub fn read(row: &[u8]) -> Result<Self, RecordError> {
        let mut r = Reader::new("journal row", row);
        let version = read_version(&mut r, VERSION)?;
        let keys_id = KeysId(r.array("keys_id")?);
        let subject = if version == 1 {
            JournalSubject::default()
        } else {
            JournalSubject {
                node_id: read_option(&mut r, |r| Ok(r.point("node_id")?))?,
                request: read_option(&mut r, read_text)?.map(RequestId),
                outpoint: read_option(&mut r, read_outpoint)?,
            }
        };
        let entry = read_entry(&mut r)?;
        r.finish("journal row")?;
        Ok(Self { keys_id, subject, entry })
    }
}

impl Channel {
    /// What the journal says of it.
    pub(crate) fn subject(&self) -> JournalSubject {
        JournalSubject {
            node_id: Some(self.node_id),
            request: self.request.clone(),
            outpoint: self.state.channel().map(|channel| channel.outpoint),
        }
    }
}

/// The number of the next row, for [`crate::Node::restore`]. Numbers have no gaps but at the beginning, so
/// that the last one is found by bisection.
///
/// # Errors
/// The store's.
pub fn next_journal_number(store: &impl Store) -> Result<u64, StoreError> {
    let first = |from: u64| -> Result<Option<u64>, StoreError> {
        let rows = store.range(Table::Journal, &from.to_be_bytes(), 1)?;
        let key = rows.first().and_then(|(_, key, _)| key.as_slice().try_into().ok());
        Ok(key.map(u64::from_be_bytes))
    };
    let Some(mut known) = first(0)? else { return Ok(0) };
    let mut beyond = u64::MAX;
    while beyond.saturating_sub(known) > 1 {
        let middle = known.saturating_add(beyond.saturating_sub(known) / 2);
        match first(middle)? {
            Some(found) => known = found,
            None => beyond = middle,
        }
    }
    Ok(known.saturating_add(1))
}

const VERSION: u8 = 2;
