//! The system's clock: the only place that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use countersign_protocol::moment::Timestamp;

/// Now. A clock before 1970 reads as 1970, where everything has yet to become valid.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
