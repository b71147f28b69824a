//! Committed rows for readers that are not the node.

use crate::database::{definition, rows};
use crate::error::store_error;
use node::{Row, StoreError, Table};
use redb::{ReadableDatabase, ReadableTable};
use std::path::Path;
use std::sync::Arc;

/// A read-only handle: each call sees the newest commit, whole. Cheap to clone, usable on any thread
/// while the node goes on writing. The file stays open until the last handle is gone.
#[derive(Clone, Debug)]
pub struct History {
    database: Arc<redb::Database>,
}

impl History {
    pub(crate) fn new(database: Arc<redb::Database>) -> Self {
        Self { database }
    }

    /// One row.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.database.begin_read().map_err(store_error)?;
        let table = match transaction.open_table(definition(table)) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(store_error(error)),
        };
        let value = table.get(key).map_err(store_error)?;
        Ok(value.map(|guard| guard.value().to_vec()))
    }

    /// Rows of a table from the key `from` on, at most `limit`, in the order of the keys.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let transaction = self.database.begin_read().map_err(store_error)?;
        rows(&transaction, table, from, limit)
    }

    /// Writes the newest commit into a fresh file at `path`, while the node goes on. The file is
    /// complete and durable on return; it holds no key of ours.
    ///
    /// # Errors
    /// When `path` exists, or the medium fails; what was written then is of no use.
    pub fn backup(&self, path: &Path) -> Result<(), StoreError> {
        let transaction = self.database.begin_read().map_err(store_error)?;
        crate::database::copy_to_new_file(path, |target| {
            for table in Table::ALL {
                let mut to = target.open_table(definition(table)).map_err(store_error)?;
                let from = match transaction.open_table(definition(table)) {
                    Ok(from) => from,
                    Err(redb::TableError::TableDoesNotExist(_)) => continue,
                    Err(error) => return Err(store_error(error)),
                };
                for row in from.iter().map_err(store_error)? {
                    let (key, value) = row.map_err(store_error)?;
                    to.insert(key.value(), value.value()).map_err(store_error)?;
                }
            }
            Ok(())
        })
    }
}
