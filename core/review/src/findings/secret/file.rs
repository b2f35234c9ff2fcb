//! Files in which programs keep their secrets, by their names.

/// Says whether a file is one of those in which programs keep credentials.
pub(in crate::findings) fn holds_secret(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let file = lower.rsplit('/').next().unwrap_or_default();
    let sample = ["example", "sample", "template", "dist"]
        .iter()
        .any(|word| file.ends_with(word));
    let environment = (file == ".env" || file.starts_with(".env.")) && !sample;
    let ends = [".key", ".p12", ".pfx", ".jks", ".keystore", ".tfstate", ".kdbx"];
    environment
        || ends.iter().any(|end| file.ends_with(end))
        || file.ends_with(".pem") && file.contains("key")
        || file.starts_with("id_rsa") && !file.ends_with(".pub")
        || file.starts_with("id_ed25519") && !file.ends_with(".pub")
        || [
            ".aws/credentials",
            ".azure/accesstokens",
            ".config/gcloud/",
            ".docker/config.json",
            ".kube/config",
            ".git-credentials",
            ".netrc",
            ".npmrc",
            ".pgpass",
            ".pypirc",
            "/etc/shadow",
            "/proc/self/environ",
            "/proc/1/environ",
            "/var/run/secrets/",
            "/run/secrets/",
        ]
        .iter()
        .any(|part| lower.contains(part))
}
