//! Keys that hold in many places.

#[allow(clippy::wildcard_imports, reason = "the words of the table")]
use super::*;

/// The rows: group, places, keys, what they ask for, how they are written, what they do.
#[rustfmt::skip]
pub const ROWS: &[Binding] = &[
    bind(ALWAYS, LISTS, &[key('y')], Intent::Copy, "y", "copy id, digest, target"),
    bind(ALWAYS, PAGES, &[key('R')], Intent::Refresh, "R", "fetch again"),
    bind(ALWAYS, EVERYWHERE, &[plain(KeyCode::Esc)], Intent::Back, "Esc", "back").hint("back"),
    bind(ALWAYS, WRITING, &[ctrl('c')], Intent::Back, "Ctrl-C", ""),
    bind(ALWAYS, SCREENS, &[key('?'), plain(KeyCode::F(1))], Intent::Help, "?", "this list").hint("help"),
    bind(ALWAYS, EVERYWHERE, &[ctrl('l')], Intent::Redraw, "Ctrl-L", "draw anew"),
    bind(ALWAYS, EVERYWHERE, &[ctrl('z')], Intent::Suspend, "Ctrl-Z", "to the shell (fg)"),
    bind(ALWAYS, SCREENS, &[key('q'), ctrl('c')], Intent::Quit, "q", "leave").hint("quit"),
];
