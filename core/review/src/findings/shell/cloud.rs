//! Command lines of clouds and of services that hold code: what they delete, stop, hand out or open.
//!
//! They are known by the words of their subcommands, which follow one grammar in each family.

use crate::findings::Severity;
use crate::findings::rule::{self, Rule};

/// The rule, how bad it is, and why.
type Weight = (&'static Rule, Severity, &'static str);

/// Says whether a flag gives up a protection from deletion, or the last copy of what is deleted.
fn unprotects(word: &str) -> bool {
    matches!(
        word,
        "--no-deletion-protection"
            | "--no-deletion-protection-enabled"
            | "--no-enable-termination-protection"
            | "--no-disable-api-termination"
            | "--skip-final-snapshot"
            | "--delete-automated-backups"
            | "--no-backup"
            | "--no-enable-point-in-time-recovery"
            | "--no-enable-bin-log"
    )
}

/// Says whether backups are kept for a day or not at all.
fn keeps_nothing(arguments: &[String]) -> bool {
    const KEPT: &[&str] = &[
        "--backup-retention-period",
        "--backup-retention",
        "--retained-backups-count",
    ];
    let mut pairs = arguments.iter().zip(arguments.iter().skip(1));
    let little = |value: &str| matches!(value, "0" | "1");
    pairs.any(|(flag, value)| KEPT.contains(&flag.as_str()) && little(value))
        || arguments.iter().any(|word| {
            let split = word.split_once('=');
            split.is_some_and(|(flag, value)| KEPT.contains(&flag) && little(value))
        })
}

/// Judges the arguments of one of these programs.
pub(super) fn judge(name: &str, arguments: &[String]) -> Option<Weight> {
    if !matches!(name, "aws" | "gcloud" | "az" | "gsutil" | "gh" | "doctl") {
        return None;
    }
    // A sentence is the value of a flag.
    let words = || {
        arguments
            .iter()
            .map(String::as_str)
            .filter(|word| !word.contains(char::is_whitespace))
    };
    let any = |wanted: &dyn Fn(&str) -> bool| words().any(wanted);
    if opens(arguments) {
        return Some((
            &rule::SHELL_OPENS,
            Severity::High,
            "opens something to everybody or to others",
        ));
    }
    if any(&grants) {
        return Some((
            &rule::SHELL_PERMISSIONS,
            Severity::High,
            "changes rights in a cloud account",
        ));
    }
    if any(&stops_watching) || any(&|word| word == "--no-enable") && any(&|word| word == "guardduty") {
        return Some((
            &rule::SHELL_HIDES,
            Severity::High,
            "stops what watches or records",
        ));
    }
    if any(&unprotects) || keeps_nothing(arguments) {
        return Some((
            &rule::SHELL_STOPS,
            Severity::High,
            "takes away what holds back loss of data",
        ));
    }
    if any(&deletes) {
        return Some((
            &rule::SHELL_DELETES,
            Severity::Medium,
            "deletes resources of a cloud account",
        ));
    }
    if any(&|word| word == "leave-organization") {
        return Some((
            &rule::SHELL_STOPS,
            Severity::High,
            "takes the account out of what governs it",
        ));
    }
    let stop = |word: &str| {
        matches!(word, "stop" | "deallocate") || word.starts_with("stop-") || word.starts_with("disable-")
    };
    let zero = any(&|word| {
        matches!(
            word,
            "--desired-count" | "--desired-capacity" | "--num-nodes" | "--size" | "--node-count"
        )
    }) && any(&|word| word == "0");
    if any(&stop) || zero {
        return Some((
            &rule::SHELL_STOPS,
            Severity::Medium,
            "stops what runs in a cloud account",
        ));
    }
    None
}

