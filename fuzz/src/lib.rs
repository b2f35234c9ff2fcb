//! What each fuzz target does with its bytes: more than not to crash, the promises that hold for any input.
//!
//! The files in `fuzz_targets/` only name these functions for libFuzzer. A panic is a finding.

use countersign_protocol::bundle::Evidence;
use countersign_protocol::log::Leaf;
use countersign_protocol::mask::MaskKey;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::Envelope;
use countersign_protocol::{authn, canonical, kind};
use countersign_review::diff::structure::{self, Structure};
use countersign_review::diff::text::{Ending, RowKind, Spaces, TextDiff};
use countersign_review::drift::{Drift, State, drift};
use countersign_review::secret::{Masks, Revealed};
use countersign_review::{document, findings, text};
use countersign_verify::{Pinned, Purpose};
use std::sync::LazyLock;

/// Splits the bytes at zeros, so that one input holds the parts of several; missing parts are empty.
fn parts<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let mut split = bytes.splitn(N, |byte| *byte == 0);
    std::array::from_fn(|_| split.next().unwrap_or_default())
}

/// Chooses by the first byte; returns the rest.
fn choose<'a, 'b, T>(of: &'a [T], bytes: &'b [u8]) -> Option<(&'a T, &'b [u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((of.get(usize::from(*first) % of.len())?, rest))
}

/// Strict JSON: what was read, written canonically and read again is the same, and so are the bytes.
pub fn canonical_json(bytes: &[u8]) {
    if let Ok(value) = canonical::parse::<serde_json::Value>(bytes) {
        let written = canonical::to_bytes(&value).expect("what was read can be written");
        let again: serde_json::Value = canonical::parse(&written).expect("what was written can be read");
        assert_eq!(again, value);
        assert_eq!(canonical::to_bytes(&again).expect("and written again"), written);
    }
}

/// An exported file, however damaged, ends in lines, each of which is a record or a problem; what is a record is
/// the same when it is written and read again.
pub fn offline_lines(bytes: &[u8]) {
    use countersign_console::offline::record::{Lines, line};
    let mut end = 0;
    for found in Lines::new(bytes) {
        let found = found.expect("bytes in memory can be read");
        assert!(found.offset >= end);
        end = found.offset + found.length as u64;
        if let Ok(record) = found.record {
            let written = line(&record).expect("what was read can be written");
            let again = Lines::new(written.as_slice()).next().expect("one line").expect("in memory");
            assert_eq!(again.record.as_ref(), Ok(&record));
        }
    }
    assert!(end <= bytes.len() as u64);
}

/// An envelope keeps its meaning over a round through JSON.
pub fn envelope(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::from_json(bytes) {
        let written = canonical::to_bytes(&envelope).expect("an envelope can be written");
        assert_eq!(Envelope::from_json(&written).as_ref(), Ok(&envelope));
        assert!(envelope.digest().is_ok());
    }
}

static ROOT: LazyLock<(Pinned, TrustedRoot, Timestamp)> = LazyLock::new(|| {
    let file = include_bytes!("../../tests/vectors/evidence/valid-succeeded.json");
    let evidence = Evidence::from_json(file).expect("the vector is evidence");
    let first = evidence.roots.first().expect("it has a root");
    let id = TrustedRoot::id_of(first);
    let root = TrustedRoot::follow(&id, &evidence.roots).expect("its roots follow each other");
    let now = "2026-11-18T11:11:40.000Z".parse().expect("that is a time");
    (Pinned::new(id), root, now)
});

/// Evidence that was tampered with is refused without a crash, and what holds is the evidence that was given.
pub fn evidence(bytes: &[u8]) {
    if let Ok(evidence) = Evidence::from_json(bytes) {
        let (pinned, _, now) = &*ROOT;
        for purpose in [Purpose::Audit, Purpose::Execute, Purpose::Review] {
            let _ = countersign_verify::verify(&evidence, pinned, *now, purpose);
        }
    }
}

/// Only checkpoints of the pinned log open, and a leaf is one sequence of bytes.
pub fn checkpoint(bytes: &[u8]) {
    let (_, root, _) = &*ROOT;
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = countersign_verify::log::open_checkpoint(text, root);
    }
    if let Ok(leaf) = Leaf::from_bytes(bytes) {
        let written = leaf.to_bytes().expect("a leaf can be written");
        assert_eq!(Leaf::from_bytes(&written).as_ref(), Ok(&leaf));
    }
}

/// The header that says who signed a request.
pub fn claim(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(claim) = authn::claim(text)
    {
        assert_eq!(claim.nonce.len(), 32);
    }
    let _ = authn::fixed_from_der(bytes);
}

/// The reader of JSON accepts what `serde_json` accepts, but for depth and size.
pub fn document_json(bytes: &[u8]) {
    let ours = document::read_json(bytes);
    if ours.is_ok() {
        let theirs = serde_json::from_slice::<serde_json::Value>(bytes);
        let range = theirs
            .as_ref()
            .err()
            .is_some_and(|error| error.to_string().contains("out of range"));
        assert!(theirs.is_ok() || range, "{theirs:?}");
    }
}

