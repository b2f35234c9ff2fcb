//! What the name of a setting says of it, where no table knows it: that it guards, that it opens, for how long it keeps.
//!
//! Names of all providers are made of the same words: `deletion_protection`, `public_network_access_enabled`,
//! `backup_retention_days`. A name is judged by its words and by what denies them (`disable_local_auth` guards,
//! `skip_final_snapshot` opens); one that says nothing, such as `enabled`, by the blocks around it.

use super::transport;
use super::turn::{Turn, amount, is_nothing, is_off, is_on, names, one};
use crate::document::Value;
use crate::findings::Severity::{self, Low, Medium};
use crate::findings::name::words;
use crate::findings::rule::{self, Rule};

/// The bad turn of a setting, the rule for it and how bad it is.
pub(super) type Meaning = (Turn, &'static Rule, Severity);

/// Words that say nothing by themselves: what they are of stands above.
const BARE: &str = "enabled enable is status state mode active level value config configuration settings rule type required \
        option options days hours count number weeks months years seconds";

/// Words that turn the meaning of any other into its opposite.
const DENIALS: &str = "disable disabled disables skip bypass ignore suppress no non without exclude optional";

/// Words that deny only what opens.
const BLOCKS: &str =
    "block blocked deny denied prevent prevention restrict restricted forbid reject disallow refuse";

/// Words of what is not a guard whatever stands beside them.
const NEVER: &str = "debug verbose window message template subject start end timezone name prefix suffix preferred \
        version generation color colour tag tags copy affinity stickiness cookie cookies path port email \
        display description summary notes title icon scale";

/// Words of what lets in or takes down, the rule for it.
const OPENINGS: &[(&str, &Rule)] = &[
    (
        "public publicly anonymous unauthenticated guest internet exposed expose everyone",
        &rule::PUBLICLY_ACCESSIBLE,
    ),
    (
        "insecure plaintext unencrypted weak telnet ftp",
        &rule::ENCRYPTION_OFF,
    ),
    (
        "legacy privileged escalation debugging unsigned unverified untrusted unsafe",
        &rule::PROTECTION_OFF,
    ),
];

/// Pairs of words that let in only together.
const TOGETHER: &[(&str, &str, &Rule)] = &[
    (
        "local basic password admin shared static implicit",
        "auth authentication login account accounts user users key flow",
        &rule::LOGIN_WEAKER,
    ),
    ("root", "access login user", &rule::LOGIN_WEAKER),
    (
        "external cross outside third",
        "access sharing share users principals tenant account accounts party ip ips address",
        &rule::PUBLICLY_ACCESSIBLE,
    ),
    ("auto", "accept approve apply", &rule::PROTECTION_OFF),
    (
        "force forced",
        "destroy delete deletion push pushes",
        &rule::PROTECTION_OFF,
    ),
    (
        "allow allows permit",
        "deletion deletions bypass override overrides",
        &rule::PROTECTION_OFF,
    ),
];

/// Words of what keeps outsiders out.
const PRIVATE: &str = "private internal";

/// One more than the broken versions of TLS.
const BROKEN_VERSIONS: usize = 3;

/// Words of what guards, the rule for its loss and how bad it is; the first that fits counts.
const GUARDS: &[(&str, &Rule, Severity)] = &[
    (
        "redundant redundancy failover multiaz ha replication",
        &rule::PROTECTION_OFF,
        Medium,
    ),
    ("rotation rotate autorotate", &rule::ACCESS_LASTS_LONGER, Medium),
    (
        "log logs logging logger audit audits auditing pgaudit trail",
        &rule::LOGGING_OFF,
        Medium,
    ),
    (
        "insights tracing xray metrics monitoring telemetry",
        &rule::LOGGING_OFF,
        Low,
    ),
    (
        "encryption encrypted encrypt tls ssl https sse kms cmk cmek tde hsts",
        &rule::ENCRYPTION_OFF,
        Medium,
    ),
    (
        "scan scanning waf firewall detection detector defender alert alerts alarm alarms antivirus \
        antimalware quarantine integrity dnssec secure shielded vtpm",
        &rule::WATCH_OFF,
        Medium,
    ),
    (
        "mfa 2fa auth authentication authorization authorizer rbac sso saml oidc oslogin boundary",
        &rule::LOGIN_WEAKER,
        Medium,
    ),
    (
        "backup backups recovery pitr versioning retention undelete immutable immutability lock locked \
        protection protect protected worm approval approvals review reviews signed signing signature \
        signatures verify verification require required enforce enforced enforcement isolation isolated \
        sandbox squash sensitive masked",
        &rule::PROTECTION_OFF,
        Medium,
    ),
];

/// Returns what a change of a setting would mean by the words of its name, where they say it.
pub(in crate::findings) fn meaning(kind: &str, path: &[String], was: &Value, is: &Value) -> Option<Meaning> {
    // A variable of a program that is gone leaves it to the program.
    let variable = path
        .last()
        .is_some_and(|key| !key.contains(|c: char| c.is_lowercase()));
    if variable && is_nothing(is) {
        return None;
    }
    let name = telling(kind, path);
    let way: Vec<String> = path.iter().flat_map(|key| words(key)).collect();
    if amount(was).is_some() && amount(is).is_some() && !(is_on(was) && is_off(is)) {
        // Days and years together are one length, which `crate::findings::cloud` compares.
        let term = matches!(path.last().map(String::as_str), Some("days" | "years"));
        return number(kind, &name, &way).filter(|_| !(term && has(&way, "retention expiration")));
    }
    let moves = |about| Some((Turn::Moves, about, Medium));
    match () {
        () if opened(path, was, is) || lets_all(&way, was, is) => moves(&rule::PUBLICLY_ACCESSIBLE),
        () if older_version(&name, was, is) || weaker_cipher(&name, was, is) => moves(&rule::ENCRYPTION_WEAK),
        () => switch(&name, was, is)
            .or_else(|| recorded(kind, &way, was, is))
            .or_else(|| keyed(&way, was)),
    }
}

/// Returns the words that name a setting: its own, or where they say nothing those of the blocks around it, or of its type.
fn telling(kind: &str, path: &[String]) -> Vec<String> {
    let tells = |words: &Vec<String>| words.iter().any(|word| !is_in(word, BARE));
    let own = path.iter().rev().map(|key| words(key)).find(tells);
    // The first word of a type is its provider.
    own.unwrap_or_else(|| words(kind).into_iter().skip(1).collect())
}

/// Says whether a setting of this name lets in, or stops what guards, while it is on: `password_authentication`,
/// `encryption_disabled`.
pub(in crate::findings) fn opens(name: &str) -> bool {
    let name = words(name);
    let denied = has(&name, DENIALS);
    match opening(&name) {
        Some(_) => !denied && !has(&name, BLOCKS),
        None => denied && GUARDS.iter().any(|(guards, ..)| has(&name, guards)),
    }
}

/// Says whether a setting of this name stops what would let in, while it is on: `disable_password_authentication`.
pub(in crate::findings) fn closes(name: &str) -> bool {
    let name = words(name);
    opening(&name).is_some() && (has(&name, DENIALS) || has(&name, BLOCKS))
}

/// Says whether a setting of this name lets in everybody or takes down every wall while it is on, and by which rule.
/// That a network is public by default is no choice of anybody.
pub(in crate::findings) fn lets_everybody_in(name: &str) -> Option<&'static Rule> {
    let name = words(name);
    let by_default = has(&name, "network internet legacy") || has(&name, NEVER);
    let denied = has(&name, DENIALS) || has(&name, BLOCKS);
    let mut walls = OPENINGS.iter().filter(|(words, _)| has(&name, words));
    let (_, about) = walls
        .next()
        .filter(|_| !by_default && !denied && !names_a_key(&name))?;
    Some(about)
}

