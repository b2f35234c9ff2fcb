//! Names of settings: all spellings of one as one, the words in them, and those words that name a guard or a way past one.
//!
//! It knows no program: `require_two_factor`, `requiredPullRequestReviews` and `enforce-admins` are guards by their
//! words. It is used where what is set is known and what sets it is not: calls, and switches of resources.

/// Words of which one makes a setting a guard.
const GUARDS: &[&str] = &[
    "require",
    "required",
    "requires",
    "enforce",
    "enforced",
    "enforcement",
    "protect",
    "protected",
    "protection",
    "verify",
    "verification",
    "approval",
    "approvals",
    "audit",
    "auditing",
    "mfa",
    "2fa",
    "encryption",
    "encrypted",
    "authentication",
    "authorization",
    "restrict",
    "restricted",
    "firewall",
    "antivirus",
    "quarantine",
    "lockout",
];

/// Words that begin a way past a guard.
const PAST: &[&str] = &[
    "skip", "bypass", "disable", "ignore", "suppress", "allow", "permit",
];

/// What a way past leads to, besides the guards themselves.
const BEHIND: &[&str] = &[
    "force",
    "deletion",
    "deletions",
    "anonymous",
    "guest",
    "guests",
    "unauthenticated",
    "insecure",
    "unsafe",
    "unsigned",
    "unverified",
    "untrusted",
    "external",
    "security",
    "checks",
    "validation",
    "review",
    "reviews",
    "signature",
    "signatures",
    "confirmation",
    "logging",
    "monitoring",
];

/// Reduces a key to its lower-case letters and digits.
pub(super) fn plain(key: &str) -> String {
    key.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// Splits a name at underscores, other signs and capitals, in lower case.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && lower_before {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Says whether a setting of this name guards something while it is on.
pub(super) fn guards(name: &str) -> bool {
    let words = words(name);
    let past = words.first().is_some_and(|word| PAST.contains(&word.as_str()));
    // A field of a form that is `required` guards nothing.
    let of_a_form = matches!(words.as_slice(), [only] if only.starts_with("require"));
    !past && !of_a_form && words.iter().any(|word| GUARDS.contains(&word.as_str()))
}

/// Says whether a setting of this name leads past a guard while it is on.
pub(super) fn leads_past(name: &str) -> bool {
    let words = words(name);
    let Some((first, rest)) = words.split_first() else {
        return false;
    };
    let behind = |word: &String| BEHIND.contains(&word.as_str()) || GUARDS.contains(&word.as_str());
    PAST.contains(&first.as_str()) && rest.iter().any(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(
            words("send_directMessage-v2"),
            ["send", "direct", "message", "v2"]
        );
    }

    #[test]
    fn guards_and_ways_past_them_are_known_by_their_words() {
        for name in [
            "require_two_factor",
            "requiredPullRequestReviews",
            "enforce-admins",
            "audit",
        ] {
            assert!(guards(name) && !leads_past(name), "{name}");
        }
        for name in [
            "allow_force_pushes",
            "skipSecurityChecks",
            "bypass_approval",
            "disable_audit",
        ] {
            assert!(leads_past(name) && !guards(name), "{name}");
        }
        for name in [
            "allow_merge_commit",
            "title",
            "requirements_url",
            "ignore_case",
            "required",
            "",
        ] {
            assert!(!leads_past(name) && !guards(name), "{name}");
        }
    }
}
