//! Pipelines of GitLab CI, read into jobs.

use super::job::{
    CONDITION, ENVIRONMENT, Job, PERSON, Part, Pin, Pipeline, STOPS, below, commands, image_part, is_commit,
    talkative,
};
use super::step::keeps_too_much;
use crate::document::{Place, Value};
use crate::findings::container::is_version_tag;
use crate::findings::observation::quote;

/// Keys of a GitLab file that are no jobs.
const NO_JOBS: &[&str] = &[
    "stages",
    "variables",
    "default",
    "include",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
    "pages_options",
];

/// Says whether a document is a pipeline of GitLab CI.
pub(super) fn is_gitlab(root: &Value) -> bool {
    let job = |value: &Value| {
        ["script", "trigger", "run"]
            .iter()
            .any(|key| value.at(key).is_some())
            && root.at("apiVersion").is_none()
            && root.at("steps").is_none()
    };
    let stated = root.at("stages").is_some_and(|stages| {
        stages.items().iter().all(|stage| stage.text().is_some()) && !stages.items().is_empty()
    });
    root.at("jobs").is_none()
        && root.at("on").is_none()
        && (stated || root.at("include").is_some() || root.entries().iter().any(|(_, value)| job(value)))
        && root.entries().iter().all(|(name, value)| {
            NO_JOBS.contains(&name.as_str()) || name.starts_with('.') || !value.entries().is_empty()
        })
}

/// Reads a pipeline of GitLab CI.
pub(super) fn gitlab(place: &Place, root: &Value) -> Pipeline {
    let mut pipeline = Pipeline::default();
    pipeline.talkative.extend(talkative(root.at("variables")));
    pipeline.handed_out.extend(engine(root.at("variables")));
    for include in root.at("include").map(Value::one_or_more).unwrap_or_default() {
        pipeline.parts.extend(gitlab_include(include));
    }
    pipeline.parts.extend(root.at("image").and_then(image_part));
    for (name, value) in root.entries() {
        if NO_JOBS.contains(&name.as_str()) && name != "default" {
            continue;
        }
        pipeline.parts.extend(value.at("image").and_then(image_part));
        for service in value.at("services").map(Value::items).unwrap_or_default() {
            pipeline.parts.extend(image_part(service));
        }
        let mut job = Job {
            name: name.clone(),
            place: below(place, name),
            line: value.line,
            ..Job::default()
        };
        pipeline.talkative.extend(talkative(value.at("variables")));
        pipeline.handed_out.extend(engine(value.at("variables")));
        for key in ["before_script", "script", "after_script"] {
            job.commands.extend(commands(value.at(key)));
        }
        for path in value
            .path(&["artifacts", "paths"])
            .map(Value::items)
            .unwrap_or_default()
        {
            if path.text().is_some_and(keeps_too_much) {
                let what = format!(
                    "job {} keeps {}, with the credentials that may lie there",
                    quote(name),
                    quote(path.text().unwrap_or_default())
                );
                pipeline.kept.push((what, path.line));
            }
        }
        let rules = value.at("rules").map(Value::items).unwrap_or_default();
        let manual = |value: &Value| value.text_at("when") == Some("manual");
        if manual(value) || !rules.is_empty() && rules.iter().all(|rule| manual(rule) || never(rule)) {
            job.guards.insert(PERSON);
        }
        if !value.at("allow_failure").is_some_and(may_fail) {
            job.guards.insert(STOPS);
        }
        if value.at("environment").is_some() {
            job.guards.insert(ENVIRONMENT);
        }
        // A last rule without a condition takes all that is left.
        let open = |rule: &Value| {
            let conditions = ["if", "changes", "exists"];
            !never(rule) && conditions.iter().all(|key| rule.at(key).is_none())
        };
        if !rules.is_empty() && !rules.iter().any(open)
            || value.at("only").is_some()
            || value.at("except").is_some()
        {
            job.guards.insert(CONDITION);
        }
        pipeline.jobs.push(job);
    }
    let top = ["before_script", "after_script"];
    pipeline.jobs.push(Job {
        place: place.clone(),
        line: root.line,
        commands: top.iter().flat_map(|key| commands(root.at(key))).collect(),
        ..Job::default()
    });
    pipeline
}

fn may_fail(allowed: &Value) -> bool {
    allowed.is_true() || !allowed.entries().is_empty()
}

/// Returns the container engine that a job speaks with, unless it is a service of the job's own.
fn engine(variables: Option<&Value>) -> Option<(String, u32)> {
    let host = variables?.at("DOCKER_HOST")?;
    let address = host.text()?;
    let own = ["tcp://docker:", "tcp://localhost:", "tcp://127.0.0.1:"];
    let shared = address.starts_with("unix://") || address.starts_with("tcp://");
    (shared && !own.iter().any(|start| address.starts_with(start))).then(|| {
        let what = format!(
            "{} is an engine that jobs share, with power over its machine",
            quote(address)
        );
        (what, host.line)
    })
}

fn never(rule: &Value) -> bool {
    rule.text_at("when") == Some("never")
}

fn gitlab_include(include: &Value) -> Option<Part> {
    let part = |name: &Value, pin| {
        Some(Part {
            name: name.text()?.to_owned(),
            line: name.line,
            pin,
        })
    };
    if let Some(remote) = include.at("remote") {
        let checked = include.at("integrity").is_some();
        return part(remote, if checked { Pin::Exact } else { Pin::Moving });
    }
    if let Some(project) = include.at("project") {
        let pin = match include.text_at("ref") {
            Some(reference) if is_commit(reference) => Pin::Exact,
            Some(reference) if is_version_tag(reference) => Pin::Version,
            _ => Pin::Moving,
        };
        return part(project, pin);
    }
    if let Some(component) = include.at("component") {
        let version = component.text()?.rsplit_once('@').map(|(_, version)| version);
        let pin = match version {
            Some(version) if is_commit(version) => Pin::Exact,
            Some(version) if is_version_tag(version) => Pin::Version,
            _ => Pin::Moving,
        };
        return part(component, pin);
    }
    let text = include.text()?;
    (text.starts_with("http://") || text.starts_with("https://")).then(|| Part {
        name: text.to_owned(),
        line: include.line,
        pin: Pin::Moving,
    })
}
