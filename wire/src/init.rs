//! `init`, type 16 (BOLT 1).
use crate::Features;
use bitcoin::constants::ChainHash;

/// `init`, type 16 (BOLT 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// `globalfeatures` and `features`, together.
    pub features: Features,
    /// TLV 1: the chains the sender serves.
    pub networks: Option<Vec<ChainHash>>,
    /// TLV 3: our address as the sender sees it, undecoded.
    pub remote_address: Option<Vec<u8>>,
}
