//! The units. `bitcoin::Amount` is the unit of coins; its arithmetic is used checked only.

use std::{fmt, time::Duration};

use bitcoin::Amount;

/// An amount in thousandths of a satoshi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MilliSatoshi(pub u64);

/// A feerate in satoshi per 1,000 weight units (BOLT 2, `feerate_per_kw`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeeratePerKw(pub u32);

/// A block height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u32);

/// A number of confirmations: 1 is a transaction in the tip itself, 0 one in no block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(pub u32);

/// Milliseconds since 1970, for records; never for deadlines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl MilliSatoshi {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whole satoshi, rounded down.
    pub const fn floor(self) -> Amount {
        Amount::from_sat(self.0 / MSAT_PER_SAT)
    }

    /// From whole satoshi; `None` on overflow.
    pub fn from_amount(amount: Amount) -> Option<Self> {
        amount.to_sat().checked_mul(MSAT_PER_SAT).map(Self)
    }

    /// The sum; `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` if `other` is more.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The sum, or the greatest amount there is.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or nothing.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl FeeratePerKw {
    /// The lowest feerate that Bitcoin Core relays by default: 1,000 sat per 1,000 virtual bytes is
    /// 250 sat per 1,000 weight units, and 253 survives the rounding of sizes to virtual bytes.
    pub const FLOOR: Self = Self(253);

    /// The fee of `weight` weight units, rounded down as BOLT 3 does. Never overflows: a fee that
    /// no 64 bits hold is `u64::MAX` satoshi.
    pub fn fee(self, weight: u64) -> Amount {
        saturated(self.product(weight).div_euclid(WEIGHT_UNITS_PER_KW))
    }

    /// The fee rounded up.
    pub fn fee_ceil(self, weight: u64) -> Amount {
        saturated(self.product(weight).div_ceil(WEIGHT_UNITS_PER_KW))
    }

    /// From satoshi per virtual byte (4 weight units), the unit that operators use; `None` on
    /// overflow.
    pub fn from_sat_per_vbyte(rate: u32) -> Option<Self> {
        rate.checked_mul(WEIGHT_UNITS_PER_KW_VBYTE).map(Self)
    }

    /// From satoshi per 1,000 virtual bytes, the unit of Bitcoin Core, rounded up; `None` on
    /// overflow.
    pub fn from_sat_per_kvbyte(rate: u64) -> Option<Self> {
        u32::try_from(rate.div_ceil(WEIGHT_UNITS_PER_VBYTE)).ok().map(Self)
    }

    /// In satoshi per 1,000 virtual bytes.
    pub fn to_sat_per_kvbyte(self) -> u64 {
        u64::from(self.0).saturating_mul(WEIGHT_UNITS_PER_VBYTE)
    }

    /// The feerate that a transaction of `weight` with this `fee` has, rounded down; `None` for a
    /// weight of 0 or a feerate out of range.
    pub fn of(fee: Amount, weight: u64) -> Option<Self> {
        let thousandfold = u128::from(fee.to_sat()).checked_mul(WEIGHT_UNITS_PER_KW)?;
        u32::try_from(thousandfold.checked_div(u128::from(weight))?).ok().map(Self)
    }

    fn product(self, weight: u64) -> u128 {
        u128::from(self.0).saturating_mul(u128::from(weight))
    }
}

impl Height {
    /// `depth` blocks later, a plain sum; `None` past the last height.
    pub fn checked_add(self, depth: Depth) -> Option<Self> {
        self.0.checked_add(depth.0).map(Self)
    }

    /// `depth` blocks earlier; `None` before block 0.
    pub fn checked_sub(self, depth: Depth) -> Option<Self> {
        self.0.checked_sub(depth.0).map(Self)
    }

    /// The height of the tip with which a transaction of the block at `self` has `depth`
    /// confirmations. The block itself counts: depth 1 is `self`, and so is depth 0. `None` past
    /// the last height.
    pub fn at_depth(self, depth: Depth) -> Option<Self> {
        self.0.checked_add(depth.0.saturating_sub(1)).map(Self)
    }

    /// How many confirmations a transaction of the block at `self` has when the chain's last block
    /// is at `tip`; 0 if the chain does not reach it.
    pub fn depth(self, tip: Self) -> Depth {
        Depth(tip.0.checked_sub(self.0).map_or(0, |blocks| blocks.saturating_add(1)))
    }

    /// How many blocks are missing from `self` to `later`; 0 if it is past.
    pub const fn blocks_until(self, later: Self) -> u32 {
        later.0.saturating_sub(self.0)
    }
}

impl Timestamp {
    /// `duration` later, or the last time there is.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(milliseconds))
    }

    /// The time from `earlier` to `self`; zero if it runs backwards.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0 / MILLISECONDS_PER_SECOND
    }

    /// For a person: the day and the time to the minute, in UTC.
    pub fn utc(self) -> String {
        let minutes = self.seconds() / 60;
        let (hour, minute) = (minutes / 60 % 24, minutes % 60);
        let mut days = minutes / 60 / 24;
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let mut year = 1970_u64;
        // Years have no end, but a clock that is far out of order is no reason to count for long.
        while year < 9999 && days >= if is_leap(year) { 366 } else { 365 } {
            days = days.saturating_sub(if is_leap(year) { 366 } else { 365 });
            year = year.saturating_add(1);
        }
        let february = if is_leap(year) { 29 } else { 28 };
        let mut month = 1_u64;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if days < length {
                break;
            }
            days = days.saturating_sub(length);
            month = month.saturating_add(1);
        }
        let day = days.saturating_add(1);
        format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
    }
}