/// Says whether a word is one of a list, which is written with spaces between.
fn is_in(word: &str, list: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

fn has(name: &[String], wanted: &str) -> bool {
    name.iter().any(|word| is_in(word, wanted))
}

/// A switch, or what is set or not.
fn switch(name: &[String], was: &Value, is: &Value) -> Option<Meaning> {
    // A number that is no longer set leaves it to the provider.
    if name.iter().any(|word| is_in(word, NEVER)) || amount(was).is_some() && is_nothing(is) {
        return None;
    }
    // A field of a form that is `required` guards nothing.
    if matches!(name, [only] if only.starts_with("require")) {
        return None;
    }
    let switched = |value: &Value| is_on(value) || is_off(value) || is_nothing(value);
    let denied = has(name, DENIALS);
    if let Some(about) = opening(name) {
        // Only what is switched opens: an address or a key that is set says nothing.
        let turn = match denied || has(name, BLOCKS) {
            true => Turn::Guard,
            false => Turn::Opening,
        };
        return (switched(was) && switched(is)).then_some((turn, about, Medium));
    }
    // An address or a name that is private says so by its value.
    if has(name, PRIVATE) {
        return (switched(was) && switched(is)).then_some((Turn::Guard, &rule::PUBLICLY_ACCESSIBLE, Medium));
    }
    let (_, about, severity) = GUARDS.iter().find(|(words, ..)| has(name, words))?;
    let turn = if denied { Turn::Opening } else { Turn::Guard };
    Some((turn, about, *severity))
}

/// A switch of something that is recorded, in a block of records.
fn recorded(kind: &str, way: &[String], was: &Value, is: &Value) -> Option<Meaning> {
    let logs = "log logs logging audit auditing";
    let never = has(way, NEVER) || has(way, DENIALS);
    let logs = has(way, logs) || has(&words(kind), logs);
    (logs && !never && is_on(was) && is_off(is)).then_some((Turn::Guard, &rule::LOGGING_OFF, Medium))
}

/// A key in a block of encryption, where it is named.
fn keyed(way: &[String], was: &Value) -> Option<Meaning> {
    let key = has(way, "key") && has(way, "encryption encrypt encrypted kms cmk customer");
    let named = one(was).is_some() && !is_on(was) && !is_off(was) && amount(was).is_none();
    (key && named).then_some((Turn::Guard, &rule::ENCRYPTION_OFF, Medium))
}

/// A public key is meant to be public.
fn names_a_key(name: &[String]) -> bool {
    let key = |pair: &[String]| matches!(pair, [first, second] if first == "public" && is_in(second, "key keys dns"));
    name.windows(2).any(key)
}

fn opening(name: &[String]) -> Option<&'static Rule> {
    let alone = OPENINGS
        .iter()
        .find(|(words, _)| has(name, words))
        .filter(|_| !names_a_key(name));
    let pair = || {
        let both = |(one, other, _): &&(&str, &str, &Rule)| has(name, one) && has(name, other);
        TOGETHER.iter().find(both).map(|(.., about)| *about)
    };
    alone.map(|(_, about)| *about).or_else(pair)
}

