//! The journal: a numbered row for every change of a durable record.

use crate::{Store, StoreError, Table};

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
