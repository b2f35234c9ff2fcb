//! Points in time as they stand in signed statements.
//!
//! Written as RFC 3339 in UTC with exactly three decimals (`2026-11-22T08:15:30.120Z`), and read in no other
//! form, so that equal times are equal bytes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FORM: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

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

    fn datetime(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .datetime()
            .and_then(|at| at.format(FORM).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
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
        let at = time::PrimitiveDateTime::parse(text, FORM)
            .map_err(|_| TimestampError)?
            .assume_utc();
        let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(|_| TimestampError)?;
        let stamp = Self::from_millis(millis);
        if stamp.to_string() == text {
            Ok(stamp)
        } else {
            Err(TimestampError)
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
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