/// A number or a length of time.
fn number(kind: &str, name: &[String], way: &[String]) -> Option<Meaning> {
    let says = |wanted: &str| has(name, wanted);
    if says("affinity stickiness cookie cache retry retries health") {
        return None;
    }
    let logs = "log logs logging flow diagnostic audit trail";
    let of_logs = has(way, logs) || has(&words(kind), logs);
    if says("retention retain retained keep kept undelete") {
        return Some(match of_logs {
            true => (Turn::Kept, &rule::LOGGING_OFF, Medium),
            false => (Turn::Fewer, &rule::PROTECTION_OFF, Medium),
        });
    }
    let lengths = "days hours count limit period duration seconds weeks";
    if says("backup backups snapshot snapshots recovery purge deletion") && has(way, lengths)
        || says("lock") && has(way, "days years")
    {
        return Some((Turn::Fewer, &rule::PROTECTION_OFF, Medium));
    }
    if of_logs && says("sampling sample percentage") {
        return Some((Turn::Fewer, &rule::LOGGING_OFF, Medium));
    }
    if says("password passphrase passwords pin")
        && says("length min minimum history reuse complexity")
        && !says("age")
    {
        return Some((Turn::Fewer, &rule::LOGIN_WEAKER, Medium));
    }
    if says("lockout login signin password auth") && says("attempts failures threshold retries tries") {
        return Some((Turn::More, &rule::LOGIN_WEAKER, Medium));
    }
    let held = "session token credential credentials lease secret password rotation rotate key";
    let time =
        "ttl lifetime duration validity timeout expiry expiration expires age days period interval hours";
    if says(held) && has(way, time) && !says("min minimum remind warning") {
        return Some((Turn::More, &rule::ACCESS_LASTS_LONGER, Medium));
    }
    if says("approval approvals approver approvers reviewer reviewers review reviews") {
        return Some((Turn::Fewer, &rule::REVIEW_OWNERS_LESS, Medium));
    }
    let runs = "replicas instances nodes node replica brokers workers capacity";
    if says(runs) && !says("min minimum read write provisioned standby surge unavailable warm reserved") {
        return Some((Turn::Nought, &rule::CLOUD_SCALED_TO_ZERO, Medium));
    }
    None
}

