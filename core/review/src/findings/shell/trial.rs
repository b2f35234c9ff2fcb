//! Commands that only tell what they would do, and removals whose own tests bound what they remove.

/// Says whether a program is told to change nothing. Only flags are believed of which the program is known to take
/// them so, and only where nothing else is run by it.
pub(super) fn only_tried(name: &str, arguments: &[String]) -> bool {
    let has = |flag: &str| arguments.iter().any(|word| word == flag);
    let first = arguments.first().map(String::as_str).unwrap_or_default();
    match name {
        "kubectl" | "oc" => {
            let runs = ["exec", "debug", "run", "cp", "attach", "--"];
            let mut trials = arguments.iter().filter(|word| word.starts_with("--dry-run"));
            // Of two the last would count.
            let trial = trials.next().filter(|_| trials.next().is_none());
            trial.is_some_and(|flag| matches!(flag.as_str(), "--dry-run=server" | "--dry-run=client"))
                && !runs.into_iter().any(has)
        }
        "aws" => {
            first == "s3" && has("--dryrun") || first == "ec2" && has("--dry-run") && !has("--no-dry-run")
        }
        "git" => {
            matches!(first, "push" | "clean" | "add" | "rm") && has("--dry-run")
                || first == "clean" && has("-n")
        }
        "restic" | "borg" | "rclone" | "rsync" => has("--dry-run"),
        _ => false,
    }
}

/// Says whether `find` removes only old files of some names below one service's or a scratch folder: its tests stand
/// before what removes.
pub(super) fn is_bounded_find(arguments: &[String]) -> bool {
    let is_flag = |word: &&String| word.starts_with(['-', '(', '!']);
    let places: Vec<&String> = arguments.iter().take_while(|word| !is_flag(word)).collect();
    let deep = |place: &&String| {
        let parts = place.split('/').filter(|part| !part.is_empty()).count();
        let known = place.starts_with('/') && !place.contains(['$', '*', '?', '`']) && !place.contains("..");
        known && (parts >= 3 || parts >= 1 && place.starts_with("/tmp/"))
    };
    let Some(removes) = arguments.iter().position(|word| word == "-delete") else {
        return false;
    };
    let tests = arguments.get(..removes).unwrap_or_default();
    let value = |flags: &[&str]| {
        let mut pairs = tests.windows(2);
        pairs.find_map(|pair| match pair {
            [flag, value] if flags.contains(&flag.as_str()) => Some(value.as_str()),
            _ => None,
        })
    };
    let named = value(&["-name", "-iname"]).is_some_and(|name| name.chars().any(char::is_alphanumeric));
    let old = value(&["-mtime", "-mmin", "-ctime", "-atime"]).is_some_and(|age| age.starts_with('+'));
    let files = value(&["-type"]) == Some("f");
    let widened = tests
        .iter()
        .any(|word| matches!(word.as_str(), "-o" | "-or" | "!" | "-not" | ","));
    !places.is_empty() && places.iter().all(deep) && named && old && files && !widened
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(line: &str) -> Severity {
        let argv: Vec<&str> = line.split(' ').collect();
        let action = serde_json::json!({ "argv": argv }).to_string();
        severity(&analyze("exec", None, action.as_bytes()))
    }

    #[test]
    fn what_is_only_tried_is_quiet() {
        for line in [
            "kubectl -n jobs delete job a --dry-run=server",
            "aws s3 sync ./dist s3://b --delete --dryrun",
            "aws ec2 terminate-instances --instance-ids i-1 --dry-run",
            "git push --force --dry-run origin main",
            "restic forget --prune --dry-run",
        ] {
            assert_eq!(level(line), Severity::Info, "{line}");
        }
        for line in [
            "kubectl delete job a --dry-run=none",
            "kubectl delete job a --dry-run=server --dry-run=none",
            "kubectl exec a -- rm -rf /data --dry-run=server",
            "aws s3 rm --recursive s3://b",
            "aws rds delete-db-instance --db-instance-identifier a --dryrun",
            "git push --force origin main",
        ] {
            assert!(level(line) >= Severity::Medium, "{line}");
        }
    }

    #[test]
    fn a_find_that_its_tests_bound_is_low() {
        let bounded = "find /var/lib/sorter/scratch -type f -name *.tmp -mtime +7 -delete";
        assert_eq!(level(bounded), Severity::Low);
        for line in [
            "find /var/lib/sorter/scratch -delete -type f -name *.tmp -mtime +7",
            "find /var -type f -name *.tmp -mtime +7 -delete",
            "find /var/lib/sorter -type f -name * -mtime +7 -delete",
            "find /var/lib/sorter -type f -name *.tmp -mtime -7 -delete",
            "find /var/lib/sorter -type f -name *.tmp -o -mtime +7 -delete",
            "find /var/lib/$X/a -type f -name *.tmp -mtime +7 -delete",
        ] {
            assert!(level(line) >= Severity::Medium, "{line}");
        }
    }

    #[test]
    fn what_a_state_forgets_is_told() {
        assert_eq!(level("terraform state rm aws_db_instance.a"), Severity::Medium);
        assert_eq!(level("terraform state list"), Severity::Info);
    }
}
