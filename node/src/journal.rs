//! The journal: a numbered row for every change of a durable record.

use crate::channel::{read_entry, write_entry};
use crate::{HistoryEntry, Store, StoreError, Table};
use funding::RecordError;
use funding::record::read_version;
use transactions::KeysId;
use wire::codec::Reader;

/// A row: whose transition it is, and the transition.
pub fn journal_row(keys_id: KeysId, entry: &HistoryEntry) -> Vec<u8> {
    let mut row = vec![VERSION];
    row.extend_from_slice(&keys_id.0);
    write_entry(&mut row, entry);
    row
}

/// Reads what [`journal_row`] wrote.
///
/// # Errors
/// [`RecordError`]: it is damaged, or of a later version.
pub fn read_journal_row(row: &[u8]) -> Result<(KeysId, HistoryEntry), RecordError> {
    let mut r = Reader::new("journal row", row);
    read_version(&mut r, VERSION)?;
    let keys_id = KeysId(r.array("keys_id")?);
    let entry = read_entry(&mut r)?;
    r.finish("journal row")?;
    Ok((keys_id, entry))
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

const VERSION: u8 = 1;
