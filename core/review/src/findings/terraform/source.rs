//! Terraform and OpenTofu source (`.tf`): what it takes out, whose modules it runs, where its policies are.
//!
//! It is no evaluation: defaults of variables and values of locals stand for references to them, and what is
//! computed otherwise stays a text in `${…}`, which no rule takes for a harmless value.

use super::plan::denies;
use super::purpose::{Purpose, purpose};
use crate::document::{Node, Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Blocks that begin a Terraform file.
const BLOCKS: &[&str] = &[
    "resource",
    "data",
    "module",
    "variable",
    "locals",
    "output",
    "provider",
    "terraform",
    "moved",
    "removed",
    "import",
    "check",
    "ephemeral",
];

/// So many values may be put in the place of references in one file.
const MAX_PUT: usize = 50_000;

/// Says whether lines are Terraform source: one begins one of its blocks.
pub(in crate::findings) fn is_source(lines: &[&str]) -> bool {
    let begins = |line: &str, block: &str| {
        line.strip_prefix(block)
            .is_some_and(|rest| rest.trim_start().starts_with(['"', '{']))
    };
    // Hardly any other line ends so: that is asked first.
    lines
        .iter()
        .filter(|line| line.trim_end().ends_with(['{', '}']))
        .any(|line| BLOCKS.iter().any(|block| begins(line, block)))
}

/// Puts defaults of variables and values of locals in the place of references to them.
pub(in crate::findings) fn resolve(root: &Value) -> Cow<'_, Value> {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for (name, variable) in root.at("variable").map(Value::entries).unwrap_or_default() {
        if let Some(default) = variable.at("default") {
            known.insert(format!("${{var.{name}}}"), default.clone());
        }
    }
    for locals in root.at("locals").map(Value::items).unwrap_or_default() {
        for (name, value) in locals.entries() {
            known.insert(format!("${{local.{name}}}"), value.clone());
        }
    }
    if known.is_empty() {
        return Cow::Borrowed(root);
    }
    let mut resolved = root.clone();
    // Locals may speak of variables and of each other; each round puts in one more level.
    let mut left = MAX_PUT;
    for _ in 0..4 {
        put(&mut resolved, &known, &mut left);
    }
    Cow::Owned(resolved)
}

fn put(value: &mut Value, known: &BTreeMap<String, Value>, left: &mut usize) {
    match &mut value.node {
        Node::Text(text) if text.contains("${") => {
            if let Some(whole) = known.get(text.as_str()) {
                let size = count(whole);
                if size <= *left {
                    *left -= size;
                    value.node = whole.node.clone();
                }
            } else if let Some(filled) = filled(text, known, left) {
                *text = filled;
            }
        }
        Node::List(items) => items.iter_mut().for_each(|item| put(item, known, left)),
        Node::Map(entries) => entries.iter_mut().for_each(|(_, entry)| put(entry, known, left)),
        _ => {}
    }
}

/// Puts plain texts in the place of references inside a text; nothing where there are none.
fn filled(text: &str, known: &BTreeMap<String, Value>, left: &mut usize) -> Option<String> {
    let (mut out, mut rest, mut any) = (String::new(), text, false);
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        let end = from.find('}').map_or(from.len(), |end| end + 1);
        let (reference, after) = from.split_at(end);
        let with = known
            .get(reference)
            .and_then(Value::text)
            .filter(|with| !with.contains("${"));
        out.push_str(before);
        match with.filter(|with| with.len() < *left) {
            Some(with) => {
                *left -= with.len() + 1;
                out.push_str(with);
                any = true;
            }
            None => out.push_str(reference),
        }
        rest = after;
    }
    out.push_str(rest);
    any.then_some(out)
}

fn count(value: &Value) -> usize {
    let mut values = 0;
    value.walk(&mut |_, _| values += 1);
    values
}

/// The rules for source as such; its settings, policies and openings are judged by theirs.
pub(in crate::findings) struct Source;

impl Detector for Source {
    fn kinds(&self) -> &'static [&'static str] {
        &["terraform-plan", "iam", "s3", "security-group", "data-export"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        if !is_source(input.lines) {
            return Outcome::NotMine;
        }
        let mut found = false;
        for (place, root) in input.roots {
            found |= BLOCKS.iter().any(|block| root.at(block).is_some());
            for (name, module) in root.at("module").map(Value::entries).unwrap_or_default() {
                self::module(place, name, module, seen);
            }
            root.walk_from(&mut place.clone(), &mut |place, value| {
                observe(place, value, seen);
            });
        }
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        if !is_source(after.lines) || !is_source(before.lines) {
            return Vec::new();
        }
        let still = resources(after);
        let gone = resources(before)
            .into_iter()
            .filter(|(name, _)| !still.contains_key(name));
        gone.map(|((kind, name), (place, resource))| {
            let severity = match purpose(&kind) {
                Purpose::Holds | Purpose::Guards => Severity::High,
                Purpose::LetsIn if !denies(resource) => Severity::Low,
                Purpose::LetsIn | Purpose::Belongs | Purpose::Passing | Purpose::Runs => Severity::Medium,
            };
            let what = format!(
                "{} is taken out of the source, so it is destroyed",
                quote(&format!("{kind}.{name}"))
            );
            let seen = Observation::new(&rule::TF_RESOURCE_REMOVED, "", what);
            (
                seen.severity(severity).at(&place, resource.line),
                Delta::Widened,
                Side::Before,
            )
        })
        .collect()
    }
}