/// A word that said private and says public.
fn opened(path: &[String], was: &Value, is: &Value) -> bool {
    const PRIVATE: &str = "private internal restricted vpc none intranet";
    const PUBLIC: &str = "public internet external everyone anyone world anonymous";
    const NAMING: &str = "name identifier alias title hostname host domain bucket key url path acl";
    const LONGEST: usize = 48;
    let short = |value| one(value).filter(|text| text.len() <= LONGEST && !text.contains(['/', '.', ':']));
    let (Some(was), Some(is), Some(key)) = (short(was), short(is), path.last()) else {
        return false;
    };
    let (was, is, key) = (words(was), words(is), words(key));
    let naming = matches!(key.as_slice(), [only] if is_in(only, NAMING)) || has(&key, "display dns host");
    !naming && has(&was, PRIVATE) && !has(&was, PUBLIC) && has(&is, PUBLIC) && !has(&is, PRIVATE)
}

/// An older version of TLS, of those that are broken, than was accepted.
fn older_version(name: &[String], was: &Value, is: &Value) -> bool {
    let of_versions =
        has(name, "tls ssl") && has(name, "version versions protocol protocols min minimum policy");
    let oldest = |value: &Value| {
        let versions = value.one_or_more().iter().filter_map(Value::text);
        versions.filter_map(|text| transport::oldest(text, true)).min()
    };
    let broken = BROKEN_VERSIONS;
    of_versions && oldest(is).unwrap_or(broken) < oldest(was).unwrap_or(broken)
}

/// A cipher that is broken and was not accepted.
fn weaker_cipher(name: &[String], was: &Value, is: &Value) -> bool {
    const WEAK: &str = "RC4 3DES DES-CBC NULL MD5 EXPORT";
    let (old, new) = (names(was), names(is));
    let broken = |cipher: &String| {
        WEAK.split(' ')
            .any(|weak| cipher.to_ascii_uppercase().contains(weak))
    };
    has(name, "cipher ciphers suites algorithm algorithms") && new.difference(&old).any(broken)
}

/// A list of who is let in that now holds everybody.
fn lets_all(way: &[String], was: &Value, is: &Value) -> bool {
    const LISTS: &str =
        "allowed allow trusted authorized principals members whitelist allowlist origins accounts";
    let everybody = |name: &String| {
        matches!(
            name.to_ascii_lowercase().as_str(),
            "*" | "all" | "any" | "everyone"
        )
    };
    let harmless = has(way, "headers header methods method");
    has(way, LISTS) && !harmless && names(is).difference(&names(was)).any(everybody)
}
