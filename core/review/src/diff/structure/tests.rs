use super::*;
use crate::document::{self, Node as Plain, Value};
use proptest::prelude::*;

fn changes(kind: &str, before: &str, after: &str) -> Vec<String> {
    let structure = compare(kind, Some(before.as_bytes()), Some(after.as_bytes()));
    assert_eq!(structure.problems, Vec::<String>::new());
    structure.changes.iter().map(told).collect()
}

fn told(change: &Change) -> String {
    let side = |side: &Option<Written>| {
        side.as_ref()
            .map_or("-".to_owned(), |written| written.text.escaped())
    };
    match change.op {
        Op::Move { from, to } => format!("{} move {from} {to}", change.path.shown()),
        op => format!(
            "{} {} {} {}",
            change.path.shown(),
            op.id(),
            side(&change.before),
            side(&change.after)
        ),
    }
}

fn notes(kind: &str, before: &str, after: &str) -> String {
    let structure = compare(kind, Some(before.as_bytes()), Some(after.as_bytes()));
    assert_eq!(structure.problems, Vec::<String>::new());
    let inner = structure.changes.iter().flat_map(|change| change.notes.clone());
    structure
        .notes
        .iter()
        .cloned()
        .chain(inner)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_element_taken_out_of_a_list_is_one_change() {
    let before = r#"{"l": [1, 2, 2, 3, {"name": "a"}, {"name": "b", "x": 1}]}"#;
    assert_eq!(
        changes(
            "json",
            before,
            r#"{"l": [1, 2, 3, {"name": "a"}, {"name": "b", "x": 1}]}"#
        ),
        ["l[was 2] remove 2 -"]
    );
    assert_eq!(
        changes("json", before, r#"{"l": [1, 2, 2, 3, {"name": "b", "x": 2}]}"#),
        [r#"l[a] remove {"name": "a"} -"#, "l[b].x replace 1 2"]
    );
}

#[test]
fn a_moved_element_is_one_move_and_its_changes_are_their_own() {
    let before = r#"[{"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d", "v": 1}]"#;
    let after = r#"[{"id": "d", "v": 2}, {"id": "a"}, {"id": "b"}, {"id": "c"}]"#;
    assert_eq!(
        changes("json", before, after),
        ["[d] move 3 0", "[d].v replace 1 2"]
    );
}

#[test]
fn elements_without_a_name_are_known_by_content_then_by_likeness() {
    let before = r#"[{"a": 1, "b": 2, "c": 3}, {"x": 1}, ["p"]]"#;
    let after = r#"[{"a": 1, "b": 2, "c": 4}, ["p"]]"#;
    assert_eq!(
        changes("json", before, after),
        ["[0].c replace 3 4", r#"[was 1] remove {"x": 1} -"#]
    );
}

#[test]
fn a_name_that_stands_twice_names_nothing() {
    let before = r#"[{"Sid": "a", "v": 1}, {"Sid": "a", "v": 2}, {"Sid": "b"}]"#;
    let after = r#"[{"Sid": "a", "v": 2}, {"Sid": "b"}]"#;
    assert_eq!(
        changes("iam", before, after),
        [r#"[a] remove {"Sid": "a", "v": 1} -"#]
    );
}

#[test]
fn a_policy_held_as_text_is_compared_by_its_own_structure() {
    let held = |text: &str| format!("{{\n\"policy\": {}}}", serde_json::to_string(text).unwrap());
    let before = held(r#"{"Statement": [{"Sid": "a", "Action": "s3:Get*"}, {"Sid": "b"}]}"#);
    let after = held(r#"{"Statement": [{"Sid": "a", "Action": "*"}]}"#);
    assert_eq!(
        changes("json", &before, &after),
        [
            r#"policy(json).Statement[a].Action replace "s3:Get*" "*""#,
            r#"policy(json).Statement[b] remove {"Sid": "b"} -"#
        ]
    );
    let structure = compare("json", Some(before.as_bytes()), Some(after.as_bytes()));
    assert_eq!(structure.changes[0].after.as_ref().unwrap().line, 2);
    // What only the text differs in is told as text.
    let spaced = held(r#"{"Statement":  [{"Sid": "a", "Action": "s3:Get*"}, {"Sid": "b"}]}"#);
    assert_eq!(changes("json", &before, &spaced).len(), 1);
}

#[test]
fn numbers_stay_text() {
    let told = changes("json", r#"{"n": 9007199254740992}"#, r#"{"n": 9007199254740993}"#);
    assert_eq!(told, ["n replace 9007199254740992 9007199254740993"]);
    assert_eq!(changes("json", "[1.0]", "[1.00]"), ["[0] replace 1.0 1.00"]);
}

#[test]
fn keys_that_stand_twice_are_compared_and_told() {
    let (before, after) = (r#"{"a": 1}"#, r#"{"a": 1, "a": 2}"#);
    assert_eq!(changes("json", before, after), ["a(again 1) add - 2"]);
    assert!(notes("json", before, after).contains("after, line 1: the key `a` stands twice"));
}

#[test]
fn the_order_of_keys_and_the_spelling_of_text_are_notes() {
    let told = notes("json", r#"{"a": 1, "b": 2}"#, r#"{"b": 2, "\u0061": 1}"#);
    assert!(
        told.contains("the keys of 1 maps stand in another order"),
        "{told}"
    );
    assert!(told.contains("written differently"), "{told}");
    assert!(told.contains("read the lines"), "{told}");
    assert_eq!(
        changes("json", r#"{"a": "A"}"#, r#"{"a": "\u0041"}"#),
        [r#"a replace "A" "\u0041""#]
    );
}

#[test]
fn line_ends_and_byte_order_marks_are_told() {
    let told = notes("json", "{\"a\":\n1}", "\u{feff}{\"a\":\r\n1}");
    assert!(told.contains("a byte order mark is added"), "{told}");
    assert!(told.contains("carriage returns: 0 before, 1 after"), "{told}");
}

#[test]
fn kubernetes_documents_are_known_by_kind_namespace_and_name() {
    let document = |kind: &str, name: &str, image: &str| {
        format!(
            "kind: {kind}\nmetadata: {{namespace: shop, name: {name}}}\nspec:\n  containers:\n    - name: web\n      image: {image}\n"
        )
    };
    let (a, b, c) = (
        document("Deployment", "a", "x:1"),
        document("Job", "a", "x:1"),
        document("Job", "c", "x:1"),
    );
    let before = [a.as_str(), &b, &c].join("---\n");
    let after = [b.replace("x:1", "x:2").as_str(), &a].join("---\n");
    let told = changes("k8s", &before, &after);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told.contains(&"[Job shop/a].spec.containers[web].image replace x:1 x:2".to_owned()),
        "{told:?}"
    );
    assert!(told.iter().any(|line| line.contains("move")), "{told:?}");
    assert!(
        told.iter().any(|line| line.starts_with("[Job shop/c] remove")),
        "{told:?}"
    );
}

#[test]
fn anchors_aliases_and_merges_stay_what_is_written() {
    let before = "base: &b\n  x: 1\nall:\n  <<: *b\nref: *b\n";
    let after = before.replace("x: 1", "x: 2");
    let told = notes("yaml", before, &after);
    assert_eq!(changes("yaml", before, &after), ["base.x replace 1 2"]);
    assert!(
        told.contains("part of the anchor &b, which other places use 2 times"),
        "{told}"
    );
    assert!(told.contains("line 4: `<<` merges the keys of *b"), "{told}");
    let unlinked = before.replace("ref: *b", "ref: &b 3");
    assert_eq!(changes("yaml", before, &unlinked), ["ref replace *b &b 3"]);
}

#[test]
fn odd_scalars_of_yaml_are_told() {
    let told = notes(
        "yaml",
        "a: yes\nb: 15\nc: x\nd: 1\n",
        "a: 'yes'\nb: 0o17\nc: NO\nd: 1e3\n",
    );
    for part in [
        "1.1, text to those of 1.2",
        "an octal number",
        "text to many of 1.1",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(changes("yaml", "a: |\n  x\n", "a: >\n  x\n").len(), 1);
    assert_eq!(
        changes("yaml", "a:\n  b: |\n    x\n", "a:\n    b: |\n      x\n"),
        Vec::<String>::new()
    );
    assert_eq!(changes("yaml", "a: !x 1\n", "a: !y 1\n"), ["a replace !x 1 !y 1"]);
}

#[test]
fn toml_tables_and_values_keep_their_lexemes() {
    let before = "a = 0x10\n[t]\nb = \"x\" # c\n[[l]]\nname = \"p\"\n[[l]]\nname = \"q\"\n";
    let after = "a = 16\n[t]\nb = 'x'\n[[l]]\nname = \"q\"\n";
    assert_eq!(
        changes("toml", before, after),
        [
            "a replace 0x10 16",
            "l[p] remove {name: \"p\"} -",
            "t.b replace \"x\" 'x'"
        ]
    );
}

#[test]
fn hcl_blocks_are_known_by_their_labels() {
    let before = r#"
resource "aws_s3_bucket" "a" {
  acl  = "private" # "public"
  tags = { Owner = "x", "Cost" : 1 }
}
resource "aws_iam_policy" "b" {
  policy = jsonencode({ a = [1, 2] })
  text   = <<-EOT
    } "${join("}", [for x in y : x])}
  EOT
  list   = [
    "a", // first
    "b",
  ]
}
variable "z" {}
"#;
    let after = before
        .replace("\"private\"", "\"public-read\"")
        .replace("Owner = \"x\"", "Owner = \"${var.y}\"")
        .replace("    \"a\", // first\n", "")
        .replace("[1, 2]", "[1]")
        .replace("variable \"z\" {}\n", "");
    assert_eq!(
        changes("hcl", before, &after),
        [
            "resource[aws_s3_bucket.a].acl replace \"private\" \"public-read\"",
            "resource[aws_s3_bucket.a].tags.Owner replace \"x\" \"${var.y}\"",
            "resource[aws_iam_policy.b].list[was 0] remove \"a\" -",
            "resource[aws_iam_policy.b].policy replace jsonencode({ a = [1, 2] }) jsonencode({ a = [1] })",
            "variable remove [{}] -",
        ]
    );
}

#[test]
fn sql_is_compared_statement_by_statement() {
    let before = "select 1; delete from t where id = 1;\nupdate t set a = 1";
    let after = "SELECT  1; -- x\nupdate t set a = 2";
    let told = changes("sql", before, after);
    assert_eq!(
        told,
        [
            "[was 1] remove delete from t where id = 1 -",
            "[was 2] remove update t set a = 1 -",
            "[1] add - update t set a = 2"
        ]
    );
    assert!(notes("sql", before, after).contains("written differently"));
}

#[test]
fn env_files_are_compared_by_name() {
    let before = "# x\nA=1\nexport B=\"two\nlines\"\nC=3\n";
    let after = "A=1\nexport B=\"two\nother\"\nD=$(id)\n";
    assert_eq!(
        changes(".env", before, after),
        [
            "B replace export \"two⟦LF⟧lines\" export \"two⟦LF⟧other\"",
            "C remove 3 -",
            "D add - $(id)"
        ]
    );
    assert!(!compare("env", None, Some(b"rm -rf /\n")).problems.is_empty());
}

#[test]
fn a_plan_alone_is_compared_with_the_state_it_holds() {
    let plan = br#"{"format_version": "1.2", "resource_changes": [
      {"address": "m.a", "change": {"actions": ["update"], "before": {"size": 1, "id": "x"},
       "after": {"size": 2}, "after_unknown": {"id": true, "arn": true}}},
      {"address": "m.b", "change": {"actions": ["delete"], "before": {"v": 1}, "after": null}}]}"#;
    let structure = compare("terraform-plan", None, Some(plan));
    let told: Vec<String> = structure.changes.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "resource_changes[m.a].id remove \"x\" -",
            "resource_changes[m.a].size replace 1 2",
            "resource_changes[m.a].arn add - -",
            "resource_changes[m.b] remove {\"v\": 1} -",
        ]
    );
    assert!(structure.changes[0].notes[0].contains("known only when it is applied"));
    assert_eq!(structure.shape, "terraform plan");
}

#[test]
fn what_cannot_be_read_is_a_problem_and_no_change() {
    for (kind, before, after) in [
        ("json", &b"{}"[..], &b"{"[..]),
        ("yaml", b"a: 1", b"a: [1"),
        ("k8s", b"a: \xff", b"a: 1"),
        ("hcl", b"a = 1", b"a = (1"),
        ("sql", b"select 1", b"selec 1"),
    ] {
        let structure = compare(kind, Some(before), Some(after));
        assert!(!structure.problems.is_empty(), "{kind}");
        assert!(structure.changes.is_empty(), "{kind}");
    }
    assert!(
        !compare("exec", Some(b"plain words"), Some(b"other words"))
            .problems
            .is_empty()
    );
}

#[test]
fn deep_nesting_is_refused_in_every_format() {
    let deep = |open: &str, close: &str| open.repeat(20_000) + "1" + &close.repeat(20_000);
    for (kind, text) in [
        ("json", deep("[", "]")),
        ("json", deep("{\"a\":", "}")),
        ("yaml", deep("[", "]")),
        ("toml", format!("a = {}", deep("[", "]"))),
        ("hcl", deep("a {\n", "\n}")),
        ("sql", format!("select {}", deep("(", ")"))),
    ] {
        assert!(
            !compare(kind, None, Some(text.as_bytes())).problems.is_empty(),
            "{kind}"
        );
    }
    // An expression of HCL that is deeper than what is taken apart stays one lexeme.
    let flat = format!("a = {}", deep("[", "]"));
    assert_eq!(compare("hcl", None, Some(flat.as_bytes())).changes.len(), 1);
}

#[test]
fn a_long_key_above_many_changes_is_refused_not_repeated() {
    let side = |value: u32| {
        let list: Vec<String> = (0..400)
            .map(|n| format!("{{\"id\": {n}, \"v\": {value}}}"))
            .collect();
        format!("{{\"{}\": [{}]}}", "k".repeat(1 << 20), list.join(","))
    };
    let structure = compare("json", Some(side(1).as_bytes()), Some(side(2).as_bytes()));
    assert_eq!(structure.changes, Vec::new());
    assert!(structure.problems[0].contains("more changes than can be listed"));
}

#[test]
fn hostile_names_in_paths_are_quoted_and_escaped() {
    let told = changes(
        "json",
        r#"{"a.b": 1, "a": {"b": 1}}"#,
        "{\"a.b\": 2, \"a\": {\"b\": 1, \"\u{202e}\": 1}}",
    );
    assert_eq!(told, ["a[\"⟦U+202E⟧\"] add - 1", "[\"a.b\"] replace 1 2"]);
}

#[expect(
    clippy::too_many_lines,
    reason = "one function for each kind of value would hide the recursion"
)]
/// The tree after, made from the tree before and the changes alone.
fn apply(value: Option<&Value>, changes: &[(&[Step], &Change)]) -> Option<Value> {
    if let Some((_, change)) = changes
        .iter()
        .find(|(steps, change)| steps.is_empty() && !matches!(change.op, Op::Move { .. }))
    {
        let after = change.after.as_ref()?;
        return Some(document::read_json(after.text.bytes()).unwrap().all.remove(0));
    }
    let deeper: Vec<(&Step, (&[Step], &Change))> = changes
        .iter()
        .filter_map(|(steps, change)| Some((steps.first()?, (&steps[1..], *change))))
        .collect();
    if deeper.is_empty() {
        return value.cloned();
    }
    let value = value.unwrap();
    let below = |step: &Step| -> Vec<_> {
        deeper
            .iter()
            .filter(|(own, _)| *own == step)
            .map(|(_, change)| *change)
            .collect()
    };
    let mut steps: Vec<&Step> = deeper.iter().map(|(step, _)| *step).collect();
    steps.sort();
    steps.dedup();
    let node = match &value.node {
        Plain::Map(entries) => {
            let mut seen = std::collections::BTreeMap::new();
            let mut left = Vec::new();
            for (key, value) in entries {
                let nth = seen.entry(key.clone()).or_insert(0u32);
                let step = Step::Key {
                    name: key.clone(),
                    nth: *nth,
                };
                *nth += 1;
                steps.retain(|own| **own != step);
                left.extend(apply(Some(value), &below(&step)).map(|value| (key.clone(), value)));
            }
            for step in steps {
                let Step::Key { name, .. } = step else {
                    panic!("a key is missing")
                };
                left.extend(apply(None, &below(step)).map(|value| (name.clone(), value)));
            }
            Plain::Map(left)
        }
        Plain::List(items) => {
            let mut rest: Vec<Option<Value>> = items.iter().cloned().map(Some).collect();
            let mut placed = std::collections::BTreeMap::new();
            for step in steps {
                let Step::Element { before, after, .. } = step else {
                    panic!("an element is missing")
                };
                let changes = below(step);
                let old = before.map(|index| items[index].clone());
                let new = apply(old.as_ref(), &changes);
                let moved = changes
                    .iter()
                    .any(|(steps, change)| steps.is_empty() && matches!(change.op, Op::Move { .. }));
                match (before, after) {
                    (Some(before), Some(after)) if moved => {
                        rest[*before] = None;
                        placed.insert(*after, new.unwrap());
                    }
                    (Some(before), _) => rest[*before] = new,
                    (None, Some(after)) => drop(placed.insert(*after, new.unwrap())),
                    (None, None) => panic!("an element stands nowhere"),
                }
            }
            let mut rest = rest.into_iter().flatten();
            let mut made = Vec::new();
            loop {
                match placed.remove(&made.len()).or_else(|| rest.next()) {
                    Some(value) => made.push(value),
                    None => break Plain::List(made),
                }
            }
        }
        _ => panic!("a path leads below a scalar"),
    };
    Some(Value { line: 0, node })
}

/// Keys in order and without lines, so that only what is said is compared.
fn sorted(value: &Value) -> Value {
    let node = match &value.node {
        Plain::Map(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Plain::Map(entries)
        }
        Plain::List(items) => Plain::List(items.iter().map(sorted).collect()),
        other => other.clone(),
    };
    Value { line: 0, node }
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec!["1", "2", "true", "null", "\"x\"", "\"y\"", "[]", "{}"])
        .prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop::sample::select(vec!["a", "b", "c", "name", "id", "Sid"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..7).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..5).prop_map(|entries| {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("\"{key}\": {value}"))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), ..ProptestConfig::default() })]

    #[test]
    fn the_changes_applied_to_before_give_after(before in json(), after in json()) {
        let structure = compare("json", Some(before.as_bytes()), Some(after.as_bytes()));
        prop_assert_eq!(&structure.problems, &Vec::<String>::new());
        let changes: Vec<_> = structure.changes.iter().map(|change| (change.path.steps.as_slice(), change)).collect();
        let read = |text: &str| document::read_json(text.as_bytes()).unwrap().all.remove(0);
        let made = apply(Some(&read(&before)), &changes).unwrap();
        prop_assert_eq!(sorted(&made), sorted(&read(&after)));
    }

    #[test]
    fn the_same_twice_has_no_changes(text in json()) {
        let structure = compare("json", Some(text.as_bytes()), Some(text.as_bytes()));
        prop_assert_eq!(structure.changes, Vec::new());
    }

    #[test]
    fn the_answer_is_the_same_each_time(before in json(), after in json()) {
        let again = || compare("json", Some(before.as_bytes()), Some(after.as_bytes()));
        prop_assert_eq!(again(), again());
    }

    #[test]
    fn json_is_read_as_the_other_reader_reads_it(text in "[\\[\\]{}:,\" \n0-9eE+.\\\\utfalsnr-]{0,24}") {
        let ours = Side::read(Format::Json, Some(text.as_bytes()), &RandomState::new()).is_ok();
        prop_assert_eq!(ours, document::read_json(text.as_bytes()).is_ok());
    }

    #[test]
    fn any_bytes_are_survived(
        kind in prop::sample::select(vec!["json", "yaml", "toml", "hcl", "sql", "env", "other"]),
        before in "[a-z0-9:&*!<>|\\-\\[\\]{}(), \n'\"#%~=$./\\\\;]{0,60}",
        after in "[a-z0-9:&*!<>|\\-\\[\\]{}(), \n'\"#%~=$./\\\\;]{0,60}",
        raw in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = compare(kind, Some(before.as_bytes()), Some(after.as_bytes()));
        let _ = compare(kind, Some(before.as_bytes()), Some(&raw));
        let same = compare(kind, Some(before.as_bytes()), Some(before.as_bytes()));
        prop_assert_eq!(same.changes, Vec::new());
    }
}
