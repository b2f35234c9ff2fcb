//! Values that stand beside a name that names a secret: `password=…`, `"apiKey": "…"`, `--token …`.

use std::ops::Range;

/// As far as a name reaches at most.
const MAX_NAME: usize = 128;
/// As far as a value is looked at to tell whether it only refers to a secret.
const LOOK: usize = 64;

/// Ends of names, in lower-case letters and digits, with the shortest value that is taken for a secret.
pub(super) const NAMES: &[(&str, usize)] = &[
    ("password", 4),
    ("passwd", 4),
    ("passphrase", 4),
    ("pwd", 6),
    ("secret", 6),
    ("secretkey", 6),
    ("secretstring", 6),
    ("secretvalue", 6),
    ("accesskey", 8),
    ("apikey", 6),
    ("token", 8),
    ("privatekey", 6),
    ("signingkey", 8),
    ("encryptionkey", 8),
    ("connectionstring", 6),
];

/// What a rotation calls the secret that it brings.
pub(super) const NEW_VALUES: &[&str] = &["newvalue", "plaintext"];

/// Ends of such names as they stand in a text: where one is found, its name is read.
pub(super) const STEMS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "key",
    "string",
    "value",
    "token",
];

/// What stands for no value of its own.
const WORDS: &[&str] = &[
    "true", "false", "null", "none", "string", "required", "optional", "number", "bytes",
];

/// Reduces a name to its lower-case letters and digits.
pub(super) fn plain(name: &[u8]) -> String {
    let mut plain = String::with_capacity(name.len());
    let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
    plain.extend(letters.map(|byte| char::from(byte.to_ascii_lowercase())));
    plain
}

/// The shortest value that is a secret under this name; nothing where the name names none.
pub(super) fn least(kind: &str, name: &[u8]) -> Option<usize> {
    let name = plain(name);
    if kind == "secret-rotation" {
        // A rotation names its secret under that key, and carries the new one under these.
        if name == "secret" {
            return None;
        }
        if NEW_VALUES.contains(&name.as_str()) {
            return Some(1);
        }
    }
    let known = NAMES.iter().find(|(end, _)| name.ends_with(end));
    known.map(|(_, least)| *least)
}

