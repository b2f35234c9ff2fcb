//! Points in time as they stand in signed statements.
//!
//! Written as RFC 3339 in UTC with exactly three decimals (`2026-11-22T08:15:30.120Z`), and read in no other
//! form, so that equal times are equal bytes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Time, UtcDateTime};

use crate::text::read_as;

/// A text that is no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp of the form `2026-11-22T08:15:30.120Z`")]
pub struct TimestampError;

/// A point in time, in milliseconds since 1970 (UTC), never before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last moment that can be written: the end of the year 9999.
    pub const LAST: Self = Self(253_402_300_799_999);

    /// A point in time from milliseconds since 1970; later ones than [`Self::LAST`] become that.
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(Self::LAST.0))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_millis(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// The moment `duration` earlier, at the earliest 1970.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    fn datetime(self) -> Option<UtcDateTime> {
        let seconds = i64::try_from(self.0 / 1000).ok()?;
        let at = UtcDateTime::from_unix_timestamp(seconds).ok()?;
        at.replace_millisecond(u16::try_from(self.0 % 1000).ok()?).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.datetime().ok_or(fmt::Error)?;
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second, milli) = at.time().as_hms_milli();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        read(text.as_bytes()).ok_or(TimestampError)
    }
}

#[rustfmt::skip]
fn read(text: &[u8]) -> Option<Timestamp> {
    let [y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'.', f1, f2, f3, b'Z'] = *text
    else {
        return None;
    };
    let two = |digits| u8::try_from(number(digits)?).ok();
    let month = two([o1, o2])?.try_into().ok()?;
    let date = Date::from_calendar_date(number([y1, y2, y3, y4])?.into(), month, two([d1, d2])?).ok()?;
    let time = Time::from_hms_milli(two([h1, h2])?, two([m1, m2])?, two([s1, s2])?, number([f1, f2, f3])?).ok()?;
    let seconds = u64::try_from(UtcDateTime::new(date, time).unix_timestamp()).ok()?;
    Some(Timestamp::from_millis(seconds * 1000 + u64::from(time.millisecond())))
}

fn number<const N: usize>(digits: [u8; N]) -> Option<u16> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u16::from(digit - b'0'))
    })
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_as(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn has_one_form() {
        let stamp: Timestamp = "2026-11-22T08:15:30.120Z".parse().unwrap();
        assert_eq!(stamp.millis(), 1_795_335_330_120);
        for other in [
            "2026-11-22T08:15:30Z",
            "2026-11-22T08:15:30.120+00:00",
            "2026-11-22 08:15:30.120Z",
            "",
        ] {
            assert!(other.parse::<Timestamp>().is_err(), "{other}");
        }
        assert_eq!(Timestamp::LAST.to_string(), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn is_read_back(millis in 0..=Timestamp::LAST.0) {
            let stamp = Timestamp::from_millis(millis);
            prop_assert_eq!(stamp.to_string().parse::<Timestamp>().unwrap(), stamp);
        }
    }
}
