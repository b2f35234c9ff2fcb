//! The tables of settings that [`super::cloud`] looks for, by name with all but letters and digits taken out.

use super::Severity;
use super::rule::{self, Rule};

/// Setting, the dangerous truth value, rule, severity.
pub(super) const SETTINGS: &[(&str, bool, &Rule, Severity)] = &[
    (
        "blockpublicacls",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "blockpublicpolicy",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "ignorepublicacls",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "restrictpublicbuckets",
        false,
        &rule::PUBLIC_BLOCK_OFF,
        Severity::Medium,
    ),
    (
        "publiclyaccessible",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "endpointpublicaccess",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "deletionprotection",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "deletionprotectionenabled",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "enabledeletionprotection",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "terminationprotection",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "disableapitermination",
        false,
        &rule::PROTECTION_OFF,
        Severity::Low,
    ),
    ("preventdestroy", false, &rule::PROTECTION_OFF, Severity::Medium),
    ("forcedestroy", true, &rule::PROTECTION_OFF, Severity::Medium),
    ("skipfinalsnapshot", true, &rule::PROTECTION_OFF, Severity::Medium),
    ("storageencrypted", false, &rule::ENCRYPTION_OFF, Severity::Medium),
    ("encrypted", false, &rule::ENCRYPTION_OFF, Severity::Medium),
    (
        "atrestencryptionenabled",
        false,
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    (
        "transitencryptionenabled",
        false,
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    (
        "enablekeyrotation",
        false,
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    ("objectlockenabled", false, &rule::PROTECTION_OFF, Severity::High),
    (
        "publicnetworkaccessenabled",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "allowblobpublicaccess",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "allownesteditemstobepublic",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "mappubliciponlaunch",
        true,
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "purgeprotectionenabled",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "pointintimerecoveryenabled",
        false,
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    ("mfadelete", false, &rule::PROTECTION_OFF, Severity::Low),
    ("islogging", false, &rule::LOGGING_OFF, Severity::High),
    ("enablelogging", false, &rule::LOGGING_OFF, Severity::High),
    ("ismultiregiontrail", false, &rule::LOGGING_OFF, Severity::Low),
    (
        "enablelogfilevalidation",
        false,
        &rule::LOGGING_OFF,
        Severity::Medium,
    ),
];

/// Setting, the dangerous word, rule, severity.
pub(super) const WORDS: &[(&str, &str, &Rule, Severity)] = &[
    (
        "authorizationtype",
        "NONE",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "functionurlauthtype",
        "NONE",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    ("authtype", "NONE", &rule::PUBLICLY_ACCESSIBLE, Severity::High),
    (
        "publicnetworkaccess",
        "Enabled",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    ("publicaccess", "blob", &rule::PUBLICLY_ACCESSIBLE, Severity::High),
    (
        "publicaccess",
        "container",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "containeraccesstype",
        "blob",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "containeraccesstype",
        "container",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::High,
    ),
    (
        "httptokens",
        "optional",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "viewerprotocolpolicy",
        "allow-all",
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    (
        "pointintimerecoverystatus",
        "DISABLED",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
];

/// Numbers of days or seconds for which something is kept: fewer is a risk.
pub(super) const KEPT: &[&str] = &[
    "retentionindays",
    "retentiondays",
    "retentionperiod",
    "backupretentionperiod",
    "automaticbackupretentiondays",
    "softdeleteretentiondays",
    "softdeleteretentionindays",
    "snapshotretentionlimit",
    "deletionwindowindays",
    "pendingwindowindays",
    "recoverywindowindays",
    "messageretentionseconds",
    "messageretentionperiod",
    "expirationindays",
    "noncurrentdays",
    "noncurrentversionexpirationindays",
];

/// Blocks whose loss takes a protection away.
pub(super) const PROTECTIONS: &[(&str, &Rule, Severity)] = &[
    (
        "publicaccessblockconfiguration",
        &rule::PUBLIC_BLOCK_OFF,
        Severity::High,
    ),
    ("bucketencryption", &rule::ENCRYPTION_OFF, Severity::Medium),
    (
        "serversideencryptionconfiguration",
        &rule::ENCRYPTION_OFF,
        Severity::Medium,
    ),
    ("kmsmasterkeyid", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("kmskeyid", &rule::ENCRYPTION_OFF, Severity::Medium),
    ("versioningconfiguration", &rule::PROTECTION_OFF, Severity::Medium),
    ("objectlockconfiguration", &rule::PROTECTION_OFF, Severity::Medium),
    ("deletionpolicy", &rule::PROTECTION_OFF, Severity::Medium),
    ("updatereplacepolicy", &rule::PROTECTION_OFF, Severity::Low),
    ("deletionprotection", &rule::PROTECTION_OFF, Severity::Medium),
    ("loggingconfiguration", &rule::LOGGING_OFF, Severity::Low),
    ("permissionsboundary", &rule::BOUNDARY_GONE, Severity::High),
];
