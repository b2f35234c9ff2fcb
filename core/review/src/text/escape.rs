//! The escaper: bytes in, visible spans out. The forms are listed in the parent module.

use super::class::{Class, is_mark, is_right_to_left};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt::Write as _;

/// As many marks on one letter as are shown; real scripts need three.
const MARKS_SHOWN: usize = 4;

/// A run of printable characters to be drawn alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Printable characters only: no tab, no control, no format character.
    pub text: String,
    /// How to draw it.
    pub mark: Mark,
}

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The text itself.
    Plain,
    /// Written by the escaper in place of something that can't be shown.
    Escape(Class),
    /// Written in place of a secret.
    Secret,
}

/// Escapes one line; a line feed in it is escaped like any other control character.
pub fn escape_line(bytes: &[u8]) -> Vec<Span> {
    let mut out = Escaper::default();
    for chunk in bytes.utf8_chunks() {
        out.text(chunk.valid());
        for byte in chunk.invalid() {
            out.escape(Class::InvalidByte, &format!("0x{byte:02X}"));
        }
    }
    out.spans
}

/// Joins spans to one string.
pub fn spans_to_string(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// The last gate before a screen, a pipe or a log, for lines that are escaped already: lets line feeds and what the
/// escaper writes pass, and escapes every character that must not come this far.
///
/// It is a net, not the way to a screen: it can't tell an escape from text that imitates one.
pub fn gate(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return Cow::Borrowed(text);
    }
    let passes = |c: char| c == '\n' || Class::of(c).is_none_or(|class| class == Class::EscapeBracket);
    if text.chars().all(passes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if passes(c) {
            out.push(c);
        } else {
            let _ = write!(out, "⟦{}⟧", code_point(c));
        }
    }
    Cow::Owned(out)
}

/// A problem of several lines as it is printed: each line escaped, and those after the first indented, so that no text
/// within it can write a problem, or a hint, of its own.
pub fn problem_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push_str("    ");
        }
        out.push_str(&spans_to_string(&escape_line(line.as_bytes())));
        out.push('\n');
    }
    out
}

/// Writes JSON so that a terminal may show it: what must not be shown as it is stands as `\u…` in its texts.
///
/// A reader of JSON gets the very same document. The text given must be JSON.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let passes = |c: char| {
        matches!(c, ' '..='~' | '\n') || Class::of(c).is_none() && !is_mark(c) && !is_right_to_left(c)
    };
    if json.chars().all(passes) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if passes(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(out)
}

#[derive(Default)]
struct Escaper {
    spans: Vec<Span>,
    /// Whether the last thing written is a visible character that a mark can stand on.
    base: bool,
}