fn resources<'a>(input: &'a Input<'_>) -> BTreeMap<(String, String), (Place, &'a Value)> {
    let mut found = BTreeMap::new();
    for (place, root) in input.roots {
        for (kind, named) in root.at("resource").map(Value::entries).unwrap_or_default() {
            for (name, resource) in named.entries() {
                let place = Place {
                    pointer: format!("{}/resource/{kind}/{name}", place.pointer),
                    identity: String::new(),
                };
                found.insert((kind.clone(), name.clone()), (place, resource));
            }
        }
    }
    found
}

fn module(place: &Place, name: &str, module: &Value, seen: &mut Vec<Observation>) {
    let source = module.text_at("source").unwrap_or("${?}");
    let local = source.starts_with("./") || source.starts_with("../");
    let remote = source.contains("::") || source.contains("://") || source.starts_with("github.com/");
    let pinned = match remote {
        true => source
            .split_once("?ref=")
            .is_some_and(|(_, version)| is_version(version)),
        false => module.text_at("version").is_some_and(is_version),
    };
    if !local && !pinned {
        let what = format!(
            "module {} comes from {} without a fixed version",
            quote(name),
            quote(source)
        );
        let key = format!("{name} {source}");
        seen.push(Observation::new(&rule::TF_MODULE_UNPINNED, key, what).at(place, module.line));
    }
}

/// Says whether it names one version: digits and dots, or a commit.
fn is_version(version: &str) -> bool {
    let number = version.trim_start_matches(['=', ' ', 'v']);
    let dotted = number.split('.').count() >= 2 && number.chars().next().is_some_and(|c| c.is_ascii_digit());
    dotted || version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit())
}

