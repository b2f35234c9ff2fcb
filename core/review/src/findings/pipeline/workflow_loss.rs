//! What a workflow lost on the way: rights that it stated, guards of its jobs, pins of its actions, the branches that
//! it was held to.

use super::job::is_commit;
use super::softened::{is_check, softened};
use super::step::left_out;
use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Observation, Severity, Side, rule};
use std::collections::{BTreeMap, BTreeSet};

/// Returns what a workflow lost on the way: its stated rights, the guards of its jobs, the pins of its actions.
pub(super) fn lost(before: &Value, after: &Value, place: &Place) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.at("permissions").is_some() && after.at("permissions").is_none() {
        let what = "the workflow no longer states its rights, so it has those that the repository gives";
        let seen = Observation::new(&rule::CI_PERMISSIONS_UNSTATED, "workflow", what);
        changes.push(widened(seen.at(place, after.line)));
    }
    for (name, job) in after.at("jobs").map(Value::entries).unwrap_or_default() {
        if let Some(old) = before.path(&["jobs", name]) {
            let stated = after.at("permissions").is_some();
            lost_by_job(name, old, job, stated, place, &mut changes);
        }
    }
    let (had, has) = (does(before), does(after));
    for what in left_out(&had, &has) {
        let seen = Observation::new(&rule::CI_GUARD_REMOVED, what.clone(), what);
        changes.push(widened(seen.at(place, after.line)));
    }
    if let Some(what) = pushes_widened(before, after).filter(|_| has_rights(after)) {
        let seen = Observation::new(&rule::CI_TRIGGER_WIDENED, "push", what);
        changes.push(widened(seen.at(place, after.line)));
    }
    let (old, new) = (pins(before), pins(after));
    for (action, (pinned, _)) in old {
        if let Some((false, line)) = new.get(action).filter(|_| pinned) {
            let what = format!("{} was pinned to a commit and no longer is", quote(action));
            let seen = Observation::new(&rule::CI_UNPINNED, action, what).severity(Severity::Medium);
            changes.push(widened(seen.at(place, *line)));
        }
    }
    changes
}

fn widened(seen: Observation) -> Change {
    (seen, Delta::Widened, Side::After)
}

/// Adds what a job lost; `stated` says whether the workflow states rights for all of its jobs.
fn lost_by_job(name: &str, old: &Value, job: &Value, stated: bool, place: &Place, changes: &mut Vec<Change>) {
    let mut add = |about, severity, what: String| {
        let seen = Observation::new(about, name, what).severity(severity);
        changes.push(widened(seen.at(place, job.line)));
    };
    let gone = |key: &str| old.at(key).is_some() && job.at(key).is_none();
    let forgiven_job = |job: &Value| job.at("continue-on-error").is_some_and(Value::is_true);
    if gone("permissions") && !stated {
        let what = format!("job {} no longer states its rights", quote(name));
        add(&rule::CI_PERMISSIONS_UNSTATED, Severity::Medium, what);
    }
    if gone("environment") {
        let what = format!(
            "job {} no longer waits for the rules of an environment",
            quote(name)
        );
        add(&rule::CI_GUARD_REMOVED, Severity::Medium, what);
    }
    if forgiven_job(job) && !forgiven_job(old) {
        let what = format!("job {} may fail and nothing stops", quote(name));
        add(&rule::CI_GUARD_REMOVED, Severity::Medium, what);
    }
    for softened in softened(runs(old), runs(job)) {
        let what = format!("in job {} {}", quote(name), softened.what);
        add(&rule::CI_GUARD_REMOVED, softened.severity, what);
    }
    for step in forgiven(old, job) {
        let what = format!(
            "step {} of job {} may fail and nothing stops",
            quote(&step),
            quote(name)
        );
        add(&rule::CI_GUARD_REMOVED, Severity::Medium, what);
    }
    if let Some(key) = lasting_key(old, job) {
        let what = format!(
            "job {} signs in with {} that lasts, instead of a role for an hour",
            quote(name),
            quote(key)
        );
        add(&rule::CI_LASTING_KEY, Severity::Medium, what);
    }
    for needed in waits_no_more(old, job) {
        let what = format!("job {} no longer waits for {}", quote(name), quote(&needed));
        let severity = match is_check(&needed) {
            true => Severity::Medium,
            false => Severity::Low,
        };
        add(&rule::CI_GUARD_REMOVED, severity, what);
    }
    if whatever_happens(job)
        && !whatever_happens(old)
        && (old.at("if").is_some() || old.at("needs").is_some())
    {
        let what = format!("job {} runs whatever happened before", quote(name));
        add(&rule::CI_GUARD_REMOVED, Severity::Medium, what);
    }
    if gone("if") {
        let what = format!("job {} runs without the condition that it had", quote(name));
        add(&rule::CI_GUARD_REMOVED, Severity::Low, what);
    }
}

