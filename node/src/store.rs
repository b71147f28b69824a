//! What the node needs of a disk. `storage` implements it over redb and knows bytes only.

use std::fmt;

/// A table of the store. The numbers in [`Table::name`] order are not stored: the names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Format version, network, node id.
    Meta,
    /// What the chain follower knows: its tip and last headers.
    Chain,
    /// The wallet's change sets, in order of their keys.
    Wallet,
    /// Requests of clients, by their id.
    Requests,
    /// Attempts, channels and tombstones, by [`transactions::KeysId`].
    Channels,
    /// Channels and tombstones at rest: read one by one when they are needed.
    Dormant,
    /// The journal, by number (8 bytes, big-endian).
    Journal,
    /// Addresses of peers, by node id.
    Peers,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 8] = [
        Self::Meta,
        Self::Chain,
        Self::Wallet,
        Self::Requests,
        Self::Channels,
        Self::Dormant,
        Self::Journal,
        Self::Peers,
    ];

    /// The tables whose rows live in memory while the node runs.
    pub const LIVE: [Self; 6] =
        [Self::Meta, Self::Chain, Self::Wallet, Self::Requests, Self::Channels, Self::Peers];

    /// Its name on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Chain => "chain",
            Self::Wallet => "wallet",
            Self::Requests => "requests",
            Self::Channels => "channels",
            Self::Dormant => "dormant",
            Self::Journal => "journal",
            Self::Peers => "peers",
        }
    }
}

/// One change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which table.
    pub table: Table,
    /// Which row.
    pub key: Vec<u8>,
    /// What it holds from now on; `None` removes it.
    pub value: Option<Vec<u8>>,
}

/// A row as it was read: table, key, value.
pub type Row = (Table, Vec<u8>, Vec<u8>);

/// A disk.
pub trait Store {
    /// All rows of the tables in [`Table::LIVE`], each table in the order of its keys.
    fn live(&self) -> Result<Vec<Row>, StoreError>;

    /// One row of any table.
    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows of a table from a key on, at most `limit`.
    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;

    /// All of it or none, and durable on return. After an error the store is dead: the process ends.
    fn write(&mut self, writes: &[Write]) -> Result<(), StoreError>;
}

/// Why the disk failed. The process ends with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The file is damaged or is not ours; it was left untouched.
    Corrupt(String),
    /// Another process has the file open.
    InUse(String),
    /// No room.
    Full(String),
    /// Any other failure of the medium.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(text) => write!(f, "the database is corrupt or foreign: {text}"),
            Self::InUse(text) => write!(f, "the database is in use: {text}"),
            Self::Full(text) => write!(f, "the disk is full: {text}"),
            Self::Failed(text) => write!(f, "the disk failed: {text}"),
        }
    }
}

impl std::error::Error for StoreError {}
