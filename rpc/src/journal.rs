//! The journal as it is on disk: what every replay reads.

use crate::host::Host;
use node::{JournalRow, Table};
use std::sync::Arc;
use tonic::Status;

/// A row with its number.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) row: JournalRow,
}

impl Host {
    /// Rows from a number on, at most so many as are read in one go; none: that was all.
    pub(crate) async fn journal(&self, from: u64) -> Result<Vec<Numbered>, Status> {
        let history = Arc::clone(&self.history);
        let read = tokio::task::spawn_blocking(move || {
            history.range(Table::Journal, &from.to_be_bytes(), AT_ONCE)
        });
        let rows = read.await.map_err(|_| Status::internal("the journal cannot be read"))?;
        let rows = rows.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut numbered = Vec::with_capacity(rows.len());
        for (_, key, value) in rows {
            let number = <[u8; 8]>::try_from(key.as_slice()).map(u64::from_be_bytes);
            let number = number.map_err(|_| Status::data_loss("a journal key has not 8 bytes"))?;
            let row = JournalRow::read(&value)
                .map_err(|error| Status::data_loss(format!("journal row {number}: {error}")))?;
            numbered.push(Numbered { number, row });
        }
        Ok(numbered)
    }
}

const AT_ONCE: usize = 1_000;
