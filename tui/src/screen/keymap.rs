//! Which key does what, by the table of keys and by what a person chose instead.

use std::collections::BTreeMap;

use countersign_console::config::nearest;
use countersign_console::machine::KeyNames;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::binding::{Binding, CTRL, Group, Intent, NONE, Place, bindings};

/// The table with the keys that a person chose instead.
#[derive(Debug)]
pub struct Keymap {
    bindings: Vec<Bound>,
}

/// One row of the table, with its keys.
#[derive(Debug)]
pub struct Bound {
    /// The row.
    pub binding: &'static Binding,
    /// The keys as they are written.
    pub label: String,
    keys: Vec<(KeyModifiers, KeyCode)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bound = |binding: &'static Binding| Bound {
            binding,
            label: binding.label.to_owned(),
            keys: binding.keys.to_vec(),
        };
        Self {
            bindings: bindings().map(bound).collect(),
        }
    }
}

/// Why chosen keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeymapError {
    /// Nothing is called so.
    #[error("configuration: unknown key `terminal.keys.{name}`{}", nearest.map(|near| format!("; did you mean `terminal.keys.{near}`?")).unwrap_or_default())]
    UnknownName {
        /// The name.
        name: String,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
    /// A key cannot be read.
    #[error(
        "configuration: `terminal.keys.{name}`: `{key}` is no key; write `x`, `Ctrl-X`, `Alt-x`, `Tab`, `Space`, `Up`, `PageDown`, `F5` and the like"
    )]
    UnknownKey {
        /// The name.
        name: String,
        /// What was written.
        key: String,
    },
    /// A key would decide by accident.
    #[error("configuration: `terminal.keys.{name}`: `{key}` cannot be used for this; {why}")]
    Unsafe {
        /// The name.
        name: String,
        /// What was written.
        key: String,
        /// Why not.
        why: &'static str,
    },
    /// Two things in one place have one key.
    #[error(
        "configuration: `terminal.keys`: `{first}` and `{second}` have the same key in the same place; give one of them another"
    )]
    Taken {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
}

impl Keymap {
    /// The table, with other keys for some of its names.
    ///
    /// # Errors
    /// [`KeymapError`] says which key cannot be used and why.
    pub fn with(chosen: &BTreeMap<String, Vec<String>>) -> Result<Self, KeymapError> {
        let mut keymap = Self::default();
        for (name, written) in chosen {
            let known: Vec<&'static str> = NAMES.iter().map(|(name, _)| *name).collect();
            let Some((_, intent)) = NAMES.iter().find(|(known, _)| known == name) else {
                return Err(KeymapError::UnknownName {
                    name: name.clone(),
                    nearest: nearest(name, &known),
                });
            };
            let keys = written
                .iter()
                .map(|key| checked(name, key, *intent))
                .collect::<Result<Vec<_>, _>>()?;
            for bound in keymap
                .bindings
                .iter_mut()
                .filter(|bound| bound.binding.intent == *intent)
            {
                bound.keys.clone_from(&keys);
                bound.label = written.join(" ");
            }
        }
        keymap.check()?;
        Ok(keymap)
    }

    /// No key may mean two things in one place.
    fn check(&self) -> Result<(), KeymapError> {
        for (at, first) in self.bindings.iter().enumerate() {
            for second in self.bindings.iter().skip(at + 1) {
                let place = first
                    .binding
                    .places
                    .iter()
                    .any(|place| second.binding.places.contains(place));
                if place && first.keys.iter().any(|key| second.keys.contains(key)) {
                    return Err(KeymapError::Taken {
                        first: name_of(first.binding),
                        second: name_of(second.binding),
                    });
                }
            }
        }
        Ok(())
    }

    /// What a key asks for in a place.
    pub fn find(&self, place: Place, event: KeyEvent) -> Option<Intent> {
        // Shift is part of a character already, and of BackTab.
        let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
        let of_place = self
            .bindings
            .iter()
            .filter(|bound| bound.binding.places.contains(&place));
        of_place
            .into_iter()
            .find(|bound| {
                bound.keys.iter().any(|(wanted, code)| {
                    wanted.difference(KeyModifiers::SHIFT) == modifiers && *code == event.code
                })
            })
            .map(|bound| bound.binding.intent)
    }

