//! Words that look like others: mixed scripts, letters that imitate ASCII, and words that take the place of
//! their look-alikes.
//!
//! Words are looked at as the bytes write them and as the document means them: a letter written as an escape
//! (`\u0430`) imitates as well. The sentence names the code points, since the word itself would deceive again.

use crate::document::Place as InDocument;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};
use crate::text::{imitates_ascii, is_mixed_script, look, words};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

/// So many words are told one by one; the rest as a number and a hash.
const TOLD: usize = 50;

/// A shorter word of ASCII looks like another by chance.
const SHORTEST: usize = 4;

/// In lines of so many bytes each word is looked for among those of the same line of the other side.
const SHORT_LINE: usize = 256;

/// Words that are worth imitating wherever they stand.
const KNOWN: &[&str] = &[
    "account",
    "accounts",
    "action",
    "admin",
    "administrator",
    "allow",
    "amazon",
    "amazonaws",
    "api",
    "apple",
    "auth",
    "aws",
    "azure",
    "backup",
    "bash",
    "bucket",
    "cluster",
    "com",
    "config",
    "console",
    "curl",
    "default",
    "delete",
    "deny",
    "dev",
    "docker",
    "effect",
    "false",
    "github",
    "githubusercontent",
    "gitlab",
    "google",
    "googleapis",
    "group",
    "host",
    "http",
    "https",
    "kube",
    "kubectl",
    "kubernetes",
    "local",
    "localhost",
    "login",
    "main",
    "master",
    "microsoft",
    "net",
    "npm",
    "null",
    "ops",
    "org",
    "owner",
    "password",
    "payment",
    "payments",
    "paypal",
    "port",
    "principal",
    "prod",
    "production",
    "public",
    "pypi",
    "resource",
    "role",
    "root",
    "secret",
    "secrets",
    "security",
    "server",
    "service",
    "staging",
    "sudo",
    "support",
    "system",
    "test",
    "token",
    "true",
    "update",
    "user",
    "users",
    "www",
];

/// The rules for look-alikes.
pub(in crate::findings) struct LookAlikes;

impl Detector for LookAlikes {
    /// Looking at words alone is not understanding.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        // Nearly every document is ASCII, and without an escape it means nothing else.
        if input.bytes.is_ascii() && !input.bytes.contains(&b'\\') {
            return Outcome::NotMine;
        }
        let side = Words::of(input);
        let mut told = Told::default();
        for (word, at) in side.odd.iter().filter(|(word, _)| is_mixed_script(word)) {
            let what = format!(
                "{} mixes letters of scripts that are not written together: {}",
                quote(word),
                code_points(word)
            );
            told.add(
                at.observe(Observation::new(&rule::TEXT_MIXED_SCRIPT, *word, what)),
                word,
            );
        }
        told.finish(&rule::TEXT_MIXED_SCRIPT, "mix scripts", seen);
        let mut told = Told::default();
        for (word, at) in side.odd.iter().filter(|(word, _)| imitates_ascii(word)) {
            let looks = look(word);
            let (severity, like) = match side.like(word, &looks) {
                Some(like) => (Severity::High, like),
                None if at.technical || is_mixed_script(word) => (Severity::Medium, looks.as_ref()),
                None => (Severity::Low, looks.as_ref()),
            };
            let what = format!(
                "{} looks like {} and is written with {}",
                quote(word),
                quote(like),
                code_points(word)
            );
            let seen = Observation::new(&rule::TEXT_CONFUSABLE, *word, what).severity(severity);
            told.add(at.observe(seen), word);
        }
        told.finish(&rule::TEXT_CONFUSABLE, "imitate others", seen);
        Outcome::NotMine
    }

    /// Tells words that stand where a word of the same look stood.
    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let fresh = Words::fresh(after, before);
        let alike = fresh.alike(before);
        let standing = standing(after, &alike);
        let mut found = Vec::new();
        for (word, at) in fresh.places() {
            let Some(was) = alike.get(look(word).as_ref()).filter(|was| **was != word) else {
                continue;
            };
            let replaced = !standing.contains(was);
            let severity = match (word.is_ascii() && was.is_ascii(), replaced) {
                (false, true) => Severity::High,
                (true, false) => Severity::Low,
                _ => Severity::Medium,
            };
            let what = format!(
                "{} ({}) looks like {} ({}), which {}",
                quote(word),
                spelled(word),
                quote(was),
                spelled(was),
                if replaced {
                    "stood here before"
                } else {
                    "stands here too"
                }
            );
            let seen = Observation::new(&rule::TEXT_CONFUSABLE, format!("{was} {word}"), what);
            found.push((
                at.observe(seen.severity(severity)),
                Delta::Introduced,
                Side::After,
            ));
            if found.len() >= TOLD {
                break;
            }
        }
        found
    }
}

