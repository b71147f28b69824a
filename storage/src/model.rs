//! What a store has to hold, kept in a map, and writes to try it with.

use crate::{Database, FaultyDisk};
use node::{Row, Store, StoreError, Table, Write};
use std::collections::BTreeMap;

/// A store as it has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model(BTreeMap<(usize, Vec<u8>), Vec<u8>>);

impl Model {
    pub(crate) fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            let table = Table::ALL.iter().position(|table| *table == write.table).unwrap();
            let key = (table, write.key.clone());
            match &write.value {
                Some(value) => drop(self.0.insert(key, value.clone())),
                None => drop(self.0.remove(&key)),
            }
        }
    }

    /// Everything that can be read of a store, through each of the ways to read.
    pub(crate) fn of(database: &Database) -> Result<Self, StoreError> {
        let mut all = BTreeMap::new();
        let mut live = Vec::new();
        for (number, table) in Table::ALL.into_iter().enumerate() {
            let rows = database.range(table, &[], usize::MAX)?;
            for (of, key, value) in &rows {
                assert_eq!(*of, table);
                assert_eq!(database.read(table, key)?.as_ref(), Some(value));
                all.insert((number, key.clone()), value.clone());
            }
            if Table::LIVE.contains(&table) {
                live.extend(rows);
            }
        }
        let by_table = |rows: Vec<Row>| {
            let mut rows: Vec<_> = rows.into_iter().map(|(t, k, v)| (t.name(), k, v)).collect();
            rows.sort();
            rows
        };
        assert_eq!(by_table(database.live()?), by_table(live));
        Ok(Self(all))
    }
}

/// The commit with this number: a few rows, as an open and a block would write them, and removals.
pub(crate) fn commit(number: u64) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for _ in 0..=next(4) {
        let table = Table::ALL[next(8) as usize];
        let key = vec![next(20) as u8; 1 + next(3) as usize];
        let length = [3, 40, 1_500, 9_000][next(4) as usize];
        let value = (next(5) > 0).then(|| vec![number as u8; length]);
        writes.push(Write { table, key, value });
    }
    let key = number.to_be_bytes().to_vec();
    writes.push(Write { table: Table::Journal, key, value: Some(number.to_be_bytes().to_vec()) });
    writes
}

/// A disk with this many commits, the state after each of them, and the store, still open.
pub(crate) fn filled(commits: u64) -> (FaultyDisk, Vec<Model>, Database) {
    let disk = FaultyDisk::new();
    let mut database = Database::with_backend(disk.clone()).unwrap();
    let mut states = vec![Model::default()];
    let mut model = Model::default();
    for number in 0..commits {
        let writes = commit(number);
        database.write(&writes).unwrap();
        model.apply(&writes);
        states.push(model.clone());
    }
    (disk, states, database)
}

/// Opens a disk; what it holds, or why it was refused. A panic escapes.
pub(crate) fn reopen(disk: &FaultyDisk) -> Result<Model, StoreError> {
    let database = Database::with_backend(disk.clone())?;
    Model::of(&database)
}
