//! The families of pipelines and how each writes jobs, guards and parts: GitLab CI, Azure Pipelines, CircleCI.

use super::judge::{Command, Job, Part, Pin, Pipeline};
use super::step::keeps_too_much;
use crate::document::{Node, Place, Value};
use crate::findings::Severity;
use crate::findings::container::{image, is_version_tag};
use crate::findings::observation::quote;

/// The guard that a job stops the pipeline when it fails.
const STOPS: &str = "stopping what comes after it when it fails";
const PERSON: &str = "a person who starts it";
const APPROVAL: &str = "an approval";
const ENVIRONMENT: &str = "the rules of an environment";
/// The guard that is a condition only.
pub(super) const CONDITION: &str = "a condition";

// --- GitLab CI

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

/// Returns the variables that make a log tell more: one prints every secret, the others what a job does with them.
fn talkative(variables: Option<&Value>) -> Vec<(String, Severity, u32)> {
    let entries = variables.map(Value::entries).unwrap_or_default();
    let told = entries.iter().filter_map(|(name, setting)| {
        let severity = match name.as_str() {
            "CI_DEBUG_TRACE" => Severity::High,
            "CI_DEBUG_SERVICES" | "system.debug" | "System.Debug" => Severity::Medium,
            _ => return None,
        };
        let on = setting.is_true() || setting.at("value").is_some_and(Value::is_true);
        let what = match severity {
            Severity::High => format!("{} is on: the log tells every variable, secrets too", quote(name)),
            _ => format!("{} is on: the log tells more than it should", quote(name)),
        };
        on.then_some((what, severity, setting.line))
    });
    told.collect()
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

fn is_commit(version: &str) -> bool {
    matches!(version.len(), 40 | 64) && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

// --- Azure Pipelines

/// Text of others that Azure puts into a command before a shell reads it.
const AZURE_UNTRUSTED: &[&str] = &[
    "$(Build.SourceVersionMessage)",
    "$(Build.SourceBranchName)",
    "$(Build.SourceBranch)",
    "$(System.PullRequest.SourceBranch)",
    "$(System.PullRequest.SourceRepositoryURI)",
    "$(Build.RequestedFor)",
    "${{ parameters.",
    "${{parameters.",
];

/// Says whether a document is one of Azure Pipelines.
pub(super) fn is_azure(root: &Value) -> bool {
    let lists = |key: &str| {
        root.at(key)
            .is_some_and(|list| list.items().iter().any(|item| !item.entries().is_empty()))
    };
    let begins = [
        "trigger",
        "pool",
        "pr",
        "resources",
        "extends",
        "schedules",
        "parameters",
        "variables",
    ];
    let azure_job = |key: &str, names: &[&str]| {
        root.at(key).is_some_and(|list| {
            list.items()
                .iter()
                .any(|item| names.iter().any(|name| item.at(name).is_some()))
        })
    };
    (begins.iter().any(|key| root.at(key).is_some()) && (lists("stages") || lists("jobs") || lists("steps")))
        || azure_job("stages", &["stage"])
        || azure_job("jobs", &["job", "deployment"])
        || root
            .at("extends")
            .is_some_and(|extends| extends.at("template").is_some())
}

/// Reads one of Azure Pipelines.
pub(super) fn azure(place: &Place, root: &Value) -> Pipeline {
    let mut pipeline = Pipeline {
        untrusted: AZURE_UNTRUSTED,
        ..Pipeline::default()
    };
    for repository in root
        .path(&["resources", "repositories"])
        .map(Value::items)
        .unwrap_or_default()
    {
        let name = repository.text_at("name").or(repository.text_at("repository"));
        let pin = match repository.text_at("ref") {
            Some(reference) if is_commit(reference) => Pin::Exact,
            Some(reference) if reference.starts_with("refs/tags/") => Pin::Version,
            _ => Pin::Moving,
        };
        pipeline.parts.extend(name.map(|name| Part {
            name: name.to_owned(),
            line: repository.line,
            pin,
        }));
    }
    pipeline.talkative.extend(talkative(root.at("variables")));
    let whole_pool = root.at("pool");
    let mut top = Job {
        name: "the pipeline".to_owned(),
        place: place.clone(),
        line: root.line,
        ..Job::default()
    };
    azure_steps(root, &mut top, &mut pipeline);
    top.own_machine = whole_pool.and_then(own_pool);
    pipeline.jobs.push(top);
    root.walk_from(&mut place.clone(), &mut |place, value| {
        let named = value
            .at("job")
            .or_else(|| value.at("deployment"))
            .and_then(Value::text);
        let Some(name) = named else { return };
        let mut job = Job {
            name: name.to_owned(),
            place: place.clone(),
            line: value.line,
            own_machine: value.at("pool").and_then(own_pool),
            ..Job::default()
        };
        if value.at("environment").is_some() {
            job.guards.insert(ENVIRONMENT);
        }
        if value.at("condition").is_some() {
            job.guards.insert(CONDITION);
        }
        pipeline.parts.extend(value.at("container").and_then(image_part));
        value.walk_from(&mut place.clone(), &mut |_, inner| {
            azure_steps(inner, &mut job, &mut pipeline);
        });
        pipeline.jobs.push(job);
    });
    pipeline
}

fn azure_steps(holder: &Value, job: &mut Job, pipeline: &mut Pipeline) {
    for step in holder.at("steps").map(Value::items).unwrap_or_default() {
        for key in ["script", "bash", "pwsh", "powershell"] {
            job.commands.extend(commands(step.at(key)));
        }
        job.commands.extend(commands(step.path(&["inputs", "script"])));
        job.commands
            .extend(commands(step.path(&["inputs", "inlineScript"])));
        if let Some(kept) = step.at("persistCredentials").filter(|kept| kept.is_true()) {
            pipeline.handed_out.push((
                "the token of the run stays in the files that are checked out".to_owned(),
                kept.line,
            ));
        }
        for (name, value) in step.at("env").map(Value::entries).unwrap_or_default() {
            if value
                .text()
                .is_some_and(|text| text.contains("System.AccessToken"))
            {
                let what = format!("the token of the run is handed to a step as {}", quote(name));
                pipeline.handed_out.push((what, value.line));
            }
        }
        if step.at("task").and_then(Value::text) == Some("ManualValidation@0") {
            job.guards.insert(APPROVAL);
        }
    }
}

/// Returns the pool of machines of one's own; those of the service are named by their image.
fn own_pool(pool: &Value) -> Option<String> {
    let name = pool.text().or_else(|| pool.text_at("name"))?;
    let hosted = pool.at("vmImage").is_some() || name.starts_with("Azure Pipelines");
    (!hosted).then(|| name.to_owned())
}

// --- CircleCI

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

/// Reads how exactly an image is named.
fn image_part(value: &Value) -> Option<Part> {
    let named = value.at("name").or_else(|| value.at("image")).unwrap_or(value);
    let text = named.text()?;
    let (repository, tag, digest) = image(text);
    let pin = match (tag, digest) {
        (_, Some(_)) => Pin::Exact,
        // A variable may be anything, and is set elsewhere.
        _ if text.contains('$') || text.contains("<<") => Pin::Version,
        (Some(tag), _) if is_version_tag(tag) => Pin::Version,
        _ => Pin::Moving,
    };
    let name = match pin {
        Pin::Moving => text.to_owned(),
        _ => format!("{repository}@{}", digest.or(tag).unwrap_or_default()),
    };
    Some(Part {
        name,
        line: named.line,
        pin,
    })
}

fn commands(value: Option<&Value>) -> Vec<Command> {
    let mut found = Vec::new();
    for one in value.map(Value::one_or_more).unwrap_or_default() {
        // GitLab lets lists stand in lists.
        for inner in one.one_or_more() {
            found.extend(inner.text().map(|text| Command {
                text: text.to_owned(),
                line: inner.line,
            }));
        }
    }
    found
}

fn below(place: &Place, key: &str) -> Place {
    Place {
        pointer: format!("{}/{}", place.pointer, key.replace('~', "~0").replace('/', "~1")),
        identity: format!("{}/{key}", place.identity),
    }
}
