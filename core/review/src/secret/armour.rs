//! Private keys in armour (RFC 7468): what stands between the lines that begin and end one.

use std::ops::Range;

/// As far as the header of an armour is looked for its end.
const MAX_HEADER: usize = 80;
/// A shorter body is none.
const LEAST_BODY: usize = 16;
/// A longer line is no line of a key.
const MAX_LINE: usize = 16 << 10;

/// Finds the body of a private key whose `-----BEGIN` stands at `at`.
///
/// The body ends where the armour does, or where something stands that no key has in it: text that only hides
/// behind a header stays visible.
pub(super) fn body(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let header = bytes.get(at..)?;
    let header = header.get(..MAX_HEADER.min(header.len()))?;
    let label = header.get(5..)?;
    let close = label.windows(5).position(|part| part == b"-----")?;
    let named = label.get(..close)?;
    if named.contains(&b'\n') || !named.windows(11).any(|part| part == b"PRIVATE KEY") {
        return None;
    }
    let start = at + 5 + close + 5;
    let mut end = start;
    let mut position = start;
    while let Some(part) = part(bytes, position) {
        let text = bytes.get(part.clone())?;
        if !text.is_empty() {
            if !is_key(text) {
                break;
            }
            end = part.end;
        }
        position = next(bytes, part.end)?;
    }
    let lead = bytes.get(start..end)?.iter().position(|byte| is_base64(*byte))?;
    // What leads in a text with written line ends is a backslash and a letter.
    let lead = match bytes.get(start..start + 2) {
        Some(b"\\n" | b"\\r") => lead.max(2),
        _ => lead,
    };
    (end.saturating_sub(start + lead) >= LEAST_BODY).then_some(start + lead..end)
}

/// A part of a line that ends where the line does, or a written line end; without the space around it.
fn part(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let rest = bytes.get(from..).filter(|rest| !rest.is_empty())?;
    let rest = rest.get(..MAX_LINE.min(rest.len()))?;
    let stop = rest.iter().position(|byte| matches!(byte, b'\n' | b'\\'));
    let line = rest.get(..stop.unwrap_or(rest.len()))?;
    let before = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let text = line.trim_ascii();
    // The key may end inside the line, as in a string or before its footer.
    let length = if is_header(text) {
        text.len()
    } else {
        let length = text.iter().take_while(|byte| is_base64(**byte)).count();
        let behind = text.get(length..)?;
        let closes = behind.starts_with(b"-----") || matches!(behind, [] | [b'"' | b'\'' | b'`', ..]);
        closes.then_some(length)?
    };
    Some(from + before..from + before + length)
}

/// Where the next part begins; nothing where the key ends here.
fn next(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let space = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        .count();
    match rest.get(space..)? {
        [b'\n', ..] => Some(at + space + 1),
        [b'\\', b'n' | b'r', ..] => Some(at + space + 2),
        [b'\\', b'\n', ..] => Some(at + space + 2),
        _ => Some(bytes.len()),
    }
}

fn is_key(text: &[u8]) -> bool {
    is_header(text) || text.iter().all(|byte| is_base64(*byte))
}

/// Lines that stand before the body of older keys.
fn is_header(text: &[u8]) -> bool {
    [
        b"Proc-Type: ".as_slice(),
        b"DEK-Info: ",
        b"Version: ",
        b"Comment: ",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
