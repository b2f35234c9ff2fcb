//! Keys of several requests: marking them, and reading them together.

#[allow(clippy::wildcard_imports, reason = "the words of the table")]
use super::*;

/// The rows: group, places, keys, what they ask for, how they are written, what they do.
#[rustfmt::skip]
pub const ROWS: &[Binding] = &[
    bind(DECIDE, &[Place::Queue], &[key('x')], Intent::Mark, "x", "mark, to decide together"),
    bind(DECIDE, &[Place::Queue], &[key('X')], Intent::MarkAlike, "X", "mark all that look alike"),
    bind(DECIDE, &[Place::Queue], &[key('B')], Intent::ReadMarked, "B", "read the marked together"),
    bind(DECIDE, &[Place::Batch], &[key('x')], Intent::Mark, "x", "take this one out").hint("take out"),
    bind(READ, &[Place::Batch], &[plain(KeyCode::Tab), plain(KeyCode::Right)], Intent::NextPane, "Tab", "next request").hint("request"),
    bind(READ, &[Place::Batch], &[shift(KeyCode::BackTab), plain(KeyCode::Left)], Intent::PreviousPane, "Shift-Tab", "request before"),
    bind(READ, &[Place::Batch], &[plain(KeyCode::Enter), key('o')], Intent::Enter, "Enter", "read it by itself"),
];