/// The words of one side.
struct Words<'a> {
    plain: BTreeMap<&'a str, At>,
    odd: BTreeMap<&'a str, At>,
}

/// Where a word stands first.
#[derive(Clone)]
struct At {
    line: u32,
    column: Option<u32>,
    /// Set where the bytes write it as an escape.
    inside: Option<InDocument>,
    technical: bool,
}

impl At {
    fn observe(&self, seen: Observation) -> Observation {
        let seen = match &self.inside {
            Some(place) => seen.at(place, self.line),
            None => seen.line(self.line),
        };
        match self.column {
            Some(column) => seen.column(column),
            None => seen,
        }
    }
}

/// Tells of every word of a side, of the bytes and of what they mean, and where it stands.
fn each<'a>(input: &Input<'a>, told: &mut dyn FnMut(&'a str, &dyn Fn() -> At)) {
    each_beside(input, &[], told);
}

/// The same but for what stands in the same line of another side, too: whole lines, and words of lines that are not long.
fn each_beside<'a>(input: &Input<'a>, other: &[&str], told: &mut dyn FnMut(&'a str, &dyn Fn() -> At)) {
    let mut other = other.iter();
    let mut beside: Vec<&str> = Vec::new();
    for (number, line) in (1u32..).zip(input.bytes.split(|byte| *byte == b'\n')) {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let other = other.next();
        if other.is_some_and(|other| other.as_bytes() == text) {
            continue;
        }
        beside.clear();
        if let Some(other) = other.filter(|other| other.len() <= SHORT_LINE) {
            beside.extend(words(other).map(|word| word.text));
        }
        // A byte that is no text ends a word, and counts as one column as the escaper shows it.
        let mut column = 1u32;
        for chunk in line.utf8_chunks() {
            for word in words(chunk.valid()).filter(|word| !beside.contains(&word.text)) {
                told(word.text, &|| At {
                    line: number,
                    column: Some(column.saturating_add(word.before)),
                    inside: None,
                    technical: word.technical,
                });
            }
            // Nothing follows in the line where nothing is invalid.
            if !chunk.invalid().is_empty() {
                let passed = chunk.valid().chars().count() + chunk.invalid().len();
                column = column.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
            }
        }
    }
    // What a value means is told where the bytes write it otherwise.
    input.walk(&mut |place, value| {
        let keys = value.entries().iter().map(|(key, _)| key.as_str());
        for text in keys.chain(value.text()).filter(|text| !text.is_ascii()) {
            for word in words(text).filter(|word| !word.text.is_ascii()) {
                told(word.text, &|| At {
                    line: value.line,
                    column: None,
                    inside: Some(place.clone()),
                    technical: word.technical,
                });
            }
        }
    });
}

/// Says whether a word that takes the place of another is told: numbers and short words are not.
fn is_told(word: &str) -> bool {
    !word.is_ascii() || word.len() >= SHORTEST && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl<'a> Words<'a> {
    fn of(input: &Input<'a>) -> Self {
        Self::chosen(input, &[], |_| true)
    }

    /// The words of a side that are told and don't stand in the other.
    fn fresh(input: &Input<'a>, other: &Input<'_>) -> Self {
        // What stands in the same line of both is not new; of most changes nothing is left to look for elsewhere.
        let mut side = Self::chosen(input, other.lines, is_told);
        let mut fresh: HashSet<&str> = side.places().map(|(word, _)| word).collect();
        if fresh.is_empty() {
            return side;
        }
        each(other, &mut |word, _| {
            fresh.remove(word);
        });
        side.plain.retain(|word, _| fresh.contains(word));
        side.odd.retain(|word, _| fresh.contains(word));
        side
    }

    fn chosen(input: &Input<'a>, other: &[&str], wanted: impl Fn(&str) -> bool) -> Self {
        let mut side = Self {
            plain: BTreeMap::new(),
            odd: BTreeMap::new(),
        };
        each_beside(input, other, &mut |word, at| {
            if wanted(word) {
                let kind = if word.is_ascii() {
                    &mut side.plain
                } else {
                    &mut side.odd
                };
                kind.entry(word).or_insert_with(at);
            }
        });
        side
    }

    /// The words of another side that look like one of these, by their looks; of several the last, those that aren't
    /// ASCII after the others.
    fn alike<'b>(&self, other: &Input<'b>) -> BTreeMap<String, &'b str> {
        let wanted: BTreeSet<Cow<'_, str>> = self.places().map(|(word, _)| look(word)).collect();
        let mut found: BTreeMap<String, &'b str> = BTreeMap::new();
        if wanted.is_empty() {
            return found;
        }
        let order = |word: &'b str| (!word.is_ascii(), word);
        each(other, &mut |word, _| {
            if word.is_ascii() && word.len() < SHORTEST {
                return;
            }
            let looks = look(word);
            if wanted.contains(&looks) {
                let last = found.entry(looks.into_owned()).or_insert(word);
                if order(word) > order(last) {
                    *last = word;
                }
            }
        });
        found
    }

    fn places(&self) -> impl Iterator<Item = (&'a str, &At)> {
        self.plain.iter().chain(&self.odd).map(|(word, at)| (*word, at))
    }

    /// Returns a word of this side, or one known everywhere, that a look stands for.
    fn like<'b>(&self, word: &str, looks: &'b str) -> Option<&'b str>
    where
        'a: 'b,
    {
        let known = KNOWN.iter().find(|known| look(known) == looks).copied();
        let lower = looks.to_ascii_lowercase();
        let known = known.or_else(|| KNOWN.iter().find(|known| look(known) == lower.as_str()).copied());
        known.or_else(|| {
            let have = self.plain.get_key_value(looks).map(|(have, _)| *have);
            have.filter(|have| *have != word)
        })
    }
}

