//! Where pods keep their data: a place that lasted and now goes with the pod.

use super::manifest::Object;
use crate::document::Value;
use crate::findings::observation::quote;
use std::collections::BTreeMap;

/// Returns the folders of an object that lay on a claim and lie on a volume that goes with the pod now, with their lines.
pub(super) fn fleeting(old: &Object<'_>, new: &Object<'_>) -> Vec<(String, u32)> {
    let lasted = mounts(old);
    let now = mounts(new);
    let lost = now.into_iter().filter_map(|(path, (volume, line))| {
        let (was, _) = lasted.get(path)?;
        (*was == Volume::Lasting && volume == Volume::Fleeting).then(|| {
            (
                format!("{} lay on a claim and goes with the pod now", quote(path)),
                line,
            )
        })
    });
    lost.collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Volume {
    Lasting,
    Fleeting,
    Other,
}

/// Returns the folders into which containers mount volumes, each with what kind of volume it is.
fn mounts<'a>(object: &Object<'a>) -> BTreeMap<&'a str, (Volume, u32)> {
    let mut volumes = BTreeMap::new();
    let mut mounted = Vec::new();
    object.value.walk(&mut |_, value| {
        for volume in value.at("volumes").map(Value::items).unwrap_or_default() {
            let kind = match () {
                () if volume.at("persistentVolumeClaim").is_some() => Volume::Lasting,
                () if volume.at("emptyDir").is_some() || volume.at("ephemeral").is_some() => Volume::Fleeting,
                () => Volume::Other,
            };
            volumes.extend(volume.text_at("name").map(|name| (name, (kind, volume.line))));
        }
        mounted.extend(value.at("volumeMounts").map(Value::items).unwrap_or_default());
    });
    let claims = object.value.path(&["spec", "volumeClaimTemplates"]);
    for claim in claims.map(Value::items).unwrap_or_default() {
        let name = claim.path(&["metadata", "name"]).and_then(Value::text);
        volumes.extend(name.map(|name| (name, (Volume::Lasting, claim.line))));
    }
    let mount = |mount: &&'a Value| {
        let volume = volumes.get(mount.text_at("name")?)?;
        Some((mount.text_at("mountPath")?, *volume))
    };
    mounted.iter().filter_map(mount).collect()
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn workload(volumes: &str, claims: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db, namespace: shop}}\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n        - {{name: db, image: 'postgres:16.4', volumeMounts: [{{name: data, mountPath: /var/lib/data}}]}}\n      volumes: [{volumes}]\n  volumeClaimTemplates: [{claims}]\n"
        )
    }

    #[test]
    fn data_that_lay_on_a_claim_and_goes_with_the_pod_is_told() {
        let level =
            |before: &str, after: &str| severity(&analyze("k8s", Some(before.as_bytes()), after.as_bytes()));
        let template = workload("", "{metadata: {name: data}, spec: {}}");
        let claim = workload("{name: data, persistentVolumeClaim: {claimName: db}}", "");
        let empty = workload("{name: data, emptyDir: {}}", "");
        assert_eq!(level(&template, &empty), Severity::High);
        assert_eq!(level(&claim, &empty), Severity::High);
        assert_eq!(level(&empty, &claim), Severity::Info);
        assert_eq!(
            level(&empty, &empty.replace("{}}]", "{medium: Memory}}]")),
            Severity::Info
        );
        assert_eq!(level(&template, &claim), Severity::Info);
    }
}
