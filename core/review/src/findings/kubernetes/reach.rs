//! Services that reach no pods any more: their selector or the labels of the pods moved, and no longer fit each other.
//!
//! Only what stands in the same file is compared; pods of other files may still be reached.

use super::manifest::Object;
use crate::document::Value;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Observation, Side, rule};
use std::collections::BTreeSet;

/// So many pairs of objects of a file are compared at the most.
const MOST_PAIRS: usize = 1 << 24;

/// Tells the services that reached pods of the file before and reach none now.
pub(super) fn lost(before: &[Object<'_>], after: &[Object<'_>]) -> Vec<Change> {
    if before
        .len()
        .saturating_mul(before.len())
        .max(after.len().saturating_mul(after.len()))
        > MOST_PAIRS
    {
        return vec![too_many()];
    }
    let names: BTreeSet<&str> = after.iter().map(|object| &*object.name).collect();
    let services = after.iter().filter(|object| object.kind == "Service");
    let lost = services.filter(|service| {
        let was = before.iter().find(|old| old.name == service.name);
        let still_there = |old: &Object<'_>| names.contains(&*old.name);
        was.is_some_and(|was| before.iter().any(|old| reaches(was, old) && still_there(old)))
            && selector(service).is_some()
            && !after.iter().any(|workload| reaches(service, workload))
    });
    lost.map(|service| {
        let what = format!("{} selects none of the pods that it did", quote(&service.name));
        let line = selector(service).map_or(service.value.line, |selector| selector.line);
        let seen = Observation::new(&rule::K8S_SELECTS_NOTHING, service.name.clone(), what);
        (seen.at(&service.place, line), Delta::Introduced, Side::After)
    })
    .collect()
}

fn too_many() -> Change {
    let what = "not analyzed: there are too many objects to ask which services reach which pods";
    let seen = Observation::new(&rule::NOT_ANALYZED, "reach", what);
    (seen, Delta::Unknown, Side::After)
}

/// Returns the labels that a service asks for; one without them is served from elsewhere.
fn selector<'a>(service: &Object<'a>) -> Option<&'a Value> {
    let selector = service.value.path(&["spec", "selector"])?;
    (!selector.entries().is_empty()).then_some(selector)
}

/// Says whether a service selects the pods of a workload.
fn reaches(service: &Object<'_>, workload: &Object<'_>) -> bool {
    let (Some(selector), Some(labels)) = (selector(service), labels(workload)) else {
        return false;
    };
    namespace(service) == namespace(workload)
        && selector
            .entries()
            .iter()
            .all(|(key, value)| value.text().is_some() && labels.text_at(key) == value.text())
}

fn namespace<'a>(object: &Object<'a>) -> Option<&'a str> {
    object.value.path(&["metadata", "namespace"])?.text()
}

/// Returns the labels of the pods of a workload, or of a pod.
fn labels<'a>(object: &Object<'a>) -> Option<&'a Value> {
    match object.kind {
        "Pod" => object.value.path(&["metadata", "labels"]),
        _ => object.value.path(&["spec", "template", "metadata", "labels"]),
    }
}

#[cfg(test)]
mod tests {
    use super::MOST_PAIRS;
    use crate::findings::{Severity, analyze, severity};

    fn manifest(selector: &str, label: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  selector: {{{selector}}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    metadata: {{labels: {{{label}, tier: front}}}}\n"
        )
    }

    fn level(before: &str, after: &str) -> Severity {
        severity(&analyze("k8s", Some(before.as_bytes()), after.as_bytes()))
    }

    #[test]
    fn a_service_and_its_pods_have_to_fit_each_other() {
        let fits = manifest("app: web", "app: web");
        for astray in [manifest("app: www", "app: web"), manifest("app: web", "app: www")] {
            assert_eq!(level(&fits, &astray), Severity::Medium);
            assert_eq!(level(&astray, &fits), Severity::Info);
            assert_eq!(level(&astray, &astray), Severity::Info, "as before");
        }
        assert_eq!(level(&fits, &manifest("app: www", "app: www")), Severity::Info);
        assert_eq!(level(&fits, &manifest("tier: front", "app: web")), Severity::Info);
    }

    #[test]
    fn more_objects_than_are_compared_are_told() {
        let most = MOST_PAIRS.isqrt();
        let many = |selector: &str, count: usize| {
            // A service and its workload are two.
            let others = (2..count)
                .map(|n| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{n}}}\n"));
            manifest(selector, "app: web") + &others.collect::<String>()
        };
        let told = |before: usize, after: usize| -> Vec<&str> {
            let (before, after) = (many("app: web", before), many("app: www", after));
            analyze("k8s", Some(before.as_bytes()), after.as_bytes())
                .iter()
                .filter(|finding| finding.counts() && finding.severity >= Severity::Medium)
                .map(|finding| finding.rule.as_str())
                .collect()
        };
        assert_eq!(told(most, most), ["k8s-selects-nothing"]);
        assert_eq!(told(most + 1, most + 1), ["not-analyzed"]);
        assert_eq!(told(most + 1, 2), ["not-analyzed"]);
        assert_eq!(told(2, most + 1), ["not-analyzed"]);
    }

    #[test]
    fn a_workload_that_moved_to_another_file_is_no_loss_of_the_service() {
        let both = manifest("app: web", "app: web");
        let service = both.split("---\n").next().unwrap();
        assert!(level(&both, service) <= Severity::Low);
    }
}