/// Gathers what is told, up to a number.
#[derive(Default)]
struct Told {
    seen: Vec<Observation>,
    more: BTreeSet<String>,
}

impl Told {
    fn add(&mut self, seen: Observation, word: &str) {
        if self.seen.len() < TOLD {
            self.seen.push(seen);
        } else {
            self.more.insert(word.to_owned());
        }
    }

    fn finish(self, about: &'static rule::Rule, verb: &str, seen: &mut Vec<Observation>) {
        seen.extend(self.seen);
        if !self.more.is_empty() {
            let mut hash = Sha256::new();
            for word in &self.more {
                hash.update(word.as_bytes());
                hash.update([0]);
            }
            let mark = hash
                .finalize()
                .iter()
                .take(16)
                .fold(String::new(), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                });
            let what = format!(
                "{} more words {verb}, not told one by one ({mark})",
                self.more.len()
            );
            seen.push(Observation::new(about, format!("more {mark}"), what));
        }
    }
}

/// Those of some words that stand in a side, too.
fn standing<'a>(input: &Input<'_>, some: &BTreeMap<String, &'a str>) -> BTreeSet<&'a str> {
    let mut missing: BTreeSet<&'a str> = some.values().copied().collect();
    if missing.is_empty() {
        return missing;
    }
    let mut found = BTreeSet::new();
    each(input, &mut |word, _| found.extend(missing.take(word)));
    found
}

