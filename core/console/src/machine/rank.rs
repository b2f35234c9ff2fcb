//! Where a row stands in its queue, as one number.

use countersign_protocol::approval::Severity;

/// Where a row stands in the queue; less is higher up. One number, so that sorting takes little room: from its
/// highest bits on whether the row is believed, its group, what it waits for, its severity, a time, and its index,
/// so that those that are alike stay as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u128);

impl Rank {
    /// Of a row that is not believed: above all that are.
    pub fn refused(index: u32) -> Self {
        Self(index.into())
    }

    /// Of a row that is believed.
    pub fn believed(group: u32, waits: u8, severity: Severity, time: u64, index: u32) -> Self {
        // The worst is on top. A time takes 48 bits at the most.
        let harmless = Severity::Critical as u8 - severity as u8;
        Self(
            1 << 120
                | u128::from(group) << 88
                | u128::from(waits) << 84
                | u128::from(harmless) << 80
                | u128::from(time) << 32
                | u128::from(index),
        )
    }

    /// The row that has it: the lowest bits.
    pub const fn index(self) -> u32 {
        self.0 as u32
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
            Rank::believed(0, 1, Severity::Critical, last, 0),
            Rank::believed(0, 1, Severity::None, 0, 0),
            Rank::believed(0, 3, Severity::Critical, 0, 0),
            Rank::believed(1, 1, Severity::Critical, 0, 0),
            Rank::believed(u32::MAX, 3, Severity::None, last, 7),
        ];
        assert!(in_order.is_sorted());
        assert_eq!(
            in_order.map(Rank::index),
            [0, u32::MAX, 0, u32::MAX, 0, 0, 0, 0, 7]
        );
    }
}
