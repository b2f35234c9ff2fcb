//! The one table of keys: what they do is looked up here, and the list of keys is drawn from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first-run screen.
    FirstRun,
    /// The queue.
    Queue,
    /// One request.
    Detail,
    /// The filter of the queue, or what is searched for in a pane.
    Filter,
    /// The ceremony of a decision.
    Ceremony,
    /// The list of keys.
    Help,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is said in the table below")]
pub enum Intent {
    Down,
    Up,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Enter,
    Back,
    NextPane,
    PreviousPane,
    Pane(usize),
    NextMark,
    PreviousMark,
    Unseen,
    Filter,
    NextLane,
    PreviousLane,
    Lane(usize),
    Reorder,
    Beside,
    Fold,
    Copy,
    Pager,
    Preset,
    Help,
    Refresh,
    LookAgain,
    Approve,
    Deny,
    Sign,
    NextField,
    PreviousField,
    Erase,
    EraseAll,
    Quit,
    Suspend,
    Redraw,
}

/// Under which title a key is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Moving about.
    Move,
    /// Reading.
    Read,
    /// Deciding.
    Decide,
    /// At all times.
    Always,
}

/// One row of the table.
#[derive(Debug)]
pub struct Binding {
    /// Under which title it is listed.
    pub group: Group,
    /// Where it holds.
    pub places: &'static [Place],
    /// The keys.
    pub keys: &'static [(KeyModifiers, KeyCode)],
    /// What they ask for.
    pub intent: Intent,
    /// The keys as they are written.
    pub label: &'static str,
    /// What they do, in a few words; empty where the list of keys says nothing of it.
    pub text: &'static str,
    /// Whether the bottom line names it, and how.
    pub hint: Option<&'static str>,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const LISTS: &[Place] = &[Place::Queue, Place::Detail];
const CURSOR: &[Place] = &[Place::FirstRun, Place::Queue, Place::Detail];
const SCREENS: &[Place] = &[Place::FirstRun, Place::Queue, Place::Detail, Place::Help];
const EVERYWHERE: &[Place] = &[
    Place::FirstRun,
    Place::Queue,
    Place::Detail,
    Place::Filter,
    Place::Ceremony,
    Place::Help,
];
const WRITING: &[Place] = &[Place::Filter, Place::Ceremony];

const fn bind(
    group: Group,
    places: &'static [Place],
    keys: &'static [(KeyModifiers, KeyCode)],
    intent: Intent,
    label: &'static str,
    text: &'static str,
    hint: Option<&'static str>,
) -> Binding {
    Binding {
        group,
        places,
        keys,
        intent,
        label,
        text,
        hint,
    }
}

const fn key(c: char) -> (KeyModifiers, KeyCode) {
    (NONE, KeyCode::Char(c))
}

const fn ctrl(c: char) -> (KeyModifiers, KeyCode) {
    (CTRL, KeyCode::Char(c))
}

/// Every key.
pub const BINDINGS: &[Binding] = &[
    bind(
        Group::Decide,
        &[Place::Detail],
        &[key('A')],
        Intent::Approve,
        "A",
        "begin to approve",
        Some("approve"),
    ),
    bind(
        Group::Decide,
        &[Place::Detail],
        &[key('D')],
        Intent::Deny,
        "D",
        "begin to deny",
        Some("deny"),
    ),
    bind(
        Group::Decide,
        &[Place::Ceremony],
        &[ctrl('s')],
        Intent::Sign,
        "Ctrl-S",
        "sign, when all is there",
        Some("sign"),
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[(NONE, KeyCode::Enter), key('o')],
        Intent::Enter,
        "Enter",
        "open the request",
        Some("open"),
    ),
    bind(
        Group::Read,
        &[Place::FirstRun],
        &[(NONE, KeyCode::Enter)],
        Intent::Enter,
        "Enter",
        "",
        Some("choose"),
    ),
    bind(
        Group::Decide,
        &[Place::Filter, Place::Ceremony, Place::Help],
        &[(NONE, KeyCode::Enter)],
        Intent::Enter,
        "Enter",
        "next field; never decides",
        None,
    ),
    bind(
        Group::Move,
        CURSOR,
        &[key('j'), (NONE, KeyCode::Down)],
        Intent::Down,
        "j ↓",
        "down",
        None,
    ),
    bind(
        Group::Move,
        CURSOR,
        &[key('k'), (NONE, KeyCode::Up)],
        Intent::Up,
        "k ↑",
        "up",
        None,
    ),
    bind(
        Group::Move,
        LISTS,
        &[ctrl('d')],
        Intent::HalfDown,
        "Ctrl-D",
        "half a page down",
        None,
    ),
    bind(
        Group::Move,
        LISTS,
        &[ctrl('u')],
        Intent::HalfUp,
        "Ctrl-U",
        "half a page up",
        None,
    ),
    bind(
        Group::Move,
        LISTS,
        &[key(' '), (NONE, KeyCode::PageDown), ctrl('f')],
        Intent::PageDown,
        "Space",
        "a page down",
        None,
    ),
    bind(
        Group::Move,
        LISTS,
        &[(NONE, KeyCode::PageUp), ctrl('b')],
        Intent::PageUp,
        "PgUp",
        "a page up",
        None,
    ),
    bind(
        Group::Move,
        CURSOR,
        &[key('g'), (NONE, KeyCode::Home)],
        Intent::Top,
        "g",
        "to the top",
        None,
    ),
    bind(
        Group::Move,
        CURSOR,
        &[key('G'), (NONE, KeyCode::End)],
        Intent::Bottom,
        "G",
        "to the end",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[(NONE, KeyCode::Tab), (NONE, KeyCode::Right)],
        Intent::NextPane,
        "Tab",
        "next pane",
        Some("pane"),
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[(KeyModifiers::SHIFT, KeyCode::BackTab), (NONE, KeyCode::Left)],
        Intent::PreviousPane,
        "Shift-Tab",
        "pane before",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('1')],
        Intent::Pane(0),
        "1 … 9",
        "the panes one by one",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('2')],
        Intent::Pane(1),
        "2",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('3')],
        Intent::Pane(2),
        "3",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('4')],
        Intent::Pane(3),
        "4",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('5')],
        Intent::Pane(4),
        "5",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('6')],
        Intent::Pane(5),
        "6",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('7')],
        Intent::Pane(6),
        "7",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('8')],
        Intent::Pane(7),
        "8",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('9')],
        Intent::Pane(8),
        "9",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[(NONE, KeyCode::Tab), (NONE, KeyCode::Right)],
        Intent::NextLane,
        "Tab",
        "next lane",
        Some("lane"),
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[(KeyModifiers::SHIFT, KeyCode::BackTab), (NONE, KeyCode::Left)],
        Intent::PreviousLane,
        "Shift-Tab",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[key('1')],
        Intent::Lane(0),
        "1",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[key('2')],
        Intent::Lane(1),
        "2",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[key('3')],
        Intent::Lane(2),
        "3",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[key('4')],
        Intent::Lane(3),
        "4",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[key('5')],
        Intent::Lane(4),
        "5",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Queue],
        &[key('s')],
        Intent::Reorder,
        "s",
        "another order",
        Some("order"),
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[(NONE, KeyCode::Enter)],
        Intent::Enter,
        "Enter",
        "",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('v')],
        Intent::Beside,
        "v",
        "side by side",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('z')],
        Intent::Fold,
        "z",
        "fold what is unchanged",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('o')],
        Intent::Pager,
        "o",
        "the sheet in $PAGER",
        None,
    ),
    bind(
        Group::Always,
        LISTS,
        &[key('y')],
        Intent::Copy,
        "y",
        "copy id, digest, target",
        None,
    ),
    bind(
        Group::Decide,
        &[Place::Ceremony],
        &[ctrl('r')],
        Intent::Preset,
        "Ctrl-R",
        "a usual reason to deny",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('n')],
        Intent::NextMark,
        "n",
        "next change or match",
        Some("next"),
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('N')],
        Intent::PreviousMark,
        "N",
        "the one before",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('u')],
        Intent::Unseen,
        "u",
        "to what was not on screen",
        None,
    ),
    bind(
        Group::Read,
        &[Place::Detail],
        &[key('r')],
        Intent::LookAgain,
        "r",
        "look again at what moved",
        None,
    ),
    bind(
        Group::Always,
        LISTS,
        &[key('R')],
        Intent::Refresh,
        "R",
        "fetch again",
        None,
    ),
    bind(
        Group::Read,
        LISTS,
        &[key('/')],
        Intent::Filter,
        "/",
        "search; n and N go on",
        Some("search"),
    ),
    bind(
        Group::Decide,
        &[Place::Ceremony],
        &[(NONE, KeyCode::Tab), (NONE, KeyCode::Down)],
        Intent::NextField,
        "Tab",
        "next field",
        Some("next field"),
    ),
    bind(
        Group::Decide,
        &[Place::Ceremony],
        &[(KeyModifiers::SHIFT, KeyCode::BackTab), (NONE, KeyCode::Up)],
        Intent::PreviousField,
        "Shift-Tab",
        "",
        None,
    ),
    bind(
        Group::Decide,
        WRITING,
        &[(NONE, KeyCode::Backspace), ctrl('h')],
        Intent::Erase,
        "Backspace",
        "",
        None,
    ),
    bind(
        Group::Decide,
        WRITING,
        &[ctrl('u'), ctrl('w')],
        Intent::EraseAll,
        "Ctrl-U",
        "empty the field",
        None,
    ),
    bind(
        Group::Always,
        EVERYWHERE,
        &[(NONE, KeyCode::Esc)],
        Intent::Back,
        "Esc",
        "back",
        Some("back"),
    ),
    bind(
        Group::Always,
        WRITING,
        &[ctrl('c')],
        Intent::Back,
        "Ctrl-C",
        "",
        None,
    ),
    bind(
        Group::Always,
        SCREENS,
        &[key('?'), (NONE, KeyCode::F(1))],
        Intent::Help,
        "?",
        "this list",
        Some("help"),
    ),
    bind(
        Group::Always,
        EVERYWHERE,
        &[ctrl('l')],
        Intent::Redraw,
        "Ctrl-L",
        "draw anew",
        None,
    ),
    bind(
        Group::Always,
        EVERYWHERE,
        &[ctrl('z')],
        Intent::Suspend,
        "Ctrl-Z",
        "to the shell (fg)",
        None,
    ),
    bind(
        Group::Always,
        SCREENS,
        &[key('q'), ctrl('c')],
        Intent::Quit,
        "q",
        "leave",
        Some("quit"),
    ),
];