fn observe(place: &Place, value: &Value, seen: &mut Vec<Observation>) {
    for provisioner in value.at("provisioner").map(Value::entries).unwrap_or_default() {
        let what = format!("a provisioner of type {} runs commands", quote(&provisioner.0));
        let key = format!("{} {}", place.identity, provisioner.0);
        seen.push(Observation::new(&rule::PLAN_PROVISIONER, key, what).at(place, provisioner.1.line));
    }
    for (key, policy) in value.entries() {
        let named = matches!(
            key.as_str(),
            "policy" | "assume_role_policy" | "bucket_policy" | "inline_policy"
        );
        let Some(text) = policy.text().filter(|text| named && text.starts_with("${")) else {
            continue;
        };
        // A document written in Terraform is judged where it stands.
        if !text.starts_with("${data.aws_iam_policy_document.") {
            let what = format!("{} is {}, which is not in this file", quote(key), quote(text));
            let key = format!("{} {key} {text}", place.identity);
            seen.push(Observation::new(&rule::TF_POLICY_ELSEWHERE, key, what).at(place, policy.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::read;
    use super::*;
    use crate::findings::{analyze, severity};

    fn ids(kind: &str, before: Option<&str>, after: &str) -> Vec<(&'static str, Severity)> {
        analyze(kind, before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn source_is_known_from_yaml_and_prose() {
        assert!(is_source(&["# a", "resource \"a\" \"b\" {", "}"]) && is_source(&["locals {", "}"]));
        assert!(!is_source(&["resource: a", "data: {}"]) && !is_source(&["data \"x"]));
    }

    #[test]
    fn a_bucket_opened_by_its_list_or_by_a_variable_is_told() {
        let bucket = |acl: &str| {
            format!("resource \"aws_s3_bucket_acl\" \"b\" {{\n  bucket = \"x\"\n  acl    = {acl}\n}}\n")
        };
        assert_eq!(ids("s3", None, &bucket("\"private\"")), []);
        assert_eq!(
            ids("s3", Some(&bucket("\"private\"")), &bucket("\"public-read\"")),
            [("public-acl", Severity::High)]
        );
        let variable = "variable \"acl\" {\n  default = \"public-read-write\"\n}\n";
        assert_eq!(
            ids("s3", None, &format!("{variable}{}", bucket("var.acl"))),
            [("public-acl", Severity::Critical)]
        );
    }

    #[test]
    fn policies_are_read_from_heredocs_functions_and_data() {
        let json = r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
        let heredoc = format!("resource \"aws_iam_policy\" \"p\" {{\n  policy = <<EOF\n{json}\nEOF\n}}\n");
        let function = "resource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({\n    Statement = [{ Effect = \"Allow\", Action = \"*\", Resource = \"*\" }]\n  })\n}\n";
        let data = "data \"aws_iam_policy_document\" \"p\" {\n  statement {\n    actions   = [\"*\"]\n    resources = [\"*\"]\n  }\n}\n";
        for source in [heredoc.as_str(), function, data] {
            assert_eq!(
                ids("iam", None, source)[0],
                ("iam-full-admin", Severity::Critical),
                "{source}"
            );
            assert_eq!(ids("iam", Some(source), source), [], "{source}");
        }
        let elsewhere = "resource \"aws_iam_policy\" \"p\" {\n  policy = file(\"p.json\")\n}\n";
        assert_eq!(
            ids("iam", None, elsewhere),
            [("tf-policy-elsewhere", Severity::Medium)]
        );
    }

    #[test]
    fn groups_are_judged_in_both_forms() {
        let group = |range: &str| {
            format!(
                "resource \"aws_security_group\" \"g\" {{\n  ingress {{\n    from_port   = 22\n    to_port     = 22\n    protocol    = \"tcp\"\n    cidr_blocks = [{range}]\n  }}\n  egress {{\n    from_port = 0\n    to_port = 0\n    protocol = \"-1\"\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }}\n}}\n"
            )
        };
        let (closed, open) = (group("\"10.0.0.0/24\""), group("\"0.0.0.0/0\""));
        assert!(
            ids("security-group", Some(&closed), &open).contains(&("network-open-to-world", Severity::High))
        );
        assert_eq!(
            severity(&analyze(
                "security-group",
                Some(open.as_bytes()),
                closed.as_bytes()
            )),
            Severity::Info
        );
        let rule = "resource \"aws_vpc_security_group_ingress_rule\" \"r\" {\n  cidr_ipv6   = \"::/0\"\n  from_port   = 3306\n  to_port     = 3306\n  ip_protocol = \"tcp\"\n}\n";
        assert_eq!(
            ids("security-group", None, rule),
            [("network-open-to-world", Severity::High)]
        );
    }

    #[test]
    fn a_resource_taken_out_is_destroyed() {
        let both = "resource \"aws_db_instance\" \"d\" {\n}\nresource \"aws_sns_topic\" \"t\" {\n}\n";
        let one = "resource \"aws_sns_topic\" \"t\" {\n}\n";
        assert_eq!(
            ids("terraform-plan", Some(both), one),
            [("tf-resource-removed", Severity::High)]
        );
        assert_eq!(ids("terraform-plan", Some(one), both), []);
    }

    #[test]
    fn a_rule_that_let_in_is_missed_less_than_one_that_kept_out() {
        let gone = |resource: &str| {
            let rest = "resource \"aws_sns_topic\" \"t\" {\n}\n";
            let both = format!("{resource}{rest}");
            severity(&analyze("security-group", Some(both.as_bytes()), rest.as_bytes()))
        };
        let lets_in = "resource \"aws_security_group_rule\" \"r\" {\n  type = \"ingress\"\n}\n";
        let rule = |access: &str| {
            format!("resource \"azurerm_network_security_rule\" \"r\" {{\n  access = \"{access}\"\n}}\n")
        };
        assert_eq!(gone(lets_in), Severity::Low);
        assert_eq!(gone(&rule("Allow")), Severity::Low);
        assert_eq!(gone(&rule("Deny")), Severity::Medium);
    }

    #[test]
    fn modules_need_a_version() {
        let module = |source: &str| format!("module \"m\" {{\n  source = \"{source}\"\n}}\n");
        for (source, expected) in [
            ("./m", 0),
            ("git::https://x.test/m.git", 1),
            ("git::https://x.test/m.git?ref=v1.2.0", 0),
            ("a/b/aws", 1),
        ] {
            assert_eq!(
                ids("terraform-plan", None, &module(source)).len(),
                expected,
                "{source}"
            );
        }
    }

    #[test]
    fn long_sources_are_analyzed_too() {
        let mut source: String = (0..40_000)
            .map(|n| format!("resource \"aws_sns_topic\" \"t{n}\" {{\n  name = \"${{local.x}}-{n}\"\n}}\n"))
            .collect();
        source.push_str(
            "resource \"aws_s3_bucket_acl\" \"b\" {\n  acl = \"public-read\"\n}\nlocals {\n  x = \"a\"\n}\n",
        );
        assert!(source.len() > 2 << 20);
        assert_eq!(ids("s3", None, &source), [("public-acl", Severity::High)]);
    }

    #[test]
    fn what_is_no_source_and_bombs_are_not_analyzed() {
        let broken = "resource \"a\" \"b\" {\n  x = [\n}\n";
        assert!(ids("s3", None, broken).contains(&("not-analyzed", Severity::Medium)));
        let deep = format!(
            "locals {{\n  a = {}1{}\n}}\n",
            "[".repeat(5_000),
            "]".repeat(5_000)
        );
        assert!(ids("s3", None, &deep).contains(&("not-analyzed", Severity::Medium)));
        let mut bomb = "locals {\n  a0 = [1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for n in 1..30 {
            let all = vec![format!("local.a{}", n - 1); 8].join(", ");
            bomb.push_str(&format!("  a{n} = [{all}]\n"));
        }
        bomb.push_str("}\n");
        let documents = read(&bomb).unwrap();
        assert!(count(&resolve(&documents.all[0])) < 4 * MAX_PUT);
    }
}