impl fmt::Display for MilliSatoshi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} msat", self.0)
    }
}

impl fmt::Display for FeeratePerKw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sat/kw", self.0)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl From<u32> for FeeratePerKw {
    fn from(rate: u32) -> Self {
        Self(rate)
    }
}

impl From<u32> for Height {
    fn from(height: u32) -> Self {
        Self(height)
    }
}

impl From<u32> for Depth {
    fn from(depth: u32) -> Self {
        Self(depth)
    }
}

impl From<u64> for MilliSatoshi {
    fn from(msat: u64) -> Self {
        Self(msat)
    }
}

impl From<u64> for Timestamp {
    fn from(milliseconds: u64) -> Self {
        Self(milliseconds)
    }
}

fn saturated(satoshi: u128) -> Amount {
    Amount::from_sat(u64::try_from(satoshi).unwrap_or(u64::MAX))
}

const MSAT_PER_SAT: u64 = 1_000;
const MILLISECONDS_PER_SECOND: u64 = 1_000;
const WEIGHT_UNITS_PER_KW: u128 = 1_000;
const WEIGHT_UNITS_PER_VBYTE: u64 = 4;
/// A thousand weight units are 250 virtual bytes.
const WEIGHT_UNITS_PER_KW_VBYTE: u32 = 250;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_utc() {
        let told = |seconds: u64| Timestamp(seconds * 1_000 + 999).utc();
        assert_eq!(told(0), "1970-01-01 00:00 UTC");
        assert_eq!(told(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(told(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(told(951_868_800), "2000-03-01 00:00 UTC");
        assert_eq!(told(1_700_000_000), "2023-11-14 22:13 UTC");
        assert_eq!(told(1_735_689_599), "2024-12-31 23:59 UTC");
        assert_eq!(told(4_107_542_400), "2100-03-01 00:00 UTC");
        assert!(Timestamp(u64::MAX).utc().starts_with("9999-12-"), "a clock out of order");
    }

    #[test]
    fn millisatoshi_round_down_and_never_wrap() {
        assert_eq!(MilliSatoshi(1_999).floor(), Amount::from_sat(1));
        assert_eq!(
            MilliSatoshi::from_amount(Amount::from_sat(7)).map(MilliSatoshi::floor),
            Some(Amount::from_sat(7))
        );
        assert_eq!(MilliSatoshi::from_amount(Amount::from_sat(u64::MAX)), None);
        assert_eq!(MilliSatoshi(1).checked_sub(MilliSatoshi(2)), None);
        assert_eq!(MilliSatoshi(u64::MAX).checked_add(MilliSatoshi(1)), None);
        assert_eq!(MilliSatoshi(1).saturating_sub(MilliSatoshi(2)), MilliSatoshi::ZERO);
        assert_eq!(MilliSatoshi(1_500).to_string(), "1500 msat");
    }

    #[test]
    fn fees_round_as_asked_and_never_overflow() {
        assert_eq!(FeeratePerKw(253).fee(1_124), Amount::from_sat(284));
        assert_eq!(FeeratePerKw(253).fee_ceil(1_124), Amount::from_sat(285));
        assert_eq!(FeeratePerKw(1_000).fee_ceil(1_124), Amount::from_sat(1_124));
        assert_eq!(FeeratePerKw(u32::MAX).fee(u64::MAX), Amount::from_sat(u64::MAX));
        assert_eq!(FeeratePerKw::of(Amount::from_sat(284), 1_124), Some(FeeratePerKw(252)));
        assert_eq!(FeeratePerKw::of(Amount::from_sat(284), 0), None);
    }

    #[test]
    fn feerates_convert_from_the_units_of_others() {
        assert_eq!(FeeratePerKw::from_sat_per_vbyte(25), Some(FeeratePerKw(6_250)));
        assert_eq!(FeeratePerKw::from_sat_per_vbyte(u32::MAX), None);
        assert_eq!(FeeratePerKw::from_sat_per_kvbyte(1_001), Some(FeeratePerKw(251)));
        assert_eq!(FeeratePerKw(250).to_sat_per_kvbyte(), 1_000);
    }

    #[test]
    fn depth_counts_the_block_itself() {
        let block = Height(100);
        assert_eq!(block.depth(Height(99)), Depth(0));
        assert_eq!(block.depth(Height(100)), Depth(1));
        assert_eq!(block.depth(Height(105)), Depth(6));
        assert_eq!(block.at_depth(Depth(6)), Some(Height(105)));
        assert_eq!(block.at_depth(Depth(0)), Some(block));
        assert_eq!(Height(u32::MAX).at_depth(Depth(2)), None);
        assert_eq!(Height(0).depth(Height(u32::MAX)), Depth(u32::MAX));
        assert_eq!(block.checked_add(Depth(2_016)), Some(Height(2_116)));
        assert_eq!(block.checked_sub(Depth(101)), None);
        assert_eq!(block.blocks_until(Height(90)), 0);
    }

    #[test]
    fn timestamps_saturate() {
        let now = Timestamp(1_500);
        assert_eq!(now.seconds(), 1);
        assert_eq!(now.saturating_add(Duration::from_secs(2)), Timestamp(3_500));
        assert_eq!(now.saturating_add(Duration::MAX), Timestamp(u64::MAX));
        assert_eq!(now.since(Timestamp(2_000)), Duration::ZERO);
    }
}