/// Returns the actions of a workflow, whether each is pinned wherever it stands, and a line.
fn pins(root: &Value) -> BTreeMap<&str, (bool, u32)> {
    let mut found: BTreeMap<&str, (bool, u32)> = BTreeMap::new();
    root.walk(&mut |_, value| {
        let Some((action, version)) = value.text_at("uses").and_then(|uses| uses.split_once('@')) else {
            return;
        };
        let known = found.entry(action).or_insert((true, value.line));
        known.0 &= is_commit(version);
    });
    found
}

/// Returns what the steps of a workflow do: their commands and their actions.
fn does(root: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    for (_, job) in root.at("jobs").map(Value::entries).unwrap_or_default() {
        found.extend(job.text_at("uses"));
        for step in job.at("steps").map(Value::items).unwrap_or_default() {
            found.extend(step.text_at("run"));
            found.extend(step.text_at("uses"));
        }
    }
    found
}

/// Returns the jobs that a job waited for and no longer does.
fn waits_no_more(old: &Value, job: &Value) -> Vec<String> {
    let needs = |job: &Value| -> BTreeSet<String> {
        let needs = job.at("needs").map(Value::one_or_more).unwrap_or_default();
        needs.iter().filter_map(Value::text).map(str::to_owned).collect()
    };
    needs(old).difference(&needs(job)).cloned().collect()
}

/// Says whether a condition holds whatever became of the jobs before.
fn whatever_happens(job: &Value) -> bool {
    let condition = job.text_at("if").unwrap_or_default();
    let dense: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
    let dense = dense.trim_start_matches("${{").trim_end_matches("}}");
    dense.contains("always()") && !dense.contains("result==") || dense == "!cancelled()" || dense == "true"
}

/// Returns the commands of a job.
fn runs(job: &Value) -> impl Iterator<Item = &str> {
    let steps = job.at("steps").map(Value::items).unwrap_or_default();
    steps.iter().filter_map(|step| step.text_at("run"))
}

/// Returns the steps that stopped the job when they failed and don't any more.
fn forgiven(old: &Value, job: &Value) -> Vec<String> {
    let does = |step: &Value| {
        let does = step.text_at("run").or_else(|| step.text_at("uses"))?;
        let name = does.split_once('@').map_or(does, |(action, _)| action).trim();
        Some((
            name.to_owned(),
            step.at("continue-on-error").is_some_and(Value::is_true),
        ))
    };
    let steps = |job: &Value| -> BTreeSet<(String, bool)> {
        let steps = job.at("steps").map(Value::items).unwrap_or_default();
        steps.iter().filter_map(does).collect()
    };
    let (had, has) = (steps(old), steps(job));
    let now = has
        .into_iter()
        .filter(|(name, forgiven)| *forgiven && had.contains(&(name.clone(), false)));
    now.map(|(name, _)| name).collect()
}

/// Returns the name of a key that lasts, given to an action that took a role for a while before.
fn lasting_key<'a>(old: &Value, job: &'a Value) -> Option<&'a str> {
    const LASTING: &[&str] = &[
        "aws-secret-access-key",
        "credentials_json",
        "creds",
        "service_account_key",
        "client-secret",
    ];
    const FOR_A_WHILE: &[&str] = &[
        "role-to-assume",
        "workload_identity_provider",
        "federated-credential",
    ];
    let has = |step: &Value, keys: &[&str]| keys.iter().any(|key| step.path(&["with", key]).is_some());
    let action = |step: &Value| {
        let uses = step.text_at("uses")?;
        Some(uses.split_once('@').map_or(uses, |(action, _)| action).to_owned())
    };
    let earlier = old.at("steps").map(Value::items).unwrap_or_default();
    let steps = job.at("steps").map(Value::items).unwrap_or_default();
    steps.iter().find_map(|step| {
        let key = LASTING.iter().find(|key| step.path(&["with", key]).is_some())?;
        let changed = earlier
            .iter()
            .any(|was| action(was) == action(step) && has(was, FOR_A_WHILE) && !has(was, LASTING));
        (changed && !has(step, FOR_A_WHILE)).then_some(*key)
    })
}