/// Whether a value is one, and not a word or a reference to a secret that stands elsewhere.
pub(super) fn is_literal(value: &[u8], least: usize) -> bool {
    let head = value.get(..LOOK.min(value.len())).unwrap_or_default();
    let has = |part: &[u8]| head.windows(part.len()).any(|window| window == part);
    let starts = |parts: &[&str]| parts.iter().any(|part| head.starts_with(part.as_bytes()));
    let refers = starts(&[
        "${", "$(", "{{", "<", "/", "./", "!", "%", "*", "arn:", "http:", "https:", "file:", "ref+",
        "vault:", "op://", "ENC[",
    ]) || has(b"{{")
        || has(b"${");
    let variable = head
        .strip_prefix(b"$")
        .is_some_and(|name| name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'));
    let word = WORDS
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
    value.len() >= least && !refers && !variable && !word
}

/// Reads the name that ends with the stem at `stem`, and the value beside it.
pub(super) fn value(kind: &str, bytes: &[u8], stem: Range<usize>) -> Option<Range<usize>> {
    if bytes.get(stem.end).is_some_and(|byte| is_name(*byte)) {
        return None;
    }
    let floor = stem.start.saturating_sub(MAX_NAME);
    let before = bytes.get(floor..stem.start)?;
    let length = before.iter().rev().take_while(|byte| is_name(**byte)).count();
    let start = stem.start - length;
    let name = bytes.get(start..stem.end)?;
    let least = least(kind, name)?;
    let head = bytes.get(..start).unwrap_or_default();
    let binding = if name.starts_with(b"--") {
        Binding::Option
    } else if head.ends_with(b"<") {
        Binding::Element
    } else {
        Binding::Key
    };
    let from = separator(bytes, stem.end, binding)?;
    beside(bytes, from, least, first_on_line(head))
}

/// The value after `Bearer ` or `Basic `.
pub(super) fn credential(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    bare(bytes, from, 8, false)
}

/// The password in `scheme://user:password@host`, where `at` is behind the slashes.
pub(super) fn userinfo(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?;
    let rest = rest.get(..1024.min(rest.len()))?;
    let end = rest.iter().position(|byte| {
        matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`') || byte.is_ascii_whitespace()
    });
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    let user = authority.get(..authority.iter().rposition(|byte| *byte == b'@')?)?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.get(colon + 1..)?;
    let refers = password.starts_with(b"$") || password.starts_with(b"{") || password.starts_with(b"<");
    (!password.is_empty() && !refers).then_some(at + colon + 1..at + user.len())
}

/// What a name is, by what stands before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Binding {
    Key,
    /// An option of a command.
    Option,
    /// An element of XML.
    Element,
}

/// Where the value begins, if what stands behind the name binds one to it.
fn separator(bytes: &[u8], end: usize, binding: Binding) -> Option<usize> {
    let rest = bytes.get(end..)?;
    let quote = match rest {
        [b'"' | b'\'', ..] => 1,
        [b'\\', b'"', ..] => 2,
        _ => 0,
    };
    let spaces = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count()
    };
    let at = spaces(end + quote);
    match bytes.get(at..)? {
        [b'=', b'=', ..] => None,
        [b'=', b'>', ..] | [b':', b'=', ..] => Some(spaces(at + 2)),
        [b'=', ..] => Some(spaces(at + 1)),
        // `secret:name` is part of a name; a colon that binds has a space behind it, or a quote before.
        [b':', next, ..] if quote > 0 || matches!(next, b' ' | b'\t') => Some(spaces(at + 1)),
        [b'>', ..] if binding == Binding::Element => Some(at + 1),
        // `--password VALUE`, and `PASSWORD 'value'` of SQL.
        [first, ..] if at > end && (*first == b'\'' || binding == Binding::Option) => Some(at),
        _ => None,
    }
}

/// Reads the value; whether it is a literal is decided by its beginning, so that the cost of a value that is not
/// taken does not depend on its length.
fn beside(bytes: &[u8], from: usize, least: usize, first_on_line: bool) -> Option<Range<usize>> {
    let rest = bytes.get(from..)?;
    for open in [b"\\\"".as_slice(), b"\"", b"'", b"`"] {
        if rest.starts_with(open) {
            let start = from + open.len();
            let rest = bytes.get(start..)?;
            let head = rest.get(..LOOK.min(rest.len()))?;
            let head = head.get(..quoted(head, open))?;
            return is_literal(head, least).then(|| start..start + quoted(rest, open));
        }
    }
    bare(bytes, from, least, first_on_line)
}

/// How long a quoted value is: to the quote that closes it, or to the end of the line.
fn quoted(rest: &[u8], open: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        if *byte == b'\n' || rest.get(at..).is_some_and(|rest| rest.starts_with(open)) {
            break;
        }
        at += if *byte == b'\\' && open != b"\\\"" { 2 } else { 1 };
    }
    at.min(rest.len())
}

fn bare(bytes: &[u8], from: usize, least: usize, whole_word: bool) -> Option<Range<usize>> {
    let rest = bytes.get(from..)?;
    let length = |rest: &[u8]| {
        let end = rest.iter().position(|byte| {
            byte.is_ascii_whitespace()
                || matches!(byte, b'"' | b'\'' | b'`' | b'&' | b'|' | b';' | b'<')
                || !whole_word && matches!(byte, b',' | b')' | b']' | b'}')
        });
        end.unwrap_or(rest.len())
    };
    let head = rest.get(..LOOK.min(rest.len()))?;
    let head = head.get(..length(head))?;
    (is_literal(head, least) && !is_computed(head)).then(|| from..from + length(rest))
}

/// Whether a value without quotes is computed from others or refers to one.
pub(super) fn is_computed(value: &[u8]) -> bool {
    let head = value.get(..LOOK.min(value.len())).unwrap_or_default();
    let path = [
        "var.",
        "local.",
        "data.",
        "module.",
        "each.",
        "self.",
        "process.env",
        "os.",
        "[",
        "{",
    ];
    path.iter().any(|start| head.starts_with(start.as_bytes())) || head.contains(&b'(')
}

/// Whether nothing but space, a quote, a dash or `export` stands before on the line.
fn first_on_line(head: &[u8]) -> bool {
    let from = head.len().saturating_sub(LOOK);
    let near = head.get(from..).unwrap_or_default();
    let line = near
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(near, |feed| near.get(feed + 1..).unwrap_or_default());
    let line = line.trim_ascii();
    matches!(line, b"" | b"-" | b"export" | b"\"" | b"'")
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}
