//! Keys of the request that is read.

#[allow(clippy::wildcard_imports, reason = "the words of the table")]
use super::*;

/// The rows: group, places, keys, what they ask for, how they are written, what they do.
#[rustfmt::skip]
pub const ROWS: &[Binding] = &[
    bind(READ, &[Place::Detail], &[plain(KeyCode::Tab), plain(KeyCode::Right)], Intent::NextPane, "Tab", "next pane").hint("pane"),
    bind(READ, &[Place::Detail], &[shift(KeyCode::BackTab), plain(KeyCode::Left)], Intent::PreviousPane, "Shift-Tab", "pane before"),
    bind(READ, &[Place::Detail], &[key('1')], Intent::Pane(0), "1 … 0", "the panes one by one"),
    bind(READ, &[Place::Detail], &[key('2')], Intent::Pane(1), "2", ""),
    bind(READ, &[Place::Detail], &[key('3')], Intent::Pane(2), "3", ""),
    bind(READ, &[Place::Detail], &[key('4')], Intent::Pane(3), "4", ""),
    bind(READ, &[Place::Detail], &[key('5')], Intent::Pane(4), "5", ""),
    bind(READ, &[Place::Detail], &[key('6')], Intent::Pane(5), "6", ""),
    bind(READ, &[Place::Detail], &[key('7')], Intent::Pane(6), "7", ""),
    bind(READ, &[Place::Detail], &[key('8')], Intent::Pane(7), "8", ""),
    bind(READ, &[Place::Detail], &[key('9')], Intent::Pane(8), "9", ""),
    bind(READ, &[Place::Detail], &[key('0')], Intent::Pane(9), "0", ""),
    bind(READ, &[Place::Detail], &[plain(KeyCode::Enter)], Intent::Enter, "Enter", ""),
    bind(READ, &[Place::Detail], &[key('v')], Intent::Beside, "v", "side by side"),
    bind(READ, &[Place::Detail], &[key('z')], Intent::Fold, "z", "fold what is unchanged"),
    bind(READ, &[Place::Detail], &[key('o')], Intent::Pager, "o", "the sheet in $PAGER"),
    bind(READ, READING, &[key('n')], Intent::NextMark, "n", "next change or match").hint("next"),
    bind(READ, READING, &[key('N')], Intent::PreviousMark, "N", "the one before"),
    bind(READ, READING, &[key('u')], Intent::Unseen, "u", "to what was not on screen"),
    bind(READ, &[Place::Detail], &[key('!')], Intent::Suspicious, "!", "to suspicious text"),
    bind(READ, READING, &[key('r')], Intent::LookAgain, "r", "look again at what moved"),
    bind(READ, &[Place::Detail], &[key('s')], Intent::Reveal, "s", "reveal a secret; recorded"),
    bind(READ, &[Place::Reveal], &[plain(KeyCode::Enter)], Intent::Enter, "Enter", "").hint("reveal"),
    bind(READ, LISTS, &[key('/')], Intent::Filter, "/", "search; n and N go on").hint("find"),
];
