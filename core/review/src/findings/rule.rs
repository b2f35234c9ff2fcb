//! The table of rules: their names, how bad they are, and where to read more.
//!
//! A name is a promise: policies speak of it. A rule whose meaning changes gets a new name.

use super::finding::{RuleId, Severity};

/// A rule of this ruleset.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: RuleId,
    /// How bad it is where the case at hand does not say otherwise.
    pub severity: Severity,
    /// What it is about.
    pub title: &'static str,
    /// Where to read more.
    pub reference: Option<&'static str>,
    /// Names of like rules in other tools.
    pub peers: &'static [&'static str],
}

macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $title:literal $reference:expr, [$($peer:literal),*];)*) => {
        $(pub(super) static $name: Rule = Rule {
            id: RuleId($id),
            severity: Severity::$severity,
            title: $title,
            reference: $reference,
            peers: &[$($peer),*],
        };)*

        /// Every rule, in the order of this table.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    NOT_ANALYZED "not-analyzed" Medium "The change was not analyzed"
        None, [];
    EXTRA_FAILED "x-not-analyzed" Info "A detector of your own failed"
        None, [];
    HOSTILE_TEXT "hostile-text" Medium "Characters that hide, move or imitate text"
        Some("https://www.unicode.org/reports/tr36/"), ["CVE-2021-42574"];
    TEXT_MIXED_SCRIPT "text-mixed-script" Medium "A word mixes scripts"
        Some("https://www.unicode.org/reports/tr39/"), [];
    TEXT_CONFUSABLE "text-confusable" Medium "A word looks like another"
        Some("https://www.unicode.org/reports/tr39/"), ["CVE-2021-42694"];
    REPEATED_KEY "repeated-key" Medium "A key stands twice"
        Some("https://www.rfc-editor.org/rfc/rfc8259#section-4"), [];
    SECRET_IN_CLEAR "secret-in-clear" High "A secret stands in the clear"
        Some("https://cwe.mitre.org/data/definitions/798.html"), ["CKV_SECRET_2", "CKV_SECRET_6"];
    CONFIG_GUARD_OFF "config-guard-off" Medium "A guard of a program is off"
        None, [];
    CONFIG_RIGHTS_GAINED "config-rights-gained" Medium "A list of rights holds more"
        Some("https://cwe.mitre.org/data/definitions/250.html"), [];
    CONFIG_GUARD_GONE "config-guard-gone" Medium "A line that guards is gone"
        None, [];
    CONFIG_PATH_CLIMBS "config-path-climbs" High "Files beside a folder are served"
        Some("https://cwe.mitre.org/data/definitions/22.html"), [];
    CONFIG_SENT_OUT "config-sent-out" Medium "What stayed inside goes to a host outside"
        None, [];
    CONFIG_ALERTS_LOST "config-alerts-lost" Medium "Alerts reach nobody"
        None, [];
    CODE_CHECK_GONE "code-check-gone" Medium "A check in the code is gone"
        Some("https://cwe.mitre.org/data/definitions/693.html"), [];
    CODE_DANGER "code-danger" Medium "Code does what is rarely safe"
        Some("https://cwe.mitre.org/data/definitions/676.html"), [];
    SECRET_LITERAL "secret-literal" Medium "A literal value where a secret belongs"
        Some("https://cwe.mitre.org/data/definitions/798.html"), ["CKV_SECRET_6"];
    IAM_FULL_ADMIN "iam-full-admin" Critical "Every action on every resource"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"), ["CKV_AWS_62", "CKV_AWS_63"];
    IAM_ALL_ACTIONS "iam-all-actions" High "Every action on some resources"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"), ["CKV_AWS_63"];
    IAM_SERVICE_WILDCARD "iam-service-wildcard" Medium "Every action of a service"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"), ["CKV_AWS_107"];
    IAM_SENSITIVE_ACTION "iam-sensitive-action" Medium "A powerful action is allowed"
        Some("https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html"), ["PRIVILEGE_ESCALATION", "CKV_AWS_109", "CKV_AWS_110"];
    IAM_ACTION_ALLOWED "iam-action-allowed" Info "An action is allowed"
        Some("https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html"), [];
    IAM_ACTION_UNKNOWN "iam-action-unknown" Medium "An action that is not known is allowed"
        Some("https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html"), ["UNKNOWN_ACTION"];
    IAM_RIGHTS_GAINED "iam-rights-gained" Low "Rights are gained"
        Some("https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html"), ["CKV_AWS_109", "CKV_AWS_111", "CKV_AWS_290"];
    IAM_DATA_READ "iam-data-read" Low "Data can be read"
        Some("https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html"), ["SENSITIVE_ACCESS", "CKV_AWS_108"];
    IAM_ESCALATION "iam-escalation" High "Rights together give more rights"
        Some("https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/"), ["PRIVILEGE_ESCALATION", "CKV_AWS_110", "CKV_AWS_286"];
    IAM_LOCKED_OUT "iam-locked-out" High "Everybody is shut out"
        Some("https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html"), ["CKV_AWS_93"];
    IAM_NOT_ACTION "iam-not-action" High "Everything but the named actions is allowed"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html"), [];
    IAM_NOT_RESOURCE "iam-not-resource" Medium "Everything but the named resources is reached"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html"), [];
    IAM_PUBLIC_PRINCIPAL "iam-public-principal" Critical "Anybody is let in"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"), ["CKV_AWS_70", "CKV_AWS_60"];
    IAM_ACCOUNT_TRUSTED "iam-account-trusted" Medium "An account is trusted"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"), ["CKV_AWS_61"];
    IAM_FEDERATION_OPEN "iam-federation-open" High "Any identity of a provider is trusted"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html"), ["CKV_AWS_358"];
    IAM_CONDITION_DROPPED "iam-condition-dropped" Medium "A condition is gone"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html"), [];
    IAM_DENY_REMOVED "iam-deny-removed" Medium "A denial is gone or narrower"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"), [];
    IAM_WIDE_POLICY_ATTACHED "iam-wide-policy-attached" High "A policy of wide reach is attached"
        Some("https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html"), ["CKV_AWS_274"];
    PUBLIC_ACL "public-acl" High "An access list lets strangers in"
        Some("https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"), ["CKV_AWS_20", "CKV_AWS_57"];
    PUBLIC_BLOCK_OFF "public-block-off" Medium "The block of public access is off"
        Some("https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"), ["CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"];
    PUBLICLY_ACCESSIBLE "publicly-accessible" High "A resource is reachable by anybody"
        None, ["CKV_AWS_17"];
    DATA_COPIED_OUT "data-copied-out" High "Data is handed to another account"
        Some("https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-change-owner.html"), [];
    PROTECTION_OFF "protection-off" Medium "A protection is off or weaker"
        None, ["CKV_AWS_21", "CKV_AWS_293"];
    ENCRYPTION_OFF "encryption-off" Medium "Encryption is off or weaker"
        None, ["CKV_AWS_16", "CKV_AWS_19"];
    ENCRYPTION_WEAK "encryption-weak" Medium "Encryption that is broken is accepted"
        Some("https://www.rfc-editor.org/rfc/rfc8996"), ["CKV_AWS_103", "CKV_AWS_174"];
    LOGGING_OFF "logging-off" Medium "Fewer records are kept, or none"
        None, ["CKV_AWS_67", "CKV_AWS_18"];
    WATCH_OFF "watch-off" High "What watches is switched off"
        Some("https://attack.mitre.org/techniques/T1562/"), ["CKV_AWS_238"];
    LOGIN_WEAKER "login-weaker" Medium "Signing in asks for less"
        Some("https://pages.nist.gov/800-63-4/sp800-63b.html"), ["CKV_AWS_10", "CKV_AWS_9"];
    ACCESS_LASTS_LONGER "access-lasts-longer" Medium "A secret or a session lasts longer"
        None, [];
    ENGINE_MAJOR_VERSION "engine-major-version" Medium "A database goes to another major version"
        None, [];
    ALARM_PAGES_NOBODY "alarm-pages-nobody" Medium "An alarm no longer wakes anybody"
        None, [];
    ALARM_LATER "alarm-later" Medium "An alarm comes later or not at all"
        None, [];
    CLOUD_LASTING_KEY "cloud-lasting-key" Medium "A key that does not expire is made"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"), ["CKV_AWS_273"];
    DNS_MOVED "dns-moved" Medium "A name leads elsewhere"
        None, [];
    MAIL_SENDERS_OPEN "mail-senders-open" Medium "Others may send mail in the name of a domain"
        Some("https://www.rfc-editor.org/rfc/rfc7208#section-5.1"), [];
    CLOUD_SCALED_DOWN "cloud-scaled-down" Low "Machines may become far fewer"
        None, [];
    CLOUD_SCALED_TO_ZERO "cloud-scaled-to-zero" Medium "Machines are scaled to nothing"
        None, [];
    CLOUD_ROLE_TAKEN "cloud-role-taken" Medium "A role is taken from those who are not named"
        Some("https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/google_project_iam"), [];
    CLOUD_ROLE "cloud-role" Medium "A strong role of a cloud is given"
        Some("https://cloud.google.com/iam/docs/roles-overview"), ["CKV_GCP_41", "CKV_GCP_49", "CKV_AZURE_39"];
    BOUNDARY_GONE "boundary-gone" High "A permissions boundary is gone"
        Some("https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"), [];
    NETWORK_OPEN_TO_WORLD "network-open-to-world" High "Everybody may connect"
        None, ["CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "AWS-0107"];
    NETWORK_WIDE_RANGE "network-wide-range" Medium "A wide range of addresses may connect"
        None, [];
    NETWORK_INGRESS "network-ingress" Low "A range of addresses may connect"
        None, [];
    NETWORK_EGRESS_OPEN "network-egress-open" Info "Everything may be reached from inside"
        None, ["CKV_AWS_382"];
    NETWORK_DENIAL_VOID "network-denial-void" High "An allowance comes before a denial"
        Some("https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html"), [];
    NETWORK_DENIAL_REMOVED "network-denial-removed" Medium "A denial of a network is gone"
        Some("https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html"), [];
    NETWORK_TARGETS_GONE "network-targets-gone" Medium "A rule holds for every machine"
        Some("https://cloud.google.com/firewall/docs/firewalls"), [];
    PLAN_DESTROY "plan-destroy" Medium "A resource is destroyed"
        None, [];
    PLAN_REPLACE "plan-replace" Medium "A resource is destroyed and made anew"
        None, [];
    PLAN_MASS_DESTROY "plan-mass-destroy" High "Many resources are destroyed at once"
        None, [];
    PLAN_FORGET "plan-forget" Medium "A resource is no longer managed"
        None, [];
    PLAN_UNKNOWN "plan-unknown-values" Info "Values are not known before it runs"
        None, [];
    PLAN_DRIFT "plan-drift" Info "Resources differ from what was recorded"
        None, [];
    PLAN_ERRORED "plan-errored" Medium "The plan is not whole"
        None, [];
    PLAN_PROVISIONER "plan-provisioner" Medium "The plan runs commands"
        None, [];
    PLAN_OUTPUT_SHOWN "plan-output-shown" Medium "An output shows what was hidden"
        None, [];
    TF_RESOURCE_REMOVED "tf-resource-removed" Medium "A resource is taken out of the source"
        None, [];
    TF_MODULE_UNPINNED "tf-module-unpinned" Medium "A module has no fixed version"
        None, ["CKV_TF_1", "CKV_TF_2"];
    TF_POLICY_ELSEWHERE "tf-policy-elsewhere" Medium "A policy is not in the file"
        None, [];
    K8S_PRIVILEGED "k8s-privileged" Critical "A container is root on its node"
        Some("https://kubernetes.io/docs/concepts/security/pod-security-standards/"), ["CKV_K8S_16", "KSV017"];
    K8S_HOST_NAMESPACE "k8s-host-namespace" High "Pods share what belongs to their node"
        Some("https://kubernetes.io/docs/concepts/security/pod-security-standards/"), ["CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19", "KSV009"];
    K8S_HOST_PATH "k8s-host-path" High "Files of the node are mounted"
        Some("https://kubernetes.io/docs/concepts/security/pod-security-standards/"), ["KSV023"];
    K8S_PRIVILEGE_ESCALATION "k8s-privilege-escalation" Medium "A container may gain privileges"
        Some("https://kubernetes.io/docs/concepts/security/pod-security-standards/"), ["CKV_K8S_20", "KSV001"];
    K8S_UNCONFINED "k8s-unconfined" Medium "A confinement is off"
        Some("https://kubernetes.io/docs/concepts/security/pod-security-standards/"), ["CKV_K8S_31", "KSV104"];
    K8S_RUNS_AS_ROOT "k8s-runs-as-root" Low "A container runs as root"
        Some("https://kubernetes.io/docs/concepts/security/pod-security-standards/"), ["CKV_K8S_23", "KSV012"];
    K8S_CAPABILITY "k8s-capability" High "A container holds a strong capability"
        Some("https://kubernetes.io/docs/concepts/security/pod-security-standards/"), ["CKV_K8S_25", "KSV005"];
    K8S_IMAGE_UNPINNED "k8s-image-unpinned" Low "An image is not named exactly"
        None, ["CKV_K8S_14", "KSV013"];
    K8S_IMAGE_MOVED "k8s-image-moved" Info "An image changes"
        None, [];
    K8S_EXPOSED "k8s-exposed" Medium "Something is reachable from outside"
        None, [];
    K8S_PEERS_WIDENED "k8s-peers-widened" Medium "More pods may connect"
        Some("https://kubernetes.io/docs/concepts/services-networking/network-policies/"), [];
    K8S_DATA_FLEETING "k8s-data-fleeting" High "Data goes with its pod"
        Some("https://kubernetes.io/docs/concepts/storage/volumes/#emptydir"), [];
    K8S_DATA_DELETED "k8s-data-deleted" Medium "Data goes with what used it"
        Some("https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming"), [];
    K8S_SNIPPET "k8s-snippet" Medium "An annotation writes the settings of a proxy"
        Some("https://kubernetes.io/docs/concepts/services-networking/ingress/"), ["CVE-2021-25742", "CKV_K8S_152"];
    K8S_OBJECT_REMOVED "k8s-object-removed" Low "An object is gone"
        None, [];
    K8S_SCALED_TO_ZERO "k8s-scaled-to-zero" Medium "A workload is scaled to nothing or suspended"
        None, [];
    K8S_SELECTS_NOTHING "k8s-selects-nothing" Medium "A service reaches no pods any more"
        Some("https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors"), [];
    K8S_SCALED_DOWN "k8s-scaled-down" Low "A workload is scaled down"
        None, [];
    K8S_GUARD_REMOVED "k8s-guard-removed" Low "A guard in the cluster is gone or weaker"
        None, ["CKV_K8S_11", "CKV_K8S_8"];
    K8S_ACCOUNT_CHANGED "k8s-account-changed" Low "A workload runs as another account"
        None, [];
    RBAC_WILDCARD "rbac-wildcard" High "Every verb or every resource"
        Some("https://kubernetes.io/docs/concepts/security/rbac-good-practices/"), ["CKV_K8S_49", "KSV044", "KSV046"];
    RBAC_ESCALATION "rbac-escalation" High "Rights can be gained with it"
        Some("https://kubernetes.io/docs/concepts/security/rbac-good-practices/"), ["CKV_K8S_155", "CKV_K8S_156", "CKV_K8S_157", "KSV050"];
    RBAC_SECRETS "rbac-secrets" High "Secrets can be read or changed"
        Some("https://kubernetes.io/docs/concepts/security/rbac-good-practices/"), ["KSV041"];
    RBAC_WORKLOADS "rbac-workloads" Medium "Code can be run or shared parts changed"
        Some("https://kubernetes.io/docs/concepts/security/rbac-good-practices/"), ["KSV048"];
    RBAC_AGGREGATED "rbac-aggregated" Medium "A role takes in others by label"
        Some("https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles"), [];
    RBAC_JOINS_DEFAULT "rbac-joins-default-role" Low "A role becomes part of a role that many hold"
        Some("https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles"), [];
    RBAC_CLUSTER_ADMIN "rbac-cluster-admin" Critical "Somebody becomes cluster-admin"
        Some("https://kubernetes.io/docs/concepts/security/rbac-good-practices/"), ["KSV051"];
    RBAC_EVERYBODY "rbac-everybody" High "Everybody is bound to a role"
        Some("https://kubernetes.io/docs/concepts/security/rbac-good-practices/"), [];
    RBAC_WIDE_BINDING "rbac-wide-binding" High "A wide role is bound in every namespace"
        Some("https://kubernetes.io/docs/concepts/security/rbac-good-practices/"), [];
    RBAC_BOUND "rbac-bound" Low "Somebody is bound to a role"
        None, [];
    SQL_NO_WHERE "sql-no-where" High "Every row is changed"
        None, [];
    SQL_CONDITION_MISLEADS "sql-condition-misleads" Medium "A condition may not mean what it seems to"
        None, [];
    SQL_TRUNCATE "sql-truncate" Critical "A table is emptied"
        None, [];
    SQL_DROP "sql-drop" High "Something is dropped"
        None, ["ban-drop-table", "ban-drop-database"];
    SQL_DROP_COLUMN "sql-drop-column" High "A column is dropped"
        None, ["ban-drop-column"];
    SQL_GRANT "sql-grant" Medium "Rights change"
        None, [];
    SQL_ROLE "sql-role" Medium "A role is made or changed"
        None, [];
    SQL_TRANSACTION_CONTROL "sql-transaction-control" High "The transaction is steered from inside"
        None, [];
    SQL_SEVERAL "sql-several-statements" Low "Several statements in one action"
        None, [];
    SQL_RUNS_PROGRAM "sql-runs-program" Critical "A program is run on the server"
        None, [];
    SQL_EXPORT "sql-export" Medium "Data leaves the database"
        None, [];
    SQL_EXTENSION "sql-extension" Medium "Code is loaded into the server"
        None, [];
    SQL_CODE "sql-code" Medium "Code is put into the database"
        None, [];
    SQL_LOCKS "sql-locks" Medium "A table is locked for long"
        None, ["require-concurrent-index-creation", "adding-not-nullable-field", "changing-column-type", "constraint-missing-not-valid"];
    SQL_OPAQUE "sql-opaque" Medium "The effect is not in the statement"
        None, [];
    SQL_GUARD_OFF "sql-guard-off" High "A guard of a table is off"
        None, [];
    SQL_BREAKS_READERS "sql-breaks-readers" Medium "A name in use changes"
        None, ["renaming-column", "renaming-table"];
    SHELL_PIPE_TO_SHELL "shell-pipe-to-shell" High "What is run was not seen"
        None, [];
    SHELL_ENCODED "shell-encoded" High "What is run is encoded"
        None, [];
    SHELL_OBSCURED "shell-obscured" Medium "What is run is put together on the way"
        None, [];
    SHELL_SUDO "shell-sudo" Medium "A command runs as another user"
        None, [];
    SHELL_DELETES "shell-deletes" Medium "A command destroys"
        None, [];
    SHELL_OVERWRITES "shell-overwrites" High "A file of the system is written"
        None, [];
    SHELL_PERMISSIONS "shell-permissions" Medium "A protection of the machine is taken down"
        None, [];
    SHELL_OPENS "shell-opens" High "A command opens something to others"
        None, [];
    SHELL_UNVERIFIED "shell-unverified" Medium "A command trusts whoever answers"
        Some("https://cwe.mitre.org/data/definitions/295.html"), [];
    SHELL_STOPS "shell-stops" Medium "A command stops or takes away what runs"
        None, [];
    SHELL_REVERSE "shell-reverse" Critical "A shell is given to the network"
        None, [];
    SHELL_UNTRUSTED_SOURCE "shell-untrusted-source" Medium "Code is installed from an odd place"
        None, [];
    SHELL_HIDES "shell-hides" High "Traces are removed"
        None, [];
    SHELL_SENDS_DATA "shell-sends-data" Medium "Data is sent over the network"
        None, [];
    SHELL_REMOTE "shell-remote" Low "A command acts elsewhere or later"
        None, [];
    CI_PRIVILEGED_TRIGGER "ci-privileged-trigger" High "Strangers start a workflow that has rights"
        Some("https://docs.github.com/actions/security-guides/security-hardening-for-github-actions"), ["dangerous-triggers"];
    CI_PERMISSIONS "ci-permissions" Medium "A workflow may write"
        Some("https://docs.github.com/actions/security-guides/automatic-token-authentication"), ["excessive-permissions", "CKV2_GHA_1"];
    CI_PERMISSIONS_UNSTATED "ci-permissions-unstated" Medium "A workflow no longer states its rights"
        Some("https://docs.github.com/actions/security-guides/automatic-token-authentication"), ["excessive-permissions", "CKV2_GHA_1"];
    CI_GUARD_REMOVED "ci-guard-removed" Medium "A guard of a job is gone"
        None, [];
    CI_TRIGGER_WIDENED "ci-trigger-widened" Medium "More events start a workflow with rights"
        Some("https://docs.github.com/actions/writing-workflows/workflow-syntax-for-github-actions#onpushbranchestagsbranches-ignoretags-ignore"), [];
    CI_LASTING_KEY "ci-lasting-key" Medium "A key that lasts takes the place of a role"
        Some("https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect"), [];
    CI_SECRETS_INHERITED "ci-secrets-inherited" Medium "Every secret is handed on"
        None, ["secrets-inherit"];
    CI_SELF_HOSTED "ci-self-hosted" Medium "Code runs on a machine of your own"
        None, ["self-hosted-runner"];
    CI_UNPINNED "ci-unpinned-action" Low "An action is not pinned"
        Some("https://docs.github.com/actions/security-guides/security-hardening-for-github-actions"), ["unpinned-uses"];
    CI_STRANGERS_CODE "ci-strangers-code" Critical "Strangers' code meets secrets"
        Some("https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/"), ["dangerous-triggers"];
    CI_INJECTION "ci-injection" High "Text of others becomes a command"
        Some("https://securitylab.github.com/resources/github-actions-untrusted-input/"), ["template-injection", "CKV_GHA_2"];
    CI_ENVIRONMENT_WRITTEN "ci-environment-written" Medium "What is not known sets the environment of later steps"
        Some("https://securitylab.github.com/resources/github-actions-untrusted-input/"), ["github-env"];
    CI_STRANGERS_FILES "ci-strangers-files" Low "Files of strangers are taken in"
        Some("https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/"), ["dangerous-triggers"];
    CI_SPOOFABLE "ci-spoofable-condition" Medium "A condition that strangers can meet"
        None, ["bot-conditions"];
    CI_DEBUG_LOG "ci-debug-log" Medium "The log tells more than it should"
        Some("https://docs.gitlab.com/ci/variables/#enable-debug-logging"), [];
    CI_ARTIFACT_WIDE "ci-artifact-wide" Medium "More is kept of a run than was made by it"
        Some("https://unit42.paloaltonetworks.com/github-repo-artifacts-leak-tokens/"), [];
    CI_SECRET_SENT "ci-secret-sent" High "A secret is sent away"
        None, ["CKV_GHA_3"];
    BUILD_BASE_UNPINNED "build-base-unpinned" Low "A base image is not named exactly"
        Some("https://docs.docker.com/build/building/best-practices/"), ["CKV_DOCKER_7"];
    BUILD_BASE_MOVED "build-base-moved" Medium "A build starts from another image"
        None, [];
    BUILD_ROOT "build-runs-as-root" Low "An image runs as root"
        Some("https://docs.docker.com/build/building/best-practices/"), ["CKV_DOCKER_3", "CKV_DOCKER_8"];
    BUILD_FETCHES "build-fetches-unchecked" Medium "A build takes in what nothing checks"
        None, ["CKV_DOCKER_4"];
    BUILD_SECRET_ARGUMENT "build-secret-argument" Medium "A secret stays in the history of an image"
        Some("https://docs.docker.com/build/building/secrets/"), ["SecretsUsedInArgOrEnv"];
    BUILD_PRIVILEGED "build-privileged" High "A step of a build has power over its machine"
        None, [];
    PACKAGE_INSTALL_SCRIPT "package-install-script" Medium "Installing a package runs a command"
        Some("https://docs.npmjs.com/cli/using-npm/scripts#life-cycle-scripts"), [];
    PACKAGE_SOURCE "package-source" High "A package comes from elsewhere"
        Some("https://slsa.dev/spec/v1.0/threats"), [];
    PACKAGE_UNCHECKED "package-unchecked" Medium "A package is checked against nothing"
        Some("https://slsa.dev/spec/v1.0/threats"), [];
    REVIEW_OWNERS_LESS "review-owners-less" Medium "Fewer people have to review"
        Some("https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners"), [];
    CALL_DESTROYS "call-destroys" Medium "A call deletes"
        None, [];
    CALL_SPENDS "call-spends" High "A call moves money"
        None, [];
    CALL_GRANTS "call-grants" Medium "A call lets somebody in"
        None, [];
    CALL_OPENS "call-opens" Medium "A call opens something to everybody"
        None, [];
    CALL_GUARD_OFF "call-guard-off" High "A call switches a guard off"
        None, [];
    CALL_TOUCHES_GUARD "call-touches-guard" High "A call writes what guards or runs"
        None, [];
    CALL_READS_SECRET "call-reads-secret" High "A call reads a secret"
        None, [];
    CALL_SENDS "call-sends" Medium "A call sends something out"
        None, [];
    CALL_RUNS "call-runs" Medium "A call runs something"
        None, [];
    CALL_CHANGES "call-changes" Low "A call changes something"
        None, [];
    HTTP_PLAIN "http-plain" Medium "A request goes without encryption"
        None, [];
    HTTP_METADATA "http-metadata" High "A request asks for the machine's credentials"
        None, [];
    EXPORT_DESTINATION "export-destination" Medium "Data goes somewhere"
        None, [];
    EXPORT_OUTSIDE "export-outside-declared" High "Data goes where it was not declared to go"
        None, [];
    EXPORT_MOVED "export-moved" Medium "Data goes elsewhere than before"
        None, [];
    EXPORT_GROWN "export-grown" Medium "Much more data leaves than before"
        None, [];
    EXPORT_OPEN "export-open" High "The data is open to others or unencrypted"
        None, [];
    EXPORT_FILTER_GONE "export-filter-gone" Medium "Nothing limits what leaves"
        None, [];
    EXPORT_UNMASKED "export-unmasked" High "What was hidden leaves in the clear"
        None, [];
    EXPORT_REGION "export-region" Low "Data goes to a region"
        None, [];
    EXPORT_VOLUME "export-volume" Info "An amount of data leaves"
        None, [];
    EXPORT_SENSITIVE "export-sensitive-data" High "The data is sensitive"
        None, [];
    ROTATION_NO_WAY_BACK "rotation-no-way-back" Medium "The old secret is gone at once"
        None, [];
    ROTATION_WEAK "rotation-weak" Medium "The new secret is easily guessed"
        Some("https://pages.nist.gov/800-63-4/sp800-63b.html"), [];
    ROTATION_CONSUMER_LOST "rotation-consumer-lost" Medium "A consumer does not get the new secret"
        None, [];
    MODEL_NOT_EVALUATED "model-not-evaluated" High "A model was not evaluated"
        None, [];
    MODEL_EVALUATION_STALE "model-evaluation-stale" High "The evaluation is of another version"
        None, [];
    MODEL_EVALUATION_FAILED "model-evaluation-failed" High "The evaluation was not passed"
        None, [];
    MODEL_WORSE "model-worse" Medium "A model is worse than what it replaces"
        None, [];
    MODEL_LINEAGE_CHANGED "model-lineage-changed" Medium "A model comes from something else"
        None, [];
    MODEL_SWAPPED "model-swapped" High "A version is other bytes than before"
        None, [];
    MODEL_RUNS_CODE "model-runs-code" High "Loading a model runs code"
        Some("https://cwe.mitre.org/data/definitions/502.html"), [];
    MODEL_TESTED_ON_TRAINING "model-tested-on-training" High "A model was measured on what it learnt"
        None, [];
    MODEL_GATE_LOWERED "model-gate-lowered" Medium "A model has to meet less"
        None, [];
    MODEL_NO_LINEAGE "model-no-lineage" Medium "Where a model comes from is not stated"
        None, [];
    MODEL_NO_DIGEST "model-no-digest" Medium "A model is not named by its bytes"
        None, [];
    MODEL_ALL_AT_ONCE "model-all-at-once" Medium "All traffic moves at once"
        None, [];
    DRIFT_REVERTS_LIVE "drift-reverts-live-change" High "A live change is taken back"
        None, [];
    DRIFT_ON_TOP "drift-on-top-of-drift" Medium "What was changed live is changed again"
        None, [];
    DRIFT_UNREADABLE "drift-unreadable" Medium "Drift is not known"
        None, [];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_kebab_case_and_unique() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(names.len(), RULES.len());
        assert!(
            names
                .iter()
                .all(|name| name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')))
        );
    }

    #[test]
    fn a_rule_is_found_again_by_its_serialised_name() {
        for rule in RULES {
            let json = serde_json::to_string(&rule.id).unwrap();
            assert_eq!(serde_json::from_str::<RuleId>(&json).unwrap(), rule.id);
        }
        assert!(serde_json::from_str::<RuleId>("\"no-such-rule\"").is_err());
    }
}
