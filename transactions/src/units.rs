//! The units. `bitcoin::Amount` is the unit of coins.

/// An amount in thousandths of a satoshi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MilliSatoshi(pub u64);

/// A feerate in satoshi per 1,000 weight units (BOLT 2, `feerate_per_kw`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeeratePerKw(pub u32);

/// A block height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u32);

/// A number of confirmations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(pub u32);

/// Milliseconds since 1970, for records; never for deadlines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl MilliSatoshi {
    /// Whole satoshi, rounded down.
    pub fn floor(self) -> bitcoin::Amount { todo!() }
    /// From whole satoshi; `None` on overflow.
    pub fn from_amount(amount: bitcoin::Amount) -> Option<Self> { let _ = amount; todo!() }
}

impl FeeratePerKw {
    /// The fee of `weight` weight units, rounded down as BOLT 3 does.
    pub fn fee(self, weight: u64) -> bitcoin::Amount { let _ = weight; todo!() }
    /// The fee rounded up.
    pub fn fee_ceil(self, weight: u64) -> bitcoin::Amount { let _ = weight; todo!() }
}
