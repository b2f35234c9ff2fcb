//! Where a row stands in its queue, in a few bytes.

use countersign_protocol::approval::Severity;

/// The last group that is told from others, of a million: so many fit.
const LAST_GROUP: u32 = (1 << 20) - 1;

/// Where a row stands in the queue; less is higher up. Twelve bytes, so that sorting takes little room: from the highest
/// bits on whether the row is believed, its group (20 bits), what it waits for (2), its severity (3), a time in seconds
/// (38), and last its index, so that those that are alike stay as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank([u32; 3]);

impl Rank {
    /// Of a row that is not believed: above all that are.
    pub const fn refused(index: u32) -> Self {
        Self([0, 0, index])
    }

    /// Of a row that is believed; `waits` is 3 at most, and `time` is in milliseconds.
    pub fn believed(group: u32, waits: u8, severity: Severity, time: u64, index: u32) -> Self {
        // The worst is on top.
        let harmless = Severity::Critical as u8 - severity as u8;
        let seconds = time / 1000;
        let high = 1 << 63
            | u64::from(group.min(LAST_GROUP)) << 43
            | u64::from(waits) << 41
            | u64::from(harmless) << 38
            | seconds;
        Self([(high >> 32) as u32, high as u32, index])
    }

    /// The row that has it.
    pub const fn index(self) -> u32 {
        let Self([_, _, index]) = self;
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::moment::Timestamp;

    #[test]
    fn every_part_counts_before_the_next() {
        let last = Timestamp::LAST.millis();
        let in_order = [
            Rank::refused(0),
            Rank::refused(u32::MAX),
            Rank::believed(0, 1, Severity::Critical, 0, 0),
            Rank::believed(0, 1, Severity::Critical, 0, u32::MAX),
            Rank::believed(0, 1, Severity::Critical, 1000, 0),
            Rank::believed(0, 1, Severity::Critical, last, 0),
            Rank::believed(0, 1, Severity::None, 0, 0),
            Rank::believed(0, 3, Severity::Critical, 0, 0),
            Rank::believed(1, 1, Severity::Critical, 0, 0),
            Rank::believed(LAST_GROUP, 3, Severity::None, last, 7),
            Rank::believed(u32::MAX, 3, Severity::None, last, 8),
        ];
        assert!(in_order.is_sorted());
        assert_eq!(
            in_order.map(Rank::index),
            [0, u32::MAX, 0, u32::MAX, 0, 0, 0, 0, 0, 7, 8]
        );
    }
}
