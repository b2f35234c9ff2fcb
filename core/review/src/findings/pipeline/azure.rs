//! Pipelines of Azure Pipelines, read into jobs.

use super::job::{
    APPROVAL, CONDITION, ENVIRONMENT, Job, Part, Pin, Pipeline, commands, image_part, is_commit, talkative,
};
use crate::document::{Place, Value};
use crate::findings::observation::quote;

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
