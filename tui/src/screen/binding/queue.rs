//! Keys of the queue, and of the first-run screen.

#[allow(clippy::wildcard_imports, reason = "the words of the table")]
use super::*;

/// The rows: group, places, keys, what they ask for, how they are written, what they do.
#[rustfmt::skip]
pub const ROWS: &[Binding] = &[
    bind(READ, &[Place::Queue], &[plain(KeyCode::Enter), key('o')], Intent::Enter, "Enter", "open the request").hint("open"),
    bind(READ, &[Place::FirstRun], &[plain(KeyCode::Enter)], Intent::Enter, "Enter", "").hint("choose"),
    bind(READ, &[Place::Queue], &[plain(KeyCode::Tab), plain(KeyCode::Right)], Intent::NextLane, "Tab", "next lane").hint("lane"),
    bind(READ, &[Place::Queue], &[shift(KeyCode::BackTab), plain(KeyCode::Left)], Intent::PreviousLane, "Shift-Tab", ""),
    bind(READ, &[Place::Queue], &[key('1')], Intent::Lane(0), "1 … 5", "the lanes one by one"),
    bind(READ, &[Place::Queue], &[key('2')], Intent::Lane(1), "2", ""),
    bind(READ, &[Place::Queue], &[key('3')], Intent::Lane(2), "3", ""),
    bind(READ, &[Place::Queue], &[key('4')], Intent::Lane(3), "4", ""),
    bind(READ, &[Place::Queue], &[key('5')], Intent::Lane(4), "5", ""),
    bind(READ, &[Place::Queue], &[key('s')], Intent::Reorder, "s", "another order").hint("order"),
    bind(READ, &[Place::Queue], &[key('z')], Intent::Groups, "z", "in groups, or not"),
];
