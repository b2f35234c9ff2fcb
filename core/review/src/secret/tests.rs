use super::*;
use crate::diff::text::TextDiff;
use proptest::prelude::*;

fn key() -> Option<MaskKey> {
    Some(MaskKey::from_random([7; 32]))
}

fn masks(kind: &str, documents: &[&str]) -> Masks {
    let documents: Vec<&[u8]> = documents.iter().map(|document| document.as_bytes()).collect();
    Masks::of_documents(kind, key(), &documents)
}

/// A document as it is shown, line by line.
fn shown(kind: &str, document: &str) -> Vec<String> {
    let masks = masks(kind, &[document]);
    let diff = TextDiff::new(&b""[..], document.as_bytes()).unwrap();
    let covers = Covers::new(&masks, &diff);
    let whole = diff.whole();
    diff.window(&whole, 0, whole.rows)
        .iter()
        .map(|row| spans_to_string(&covers.spans(&diff, row)))
        .collect()
}

/// Marks differ by key; tests of what is covered leave them out.
fn covered(kind: &str, document: &str) -> String {
    let mut text = shown(kind, document).join("\n");
    while let Some((at, end)) = text
        .find(", mark ")
        .and_then(|at| Some((at, at + text[at..].find('\u{27e7}')?)))
    {
        text.replace_range(at..end, "");
    }
    text.replace("\u{27e6}no newline at end of file\u{27e7}", "")
}

fn token() -> String {
    format!("ghp_{}", "a1B2".repeat(9))
}

#[test]
fn known_shapes_are_covered_wherever_they_stand() {
    assert_eq!(
        covered("config-file", &format!("x {} y", token())),
        "x \u{27e6}secret: 40 characters\u{27e7} y"
    );
    assert_eq!(
        covered("config-file", "xghp_short AKIAshort"),
        "xghp_short AKIAshort"
    );
}

#[test]
fn values_beside_names_are_covered() {
    for (document, expected) in [
        ("password=hunter2", "password=[7]"),
        ("export DB_PASSWORD=hunter2", "export DB_PASSWORD=[7]"),
        ("db_password: hunter,2}", "db_password: [9]"),
        (
            "{\"apiKey\": \"abcdef123\", \"a\": 1}",
            "{\"apiKey\": \"[9]\", \"a\": 1}",
        ),
        ("client_secret = \"correct horse\"", "client_secret = \"[13]\""),
        ("<password>hunter2</password>", "<password>[7]</password>"),
        ("mysql --password hunter2 -h x", "mysql --password [7] -h x"),
        ("ALTER USER x PASSWORD 'hunter2';", "ALTER USER x PASSWORD '[7]';"),
        ("Authorization: Bearer abcdef1234", "Authorization: Bearer [10]"),
        ("dsn: postgres://u:p@ss@db/x", "dsn: postgres://u:[4]@db/x"),
        ("Server=x;Password=abc1;Port=1", "Server=x;Password=[4];Port=1"),
        (
            "x: '{\\\"password\\\": \\\"hunter2\\\"}'",
            "x: '{\\\"password\\\": \\\"[7]\\\"}'",
        ),
        (
            "curl -d password=hunter2; rm -r x",
            "curl -d password=[7]; rm -r x",
        ),
        ("passwort: hunter2", "passwort: hunter2"),
        ("password: ${DB}", "password: ${DB}"),
        ("password = var.db_password", "password = var.db_password"),
        ("password: !secret", "password: !secret"),
        ("token: string", "token: string"),
        (
            "arn:aws:secretsmanager:eu:1:secret:prod/db",
            "arn:aws:secretsmanager:eu:1:secret:prod/db",
        ),
        ("the password is long", "the password is long"),
        ("secret_key = os.environ[\"X\"]", "secret_key = os.environ[\"X\"]"),
    ] {
        let mut wanted = expected.to_owned();
        for number in 0..20 {
            let word = if number == 1 { "character" } else { "characters" };
            wanted = wanted.replace(
                &format!("[{number}]"),
                &format!("\u{27e6}secret: {number} {word}\u{27e7}"),
            );
        }
        assert_eq!(covered("config-file", document), wanted, "{document}");
    }
}

#[test]
fn a_private_key_is_covered_over_its_lines_and_nothing_behind_it() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
    for indent in ["", "    "] {
        let document = format!(
            "key: |\n{indent}-----BEGIN RSA {p} KEY-----\n{indent}{body}\n{indent}{body}==\n{indent}-----END RSA {p} KEY-----\nmode: on\n",
            p = "PRIVATE"
        );
        let lines = shown("x", &document);
        assert_eq!(lines.len(), 6);
        assert!(lines[1].contains("BEGIN") && lines[4].contains("END"));
        assert!(lines[2].contains("secret: line 1 of 2"), "{lines:?}");
        assert!(
            lines[3].trim().starts_with("\u{27e6}secret: line 2 of 2"),
            "{lines:?}"
        );
        assert_eq!(lines[5], "mode: on");
    }
    // Without an end the key ends where no key goes on.
    let cut = format!(
        "-----BEGIN {} KEY-----\n{body}\ndaemon off;\nallow all;\n",
        "PRIVATE"
    );
    let lines = shown("config-file", &cut);
    assert!(lines[1].starts_with('\u{27e6}') && lines[2] == "daemon off;" && lines[3] == "allow all;");
    // In one line with written line ends, as in JSON.
    let json = format!(
        "{{\"k\": \"-----BEGIN {p} KEY-----\\n{body}\\n{body}\\n-----END {p} KEY-----\\n\", \"on\": true}}",
        p = "PRIVATE"
    );
    let line = covered("config-file", &json);
    assert!(!line.contains(body) && line.ends_with("\"on\": true}"), "{line}");
    assert!(line.contains("-----END"), "{line}");
    // A certificate is public.
    let public = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----");
    assert_eq!(covered("config-file", &public), public);
}

