//! Configurations of CircleCI, read into jobs.

use super::job::{APPROVAL, CONDITION, Job, Part, Pin, Pipeline, below, commands, image_part};
use crate::document::{Node, Place, Value};
use crate::findings::container::is_version_tag;

/// Text of others that CircleCI puts into a command before a shell reads it.
const CIRCLE_UNTRUSTED: &[&str] = &[
    "<< pipeline.git.branch >>",
    "<<pipeline.git.branch>>",
    "<< pipeline.git.tag >>",
    "<< pipeline.parameters.",
    "<<pipeline.parameters.",
    "<< pipeline.trigger_parameters.",
    "<<pipeline.trigger_parameters.",
];

/// Says whether a document is a configuration of CircleCI.
pub(super) fn is_circle(root: &Value) -> bool {
    let jobs = root.at("jobs").map(Value::entries).unwrap_or_default();
    let one = |(_, job): &(String, Value)| {
        ["docker", "machine", "macos", "executor"]
            .iter()
            .any(|key| job.at(key).is_some())
    };
    root.at("on").is_none()
        && root.at("true").is_none()
        && (root.at("orbs").is_some() || jobs.iter().any(one))
}

/// Reads a configuration of CircleCI.
pub(super) fn circle(place: &Place, root: &Value) -> Pipeline {
    let mut pipeline = Pipeline {
        untrusted: CIRCLE_UNTRUSTED,
        ..Pipeline::default()
    };
    for (_, orb) in root.at("orbs").map(Value::entries).unwrap_or_default() {
        let Some(name) = orb.text() else { continue };
        let version = name.split_once('@').map(|(_, version)| version);
        let pin = match version {
            Some(version) if version.split('.').count() == 3 && !version.starts_with("dev") => Pin::Exact,
            Some(version) if is_version_tag(version) && !version.starts_with("dev") => Pin::Version,
            _ => Pin::Moving,
        };
        // What others own is a part of the pipeline, however exactly it is named.
        let pin = match pin {
            Pin::Exact if !name.starts_with("circleci/") => Pin::Version,
            pin => pin,
        };
        pipeline.parts.push(Part {
            name: name.to_owned(),
            line: orb.line,
            pin,
        });
    }
    for group in ["jobs", "commands", "executors"] {
        for (name, value) in root.at(group).map(Value::entries).unwrap_or_default() {
            let place = below(&below(place, group), name);
            pipeline.jobs.push(circle_job(name, place, value));
            let images = value.at("docker").map(Value::items).unwrap_or_default();
            pipeline.parts.extend(images.iter().filter_map(image_part));
        }
    }
    for (name, workflow) in root.at("workflows").map(Value::entries).unwrap_or_default() {
        pipeline
            .jobs
            .push(circle_workflow(name, below(place, "workflows"), workflow));
    }
    pipeline
}

fn circle_job(name: &str, place: Place, value: &Value) -> Job {
    let mut job = Job {
        name: name.to_owned(),
        line: value.line,
        place,
        ..Job::default()
    };
    value.walk(&mut |_, inner| {
        let run = inner.at("run");
        let command = run.and_then(|run| run.at("command")).or(run);
        job.commands.extend(commands(command));
    });
    job.own_machine = value
        .text_at("resource_class")
        .filter(|class| class.contains('/'))
        .map(str::to_owned);
    job
}

/// Reads the approvals of a workflow: jobs that only wait for a person, and what waits for them.
fn circle_workflow(name: &str, place: Place, workflow: &Value) -> Job {
    let mut job = Job {
        name: format!("workflow {name}"),
        line: workflow.line,
        place,
        ..Job::default()
    };
    for item in workflow.at("jobs").map(Value::items).unwrap_or_default() {
        for (_, settings) in item.entries() {
            if settings.text_at("type") == Some("approval") {
                job.guards.insert(APPROVAL);
            }
            if !matches!(
                settings.at("filters").map(|filters| &filters.node),
                None | Some(Node::Null)
            ) {
                job.guards.insert(CONDITION);
            }
        }
    }
    job
}
