//! Fee estimates: what was learnt for some targets, read at any target, within bounds.
//!
//! All feerates are satoshis per 1000 weight units, as on the Lightning wire.

use std::collections::BTreeMap;

use crate::Backend;

/// Estimated feerates by confirmation target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeEstimates {
    by_target: BTreeMap<u16, u32>,
}

impl FeeEstimates {
    /// No estimate for any target.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same feerate for each target.
    pub fn flat(sat_per_kw: u32) -> Self {
        Self { by_target: BTreeMap::from([(1, sat_per_kw)]) }
    }

    /// Sets, or with `None` forgets, the estimate for one target in blocks. A failed question is
    /// no reason to forget: an old estimate is better than none.
    pub fn set(&mut self, target_blocks: u16, sat_per_kw: Option<u32>) {
        match sat_per_kw {
            Some(feerate) => self.by_target.insert(target_blocks, feerate),
            None => self.by_target.remove(&target_blocks),
        };
    }

    /// The estimate for this target: that of the nearest target which is at least as quick, else
    /// the quickest there is. `None` when nothing is known.
    ///
    /// Never more than the estimate of a quicker target: an estimate taken at another time may
    /// otherwise ask more for waiting longer.
    pub fn at(&self, target_blocks: u16) -> Option<u32> {
        let quick_enough = self.by_target.range(..=target_blocks).map(|(_, feerate)| *feerate);
        quick_enough.min().or_else(|| self.by_target.values().next().copied())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.by_target.is_empty()
    }
}

/// The range that a feerate must lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeBounds {
    /// Lowest feerate, in satoshis per 1000 weight units.
    pub floor: u32,
    /// Highest feerate, in satoshis per 1000 weight units.
    pub ceiling: u32,
}

impl FeeBounds {
    /// The nearest feerate within the bounds; `ceiling` when they exclude each other.
    pub fn clamp(self, sat_per_kw: u32) -> u32 {
        sat_per_kw.max(self.floor).min(self.ceiling)
    }

    /// The estimate within the bounds, or `fallback` within the bounds when there is none.
    pub fn choose(self, estimate: Option<u32>, fallback: u32) -> u32 {
        self.clamp(estimate.unwrap_or(fallback))
    }
}

/// The feerates that a node works with, in satoshis per 1000 weight units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feerates {
    /// For a confirmation within 2 blocks; at least `normal`.
    pub fast: u32,
    /// Within 6 blocks; at least `floor`.
    pub normal: u32,
    /// The backend takes nothing below this.
    pub floor: u32,
}

impl Default for Feerates {
    /// For a chain that is too empty to estimate anything.
    fn default() -> Self {
        Self { fast: FALLBACK, normal: FALLBACK, floor: FEERATE_FLOOR }
    }
}

/// What [`ask_feerates`] has learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedFeerates {
    /// What to work with.
    pub feerates: Feerates,
    /// The highest estimate, if it is more than anybody should pay and was cut down to
    /// [`FEERATE_CEILING`].
    pub absurd: Option<u32>,
    /// Whether the backend answered at all.
    pub answered: bool,
}

/// Asks the backend. What it does not know stays as it was in `last`; what it knows is kept within
/// what its mempool takes and [`FEERATE_CEILING`].
pub fn ask_feerates(backend: &mut dyn Backend, last: Feerates) -> AskedFeerates {
    let minimum = backend.min_feerate();
    let asked = [(6, last.normal), (2, last.fast)];
    let [normal, fast] = asked.map(|(target, last)| backend.feerate(target).unwrap_or(last));
    let floor = minimum.unwrap_or(last.floor).clamp(FEERATE_FLOOR, FEERATE_CEILING);
    let bounds = FeeBounds { floor, ceiling: FEERATE_CEILING };
    let highest = fast.max(normal);
    let normal = bounds.clamp(normal);
    let feerates = Feerates { fast: bounds.clamp(fast).max(normal), normal, floor };
    let absurd = (highest > FEERATE_CEILING).then_some(highest);
    AskedFeerates { feerates, absurd, answered: minimum.is_some() }
}

/// Converts the unit of Bitcoin Core's fee estimates, rounding up. `None` for what is no feerate:
/// negative, not a number, or above what 32 bits of satoshis per 1000 weight units can say.
pub fn sat_per_kw_from_btc_per_kvb(btc_per_kvb: f64) -> Option<u32> {
    if !btc_per_kvb.is_finite() || btc_per_kvb < 0.0 {
        return None;
    }
    // 1 BTC/kvB = 100,000,000 sat per 4000 weight units.
    let sat_per_kw = (btc_per_kvb * 25_000_000.0 - ROUNDING).ceil().max(0.0);
    if sat_per_kw > f64::from(u32::MAX) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked")]
    Some(sat_per_kw as u32)
}

/// The least feerate that is relayed at 1 sat/vB once weight is rounded to virtual bytes.
pub const FEERATE_FLOOR: u32 = 253;

/// 1,000 sat/vB: no estimate above this is believed. The highest that mainnet has seen for its next
/// blocks was about twice that, for hours.
pub const FEERATE_CEILING: u32 = 250_000;

/// 4 sat/vB.
const FALLBACK: u32 = 1_000;

/// A decimal fraction that is a whole number in the other unit may come out a little above it.
const ROUNDING: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_quicker_target_answers() {
        let mut estimates = FeeEstimates::new();
        assert_eq!(estimates.at(6), None);
        estimates.set(6, Some(1000));
        estimates.set(2, Some(3000));
        assert_eq!(estimates.at(1), Some(3000), "nothing is quicker: the quickest");
        assert_eq!(estimates.at(2), Some(3000));
        assert_eq!(estimates.at(5), Some(3000));
        assert_eq!(estimates.at(6), Some(1000));
        assert_eq!(estimates.at(1008), Some(1000));
        estimates.set(6, Some(5000));
        assert_eq!(estimates.at(6), Some(3000), "waiting longer never costs more");
        estimates.set(2, None);
        estimates.set(6, None);
        assert!(estimates.is_empty());
        assert_eq!(FeeEstimates::flat(253).at(144), Some(253));
    }

    #[test]
    fn bounds_hold() {
        let commitment = FeeBounds { floor: 500, ceiling: 2500 };
        assert_eq!(commitment.choose(Some(100), 1000), 500);
        assert_eq!(commitment.choose(Some(700), 1000), 700);
        assert_eq!(commitment.choose(Some(9000), 1000), 2500);
        assert_eq!(commitment.choose(None, 1000), 1000);
        assert_eq!(commitment.choose(None, 1), 500);
        assert_eq!(FeeBounds { floor: 10, ceiling: 5 }.clamp(7), 5);
    }

    #[test]
    fn bitcoin_per_kilobyte_becomes_satoshis_per_kiloweight() {
        for (btc_per_kvb, sat_per_kw) in [
            (0.00001, Some(250)),
            (0.00001012, Some(253)),
            (0.00001013, Some(254)),
            (0.000001, Some(25)),
            (0.0001, Some(2500)),
            (1.0, Some(25_000_000)),
            (0.0, Some(0)),
            (-1.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (1e6, None),
        ] {
            assert_eq!(sat_per_kw_from_btc_per_kvb(btc_per_kvb), sat_per_kw, "{btc_per_kvb}");
        }
    }
}