fn deletes(word: &str) -> bool {
    matches!(
        word,
        "rb" | "rm"
            | "--delete"
            | "purge"
            | "remove"
            | "schedule-key-deletion"
            | "deregister-image"
            | "destroy"
    ) || ["delete", "terminate"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// Says whether a subcommand changes who may do what.
fn grants(word: &str) -> bool {
    let iam = word.starts_with("attach-") && word.ends_with("-policy");
    let put = word.starts_with("put-") && (word.ends_with("-policy") || word.ends_with("-acl"));
    let make = matches!(
        word,
        "create-access-key" | "create-login-profile" | "add-user-to-group" | "update-assume-role-policy"
    );
    iam || put || make || matches!(word, "add-iam-policy-binding" | "set-iam-policy")
}

fn stops_watching(word: &str) -> bool {
    matches!(
        word,
        "stop-logging"
            | "stop-configuration-recorder"
            | "put-event-selectors"
            | "disable-alarm-actions"
            | "disable-security-hub"
            | "disable-macie"
            | "delete-trail"
            | "delete-detector"
            | "delete-flow-logs"
    )
}

/// Says whether something is shared with others: an attribute that hands it on, a public list, an open range.
fn opens(arguments: &[String]) -> bool {
    let has = |wanted: &str| arguments.iter().any(|word| word == wanted);
    let contains = |part: &str| arguments.iter().any(|word| word.contains(part));
    let attribute = arguments.iter().any(|word| {
        word.starts_with("modify-")
            && (word.ends_with("snapshot-attribute") || word == "modify-image-attribute")
    });
    let taken_back = has("remove") || contains("Remove=");
    let hands_on =
        attribute && !taken_back && (has("all") || has("add") || contains("Add=") || has("--values-to-add"));
    let world = contains("0.0.0.0/0") || contains("::/0");
    let lets_in = arguments
        .iter()
        .any(|word| word.starts_with("authorize-") && word.ends_with("-ingress"))
        || contains("--source-ranges")
        || contains("--source-address-prefix")
        || has("firewall-rules");
    let everybody = contains("allUsers") || contains("allAuthenticatedUsers");
    let public = arguments
        .windows(2)
        .any(|pair| matches!(pair, [flag, value] if matches!(flag.as_str(), "--acl" | "--visibility" | "--public-access" | "--allow-blob-public-access") && matches!(value.as_str(), "public" | "public-read" | "public-read-write" | "blob" | "container" | "true")));
    hands_on || world && lets_in || everybody && !taken_back || public || has("--publicly-accessible")
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(line: &str) -> Option<(&'static str, Severity)> {
        let argv: Vec<&str> = line.split(' ').collect();
        let action = serde_json::json!({ "argv": argv }).to_string();
        let findings = analyze("exec", None, action.as_bytes());
        findings
            .first()
            .map(|finding| (finding.rule.as_str(), finding.severity))
    }

    #[test]
    fn what_holds_back_loss_is_missed() {
        for line in [
            "aws rds modify-db-cluster --db-cluster-identifier a --no-deletion-protection",
            "aws rds modify-db-instance --db-instance-identifier a --backup-retention-period 0",
            "gcloud sql instances patch a --retained-backups-count=1",
        ] {
            assert_eq!(told(line), Some(("shell-stops", Severity::High)), "{line}");
        }
        let kept = "aws rds modify-db-cluster --db-cluster-identifier a --deletion-protection --backup-retention-period 30";
        assert!(told(kept).is_none_or(|it| it.1 <= Severity::Low));
    }

    #[test]
    fn what_is_opened_to_others_is_told() {
        for line in [
            "aws ec2 modify-snapshot-attribute --attribute createVolumePermission --operation-type add --group-names all",
            "aws rds modify-db-snapshot-attribute --attribute-name restore --values-to-add 111122223333",
            "aws ec2 modify-image-attribute --launch-permission Add=[{Group=all}]",
            "aws ec2 authorize-security-group-ingress --port 22 --cidr 0.0.0.0/0",
            "aws s3 cp a s3://b/a --acl public-read",
            "gsutil iam ch allUsers:objectViewer gs://b",
            "gh repo edit a/b --visibility public",
        ] {
            assert_eq!(told(line), Some(("shell-opens", Severity::High)), "{line}");
        }
        for line in [
            "aws ec2 describe-snapshot-attribute --attribute createVolumePermission",
            "aws ec2 authorize-security-group-ingress --port 22 --cidr 10.0.0.0/24",
            "aws s3 cp a s3://b/a --acl private",
            "aws ec2 describe-instances",
            "gh pr view 3",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_stopped_and_what_stops_watching_is_told() {
        for (line, expected) in [
            (
                "aws cloudtrail stop-logging --name t",
                ("shell-hides", Severity::High),
            ),
            (
                "aws ec2 stop-instances --instance-ids i-1",
                ("shell-stops", Severity::Medium),
            ),
            (
                "aws organizations leave-organization",
                ("shell-stops", Severity::High),
            ),
            (
                "aws ecs update-service --service s --desired-count 0",
                ("shell-stops", Severity::Medium),
            ),
            (
                "aws kms schedule-key-deletion --key-id k",
                ("shell-deletes", Severity::Medium),
            ),
            (
                "gcloud projects add-iam-policy-binding p --member=user:a",
                ("shell-permissions", Severity::High),
            ),
        ] {
            assert_eq!(told(line), Some(expected), "{line}");
        }
        assert_eq!(told("aws ecs update-service --service s --desired-count 4"), None);
    }

    #[test]
    fn the_whole_machine_is_no_folder_of_a_build() {
        assert_eq!(
            told("chown -R app:app / srv/x"),
            Some(("shell-permissions", Severity::Critical))
        );
        assert_eq!(
            told("rm -rf ./target/debug"),
            Some(("shell-deletes", Severity::Low))
        );
        for line in [
            "rm -rf ./target/../x",
            "rm -rf src",
            "rm -rf target src",
            "rm -rf target*",
        ] {
            assert_eq!(told(line), Some(("shell-deletes", Severity::Medium)), "{line}");
        }
    }
}