#[test]
fn what_a_document_calls_secret_is_covered() {
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  user: YWRtaW4=\nstringData:\n  x: |\n    one\n    two\n---\nkind: ConfigMap\ndata:\n  user: YWRtaW4\n";
    let text = covered("k8s", manifest);
    assert!(
        text.contains("user: \u{27e6}secret: 8 characters\u{27e7}"),
        "{text}"
    );
    assert!(!text.contains("one") && !text.contains("two"), "{text}");
    assert!(
        text.contains("name: db") && text.ends_with("user: YWRtaW4"),
        "{text}"
    );

    let plan = r#"{"resource_changes": [{"change": {"after": {"user": "u", "pw": "pass word!", "l": ["q", "rrr"]},
        "after_sensitive": {"pw": true, "l": [false, true]}}}], "output_changes": {"o": {"sensitive": true, "value": 5}}}"#;
    let text = covered("terraform-plan", plan);
    assert!(!text.contains("pass word!") && !text.contains("rrr"), "{text}");
    assert!(
        text.contains("\"user\": \"u\"") && text.contains("[\"q\", "),
        "{text}"
    );
    assert!(
        text.contains("\"value\": \u{27e6}secret: 1 character\u{27e7}"),
        "{text}"
    );

    let list = "env:\n  - name: API_KEY\n    value: abcdef123456\n  - name: MODE\n    value: abcdefg\n";
    let text = covered("k8s", list);
    assert!(
        !text.contains("abcdef123456") && text.contains("value: abcdefg"),
        "{text}"
    );
}

#[test]
fn equal_secrets_have_equal_marks_within_a_request_and_not_across() {
    let (one, other) = ("password=hunter2x", "password=hunter3x");
    let mine = masks("config-file", &[one, other]);
    let mask = |masks: &Masks, text: &str| masks.escaped(text.as_bytes());
    assert_eq!(mask(&mine, one), mask(&mine, one));
    assert_ne!(mask(&mine, one), mask(&mine, other));
    let theirs = Masks::of_documents(
        "config-file",
        Some(MaskKey::from_random([8; 32])),
        &[one.as_bytes()],
    );
    assert_ne!(mask(&mine, one), mask(&theirs, one));
    let without = Masks::of_documents("config-file", None, &[one.as_bytes()]);
    assert_eq!(
        mask(&without, one),
        "password=\u{27e6}secret: 8 characters\u{27e7}"
    );
}

#[test]
fn a_secret_is_covered_in_every_place_where_it_stands() {
    let masks = masks("config-file", &["password=hunter2-and-more\n"]);
    assert!(!masks.escaped(b"curl -u x:hunter2-and-more y").contains("hunter2"));
    assert!(
        !masks
            .quoting("the value hunter2-and-more is new")
            .contains("hunter2")
    );
    let lexeme = spans_to_string(&masks.lexeme(b"\"hunter2-and-more\""));
    assert!(lexeme.starts_with("\"\u{27e6}secret"), "{lexeme}");
}

#[test]
fn a_word_that_is_called_a_password_stays_visible_elsewhere() {
    let masks = masks(
        "config-file",
        &["password=0.0.0.0/0\nsecret: AdministratorAccess\n"],
    );
    for text in ["cidr = 0.0.0.0/0", "policy = AdministratorAccess"] {
        assert_eq!(masks.escaped(text.as_bytes()), text);
    }
    // And what an action is about is covered by nothing but itself.
    let masks = self::masks("config-file", &["password=nginx-web1\n"]);
    assert_eq!(masks.name(b"file://nginx-web1/etc"), "file://nginx-web1/etc");
    assert!(!masks.name(b"https://u:pw@nginx-web1/").contains("pw"));
}

#[test]
fn nothing_imitates_a_mask() {
    let forged = "\u{27e6}secret 8 characters\u{27e7}";
    let text = masks("config-file", &[]).escaped(forged.as_bytes());
    assert_eq!(
        text,
        "\u{27e6}U+27E6\u{27e7}secret 8 characters\u{27e6}U+27E7\u{27e7}"
    );
}

