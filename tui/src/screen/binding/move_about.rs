//! Keys that move the cursor or the page.

#[allow(clippy::wildcard_imports, reason = "the words of the table")]
use super::*;

/// The rows: group, places, keys, what they ask for, how they are written, what they do.
#[rustfmt::skip]
pub const ROWS: &[Binding] = &[
    bind(MOVE, CURSOR, &[key('j'), plain(KeyCode::Down)], Intent::Down, "j ↓", "down"),
    bind(MOVE, CURSOR, &[key('k'), plain(KeyCode::Up)], Intent::Up, "k ↑", "up"),
    bind(MOVE, PAGES, &[ctrl('d')], Intent::HalfDown, "Ctrl-D", "half a page down"),
    bind(MOVE, PAGES, &[ctrl('u')], Intent::HalfUp, "Ctrl-U", "half a page up"),
    bind(MOVE, PAGES, &[key(' '), plain(KeyCode::PageDown), ctrl('f')], Intent::PageDown, "Space", "a page down"),
    bind(MOVE, PAGES, &[plain(KeyCode::PageUp), ctrl('b')], Intent::PageUp, "PgUp", "a page up"),
    bind(MOVE, CURSOR, &[key('g'), plain(KeyCode::Home)], Intent::Top, "g", "to the top"),
    bind(MOVE, CURSOR, &[key('G'), plain(KeyCode::End)], Intent::Bottom, "G", "to the end"),
];
