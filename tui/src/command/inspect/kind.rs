//! What sort of change local files are: named on the command line, or guessed from the document's own marks.
//!
//! A guess chooses rules and labels, never whether anything may run: nothing is decided about local files.

use countersign_protocol::kind::Kind;
use memchr::memmem;

use super::super::failure::Failure;

/// The kind that was named, or a guess.
pub fn kind_of(named: Option<&str>, after: &[u8]) -> Result<Kind, Failure> {
    let name = named.unwrap_or_else(|| guess(after));
    Kind::named(name).map_err(|error| Failure::usage(format!("`{name}`: {error}"), ""))
}

/// A guess by the document's own marks; the rules for the kind then read it strictly.
fn guess(document: &[u8]) -> &'static str {
    let has = |word: &str| memmem::find(document, word.as_bytes()).is_some();
    if has("\"resource_changes\"") {
        "terraform-plan"
    } else if has("\"tools/call\"") || (has("\"calls\"") && has("\"tool\"")) {
        "mcp-call"
    } else if has("\"Statement\"") && has("\"Principal\"") && has("arn:aws:s3") {
        "s3"
    } else if has("\"Statement\"") && has("\"Effect\"") {
        "iam"
    } else if has("apiVersion:") && (has("kind: Role") || has("kind: ClusterRole")) {
        "k8s-rbac"
    } else if has("apiVersion:") {
        "k8s"
    } else if has(";") && document.split(|byte| *byte == b'\n').any(begins_a_statement) {
        "sql"
    } else {
        "config-file"
    }
}

/// Whether a line begins as statements of SQL that change something begin.
fn begins_a_statement(line: &[u8]) -> bool {
    const VERBS: [&[u8]; 9] = [
        b"update ",
        b"delete ",
        b"insert ",
        b"alter ",
        b"drop ",
        b"create ",
        b"truncate ",
        b"grant ",
        b"revoke ",
    ];
    let line = line.trim_ascii_start();
    VERBS.iter().any(|verb| {
        line.get(..verb.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(verb))
    })
}

/// The syntax of a document where its structure was not recognised.
pub fn format_of(bytes: &[u8]) -> &'static str {
    if std::str::from_utf8(bytes).is_err() || memchr::memchr(0, bytes).is_some() {
        "binary"
    } else {
        "text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_known_by_their_marks() {
        for (document, kind) in [
            ("{\"resource_changes\": []}", "terraform-plan"),
            ("{\"Statement\": [{\"Effect\": \"Allow\"}]}", "iam"),
            ("{\"calls\": [{\"tool\": \"pay\"}]}", "mcp-call"),
            ("apiVersion: v1\nkind: Role\n", "k8s-rbac"),
            ("apiVersion: v1\nkind: Pod\n", "k8s"),
            ("-- why\n  Drop TABLE t;\n", "sql"),
            ("truncate a, b cascade;\n", "sql"),
            (
                "# we update the pool; see the drop box\nlisten 80;\n",
                "config-file",
            ),
        ] {
            assert_eq!(guess(document.as_bytes()), kind, "{document}");
        }
    }

    #[test]
    fn a_kind_that_is_not_known_is_refused_with_those_that_are() {
        assert!(kind_of(Some("everything"), b"").is_err());
        assert_eq!(kind_of(Some("tool-call"), b"").unwrap().id(), "mcp-call");
    }
}
