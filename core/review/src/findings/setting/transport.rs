//! Encryption in transit: whether a setting of a listener accepts versions of TLS that are broken (RFC 8996).
//!
//! Versions are read from the names that clouds give their policies; an unknown name is taken for a good one.

/// Names of settings, with all but letters and digits taken out.
const NAMES: &[&str] = &[
    "sslpolicy",
    "tlspolicy",
    "securitypolicy",
    "minimumprotocolversion",
    "minprotocolversion",
    "minimumtlsversion",
    "mintlsversion",
    "tlsminversion",
    "tlsminimumversion",
    "sslminimumversion",
    "tlssecuritypolicy",
    "minimaltlsversion",
    "tlsminprotocolversion",
    "sslminprotocolversion",
];

/// Versions that are broken, the oldest first.
const BROKEN: [&str; 3] = ["SSL 3.0", "TLS 1.0", "TLS 1.1"];

/// Returns the oldest version that a setting accepts, where it is a broken one.
pub(in crate::findings) fn broken(name: &str, text: &str) -> Option<&'static str> {
    if !NAMES.contains(&name) {
        return None;
    }
    // What is computed elsewhere says nothing here.
    let lower = text.to_ascii_lowercase();
    if lower.contains("${") {
        return None;
    }
    if let Some(policy) = lower.strip_prefix("elbsecuritypolicy-") {
        return (!modern(policy)).then_some("TLS 1.0 or 1.1");
    }
    // The name of the setting says that it is a version.
    let is_version = name.contains("tls") || name.contains("protocol");
    BROKEN.get(oldest(&lower, is_version)?).copied()
}

/// Returns which of the broken versions a text names, counted from the oldest; a bare number only where it `is_version`.
pub(in crate::findings) fn oldest(text: &str, is_version: bool) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    if ["sslv2", "sslv3", "ssl2", "ssl3", "ssl_3"]
        .iter()
        .any(|old| lower.contains(old))
    {
        return Some(0);
    }
    let version = match lower.find("tls") {
        Some(at) => lower.get(at + 3..)?,
        None if is_version => lower.as_str(),
        None => return None,
    };
    match minor(version.trim_start_matches(['v', '_', '-', ' ']))? {
        0 => Some(1),
        1 => Some(2),
        _ => None,
    }
}

/// Says whether a policy of Amazon's load balancers begins at TLS 1.2.
fn modern(policy: &str) -> bool {
    ["tls13-1-2", "tls13-1-3", "tls-1-2", "fs-1-2"]
        .iter()
        .any(|start| policy.starts_with(start))
}

/// Reads the minor number of `1`, `1.2`, `1_2`, `12` and `1_2016`, which is a year.
fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix('1')?;
    let digits: String = rest
        .trim_start_matches(['.', '_', '-'])
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    match digits.len() {
        1 => digits.parse().ok(),
        0 | 4 => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn versions_are_read_from_the_names_of_policies() {
        for (name, text, expected) in [
            ("sslpolicy", "ELBSecurityPolicy-2016-08", Some("TLS 1.0 or 1.1")),
            (
                "sslpolicy",
                "ELBSecurityPolicy-TLS13-1-0-2021-06",
                Some("TLS 1.0 or 1.1"),
            ),
            ("sslpolicy", "ELBSecurityPolicy-TLS13-1-2-2021-06", None),
            ("sslpolicy", "ELBSecurityPolicy-FS-1-2-Res-2020-10", None),
            ("minimumprotocolversion", "TLSv1", Some("TLS 1.0")),
            ("minimumprotocolversion", "TLSv1_2016", Some("TLS 1.0")),
            ("minimumprotocolversion", "TLSv1.1_2016", Some("TLS 1.1")),
            ("minimumprotocolversion", "TLSv1.2_2021", None),
            ("minimumprotocolversion", "SSLv3", Some("SSL 3.0")),
            ("mintlsversion", "TLS1_0", Some("TLS 1.0")),
            ("mintlsversion", "TLS_1_1", Some("TLS 1.1")),
            ("mintlsversion", "TLS1_2", None),
            ("minimumtlsversion", "1.0", Some("TLS 1.0")),
            ("minimumtlsversion", "1.3", None),
            ("securitypolicy", "TLS_1_2", None),
            ("securitypolicy", "strict", None),
            ("sslpolicy", "${google_compute_ssl_policy.tls1.id}", None),
            ("sslpolicy", "modern-ssl-policy", None),
            ("version", "TLSv1", None),
        ] {
            assert_eq!(broken(name, text), expected, "{name} {text}");
        }
    }
}