/// Names the code points of a word that are not ASCII.
fn code_points(word: &str) -> String {
    const SHOWN: usize = 6;
    let odd: BTreeSet<char> = word.chars().filter(|c| !c.is_ascii()).collect();
    let mut names: Vec<String> = odd
        .iter()
        .take(SHOWN)
        .map(|c| format!("U+{:04X}", u32::from(*c)))
        .collect();
    if let Some(more) = odd.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// Says how a word is written, so that the two can be told apart.
fn spelled(word: &str) -> String {
    if word.is_ascii() {
        "ASCII".to_owned()
    } else {
        code_points(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::read::Read;
    use crate::findings::{Finding, Severity, analyze};
    use proptest::prelude::*;

    fn found(kind: &str, before: Option<&str>, after: &str) -> Vec<Finding> {
        let mut found = analyze(kind, before.map(str::as_bytes), after.as_bytes());
        found.retain(|finding| finding.counts() && finding.rule.as_str().starts_with("text-"));
        found
    }

    fn told(before: Option<&str>, after: &str) -> Vec<(&'static str, Severity)> {
        found("config-file", before, after)
            .iter()
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn a_name_that_imitates_another_is_told_with_its_place() {
        let found = found("config-file", None, "a: b\nowner: \u{430}dmin@x.test\n");
        let seen: Vec<_> = found
            .iter()
            .map(|it| (it.rule.as_str(), it.severity, it.line, it.column))
            .collect();
        assert_eq!(
            seen,
            [
                ("text-confusable", Severity::High, Some(2), Some(8)),
                ("text-mixed-script", Severity::Medium, Some(2), Some(8))
            ]
        );
        assert!(found[0].explanation.contains("U+0430") && found[0].explanation.contains("`admin`"));
    }

    #[test]
    fn an_escape_in_a_document_of_ascii_is_told() {
        let found = found("config-file", None, "owner: \"\\u0430dmin\"\n");
        assert!(
            found.iter().any(|it| it.rule.as_str() == "text-confusable"),
            "{found:?}"
        );
    }

    #[test]
    fn of_words_that_look_alike_the_last_is_named() {
        let found = found("config-file", Some("a: rnain\nb: maln\n"), "a: main\n");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].explanation.contains("`rnain`"),
            "{}",
            found[0].explanation
        );
    }

    #[test]
    fn a_line_that_is_as_it_was_hides_no_word_of_the_others() {
        let before = "a: admin\r\nb: paypal\nc: x\n";
        // The first line stays, one comes between, and one that stayed moves.
        let found = found("config-file", Some(before), "a: admin\nc: x\nb: paypa1\n");
        let seen: Vec<_> = found.iter().map(|it| (it.rule.as_str(), it.line)).collect();
        assert_eq!(seen, [("text-confusable", Some(3))]);
    }

    #[test]
    fn a_look_alike_in_the_place_of_a_word_is_told() {
        assert_eq!(
            told(Some("host: paypal.test\n"), "host: paypa1.test\n"),
            [("text-confusable", Severity::Medium)]
        );
        assert_eq!(
            told(Some("a: rnain\n"), "a: main\n"),
            [("text-confusable", Severity::Medium)]
        );
        assert_eq!(told(Some("version: v10\n"), "version: v11\n"), []);
        assert_eq!(told(Some("port: 8001\n"), "port: 8000\n"), []);
        // A word of another script whole: nothing in it is mixed.
        let whole = told(
            Some("user: scope\n"),
            "user: \u{455}\u{441}\u{43e}\u{440}\u{435}\n",
        );
        assert!(whole.contains(&("text-confusable", Severity::High)), "{whole:?}");
    }

    #[test]
    fn words_written_as_escapes_are_seen() {
        let found = found("exec", None, r#"{"argv": ["curl", "https://\u0430pi.test"]}"#);
        let first = &found[0];
        assert_eq!(
            (first.rule.as_str(), first.severity),
            ("text-confusable", Severity::High)
        );
        assert_eq!(first.path.escaped(), "/argv/1");
    }

    #[test]
    fn languages_are_quiet() {
        assert_eq!(
            told(
                None,
                "t: Boutique d'été à Orléans\nr: жук и кот\nj: APIキー 漢字\nk: 한국어\n"
            ),
            []
        );
        assert_eq!(told(None, "r: рак\n"), []);
    }

    #[test]
    fn many_words_are_counted_and_told_apart() {
        let many = |last: &str| {
            let mut text: String = (0..80).map(|n| format!("\u{430}dmin{n}x\n")).collect();
            text.push_str(last);
            text
        };
        let (one, other) = (
            found("config-file", None, &many("")),
            found("config-file", None, &many("\u{430}y")),
        );
        let more = |found: &[Finding]| {
            found
                .iter()
                .find(|it| it.explanation.contains("more words"))
                .unwrap()
                .explanation
                .clone()
        };
        assert_ne!(more(&one), more(&other));
        assert!(one.len() < 110, "{}", one.len());
    }

    /// Lines of few words, so that many stand on both sides, in the same line or in others; some are long.
    fn side() -> impl Strategy<Value = String> {
        let words = [
            "host",
            "paypal",
            "paypa1",
            "\u{430}dmin",
            "v10",
            "a",
            "admin-host",
            "\"\\u0430pi\"",
            "",
        ];
        let word = prop::sample::select(words.to_vec());
        let line = (
            prop::collection::vec(word, 0..4),
            prop::sample::select(vec![1, 1, 1, 90]),
        );
        let line = line.prop_map(|(words, times)| vec![words.join(" "); times].join(" "));
        prop::collection::vec(line, 0..6).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn fresh_words_are_those_that_stand_nowhere_in_the_other_side(before in side(), after in side()) {
            let (old, new) = (Read::new("config-file", before.as_bytes()), Read::new("config-file", after.as_bytes()));
            let (old_roots, new_roots) = (old.roots(), new.roots());
            let (old, new) = (old.input("config-file", &old_roots), new.input("config-file", &new_roots));
            let (mut known, mut plainly) = (BTreeSet::new(), BTreeMap::new());
            each(&old, &mut |word, _| {
                known.insert(word);
            });
            each(&new, &mut |word, at| {
                if is_told(word) && !known.contains(word) {
                    let at = at();
                    plainly.entry(word).or_insert((at.line, at.column));
                }
            });
            let fresh = Words::fresh(&new, &old);
            let fresh: BTreeMap<_, _> = fresh.places().map(|(word, at)| (word, (at.line, at.column))).collect();
            prop_assert_eq!(fresh, plainly);
        }
    }
}