impl Escaper {
    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let taken = if (' '..='~').contains(&c) {
                self.ascii(rest)
            } else if let Some(class) = Class::of(c) {
                self.escape(class, &code_point(c));
                c.len_utf8()
            } else if is_mark(c) {
                self.marks(rest)
            } else if is_right_to_left(c) {
                self.right_to_left(rest)
            } else {
                self.plain(c.encode_utf8(&mut [0; 4]));
                c.len_utf8()
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    fn ascii(&mut self, text: &str) -> usize {
        let length = text
            .bytes()
            .take_while(|byte| (b' '..=b'~').contains(byte))
            .count();
        self.plain(text.get(..length).unwrap_or_default());
        length
    }

    fn marks(&mut self, text: &str) -> usize {
        let run: &str = prefix(text, |c| is_mark(c) && Class::of(c).is_none());
        if !self.base {
            for c in run.chars() {
                self.escape(Class::LoneMark, &code_point(c));
            }
            return run.len();
        }
        let shown: usize = run.chars().take(MARKS_SHOWN).map(char::len_utf8).sum();
        let (head, flood) = run.split_at_checked(shown).unwrap_or((run, ""));
        self.plain(head);
        if !flood.is_empty() {
            let mut form = format!("{} marks ", flood.chars().count());
            for byte in Sha256::digest(flood.as_bytes()).iter().take(16) {
                let _ = write!(form, "{byte:02x}");
            }
            self.escape(Class::MarkFlood, &form);
        }
        run.len()
    }

    /// Writes a run of right-to-left words between two words of Latin letters: a terminal that reorders text
    /// (UAX #9) then keeps the run in its place, digits and punctuation around it included.
    fn right_to_left(&mut self, text: &str) -> usize {
        self.escape(Class::RightToLeft, "RTL");
        let mut taken = 0;
        while let Some(c) = text.get(taken..).and_then(|rest| rest.chars().next()) {
            let rest = text.get(taken..).unwrap_or_default();
            if is_right_to_left(c) && Class::of(c).is_none() && !is_mark(c) {
                self.plain(c.encode_utf8(&mut [0; 4]));
                taken += c.len_utf8();
            } else if is_mark(c) && Class::of(c).is_none() {
                taken += self.marks(rest);
            } else if c == ' '
                && rest
                    .chars()
                    .nth(1)
                    .is_some_and(|next| is_right_to_left(next) && !is_mark(next))
            {
                self.plain(" ");
                taken += 1;
            } else {
                break;
            }
        }
        self.escape(Class::RightToLeft, "LTR");
        taken
    }

    fn plain(&mut self, text: &str) {
        let Some(last) = text.chars().next_back() else {
            return;
        };
        match self.spans.last_mut() {
            Some(span) if span.mark == Mark::Plain => span.text.push_str(text),
            _ => self.spans.push(Span {
                text: text.to_owned(),
                mark: Mark::Plain,
            }),
        }
        self.base = last != ' ';
    }

    fn escape(&mut self, class: Class, form: &str) {
        self.spans.push(Span {
            text: format!("⟦{form}⟧"),
            mark: Mark::Escape(class),
        });
        self.base = false;
    }
}

fn code_point(c: char) -> String {
    match c {
        '\t' => "TAB".to_owned(),
        '\n' => "LF".to_owned(),
        '\r' => "CR".to_owned(),
        _ => format!("U+{:04X}", u32::from(c)),
    }
}

fn prefix(text: &str, keep: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !keep(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        spans_to_string(&escape_line(text.as_bytes()))
    }

    /// Text made mostly of what an attacker would use.
    fn hostile() -> impl Strategy<Value = String> {
        let nasty = prop::sample::select(
            "a b\t\n\r\u{1b}\u{7f}\u{85}\u{a0}\u{ad}\u{300}\u{301}\u{200b}\u{202e}\u{2066}\u{fe0f}\u{e0041}אבשرث١⟦⟧U+0290xFFRTLTAB〚\u{1160}\u{0600}漢🙂"
                .chars()
                .collect::<Vec<_>>(),
        );
        prop::collection::vec(prop_oneof![4 => nasty, 1 => any::<char>()], 0..24)
            .prop_map(|chars| chars.into_iter().collect())
    }

    #[test]
    fn leaves_ordinary_text_alone() {
        for text in ["C:\\dir \"x\" {}", "naïve café 漢字 жук", "a\u{301}"] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn an_escape_written_by_hand_is_not_taken_for_one() {
        assert_eq!(escaped("⟦U+202E⟧"), "⟦U+27E6⟧U+202E⟦U+27E7⟧");
        assert_ne!(escaped("⟦U+202E⟧"), escaped("\u{202E}"));
    }

    #[test]
    fn marks_without_a_base_and_floods_are_shown() {
        assert_eq!(escaped("\u{301}a"), "⟦U+0301⟧a");
        assert_eq!(escaped(" \u{301}"), " ⟦U+0301⟧");
        let one = format!("a{}", "\u{301}".repeat(2000));
        let other = format!("a{}\u{302}", "\u{301}".repeat(1999));
        assert!(escaped(&one).starts_with("a\u{301}\u{301}\u{301}\u{301}⟦1996 marks "));
        assert_ne!(escaped(&one), escaped(&other));
    }

    #[test]
    fn right_to_left_words_are_held_between_latin_letters() {
        assert_eq!(escaped("x אב גד, 1"), "x ⟦RTL⟧אב גד⟦LTR⟧, 1");
    }

    #[test]
    fn the_gate_lets_only_what_is_safe_pass() {
        assert_eq!(gate("a ⟦U+202E⟧ é\nb"), "a ⟦U+202E⟧ é\nb");
        assert_eq!(gate("a\u{202E}\u{1b}[2K\r\n"), "a⟦U+202E⟧⟦U+001B⟧[2K⟦CR⟧\n");
    }

    #[test]
    fn json_is_made_printable_without_a_change_of_meaning() {
        let value = serde_json::json!({ "a\u{202e}": "\u{85}é\u{e0041}אe\u{301}\u{1b}" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = printable_json(&text);
        assert!(
            shown.contains("é") && shown.contains("\\u202e") && shown.contains("\\udb40\\udc41"),
            "{shown}"
        );
        assert!(shown.chars().all(|c| c == '\n' || Class::of(c).is_none()));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn truncated_utf8_is_shown_byte_by_byte() {
        assert_eq!(
            spans_to_string(&escape_line(b"\xe2\x82a\xc3")),
            "⟦0xE2⟧⟦0x82⟧a⟦0xC3⟧"
        );
    }

    proptest! {
        #[test]
        fn two_different_texts_are_shown_differently(a in hostile(), b in hostile()) {
            prop_assert_eq!(a == b, escaped(&a) == escaped(&b));
        }

        #[test]
        fn one_changed_character_is_seen(text in hostile(), at in 0usize..24, c in any::<char>()) {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.min(chars.len());
            let mut inserted = chars.clone();
            inserted.insert(at, c);
            prop_assert_ne!(escaped(&inserted.iter().collect::<String>()), escaped(&text));
            if let Some(slot) = chars.get_mut(at) && *slot != c {
                *slot = c;
                prop_assert_ne!(escaped(&chars.iter().collect::<String>()), escaped(&text));
            }
        }

        #[test]
        fn two_different_byte_strings_are_shown_differently(
            a in prop::collection::vec(any::<u8>(), 0..12), b in prop::collection::vec(any::<u8>(), 0..12)
        ) {
            let shown = |bytes: &[u8]| spans_to_string(&escape_line(bytes));
            prop_assert_eq!(a == b, shown(&a) == shown(&b));
        }

        #[test]
        fn only_printable_characters_come_out(text in hostile()) {
            for c in escaped(&text).chars() {
                prop_assert!(matches!(c, '⟦' | '⟧') || Class::of(c).is_none(), "U+{:04X}", u32::from(c));
            }
        }
    }
}
