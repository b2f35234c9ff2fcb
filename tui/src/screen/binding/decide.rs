//! Keys that decide, and those of the ceremony and of fields.

#[allow(clippy::wildcard_imports, reason = "the words of the table")]
use super::*;

/// The rows: group, places, keys, what they ask for, how they are written, what they do.
#[rustfmt::skip]
pub const ROWS: &[Binding] = &[
    bind(DECIDE, READING, &[key('A')], Intent::Approve, "A", "begin to approve").hint("approve"),
    bind(DECIDE, READING, &[key('D')], Intent::Deny, "D", "begin to deny").hint("deny"),
    bind(DECIDE, &[Place::Detail], &[key('t')], Intent::Ask, "t", "ask the agent").hint("ask"),
    bind(DECIDE, &[Place::Question], &[plain(KeyCode::Enter)], Intent::Enter, "Enter", "").hint("ask"),
    bind(DECIDE, &[Place::Detail], &[key('C')], Intent::Counter, "C", "propose less instead"),
    bind(DECIDE, &[Place::Ceremony], &[ctrl('e')], Intent::Edit, "Ctrl-E", "rewrite the text in $EDITOR"),
    bind(DECIDE, DIALOGS, &[plain(KeyCode::PageDown)], Intent::PageDown, "PgDn", ""),
    bind(DECIDE, DIALOGS, &[plain(KeyCode::PageUp)], Intent::PageUp, "PgUp", ""),
    bind(DECIDE, &[Place::Ceremony], &[ctrl('s')], Intent::Sign, "Ctrl-S", "sign, when all is there").hint("sign"),
    bind(DECIDE, &[Place::Filter], &[plain(KeyCode::Enter)], Intent::Enter, "Enter", "").hint("keep"),
    bind(DECIDE, &[Place::Ceremony, Place::Help], &[plain(KeyCode::Enter)], Intent::Enter, "Enter", "next field; never decides"),
    bind(DECIDE, &[Place::Ceremony], &[ctrl('r')], Intent::Preset, "Ctrl-R", "a usual reason to deny"),
    bind(DECIDE, DIALOGS, &[plain(KeyCode::Tab), plain(KeyCode::Down)], Intent::NextField, "Tab", "next field").hint("next field"),
    bind(DECIDE, DIALOGS, &[shift(KeyCode::BackTab), plain(KeyCode::Up)], Intent::PreviousField, "Shift-Tab", ""),
    bind(DECIDE, WRITING, &[plain(KeyCode::Backspace), ctrl('h')], Intent::Erase, "Backspace", ""),
    bind(DECIDE, WRITING, &[ctrl('u'), ctrl('w')], Intent::EraseAll, "Ctrl-U", "empty the field"),
];