/// Says how more pushes start a workflow than did before: any branch instead of some, or no filter at all.
fn pushes_widened(before: &Value, after: &Value) -> Option<String> {
    let push = |root: &Value| -> Option<BTreeSet<String>> {
        let on = root.at("on").or_else(|| root.at("true"))?;
        let push = on.at("push");
        let named = push.is_some() || on.one_or_more().iter().any(|event| event.text() == Some("push"));
        let patterns = ["branches", "tags"].iter().filter_map(|key| push?.at(key));
        let texts = patterns.flat_map(Value::one_or_more).filter_map(Value::text);
        named.then(|| texts.map(str::to_owned).collect())
    };
    let (had, has) = (push(before)?, push(after)?);
    let everything = has
        .iter()
        .find(|pattern| matches!(pattern.as_str(), "*" | "**") && !had.contains(*pattern));
    match everything {
        _ if had.is_empty() => None,
        None if has.is_empty() => Some("every push starts the workflow, which was held to some".to_owned()),
        None => None,
        Some(pattern) => Some(format!(
            "every push that fits {} starts the workflow",
            quote(pattern)
        )),
    }
}

/// Says whether a job of the workflow holds more than the right to read: secrets, an identity, an environment.
fn has_rights(root: &Value) -> bool {
    let mut found = false;
    root.walk(&mut |_, value| {
        found |= value.text().is_some_and(|text| text.contains("secrets."));
        let permissions = value.at("permissions");
        found |= value.at("environment").is_some()
            || permissions.and_then(Value::text) == Some("write-all")
            || permissions
                .map(Value::entries)
                .unwrap_or_default()
                .iter()
                .any(|(_, level)| level.text() == Some("write"));
    });
    found
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    const FLOW: &str = "on:\n  push:\n    tags: ['v*']\npermissions: {contents: read}\njobs:\n  ship:\n    runs-on: ubuntu-24.04\n    environment: production\n    permissions: {id-token: write}\n    steps:\n      - uses: actions/checkout@0123456789012345678901234567890123456789\n      - uses: aws-actions/configure-aws-credentials@0123456789012345678901234567890123456789\n        with: {role-to-assume: r}\n      - run: make scan\n";

    fn told(before: &str, after: &str) -> Vec<&'static str> {
        let findings = analyze("workflow", Some(before.as_bytes()), after.as_bytes());
        let new = findings.iter().filter(|finding| finding.counts());
        new.map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn more_pushes_than_before_are_told_where_a_job_has_rights() {
        let every = FLOW.replace("tags: ['v*']", "branches: ['**']");
        assert_eq!(told(FLOW, &every), ["ci-trigger-widened"]);
        assert_eq!(told(&every, FLOW), Vec::<&str>::new());
        let bare = |flow: &str| {
            flow.replace(
                "    environment: production\n    permissions: {id-token: write}\n",
                "",
            )
        };
        assert_eq!(told(&bare(FLOW), &bare(&every)), Vec::<&str>::new());
    }

    #[test]
    fn a_key_that_lasts_instead_of_a_role_is_told() {
        let key = FLOW.replace(
            "{role-to-assume: r}",
            "{aws-access-key-id: '${{ secrets.A }}', aws-secret-access-key: '${{ secrets.B }}'}",
        );
        assert_eq!(told(FLOW, &key), ["ci-lasting-key"]);
        assert_eq!(told(&key, &key), Vec::<&str>::new());
    }

    #[test]
    fn a_step_that_may_fail_is_told() {
        let forgiven = FLOW.replace(
            "run: make scan\n",
            "run: make scan\n        continue-on-error: true\n",
        );
        assert_eq!(told(FLOW, &forgiven), ["ci-guard-removed"]);
        assert_eq!(told(&forgiven, FLOW), Vec::<&str>::new());
    }
}
