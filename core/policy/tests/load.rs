//! What is refused at loading, and where the message points.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{at, directory, file, load, one, operation, shipped};

fn problems(text: &str) -> Vec<String> {
    one(text)
        .unwrap_err()
        .problems
        .iter()
        .map(ToString::to_string)
        .collect()
}

const RULE: &str = r#"@id("a")
permit (principal, action == Action::"execute", resource) when { resource.severity < 3 };
"#;

#[test]
fn shipped_policies_load_without_a_warning() {
    let directory = directory();
    for folders in [&["small-team"][..], &["personal"], &["small-team", "strict"]] {
        let files = folders.iter().flat_map(|folder| shipped(folder)).collect();
        let policies = load(files, vec![]).unwrap();
        assert!(policies.titles().values().all(|title| !title.text.is_empty()));
        let unexpected: Vec<String> = policies
            .check(&directory, at("10:00"))
            .iter()
            .map(ToString::to_string)
            .filter(|problem| !problem.contains("nobody could approve"))
            .collect();
        assert_eq!(unexpected, Vec::<String>::new(), "{folders:?}");
    }
}

#[test]
fn a_misspelt_attribute_is_refused_with_its_place_and_a_hint() {
    let found = problems(&RULE.replace("resource.severity", "resource.severty"));
    assert_eq!(
        found,
        [
            "test.cedar:2:66: policy `a`: attribute `severty` on entity type `Operation` not found; did you mean `severity`?"
        ]
    );
}

#[test]
fn an_unknown_entity_type_or_action_is_refused() {
    let found = problems(&RULE.replace("principal,", "principal in Tem::\"sre\","));
    assert!(
        found
            .iter()
            .any(|problem| problem.starts_with("test.cedar:") && problem.contains("Tem")),
        "{found:?}"
    );
    let found = problems(&RULE.replace("\"execute\"", "\"excute\""));
    assert!(
        found.iter().any(|problem| problem.contains("excute")),
        "{found:?}"
    );
}

#[test]
fn an_unknown_kind_is_refused_with_its_place_and_a_hint() {
    let found = problems(&RULE.replace("resource.severity < 3", "resource.kind in Kind::\"acess\""));
    assert_eq!(
        found,
        ["test.cedar:2:83: kind `acess` does not exist; did you mean `access`?"]
    );
}

#[test]
fn a_syntax_error_names_its_place() {
    let found = problems("@id(\"a\")\npermit (principal, action, resource)\nwhen { true }");
    assert!(found[0].starts_with("test.cedar:3:"), "{found:?}");
}

#[test]
fn a_comparison_of_different_types_is_refused() {
    let found = problems(&RULE.replace("< 3", "== \"3\""));
    assert!(found[0].starts_with("test.cedar:2:"), "{found:?}");
}

#[test]
fn what_needs_another_question_is_refused() {
    // `approvals` is only known to `execute`; for the other questions this could only err.
    let found =
        problems("@id(\"a\")\npermit (principal, action, resource) when { context.approvals.count > 0 };");
    assert!(found[0].contains("approvals"), "{found:?}");
}

#[test]
fn every_policy_has_an_id_of_its_own() {
    let found = problems(&RULE.replace("@id(\"a\")\n", "\n\n"));
    assert!(
        found[0].starts_with("test.cedar:3:1: policy has no `@id"),
        "{found:?}"
    );
    let found = problems(&RULE.replace("\"a\"", "\"a\u{202e}b\""));
    assert!(found[0].contains("is not 1 to 64"), "{found:?}");
    assert!(found[0].is_ascii(), "{found:?}");
    let twice = load(
        vec![file("one.cedar", RULE), file("two.cedar", &format!("\n{RULE}"))],
        vec![],
    )
    .unwrap_err();
    assert_eq!(
        twice.to_string(),
        "two.cedar:2:1: `@id(\"a\")` is taken by the policy at one.cedar:1; ids are unique across files"
    );
}

#[test]
fn templates_are_refused() {
    let found = problems("@id(\"t\")\npermit (principal == ?principal, action, resource);");
    assert!(found[0].contains("templates are not used"), "{found:?}");
}

#[test]
fn every_problem_of_every_file_is_named_at_once() {
    let bad = RULE.replace("severity", "severty");
    let error = load(vec![file("a.cedar", &bad), file("b.cedar", "permit (")], vec![]).unwrap_err();
    let files: Vec<&str> = error
        .problems
        .iter()
        .map(|problem| problem.file.as_str())
        .collect();
    assert!(
        files.contains(&"a.cedar") && files.contains(&"b.cedar"),
        "{error}"
    );
}

#[test]
fn names_that_the_directory_does_not_know_are_warned_of() {
    let policies =
        one("@id(\"a\")\npermit (principal in Team::\"platfrom\", action == Action::\"approve\", resource);")
            .unwrap();
    let found: Vec<String> = policies
        .check(&directory(), at("10:00"))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        found.contains(&"test.cedar:1:1: policy `a`: `Team::\"platfrom\"` is not in the directory; did you mean `platform`?".to_owned()),
        "{found:?}"
    );
}

#[test]
fn losing_a_permission_by_one_more_approval_is_warned_of() {
    let policies = one(concat!(
        "@id(\"ask\")\npermit (principal, action == Action::\"propose\", resource);\n",
        "@id(\"exactly-one\")\npermit (principal, action == Action::\"execute\", resource) when { context.approvals.count == 1 };\n",
    ))
    .unwrap();
    let found: Vec<String> = policies
        .check(&directory(), at("10:00"))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        found
            .iter()
            .any(|problem| problem.contains("one more approval takes the permission away")),
        "{found:?}"
    );
}

#[test]
fn what_nobody_could_approve_is_warned_of_once_for_each_place() {
    let files = shipped("small-team")
        .into_iter()
        .chain(shipped("strict"))
        .collect();
    let only_alice = common::directory_with(|directory| {
        directory.people.truncate(1);
        directory.keys.truncate(1);
    });
    let found: Vec<String> = load(files, vec![])
        .unwrap()
        .check(&only_alice, at("10:00"))
        .iter()
        .map(ToString::to_string)
        .filter(|problem| problem.contains("nobody could approve"))
        .collect();
    assert_eq!(found.len(), 3, "{found:#?}");
}

/// However deep its author nests it: it is refused, or it is read and answers.
#[test]
fn a_deep_policy_is_refused_or_answers() {
    let ruled = |condition: &str| {
        format!("@id(\"deep\")\npermit (principal, action, resource) when {{ {condition} }};")
    };
    let deep = |depth: usize| {
        [
            format!("{}true{}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}true", "true && ".repeat(depth)),
            format!("{}1 > 0", "1 + ".repeat(depth)),
            format!(
                "{}true{}",
                "if resource.sameUser then ".repeat(depth),
                " else false".repeat(depth)
            ),
        ]
    };
    let [brackets, ..] = deep(30);
    let found = problems(&ruled(&brackets));
    assert!(found[0].contains("nest deeper than 24"), "{found:?}");
    for condition in [10, 20, 45, 100].into_iter().flat_map(deep) {
        let Ok(policies) = one(&ruled(&condition)) else {
            continue;
        };
        // It is read more closely once it was asked some times.
        for minute in 0..20 {
            let now = at(&format!("10:{minute:02}"));
            let _ = policies.propose(&operation(), &directory(), now);
        }
    }
}