    /// The keys of a place that the list of keys shows, under their titles.
    pub fn help(&self, place: Place) -> [(&'static str, Vec<&Bound>); 4] {
        let of = |group| {
            self.bindings
                .iter()
                .filter(|bound| bound.binding.group == group && !bound.binding.text.is_empty())
                .filter(|bound| bound.binding.places.contains(&place))
                .collect()
        };
        [
            ("Move", of(Group::Move)),
            ("Read", of(Group::Read)),
            ("Decide", of(Group::Decide)),
            ("Always", of(Group::Always)),
        ]
    }

    /// The first key for an intent in a place, as it is written; nothing where it has none.
    pub fn label(&self, place: Place, intent: Intent) -> &str {
        self.bindings
            .iter()
            .find(|bound| bound.binding.intent == intent && bound.binding.places.contains(&place))
            .and_then(|bound| bound.label.split(' ').next())
            .unwrap_or_default()
    }

    /// What the keys are called that sentences name.
    pub fn names(&self) -> KeyNames {
        let of = |place, intent| self.label(place, intent).to_owned();
        KeyNames {
            next_lane: of(Place::Queue, Intent::NextLane),
            mark: of(Place::Queue, Intent::Mark),
            read_marked: of(Place::Queue, Intent::ReadMarked),
            unseen: of(Place::Detail, Intent::Unseen),
            look_again: of(Place::Detail, Intent::LookAgain),
            refresh: of(Place::Detail, Intent::Refresh),
            approve: of(Place::Detail, Intent::Approve),
            deny: of(Place::Detail, Intent::Deny),
            edit: of(Place::Ceremony, Intent::Edit),
        }
    }

    /// The hints of the bottom line: what each key asks for, the key, and in a word what it does.
    pub fn hints(&self, place: Place) -> impl Iterator<Item = (Intent, &str, &'static str)> {
        self.bindings
            .iter()
            .filter(move |bound| bound.binding.places.contains(&place))
            .filter_map(|bound| {
                let hint = bound.binding.hint?;
                let label = bound.label.split(' ').next().unwrap_or_default();
                Some((bound.binding.intent, label, hint))
            })
    }
}

/// The names by which keys can be chosen. Enter, Esc and what writes in a field stay as they are.
const NAMES: &[(&str, Intent)] = &[
    ("down", Intent::Down),
    ("up", Intent::Up),
    ("half-page-down", Intent::HalfDown),
    ("half-page-up", Intent::HalfUp),
    ("page-down", Intent::PageDown),
    ("page-up", Intent::PageUp),
    ("top", Intent::Top),
    ("end", Intent::Bottom),
    ("next-pane", Intent::NextPane),
    ("previous-pane", Intent::PreviousPane),
    ("next-lane", Intent::NextLane),
    ("previous-lane", Intent::PreviousLane),
    ("order", Intent::Reorder),
    ("groups", Intent::Groups),
    ("side-by-side", Intent::Beside),
    ("fold", Intent::Fold),
    ("pager", Intent::Pager),
    ("copy", Intent::Copy),
    ("next", Intent::NextMark),
    ("previous", Intent::PreviousMark),
    ("unseen", Intent::Unseen),
    ("suspicious", Intent::Suspicious),
    ("look-again", Intent::LookAgain),
    ("refresh", Intent::Refresh),
    ("reveal", Intent::Reveal),
    ("search", Intent::Filter),
    ("approve", Intent::Approve),
    ("deny", Intent::Deny),
    ("ask", Intent::Ask),
    ("counter-propose", Intent::Counter),
    ("edit", Intent::Edit),
    ("sign", Intent::Sign),
    ("preset", Intent::Preset),
    ("mark", Intent::Mark),
    ("mark-alike", Intent::MarkAlike),
    ("read-marked", Intent::ReadMarked),
    ("help", Intent::Help),
    ("redraw", Intent::Redraw),
    ("suspend", Intent::Suspend),
    ("quit", Intent::Quit),
];

fn name_of(binding: &'static Binding) -> &'static str {
    NAMES
        .iter()
        .find(|(_, intent)| *intent == binding.intent)
        .map_or(binding.label, |(name, _)| *name)
}

/// Reads a key, and refuses one that would decide, or write, by accident.
fn checked(name: &str, key: &str, intent: Intent) -> Result<(KeyModifiers, KeyCode), KeymapError> {
    let unsafe_key = |why| KeymapError::Unsafe {
        name: name.to_owned(),
        key: key.to_owned(),
        why,
    };
    let (modifiers, code) = parse(key).ok_or_else(|| KeymapError::UnknownKey {
        name: name.to_owned(),
        key: key.to_owned(),
    })?;
    let chord = modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    let function = matches!(code, KeyCode::F(_));
    if matches!(code, KeyCode::Enter | KeyCode::Esc) {
        return Err(unsafe_key("Enter never decides, and Esc always goes back"));
    }
    if matches!(
        intent,
        Intent::Sign | Intent::Edit | Intent::Preset | Intent::Redraw | Intent::Suspend
    ) && !chord
        && !function
    {
        return Err(unsafe_key("it holds where text is written; add Ctrl or Alt"));
    }
    Ok((modifiers, code))
}

/// Reads a key as it is written.
fn parse(text: &str) -> Option<(KeyModifiers, KeyCode)> {
    let (mut modifiers, mut rest) = (NONE, text);
    while let Some((word, more)) = rest
        .split_once('-')
        .filter(|(word, more)| !word.is_empty() && !more.is_empty())
    {
        modifiers |= match word.to_ascii_lowercase().as_str() {
            "ctrl" => CTRL,
            "alt" => KeyModifiers::ALT,
            "shift" => KeyModifiers::SHIFT,
            _ => return None,
        };
        rest = more;
    }
    let mut characters = rest.chars();
    if let (Some(c), None) = (characters.next(), characters.next()) {
        // A terminal tells Ctrl-X and Ctrl-x alike.
        let c = if modifiers.contains(CTRL) {
            c.to_ascii_lowercase()
        } else {
            c
        };
        return (!c.is_control()).then_some((modifiers, KeyCode::Char(c)));
    }
    let code = match rest.to_ascii_lowercase().as_str() {
        "tab" if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "insert" => KeyCode::Insert,
        "delete" => KeyCode::Delete,
        word => KeyCode::F(
            word.strip_prefix('f')?
                .parse()
                .ok()
                .filter(|n| (1..=12).contains(n))?,
        ),
    };
    Some((modifiers, code))
}
#[cfg(test)]
mod tests {
    use super::super::binding::EVERYWHERE;
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for place in EVERYWHERE {
            let mut seen: Vec<(KeyModifiers, KeyCode)> = Vec::new();
            for binding in bindings().filter(|binding| binding.places.contains(place)) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{key:?} in {place:?}");
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn enter_never_asks_to_decide() {
        for binding in
            bindings().filter(|binding| binding.keys.iter().any(|(_, code)| *code == KeyCode::Enter))
        {
            assert_eq!(binding.intent, Intent::Enter);
        }
    }

    #[test]
    fn every_key_with_a_text_is_in_the_list_of_keys() {
        let keymap = Keymap::default();
        let listed: Vec<&Bound> = EVERYWHERE
            .iter()
            .flat_map(|place| keymap.help(*place))
            .flat_map(|(_, bindings)| bindings)
            .collect();
        for binding in bindings().filter(|binding| !binding.text.is_empty()) {
            let there = listed.iter().any(|other| other.label == binding.label);
            assert!(there, "{} is missing", binding.label);
        }
    }

    fn chosen(name: &str, keys: &[&str]) -> Result<Keymap, KeymapError> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Keymap::with(&[(name.to_owned(), keys)].into())
    }

    #[test]
    fn a_chosen_key_replaces_the_old_ones_and_stands_in_the_list() {
        let keymap = chosen("down", &["e", "Ctrl-E", "F2"]).unwrap();
        let find = |modifiers, code| keymap.find(Place::Queue, KeyEvent::new(code, modifiers));
        assert_eq!(find(NONE, KeyCode::Char('e')), Some(Intent::Down));
        assert_eq!(find(CTRL, KeyCode::Char('e')), Some(Intent::Down));
        assert_eq!(find(NONE, KeyCode::F(2)), Some(Intent::Down));
        assert_eq!(find(NONE, KeyCode::Char('j')), None);
        let [(_, moving), ..] = keymap.help(Place::Queue);
        assert!(moving.iter().any(|bound| bound.label == "e Ctrl-E F2"));
    }

    #[test]
    fn sentences_name_the_keys_there_are() {
        assert_eq!(Keymap::default().names(), KeyNames::default());
        assert_eq!(chosen("unseen", &["w", "F3"]).unwrap().names().unseen, "w");
    }

    #[test]
    fn wrong_choices_are_refused_and_say_what_to_write() {
        let told = |name: &str, key: &str| chosen(name, &[key]).unwrap_err().to_string();
        assert!(told("dwon", "e").contains("did you mean `terminal.keys.down`?"));
        assert!(told("down", "Hyper-e").contains("is no key"));
        assert!(told("approve", "Enter").contains("never decides"));
        assert!(told("sign", "s").contains("add Ctrl or Alt"));
        assert!(told("down", "k").contains("same key"));
    }
}