/// What a key asks for in a place.
pub fn find(place: Place, event: KeyEvent) -> Option<Intent> {
    // Shift is part of a character already, and of BackTab.
    let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
    BINDINGS
        .iter()
        .filter(|binding| binding.places.contains(&place))
        .find(|binding| {
            binding.keys.iter().any(|(wanted, code)| {
                wanted.difference(KeyModifiers::SHIFT) == modifiers && *code == event.code
            })
        })
        .map(|binding| binding.intent)
}

/// The keys that the list of keys shows, under their titles.
pub fn help() -> [(&'static str, Vec<&'static Binding>); 4] {
    let of = |group| {
        BINDINGS
            .iter()
            .filter(|binding| binding.group == group && !binding.text.is_empty())
            .collect()
    };
    [
        ("Move", of(Group::Move)),
        ("Read", of(Group::Read)),
        ("Decide", of(Group::Decide)),
        ("Always", of(Group::Always)),
    ]
}

/// The hints of the bottom line.
pub fn hints(place: Place) -> impl Iterator<Item = (&'static str, &'static str)> {
    BINDINGS
        .iter()
        .filter(move |binding| binding.places.contains(&place))
        .filter_map(|binding| {
            binding
                .hint
                .map(|hint| (binding.label.split(' ').next().unwrap_or_default(), hint))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for place in EVERYWHERE {
            let mut seen: Vec<(KeyModifiers, KeyCode)> = Vec::new();
            for binding in BINDINGS.iter().filter(|binding| binding.places.contains(place)) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{key:?} in {place:?}");
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn enter_never_asks_to_decide() {
        for binding in BINDINGS
            .iter()
            .filter(|binding| binding.keys.iter().any(|(_, code)| *code == KeyCode::Enter))
        {
            assert_eq!(binding.intent, Intent::Enter);
        }
    }

    #[test]
    fn every_key_with_a_text_is_in_the_list_of_keys() {
        let listed: Vec<&Binding> = help().into_iter().flat_map(|(_, bindings)| bindings).collect();
        for binding in BINDINGS.iter().filter(|binding| !binding.text.is_empty()) {
            let there = listed.iter().any(|other| other.label == binding.label);
            assert!(there, "{} is missing", binding.label);
        }
    }
}
