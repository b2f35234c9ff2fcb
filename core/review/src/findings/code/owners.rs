//! Owners of code (`CODEOWNERS`): which parts of a repository lose those who have to review them.
//!
//! The last pattern that fits a path decides, so a new one without owners takes a path out of review.

use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Side, rule};
use std::collections::{BTreeMap, BTreeSet};

/// The rules for owners of code.
pub(in crate::findings) struct Owners;

type Patterns<'a> = BTreeMap<&'a str, (BTreeSet<&'a str>, u32)>;

impl Detector for Owners {
    fn kinds(&self) -> &'static [&'static str] {
        &["code-push", "config-file"]
    }

    fn observe(&self, input: &Input<'_>, _: &mut Vec<Observation>) -> Outcome {
        match read(input) {
            Some(_) => Outcome::Analyzed,
            None => Outcome::NotMine,
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (Some(old), Some(new)) = (read(before), read(after)) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        let mut add = |what: String, line, side| {
            let seen = Observation::new(&rule::REVIEW_OWNERS_LESS, "", what).line(line);
            changes.push((seen, Delta::Widened, side));
        };
        for (pattern, (owners, line)) in &old {
            match new.get(pattern) {
                None => add(
                    format!("nobody is named any more to review {}", quote(pattern)),
                    *line,
                    Side::Before,
                ),
                Some((still, line)) if still.is_empty() && !owners.is_empty() => {
                    add(
                        format!("nobody has to review {} any more", quote(pattern)),
                        *line,
                        Side::After,
                    );
                }
                Some((still, line)) if still.is_disjoint(owners) && !owners.is_empty() => {
                    add(
                        format!("others than before review {}", quote(pattern)),
                        *line,
                        Side::After,
                    );
                }
                Some(_) => {}
            }
        }
        for (pattern, (owners, line)) in &new {
            if owners.is_empty() && !old.contains_key(pattern) {
                add(
                    format!("{} is taken out of review", quote(pattern)),
                    *line,
                    Side::After,
                );
            }
        }
        changes
    }
}

/// Reads a file in which every line is a pattern with owners, which begin with `@` or are addresses.
fn read<'a>(input: &Input<'a>) -> Option<Patterns<'a>> {
    if !matches!(input.kind, "code-push" | "config-file") {
        return None;
    }
    let mut patterns = Patterns::new();
    let mut owned = false;
    for (number, line) in input.lines() {
        let line = line.split(" #").next().unwrap_or(line).trim();
        // GitLab groups patterns in sections.
        if line.is_empty() || line.starts_with(['#', '[', '^']) {
            continue;
        }
        let mut words = line.split_whitespace();
        let pattern = words.next()?;
        let owners: BTreeSet<&str> = words.collect();
        let is_path = pattern.starts_with(['*', '/', '.']) || pattern.contains('/') || pattern.contains("*.");
        let are_owners = owners
            .iter()
            .all(|owner| owner.starts_with('@') || owner.contains('@') && !owner.contains(':'));
        if !is_path || !are_owners {
            return None;
        }
        owned |= !owners.is_empty();
        patterns.insert(pattern, (owners, number));
    }
    owned.then_some(patterns)
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    fn told(before: &str, after: &str) -> Vec<&'static str> {
        analyze("code-push", Some(before.as_bytes()), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| finding.rule.as_str())
            .collect()
    }

    const OWNERS: &str = "# all\n* @a/web\n/.github/ @a/security @a/web\n";

    #[test]
    fn a_part_that_loses_its_reviewers_is_told() {
        for less in [
            OWNERS.replace("/.github/ @a/security @a/web\n", ""),
            OWNERS.replace(" @a/security @a/web", ""),
            OWNERS.replace("@a/security @a/web", "@a/interns"),
            format!("{OWNERS}/payments/\n"),
        ] {
            assert_eq!(told(OWNERS, &less), ["review-owners-less"], "{less}");
        }
    }

    #[test]
    fn more_reviewers_and_other_files_are_quiet() {
        for more in [
            OWNERS.replace("* @a/web", "* @a/web @a/design"),
            format!("{OWNERS}/docs/ @a/writers\n"),
            OWNERS.replace("# all", "# everything"),
        ] {
            assert_eq!(told(OWNERS, &more), Vec::<&str>::new(), "{more}");
        }
        assert_eq!(told("*.rs a b\n", "x y\n"), Vec::<&str>::new());
    }
}
