//! Services that turn outward and autoscalers that may grow less.

use super::observation::quote;
use crate::document::Value;

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
}