/// The reader of YAML ends, within its bounds.
pub fn document_yaml(bytes: &[u8]) {
    if let Ok(documents) = document::read(bytes) {
        let mut values = 0u32;
        for root in &documents.all {
            root.walk(&mut |_, _| values += 1);
        }
        assert!(values <= 2 * document::MAX_VALUES);
    }
}

/// Masks are printable, cover every secret that they know wherever it looks random, and no bytes break them; an editor
/// that changes nothing gives the bytes back.
pub fn masks(bytes: &[u8]) {
    let key = Some(MaskKey::from_random([7; 32]));
    let Some((kind, bytes)) = choose(&["config-file", "k8s", "terraform-plan", "exec"], bytes) else {
        return;
    };
    let masks = Masks::of_documents(kind, key, &[bytes]);
    let shown = masks.escaped(bytes);
    assert!(!shown.chars().any(char::is_control));
    let editable = masks.editable(bytes, &Revealed::default());
    assert_eq!(editable.put_back(editable.text()).as_deref(), Ok(bytes), "an editor that changes nothing");
    let _ = editable.put_back(bytes);
    for secret in masks.secrets().into_iter().map(|secret| secret.clear()) {
        let random = secret.len() >= 8 && secret.iter().all(u8::is_ascii_alphanumeric);
        let mixed = secret.iter().any(u8::is_ascii_digit) && secret.iter().any(u8::is_ascii_alphabetic);
        if let Ok(text) = std::str::from_utf8(secret)
            && random
            && mixed
            && text.len() <= 256
        {
            assert!(!shown.split(['\u{27e6}', '\u{27e7}']).step_by(2).any(|part| part.contains(text)));
        }
    }
}

/// Escaped text is printable, and equal only where the bytes are.
pub fn escape(bytes: &[u8]) {
    let [a, b] = parts::<2>(bytes);
    let shown = |bytes: &[u8]| text::Untrusted::from(bytes).escaped();
    let (first, second) = (shown(a), shown(b));
    assert!(!first.chars().any(char::is_control));
    assert_eq!(a == b, first == second);
    for place in text::suspicious(bytes) {
        let _ = format!("{place:?}");
    }
}

/// Findings of any bytes under any kind: the same each time.
pub fn analyze(bytes: &[u8]) {
    let Some((row, rest)) = choose(kind::KINDS, bytes) else {
        return;
    };
    let [before, after] = parts::<2>(rest);
    let before = (!before.is_empty()).then_some(before);
    let found = findings::analyze(row.id, before, after);
    assert_eq!(found, findings::analyze(row.id, before, after));
}

/// The line difference rebuilds both sides, whatever white space means to it.
pub fn text_diff(bytes: &[u8]) {
    let [before, after] = parts::<2>(bytes);
    let Ok(exact) = TextDiff::new(before, after) else {
        return;
    };
    assert_eq!(rebuild(&exact, RowKind::Added), before);
    assert_eq!(rebuild(&exact, RowKind::Removed), after);
    assert_eq!(exact.changes().is_empty(), before == after);
    assert_eq!(
        rebuild(&exact.with_spaces(Spaces::Ignored), RowKind::Removed),
        after
    );
}

fn rebuild(diff: &TextDiff, without: RowKind) -> Vec<u8> {
    let whole = diff.whole();
    let mut bytes = Vec::new();
    for row in diff.window(&whole, 0, whole.rows) {
        if row.kind != without {
            bytes.extend_from_slice(row.line);
            bytes.extend_from_slice(match row.ending {
                Ending::Lf => b"\n",
                Ending::CrLf => b"\r\n",
                Ending::None => b"",
            });
        }
    }
    bytes
}

const FORMATS: [&str; 9] = [
    "json",
    "yaml",
    "toml",
    "hcl",
    "sql",
    "env",
    "terraform-plan",
    "k8s",
    "other",
];

/// The structural difference: deterministic, nothing between equal sides, no changes beside a problem.
pub fn structure(bytes: &[u8]) {
    let Some((format, rest)) = choose(&FORMATS, bytes) else {
        return;
    };
    let [before, after] = parts::<2>(rest);
    let compare = |before, after| -> Structure {
        let structure = structure::compare(format, before, after);
        assert!(structure.problems.is_empty() || structure.changes.is_empty());
        for change in &structure.changes {
            assert!(!change.path.shown().chars().any(char::is_control));
        }
        structure
    };
    assert_eq!(
        compare(Some(before), Some(after)),
        compare(Some(before), Some(after))
    );
    assert!(compare(Some(after), Some(after)).changes.is_empty());
    compare(None, Some(after));
    compare(Some(before), None);
}

/// Drift: no rows for three equal states, and a state that was not read is never "no drift".
pub fn drifts(bytes: &[u8]) {
    let Some((format, rest)) = choose(&FORMATS, bytes) else {
        return;
    };
    let [baseline, live, proposed] = parts::<3>(rest).map(State::Bytes);
    let _ = drift(format, baseline, live, proposed);
    assert_eq!(drift(format, live, live, live), Drift::Compared(Vec::new()));
    let unread = drift(format, baseline, State::Unread("x"), proposed);
    assert!(matches!(unread, Drift::Unknown { .. }));
}
