//! What a workflow with rights believes of strangers: files that their runs made, text that sets its environment,
//! names of bots that they can take on.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Observation, Severity, rule};

/// Observes that the environment of later steps is set from what is not known here.
pub(super) fn environment(place: &Place, run: &Value, privileged: bool, seen: &mut Vec<Observation>) {
    for line in run.text().unwrap_or_default().lines() {
        let Some((source, target)) = line.rsplit_once(">>").or_else(|| line.rsplit_once("| tee ")) else {
            continue;
        };
        let sets = ["GITHUB_ENV", "GITHUB_PATH"]
            .iter()
            .find(|name| target.contains(*name));
        let Some(sets) = sets.filter(|_| is_unknown(source)) else {
            continue;
        };
        let severity = if privileged { Severity::High } else { Severity::Low };
        let what = format!("{} writes what it reads into {}", quote(line.trim()), quote(sets));
        let key = format!("{} {}", place.identity, line.trim());
        seen.push(
            Observation::new(&rule::CI_ENVIRONMENT_WRITTEN, key, what)
                .severity(severity)
                .at(place, run.line),
        );
    }
}

/// Says whether a command prints what stands in a file, an answer or an event, not words of its own.
fn is_unknown(source: &str) -> bool {
    let program = source.split_whitespace().next().unwrap_or_default();
    matches!(
        program,
        "cat" | "jq" | "head" | "tail" | "grep" | "sed" | "awk" | "cut" | "curl" | "unzip"
    ) || [
        "$(cat",
        "$(<",
        "$(jq",
        "$(curl",
        "$(head",
        "`cat",
        "github.event.",
        "github.head_ref",
    ]
    .iter()
    .any(|part| source.contains(part))
}

/// Observes, in a workflow that strangers start, whose files and whose name it takes for good.
pub(super) fn strangers(place: &Place, value: &Value, seen: &mut Vec<Observation>) {
    let action = value.text_at("uses").unwrap_or_default();
    let of_another_run = value
        .path(&["with", "run-id"])
        .or_else(|| value.path(&["with", "run_id"]));
    if action.contains("download-artifact") && of_another_run.is_some() {
        let what = format!(
            "{} takes in files that a run of strangers may have made",
            quote(action)
        );
        let key = format!("{} {action}", place.identity);
        seen.push(Observation::new(&rule::CI_STRANGERS_FILES, key, what).at(place, value.line));
    }
    let condition = value.text_at("if").unwrap_or_default();
    if ["github.actor", "github.triggering_actor"]
        .iter()
        .any(|who| condition.contains(who))
        && condition.contains("[bot]")
    {
        let what = format!(
            "{} tells who acted last, not whose change it is: a stranger can make the bot act",
            quote(condition.trim())
        );
        let key = format!("{} {condition}", place.identity);
        seen.push(Observation::new(&rule::CI_SPOOFABLE, key, what).at(place, value.line));
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(trigger: &str, job: &str) -> Severity {
        let of = |job: &str| {
            format!(
                "on: {trigger}\npermissions: {{contents: read}}\njobs:\n  b:\n    runs-on: ubuntu-24.04\n    {job}\n"
            )
        };
        let before = of("steps: [{run: make}]");
        severity(&analyze("workflow", Some(before.as_bytes()), of(job).as_bytes()))
    }

    #[test]
    fn the_environment_is_not_set_from_files_of_strangers() {
        let step = |line: &str| format!("steps: [{{run: '{line}'}}]");
        for line in [
            r#"cat out.env >> "$GITHUB_ENV""#,
            r#"echo "PR=$(cat pr.txt)" >> $GITHUB_ENV"#,
            "cat paths | tee -a $GITHUB_PATH",
        ] {
            assert_eq!(level("workflow_run", &step(line)), Severity::High, "{line}");
            assert_eq!(level("push", &step(line)), Severity::Low, "{line}");
        }
        for line in [r#"echo MODE=ci >> "$GITHUB_ENV""#, "cat a >> b", "cat a"] {
            assert_eq!(level("workflow_run", &step(line)), Severity::Info, "{line}");
        }
    }

    #[test]
    fn the_name_of_a_bot_is_no_proof() {
        let job = |who: &str| format!("if: {who} == 'dependabot[bot]'\n    steps: [{{run: make}}]");
        assert_eq!(
            level("pull_request_target", &job("github.actor")),
            Severity::Medium
        );
        assert_eq!(
            level(
                "pull_request_target",
                &job("github.event.pull_request.user.login")
            ),
            Severity::Info
        );
        assert_eq!(level("push", &job("github.actor")), Severity::Info);
    }
}
