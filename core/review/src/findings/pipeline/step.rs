//! Steps of pipelines, whatever the system: checks that are left out, files that hold more than they should.

use crate::findings::Severity;
use crate::findings::observation::quote;
use crate::findings::rule::{self, Rule};
use crate::findings::secret::holds_secret;
use std::collections::BTreeSet;

/// Words of commands and actions that check something.
const CHECKS: &[&str] = &[
    "test",
    "tests",
    "lint",
    "scan",
    "audit",
    "check",
    "verify",
    "validate",
    "attestation",
    "trivy",
    "grype",
    "snyk",
    "semgrep",
    "gitleaks",
    "trufflehog",
    "codeql",
    "bandit",
    "tfsec",
    "checkov",
    "kubeconform",
    "conftest",
    "clippy",
    "mypy",
    "pytest",
    "nextest",
    "sonar",
    "zizmor",
    "actionlint",
    "sast",
    "scorecard",
    "gpg",
];

/// Flags that leave a check out of a command.
const LEAVES_OUT: &[&str] = &[
    "-x check",
    "-x test",
    "-DskipTests",
    "-Dmaven.test.skip",
    "--skip-tests",
    "--skip-checks",
    "--no-tests",
    "--exclude-task test",
    "--exclude-task check",
    "--no-verify",
    "--skip-verify",
    "--insecure-skip",
];

/// Tells the checks that no step makes any more. A word that is still used by some step is still a check.
pub(super) fn left_out(before: &[&str], after: &[&str]) -> Vec<String> {
    let (old, new) = (words(before), words(after));
    let mut told = BTreeSet::new();
    for text in before.iter().flat_map(|text| text.lines()) {
        let line = words(&[text]);
        if let Some(check) = line
            .iter()
            .find(|word| CHECKS.contains(&word.as_str()) && !new.contains(*word))
        {
            told.insert(format!(
                "{} is left out: nothing else does {}",
                quote(text.trim()),
                quote(check)
            ));
        }
    }
    let all = |texts: &[&str]| texts.join("\n");
    let (was, is) = (all(before), all(after));
    let skips = LEAVES_OUT
        .iter()
        .filter(|flag| is.contains(**flag) && !was.contains(**flag));
    told.extend(
        skips
            .filter(|_| !old.is_empty())
            .map(|flag| format!("{} leaves a check out", quote(flag))),
    );
    told.into_iter().collect()
}

fn words(texts: &[&str]) -> BTreeSet<String> {
    let parts = texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()));
    parts
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

/// Says whether a line of a script writes all variables, the secrets among them, into a file or the log.
pub(super) fn writes_environment(line: &str) -> Option<(&'static Rule, Severity, &'static str)> {
    let line = line.trim();
    let rest = ["env", "printenv", "export -p", "set"]
        .iter()
        .find_map(|program| line.strip_prefix(program))?;
    let rest = rest.trim_start();
    let to_file = rest.strip_prefix(">>").or_else(|| rest.strip_prefix('>'));
    if to_file.is_some_and(|file| !file.contains("/dev/null")) || rest.starts_with("| tee") {
        return Some((
            &rule::CI_ARTIFACT_WIDE,
            Severity::Medium,
            "writes every variable, secrets too, into a file",
        ));
    }
    // `set -e` is a setting, `env A=b make` a command of its own.
    let prints =
        rest.is_empty() && !line.starts_with("set") || rest.starts_with("| sort") || rest.starts_with("&&");
    prints.then_some((
        &rule::CI_DEBUG_LOG,
        Severity::Low,
        "writes every variable into the log",
    ))
}

/// Says whether a path takes in a whole checkout or home, or a file in which programs keep credentials.
pub(super) fn keeps_too_much(path: &str) -> bool {
    let secret = |line: &str| {
        let file = line
            .trim()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        file == "kubeconfig" || holds_secret(line.trim())
    };
    is_whole_folder(path) || path.lines().any(secret)
}

/// Says whether a path takes in a whole checkout or home, with the credentials that lie there.
fn is_whole_folder(path: &str) -> bool {
    path.lines().map(str::trim).any(|line| {
        matches!(
            line.trim_end_matches(['/', '*']),
            "." | ""
                | "~"
                | "$HOME"
                | "$CI_PROJECT_DIR"
                | "${{ github.workspace }}"
                | "$(Build.SourcesDirectory)"
        ) && !line.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    const FLOW: &str = "on: push\npermissions: {contents: read}\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: make test\n  ship:\n    needs: [test, image]\n    if: github.ref == 'refs/heads/main'\n    runs-on: ubuntu-24.04\n    environment: production\n    steps:\n      - run: cosign verify $IMAGE\n      - run: ./ship\n      - uses: actions/upload-artifact@0123456789012345678901234567890123456789\n        with: {path: out}\n";

    fn level(before: &str, after: &str) -> Severity {
        severity(&analyze("workflow", Some(before.as_bytes()), after.as_bytes()))
    }

    #[test]
    fn checks_that_are_left_out_are_told() {
        for (was, is) in [
            ("      - run: cosign verify $IMAGE\n", ""),
            ("needs: [test, image]", "needs: [image]"),
            ("if: github.ref == 'refs/heads/main'", "if: always()"),
            ("run: make test", "run: make all -DskipTests test"),
            ("path: out", "path: ."),
            ("path: out", "path: out/kubeconfig"),
            ("path: out", "path: out, include-hidden-files: true"),
            ("run: ./ship", "run: env > out/env.txt"),
        ] {
            let after = FLOW.replace(was, is);
            assert_eq!(level(FLOW, &after), Severity::Medium, "{is}");
            assert!(level(&after, FLOW) <= Severity::Low, "{was}");
        }
        for (was, is) in [
            ("needs: [test, image]", "needs: [image, test]"),
            ("run: ./ship", "run: env A=b ./ship"),
            ("run: cosign verify $IMAGE", "run: ./verify $IMAGE"),
        ] {
            assert!(level(FLOW, &FLOW.replace(was, is)) <= Severity::Low, "{is}");
        }
    }

    #[test]
    fn checks_of_other_pipelines_are_told_too() {
        let flow = "stages: [a]\nbuild:\n  stage: a\n  script:\n    - ./gradlew check assemble\n  artifacts:\n    paths: [build]\n";
        assert_eq!(
            level(flow, &flow.replace("check assemble", "assemble -x check")),
            Severity::Medium
        );
        assert_eq!(
            level(flow, &flow.replace("check assemble", "assemble")),
            Severity::Medium
        );
        assert_eq!(
            level(flow, &flow.replace("paths: [build]", "paths: [.]")),
            Severity::Medium
        );
        assert_eq!(
            level(flow, &flow.replace("check assemble", "check assemble --info")),
            Severity::Info
        );
    }
}
