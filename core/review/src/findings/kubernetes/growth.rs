//! Services that turn outward, autoscalers that may grow less, secrets that are written out.

use crate::document::Value;
use crate::findings::observation::quote;
use std::collections::{BTreeMap, BTreeSet};

/// Says how the balancer of a service, which was internal, faces the internet.
pub(super) fn outward(old: &Value, new: &Value) -> Option<String> {
    let note = internal(old)?;
    let balances = new.path(&["spec", "type"]).and_then(Value::text) == Some("LoadBalancer")
        || new.text_at("kind") == Some("Ingress");
    (balances && internal(new).is_none())
        .then(|| format!("faces the internet: {} kept it inside", quote(note)))
}

/// Returns the annotation that keeps a balancer inside.
fn internal(object: &Value) -> Option<&str> {
    let notes = object
        .path(&["metadata", "annotations"])
        .map(Value::entries)
        .unwrap_or_default();
    let inside = notes.iter().find(|(key, value)| {
        let key = key.to_ascii_lowercase();
        let text = value.text().unwrap_or_default().to_ascii_lowercase();
        let balancer =
            key.contains("load-balancer") || key.contains("loadbalancer") || key.contains("alb.ingress");
        balancer && (key.contains("internal") && value.is_true() || text == "internal")
    });
    inside.map(|(key, _)| key.as_str())
}

/// Says how an autoscaler may reach half of what it might before, or less.
pub(super) fn may_grow_less(old: &Value, new: &Value) -> Option<String> {
    let most = |object: &Value| object.path(&["spec", "maxReplicas"]).and_then(Value::integer);
    let (was, is) = (most(old)?, most(new)?);
    (is <= was / 2).then(|| format!("may grow to {is} instead of {was}"))
}

/// Returns the variables of containers that came from a secret and are written out now.
pub(super) fn secrets_in_clear(
    before: &BTreeMap<&str, &Value>,
    after: &BTreeMap<&str, &Value>,
) -> Vec<(String, u32)> {
    let variables = |container: &'_ Value| -> Vec<(String, bool, u32)> {
        let list = container.at("env").map(Value::items).unwrap_or_default();
        let one = |variable: &Value| {
            let name = variable.text_at("name")?.to_owned();
            let kept = variable.path(&["valueFrom", "secretKeyRef"]).is_some();
            Some((name, kept, variable.line)).filter(|_| kept || variable.text_at("value").is_some())
        };
        list.iter().filter_map(one).collect()
    };
    let mut found = Vec::new();
    for (name, container) in after {
        let Some(earlier) = before.get(name) else { continue };
        let kept: BTreeSet<String> = variables(earlier)
            .into_iter()
            .filter(|(_, kept, _)| *kept)
            .map(|(name, ..)| name)
            .collect();
        let shown = variables(container)
            .into_iter()
            .filter(|(name, is_kept, _)| !is_kept && kept.contains(name));
        found.extend(shown.map(|(name, _, line)| (name, line)));
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(before: &str, after: &str) -> Severity {
        severity(&analyze("k8s", Some(before.as_bytes()), after.as_bytes()))
    }

    #[test]
    fn a_balancer_that_turns_outward_is_told() {
        let service = |note: &str| {
            format!(
                "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations: {{{note}}}\nspec:\n  type: LoadBalancer\n  ports: [{{port: 443}}]\n"
            )
        };
        let inside = service("service.beta.kubernetes.io/aws-load-balancer-scheme: internal");
        let outside = service("service.beta.kubernetes.io/aws-load-balancer-scheme: internet-facing");
        assert_eq!(level(&inside, &outside), Severity::Medium);
        assert_eq!(level(&inside, &service("a: b")), Severity::Medium);
        assert!(level(&outside, &inside) < Severity::Medium);
        let cloud = service("networking.gke.io/load-balancer-type: Internal");
        assert!(level(&inside, &cloud) < Severity::Medium);
    }

    #[test]
    fn an_autoscaler_that_may_grow_less_is_told() {
        let scaler = |most: u32| {
            format!(
                "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}\n  minReplicas: 2\n  maxReplicas: {most}\n"
            )
        };
        assert_eq!(level(&scaler(40), &scaler(2)), Severity::Medium);
        assert!(level(&scaler(40), &scaler(30)) < Severity::Medium);
        assert!(level(&scaler(2), &scaler(40)) < Severity::Medium);
    }

    #[test]
    fn a_secret_that_is_written_out_is_told() {
        let pod = |variable: &str| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n    - name: c\n      image: r/a@sha256:aa\n      env:\n        - name: VENDOR\n          {variable}\n"
            )
        };
        let kept = pod("valueFrom: {secretKeyRef: {name: v, key: k}}");
        let shown = pod("value: 9f3c1b7e5d2a4860");
        assert_eq!(level(&kept, &shown), Severity::High);
        assert!(level(&shown, &kept) < Severity::Medium);
    }
}