#[test]
fn revealing_names_each_secret_by_its_mask_and_debug_names_none() {
    let masks = masks("config-file", &["password=hunter2x\n"]);
    let all = masks.secrets();
    assert_eq!((all.len(), all[0].clear()), (1, b"hunter2x".as_slice()));
    assert!(!format!("{all:?}").contains("hunter2x"));
    assert_eq!(
        format!("password={}", all[0].mask()),
        masks.escaped(b"password=hunter2x")
    );
    assert!(!format!("{masks:?}").contains("hunter2x"));
    let off = Masks::off();
    assert_eq!(off.escaped(b"password=hunter2x"), "password=hunter2x");
}

#[test]
fn hostile_text_costs_no_more_than_its_length() {
    let start = std::time::Instant::now();
    for part in [
        "password=",
        "password=\"",
        "password=${",
        "token: '\\",
        "://a:b@",
        "://",
        "-----BEGIN PRIVATE KEY-----\n",
        "key=key=",
        "eyJhbGciOi",
        "a.password-",
        "bearer basic ",
        "password",
    ] {
        let text = part.repeat((1 << 15) / part.len());
        let masks = masks("config-file", &[&text]);
        assert!(masks.cover(text.as_bytes()).cuts() <= text.len());
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// A secret that looks random.
fn secret() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9+]{6,30}[0-9]"
}

proptest! {
    #[test]
    fn no_secret_that_was_found_is_shown(
        secret in secret(), other in secret(), filler in "[ -~]{0,20}", form in 0usize..6, kind in 0usize..3
    ) {
        let kind = ["config-file", "k8s", "exec"][kind];
        let document = match form {
            0 => format!("{filler}\npassword={secret}\nx={secret}\n"),
            1 => format!("a: {filler}\ndb_password: {secret}\n"),
            2 => format!("{{\"apiKey\": \"{secret}\", \"b\": \"{other}\"}}"),
            3 => format!("kind: Secret\ndata:\n  a: {secret}\n  b: {other}\n"),
            4 => format!("curl https://u:{secret}@x.test/ {filler}"),
            _ => format!("x\nexport TOKEN='{secret}' {filler}{secret}"),
        };
        let masks = masks(kind, &[&document]);
        let diff = TextDiff::new(document.replace('a', "b").into_bytes(), document.as_bytes()).unwrap();
        let covers = Covers::new(&masks, &diff);
        let whole = diff.whole();
        let mut text = String::new();
        for row in diff.window(&whole, 0, whole.rows) {
            text.push_str(&spans_to_string(&covers.spans(&diff, &row)));
            text.push('\n');
        }
        text += &masks.escaped(document.as_bytes());
        text += &spans_to_string(&masks.lexeme(document.as_bytes()));
        text += &masks.quoting(&crate::text::Untrusted::from(document.as_str()).escaped());
        for secret in masks.secrets() {
            let found = std::str::from_utf8(secret.clear()).unwrap();
            if is_random(found.as_bytes()) {
                prop_assert!(!text.contains(found), "{found:?} in {text}");
            }
        }
        if form != 2 || kind != "x" {
            prop_assert!(masks.known.contains(secret.as_bytes()), "{document} {:?}", masks.known);
        }
    }

    #[test]
    fn a_row_as_text_is_its_spans(
        secret in secret(), lines in prop::collection::vec("[ -~]{0,12}|[\\PC\r\t\u{202e}]{0,6}", 0..8), end in "\n?"
    ) {
        let document = format!("{}\npassword={secret}{end}", lines.join("\n"));
        let masks = masks("config-file", &[&document]);
        let diff = TextDiff::new(b"x\n".to_vec(), document.into_bytes()).unwrap();
        let covers = Covers::new(&masks, &diff);
        let whole = diff.whole();
        for row in diff.window(&whole, 0, whole.rows) {
            let mut text = String::new();
            covers.write(&mut text, &diff, &row);
            prop_assert_eq!(text, spans_to_string(&covers.spans(&diff, &row)));
        }
    }

    #[test]
    fn a_document_that_was_searched_is_covered_as_any_other(secret in secret(), filler in "[ -~\n]{0,60}") {
        let document = format!("{filler}\napi_key: {secret}\n");
        let searched = masks("config-file", &[&document]);
        let anew = Masks { searched: Vec::new(), ..searched.clone() };
        let shown = |masks: &Masks| spans_to_string(&masks.cover(document.as_bytes()).spans(0, document.as_bytes()));
        prop_assert!(!searched.searched.is_empty());
        prop_assert_eq!(shown(&searched), shown(&anew));
    }

    #[test]
    fn different_secrets_have_different_masks(a in secret(), b in secret()) {
        let masks = masks("config-file", &[]);
        prop_assert_eq!(a == b, masks.form(a.as_bytes(), None) == masks.form(b.as_bytes(), None));
    }

    #[test]
    fn covering_is_total_and_keeps_what_is_not_covered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let masks = Masks::of_documents("config-file", key(), &[&bytes]);
        let cover = masks.cover(&bytes);
        let spans = cover.spans(0, &bytes);
        if cover.is_empty() {
            prop_assert_eq!(spans, escape_line(&bytes));
        }
    }
}
