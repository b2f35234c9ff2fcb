//! The tables of settings that [`super::turn`] compares, by name with all but letters and digits taken out.

use crate::findings::Severity;
use crate::findings::rule::{self, Rule};

/// A switch that was on, rule, severity.
pub(super) const SWITCHED_OFF: &[(&str, &Rule, Severity)] = &[
    ("internal", &rule::PUBLICLY_ACCESSIBLE, Severity::Medium),
    ("multiaz", &rule::PROTECTION_OFF, Severity::Medium),
    ("zoneredundant", &rule::PROTECTION_OFF, Severity::Medium),
    ("blockprojectsshkeys", &rule::PUBLIC_BLOCK_OFF, Severity::Medium),
    ("autominorversionupgrade", &rule::PROTECTION_OFF, Severity::Medium),
    ("dropinvalidheaderfields", &rule::PROTECTION_OFF, Severity::Low),
    ("waf", &rule::WATCH_OFF, Severity::High),
    ("alwaysusehttps", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("rdsforcessl", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("requiresecuretransport", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("ssl", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("tls", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("versioningenabled", &rule::PROTECTION_OFF, Severity::Medium),
    ("changefeedenabled", &rule::LOGGING_OFF, Severity::Low),
];

/// A word that was the first and is the second, rule, severity.
pub(super) const REWORDED: &[(&str, &str, &str, &Rule, Severity)] = &[
    (
        "mode",
        "COMPLIANCE",
        "GOVERNANCE",
        &rule::PROTECTION_OFF,
        Severity::High,
    ),
    (
        "state",
        "Locked",
        "Unlocked",
        &rule::PROTECTION_OFF,
        Severity::High,
    ),
    (
        "mfaconfiguration",
        "ON",
        "OFF",
        &rule::LOGIN_WEAKER,
        Severity::High,
    ),
    (
        "mfaconfiguration",
        "ON",
        "OPTIONAL",
        &rule::LOGIN_WEAKER,
        Severity::Medium,
    ),
    (
        "mfaconfiguration",
        "OPTIONAL",
        "OFF",
        &rule::LOGIN_WEAKER,
        Severity::Medium,
    ),
    (
        "scheme",
        "internal",
        "internet-facing",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "loadbalancingscheme",
        "INTERNAL",
        "EXTERNAL",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "loadbalancingscheme",
        "INTERNAL_MANAGED",
        "EXTERNAL_MANAGED",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "types",
        "PRIVATE",
        "REGIONAL",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "types",
        "PRIVATE",
        "EDGE",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "ssealgorithm",
        "aws:kms",
        "AES256",
        &rule::ENCRYPTION_WEAK,
        Severity::Low,
    ),
    (
        "imagetagmutability",
        "IMMUTABLE",
        "MUTABLE",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "accountreplicationtype",
        "GRS",
        "LRS",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "accountreplicationtype",
        "RAGRS",
        "LRS",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "accountreplicationtype",
        "ZRS",
        "LRS",
        &rule::PROTECTION_OFF,
        Severity::Low,
    ),
    (
        "availabilitytype",
        "REGIONAL",
        "ZONAL",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "type",
        "redirect",
        "forward",
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    (
        "protocol",
        "HTTPS",
        "HTTP",
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    ("protocol", "TLS", "TCP", &rule::ENCRYPTION_OFF, Severity::Medium),
    (
        "ssl",
        "strict",
        "flexible",
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    ("ssl", "full", "flexible", &rule::ENCRYPTION_OFF, Severity::Medium),
    (
        "originprotocolpolicy",
        "https-only",
        "match-viewer",
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    (
        "treatmissingdata",
        "breaching",
        "notBreaching",
        &rule::WATCH_OFF,
        Severity::Medium,
    ),
    (
        "treatmissingdata",
        "breaching",
        "ignore",
        &rule::WATCH_OFF,
        Severity::Medium,
    ),
    (
        "mode",
        "GKE_METADATA",
        "GCE_METADATA",
        &rule::LOGIN_WEAKER,
        Severity::High,
    ),
];

/// A number, the way that is worse, rule.
pub(super) const NUMBERS: &[(&str, Worse, &Rule)] = &[
    ("maxsessionduration", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("sessionduration", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("accesstokenvalidity", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("refreshtokenvalidity", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("maxpasswordage", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("automaticallyafterdays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("rotationdays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("rotationperiodindays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("rotateafterdays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("validityperiodhours", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("minimumpasswordlength", Worse::Less, &rule::LOGIN_WEAKER),
    ("minimumlength", Worse::Less, &rule::LOGIN_WEAKER),
    ("passwordreuseprevention", Worse::Less, &rule::LOGIN_WEAKER),
    (
        "requiredapprovingreviewcount",
        Worse::Less,
        &rule::REVIEW_OWNERS_LESS,
    ),
    ("requiredapprovals", Worse::Less, &rule::REVIEW_OWNERS_LESS),
    ("approvalsrequired", Worse::Less, &rule::REVIEW_OWNERS_LESS),
    ("minimumapprovercount", Worse::Less, &rule::REVIEW_OWNERS_LESS),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Worse {
    More,
    Less,
}

/// Words in the way to a switch called `enabled`, and the rule for switching it off.
pub(super) const GUARDED: &[(&[&str], &Rule)] = &[
    (
        &[
            "backup",
            "backups",
            "recovery",
            "versioning",
            "retention",
            "delete",
        ],
        &rule::PROTECTION_OFF,
    ),
    (&["encryption", "encrypt", "tls", "ssl"], &rule::ENCRYPTION_OFF),
    (&["log", "logs", "logging", "logger"], &rule::LOGGING_OFF),
    (
        &["policy", "firewall", "authorization", "protection"],
        &rule::PROTECTION_OFF,
    ),
];

/// Words of a value by how much it demands: it enforces, it watches or asks kindly, it does nothing.
pub(super) const STRENGTHS: [&[&str]; 3] = [
    &[
        "disabled",
        "disable",
        "off",
        "none",
        "privileged",
        "allow",
        "inactive",
        "unrestricted",
    ],
    &[
        "audit",
        "dryrun",
        "warn",
        "detection",
        "detect",
        "optional",
        "preferred",
        "prefer",
        "permissive",
        "monitor",
        "count",
        "baseline",
        "flexible",
    ],
    &[
        "enforce",
        "enforced",
        "enforcing",
        "block",
        "deny",
        "prevention",
        "prevent",
        "strict",
        "required",
        "require",
        "restricted",
    ],
];
