//! The whole node as one value: events in, steps out.

mod store;

pub use store::{Row, Store, StoreError, Table, Write};
