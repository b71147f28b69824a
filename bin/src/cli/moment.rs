//! A moment, as people write it: in UTC.

use std::fmt;

/// Milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000;
        let (year, month, day) = date(seconds / DAY);
        let (hour, minute, second) = (seconds % DAY / 3_600, seconds % 3_600 / 60, seconds % 60);
        let thousandth = self.0 % 1_000;
        write!(f, "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{thousandth:03}")
    }
}

/// Year, month and day, that many days after 1970 began.
fn date(days: u64) -> (u64, u64, u64) {
    let (mut year, mut left) = (1_970_u64, days);
    while left >= year_length(year) && year < LAST_YEAR {
        left = left.saturating_sub(year_length(year));
        year = year.saturating_add(1);
    }
    let february = if year_length(year) == 366 { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    for (month, length) in (1..).zip(lengths) {
        if left < length {
            return (year, month, left.saturating_add(1));
        }
        left = left.saturating_sub(length);
    }
    (year, 12, 31)
}

const fn year_length(year: u64) -> u64 {
    if (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400) {
        366
    } else {
        365
    }
}

/// Seconds of a day.
const DAY: u64 = 86_400;
/// A bound for numbers that are no time.
const LAST_YEAR: u64 = 9_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let cases = [
            (0, "1970-01-01 00:00:00.000"),
            (951_782_400_000, "2000-02-29 00:00:00.000"),
            (1_709_251_199_999, "2024-02-29 23:59:59.999"),
            (1_735_689_600_001, "2025-01-01 00:00:00.001"),
            (4_107_542_400_000, "2100-03-01 00:00:00.000"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(Moment(milliseconds).to_string(), text);
        }
        assert!(Moment(u64::MAX).to_string().starts_with("9999-12-31"));
    }
}
