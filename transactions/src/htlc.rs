//! HTLC outputs and HTLC transactions (BOLT 3).
use crate::MilliSatoshi;

/// A hashed time-locked contract in a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Htlc {
    /// Whether the commitment's owner offered it.
    pub offered: bool,
    /// Amount.
    pub amount: MilliSatoshi,
    /// Payment hash.
    pub payment_hash: [u8; 32],
    /// Height from which it can time out.
    pub cltv_expiry: u32,
}
