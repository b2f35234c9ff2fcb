//! What is kept of each row of a queue, in fifty-two bytes: a hundred thousand rows are held at once.

use countersign_protocol::approval::Severity;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;

use super::queue::Order;
use super::rank::Rank;
use super::state::DigestStart;
use super::target::Letters;

/// One row.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub id: RequestId,
    pub change: Change,
    pub created_at: Millis,
    pub expires_at: Millis,
    /// Where its target stands.
    pub target: u32,
    /// Which letters its target has.
    pub letters: Letters,
    /// What it shares with others: a place in the names.
    pub family: u32,
    /// How the digest of its action begins.
    pub digest_start: DigestStart,
    pub phase: Phase,
    pub standing: Standing,
}

impl Record {
    /// A row that is not believed: only what it calls itself is kept.
    pub fn refused(id: RequestId, change: u64) -> Self {
        Self {
            id,
            change: change.into(),
            created_at: Millis([0; 6]),
            expires_at: Millis([0; 6]),
            target: u32::MAX,
            letters: Letters::of(&[]),
            family: u32::MAX,
            digest_start: DigestStart::default(),
            phase: Phase::Unknown,
            standing: Standing::REFUSED,
        }
    }

    /// What is not believed first, then by group, then what waits for people, what waits for a guard, the rest.
    pub fn rank(&self, index: u32, order: Order, groups: &[u32]) -> Rank {
        if self.standing.is_refused() {
            return Rank::refused(index);
        }
        let group = usize::try_from(self.family)
            .ok()
            .and_then(|family| groups.get(family));
        let group = group.copied().unwrap_or_default();
        if self.phase.is_terminal() {
            let newest_first = Timestamp::LAST.millis() - Timestamp::from(self.created_at).millis();
            return Rank::believed(group, 3, Severity::None, newest_first, index);
        }
        let waits = if self.phase == Phase::Pending { 1 } else { 2 };
        let severity = if order == Order::Deadline {
            Severity::None
        } else {
            self.standing.severity()
        };
        let expires = Timestamp::from(self.expires_at).millis();
        Rank::believed(group, waits, severity, expires, index)
    }
}

/// A point in time in milliseconds. The last that there is, the end of the year 9999, takes six bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Millis([u8; 6]);

impl From<Timestamp> for Millis {
    fn from(at: Timestamp) -> Self {
        let [_, _, bytes @ ..] = at.millis().to_be_bytes();
        Self(bytes)
    }
}

impl From<Millis> for Timestamp {
    fn from(Millis([a, b, c, d, e, f]): Millis) -> Self {
        Self::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

/// The number of a row's last change. A backend that made a thousand changes in every second would reach the last after nine
/// thousand years; whatever says that it is later counts as the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change([u8; 6]);

impl From<u64> for Change {
    fn from(number: u64) -> Self {
        let [_, _, bytes @ ..] = number.min((1 << 48) - 1).to_be_bytes();
        Self(bytes)
    }
}

impl From<Change> for u64 {
    fn from(Change([a, b, c, d, e, f]): Change) -> Self {
        Self::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

/// Whether a row is believed; and of one that is, whether this person may decide it, whether it is supervision of one's own
/// agent, and how severe it is. One byte: a bit for each, the severity above them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing(u8);

impl Standing {
    const BELIEVED: u8 = 1;
    const OPEN: u8 = 1 << 1;
    const PERSONAL: u8 = 1 << 2;
    const SEVERITY: u32 = 3;

    /// Of a row that is not believed: nothing of it is, so it counts as the worst.
    pub const REFUSED: Self = Self((Severity::Critical as u8) << Self::SEVERITY);

    pub const fn believed(severity: Severity, personal: bool, may_decide: bool) -> Self {
        let open = if may_decide { Self::OPEN } else { 0 };
        let personal = if personal { Self::PERSONAL } else { 0 };
        Self(Self::BELIEVED | open | personal | (severity as u8) << Self::SEVERITY)
    }

    pub const fn is_refused(self) -> bool {
        self.0 & Self::BELIEVED == 0
    }

    pub const fn may_decide(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    pub const fn is_personal(self) -> bool {
        self.0 & Self::PERSONAL != 0
    }

    pub const fn severity(self) -> Severity {
        Severity::from_level((self.0 >> Self::SEVERITY) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stays_small() {
        assert!(size_of::<Record>() <= 52, "{}", size_of::<Record>());
    }

    #[test]
    fn changes_keep_their_order_and_none_is_later_than_the_last() {
        let last = (1 << 48) - 1;
        let numbers = [0, 1, 255, 256, 1 << 33, last - 1, last];
        for pair in numbers.windows(2) {
            assert!(Change::from(pair[0]) < Change::from(pair[1]), "{pair:?}");
        }
        for number in numbers {
            assert_eq!(u64::from(Change::from(number)), number);
        }
        assert_eq!(Change::from(u64::MAX), Change::from(last));
    }

    #[test]
    fn a_standing_says_what_it_was_made_of() {
        for level in 0..=4 {
            let severity = Severity::from_level(level);
            for (personal, may_decide) in [(false, false), (false, true), (true, false), (true, true)] {
                let standing = Standing::believed(severity, personal, may_decide);
                assert!(!standing.is_refused());
                assert_eq!(standing.severity(), severity);
                assert_eq!(
                    (standing.is_personal(), standing.may_decide()),
                    (personal, may_decide)
                );
            }
        }
        let refused = Standing::REFUSED;
        assert!(refused.is_refused() && !refused.may_decide());
        assert_eq!(refused.severity(), Severity::Critical);
    }
}
