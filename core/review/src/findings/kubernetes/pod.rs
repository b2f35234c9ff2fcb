//! Pods and containers: what they may do on their nodes, and what confines them.

use super::manifest::Object;
use crate::document::{Place, Value};
use crate::findings::container::image;
use crate::findings::observation::quote;
use crate::findings::{Observation, Severity, rule};

/// Observes what a pod and its containers may do on their node.
pub(super) fn pod(object: &Object<'_>, place: &Place, spec: &Value, seen: &mut Vec<Observation>) {
    let mut add = |about, key: String, severity, what: String, line| {
        let key = format!("{} {key}", object.name);
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(place, line),
        );
    };
    for (key, what) in [
        ("hostNetwork", "the network"),
        ("hostPID", "the processes"),
        ("hostIPC", "the shared memory"),
    ] {
        if let Some(value) = spec.at(key).filter(|value| value.is_true()) {
            add(
                &rule::K8S_HOST_NAMESPACE,
                key.to_owned(),
                Severity::High,
                format!("pods of {} share {what} of their node", quote(&object.name)),
                value.line,
            );
        }
    }
    for volume in spec.at("volumes").map(Value::items).unwrap_or_default() {
        if let Some(path) = volume.path(&["hostPath", "path"]).and_then(Value::text) {
            let what = format!(
                "{} of the node is mounted into {}",
                quote(path),
                quote(&object.name)
            );
            add(
                &rule::K8S_HOST_PATH,
                path.to_owned(),
                host_path_severity(path),
                what,
                volume.line,
            );
        }
    }
    if let Some(value) = spec
        .path(&["securityContext", "runAsUser"])
        .filter(|user| user.integer() == Some(0))
    {
        add(
            &rule::K8S_RUNS_AS_ROOT,
            "pod".to_owned(),
            Severity::Low,
            format!("pods of {} run as root", quote(&object.name)),
            value.line,
        );
    }
    for (what, off) in unconfined(spec) {
        let told = format!(
            "pods of {} run without confinement: their {what} is {}",
            quote(&object.name),
            quote(off.text().unwrap_or("?"))
        );
        add(
            &rule::K8S_UNCONFINED,
            what.to_owned(),
            Severity::Medium,
            told,
            off.line,
        );
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.at(list).map(Value::items).unwrap_or_default() {
            for observation in self::container(object, place, container) {
                seen.push(observation);
            }
        }
    }
}

fn host_path_severity(path: &str) -> Severity {
    let path = path.trim_end_matches('/');
    let whole = path.is_empty()
        || [
            "/etc",
            "/root",
            "/var/run",
            "/run",
            "/var/lib/kubelet",
            "/proc",
            "/sys",
            "/var/lib/docker",
            "/home",
        ]
        .contains(&path);
    let control = path.contains("docker.sock")
        || path.contains("containerd")
        || path.contains("crio")
        || path.contains("/etc/kubernetes")
        || path.contains("..");
    if whole || control {
        Severity::Critical
    } else {
        Severity::High
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one check after another, each a few lines; cut up it reads no better"
)]
fn container(object: &Object<'_>, place: &Place, container: &Value) -> Vec<Observation> {
    const POWERS: &[&str] = &[
        "ALL",
        "SYS_ADMIN",
        "NET_ADMIN",
        "SYS_PTRACE",
        "SYS_MODULE",
        "DAC_READ_SEARCH",
        "BPF",
        "SYS_RAWIO",
        "NET_RAW",
    ];
    let mut seen = Vec::new();
    let name = container.text_at("name").unwrap_or("?");
    let mut add = |about, key: &str, severity, what: String, line| {
        let key = format!("{} {name} {key}", object.name);
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(place, line),
        );
    };
    let of = format!("container {} of {}", quote(name), quote(&object.name));
    let context = container.at("securityContext");
    let truth = |key: &str| {
        context
            .and_then(|context| context.at(key))
            .filter(|value| value.is_true())
    };
    if let Some(value) = truth("privileged") {
        add(
            &rule::K8S_PRIVILEGED,
            "",
            Severity::Critical,
            format!("{of} is privileged: root on its node"),
            value.line,
        );
    }
    if let Some(value) = truth("allowPrivilegeEscalation") {
        add(
            &rule::K8S_PRIVILEGE_ESCALATION,
            "",
            Severity::Medium,
            format!("{of} may gain privileges"),
            value.line,
        );
    }
    if let Some(value) = context
        .and_then(|context| context.at("runAsUser"))
        .filter(|user| user.integer() == Some(0))
    {
        add(
            &rule::K8S_RUNS_AS_ROOT,
            "",
            Severity::Low,
            format!("{of} runs as root"),
            value.line,
        );
    }
    if let Some(value) = context
        .and_then(|context| context.at("runAsNonRoot"))
        .filter(|value| value.is_false())
    {
        add(
            &rule::K8S_RUNS_AS_ROOT,
            "allowed",
            Severity::Medium,
            format!("{of} is allowed to run as root"),
            value.line,
        );
    }
    for (what, off) in unconfined(container) {
        add(
            &rule::K8S_UNCONFINED,
            what,
            Severity::Medium,
            format!(
                "{of} runs without confinement: its {what} is {}",
                quote(off.text().unwrap_or("?"))
            ),
            off.line,
        );
    }
    for power in context
        .and_then(|context| context.path(&["capabilities", "add"]))
        .map(Value::items)
        .unwrap_or_default()
    {
        let Some(text) = power.text() else { continue };
        if POWERS.contains(&text.trim_start_matches("CAP_").to_ascii_uppercase().as_str()) {
            add(
                &rule::K8S_CAPABILITY,
                text,
                Severity::High,
                format!("{of} holds the capability {}", quote(text)),
                power.line,
            );
        }
    }
    if let Some(port) = container
        .at("ports")
        .map(Value::items)
        .unwrap_or_default()
        .iter()
        .find_map(|port| port.at("hostPort"))
    {
        add(
            &rule::K8S_EXPOSED,
            "hostPort",
            Severity::Medium,
            format!(
                "{of} listens on its node's port {}",
                quote(port.text().unwrap_or("?"))
            ),
            port.line,
        );
    }
    if let Some(named) = container.at("image") {
        let text = named.text().unwrap_or_default();
        let (_, tag, digest) = image(text);
        if digest.is_none() && tag.is_none_or(|tag| tag == "latest") && !text.is_empty() {
            add(
                &rule::K8S_IMAGE_UNPINNED,
                text,
                Severity::Low,
                format!("{of} runs whatever {} is at the time", quote(text)),
                named.line,
            );
        }
    }
    seen
}

/// Returns the confinements of a container or pod that are off.
fn unconfined(holder: &Value) -> Vec<(&'static str, &Value)> {
    const OFF: &[(&[&str], &str, &str)] = &[
        (
            &["securityContext", "seccompProfile", "type"],
            "Unconfined",
            "seccomp profile",
        ),
        (
            &["securityContext", "appArmorProfile", "type"],
            "Unconfined",
            "AppArmor profile",
        ),
        (&["securityContext", "procMount"], "Unmasked", "view of processes"),
        (
            &["securityContext", "seLinuxOptions", "type"],
            "spc_t",
            "SELinux type",
        ),
        (
            &["securityContext", "windowsOptions", "hostProcess"],
            "true",
            "host process",
        ),
    ];
    let off = |(path, bad, name): &(&[&str], &str, &'static str)| {
        let value = holder.path(path)?;
        (value.text() == Some(bad) || *bad == "true" && value.is_true()).then_some((*name, value))
    };
    OFF.iter().filter_map(off).collect()
}
