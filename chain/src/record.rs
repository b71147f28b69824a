//! Followed blocks as bytes on disk.
//!
//! Version 1. One block: the version byte, its height (4 bytes, big-endian), its hash (32 bytes, in
//! the order of the wire). A follower: the version byte, the height of its oldest block (4 bytes),
//! then the hashes from there up, 32 bytes each.

use std::fmt;

use bitcoin::BlockHash;
use bitcoin::hashes::Hash;

use crate::{Follower, Tip};

impl Tip {
    /// The block as a record of 37 bytes.
    pub fn record(&self) -> Vec<u8> {
        let mut record = vec![VERSION];
        record.extend_from_slice(&self.height.to_be_bytes());
        record.extend_from_slice(self.hash.as_byte_array());
        record
    }

    /// Reads what [`Tip::record`] wrote.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn from_record(record: &[u8]) -> Result<Self, RecordError> {
        match read(record)? {
            (height, [hash]) => Ok(Self { height, hash: BlockHash::from_byte_array(*hash) }),
            (_, _) => Err(RecordError::Length(record.len())),
        }
    }
}

impl Follower {
    /// All that is remembered, as one record: about 70 kB when full. Where that is too much for
    /// each block, keep a row of [`Tip::record`] for each block instead and start with
    /// [`Follower::from_tips`].
    pub fn record(&self) -> Vec<u8> {
        let mut record = vec![VERSION];
        record.extend_from_slice(&self.oldest().height.to_be_bytes());
        for tip in self.tips() {
            record.extend_from_slice(tip.hash.as_byte_array());
        }
        record
    }

    /// Reads what [`Follower::record`] wrote.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn from_record(record: &[u8]) -> Result<Self, RecordError> {
        let (oldest, hashes) = read(record)?;
        let last = u32::try_from(hashes.len()).ok().and_then(|count| oldest.checked_add(count));
        let heights = oldest..last.ok_or(RecordError::Length(record.len()))?;
        let hashes = hashes.iter().map(|hash| BlockHash::from_byte_array(*hash));
        let tips = heights.zip(hashes).map(|(height, hash)| Tip { height, hash });
        Self::from_tips(tips).ok_or(RecordError::Length(record.len()))
    }
}

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Written by a version of this program that we do not know.
    Version(u8),
    /// No record has this many bytes.
    Length(usize),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "a record of followed blocks in version {version}, we know {VERSION}")
            }
            Self::Length(length) => write!(f, "no record of followed blocks has {length} bytes"),
        }
    }
}

impl std::error::Error for RecordError {}

/// Height and hashes of any record.
fn read(record: &[u8]) -> Result<(u32, &[[u8; 32]]), RecordError> {
    let (version, rest) = record.split_first().ok_or(RecordError::Length(0))?;
    if *version != VERSION {
        return Err(RecordError::Version(*version));
    }
    let (height, hashes) =
        rest.split_first_chunk::<4>().ok_or(RecordError::Length(record.len()))?;
    match hashes.as_chunks::<32>() {
        (hashes, []) => Ok((u32::from_be_bytes(*height), hashes)),
        (_, _) => Err(RecordError::Length(record.len())),
    }
}

const VERSION: u8 = 1;
