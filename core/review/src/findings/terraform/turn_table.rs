//! Settings of types of resources whose names alone do not say which turn makes them weaker.
//!
//! Written in November 2026 from the documentation of the providers. What a name says by itself is not in it: that is
//! judged by [`crate::findings::setting`]. A row that is here is the last word on its setting.

use super::guard_table;
use crate::findings::Severity::{self, High, Medium};
use crate::findings::observation::matches_glob;
use crate::findings::rule::{self, Rule};
use crate::findings::setting::Turn::{self, Appears, Falls, Guard, Joins, Kept, Leaves, Opening, Words};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Settings with the same bad turn.
pub(super) struct Family {
    pub(super) about: &'static Rule,
    pub(super) severity: Severity,
    pub(super) turn: Turn,
    /// A pattern of types, a space, the end of the way to the setting.
    pub(super) settings: &'static [&'static str],
}

/// Returns what is known of a setting of a type.
pub(super) fn rows(kind: &str, keys: &[String]) -> Vec<(Turn, &'static Rule, Severity)> {
    let named = keys.last().and_then(|key| BY_LAST_KEY.get(key.as_str()));
    let known = |row: &&Row| {
        let mut keys = keys.iter().rev();
        row.way
            .rsplit('.')
            .all(|key| keys.next().is_some_and(|is| is == key))
            && matches_glob(row.types, kind)
    };
    let mut found: Vec<_> = named.into_iter().flatten().filter(known).collect();
    // A family that has two rows for a setting speaks of it once.
    found.dedup_by_key(|row| row.number);
    found
        .into_iter()
        .map(|row| (row.family.turn, row.family.about, row.family.severity))
        .collect()
}

/// One row of a family, taken apart.
struct Row {
    types: &'static str,
    way: &'static str,
    /// Which family it is of.
    number: usize,
    family: &'static Family,
}

/// All rows by the last key of their way, so that a setting is compared with those alone that could speak of it.
static BY_LAST_KEY: LazyLock<BTreeMap<&str, Vec<Row>>> = LazyLock::new(|| {
    let mut rows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for (number, family) in all().enumerate() {
        for row in family.settings {
            let (types, way) = row.split_once(' ').unwrap_or_default();
            let last = way.rsplit('.').next().unwrap_or_default();
            rows.entry(last).or_default().push(Row {
                types,
                way,
                number,
                family,
            });
        }
    }
    rows
});

/// Returns every family, of this file and of [`guard_table`].
fn all() -> impl Iterator<Item = &'static Family> {
    let files = FAMILIES.iter().chain(guard_table::FAMILIES);
    files.flat_map(|families| families.iter())
}

macro_rules! families {
    ($($(#[$doc:meta])* const $name:ident { $($about:ident $severity:ident ($turn:expr) [$($setting:literal,)*];)* })*) => {
        $($(#[$doc])*
        const $name: &[Family] = &[$(Family {
            about: &rule::$about,
            severity: $severity,
            turn: $turn,
            settings: &[$($setting),*],
        }),*];)*

        /// Every family of this file.
        pub(super) const FAMILIES: &[&[Family]] = &[$($name),*];
    };
}
pub(super) use families;

families! {
    /// Who reaches it.
    const REACHED {
    PUBLICLY_ACCESSIBLE High (Guard) [
        "aws_cloudfront_distribution ordered_cache_behavior.trusted_key_groups",
        "aws_cloudfront_distribution default_cache_behavior.trusted_key_groups",
        "aws_cloudfront_distribution default_cache_behavior.trusted_signers",
        "aws_eks_node_group remote_access.source_security_group_ids",
        "aws_eks_cluster vpc_config.public_access_cidrs",
        "azurerm_kubernetes_cluster api_server_access_profile.authorized_ip_ranges",
        "azurerm_kubernetes_cluster api_server_authorized_ip_ranges",
        "azurerm_kubernetes_cluster api_server_access_profile", "azurerm_* site_config.ip_restriction",
        "azurerm_* ip_range_filter", "azurerm_search_service allowed_ips", "azurerm_* network_rule_set",
        "azurerm_* virtual_network_rule", "kubernetes_* spec.load_balancer_source_ranges",
        "google_compute_backend_* iap", "snowflake_* network_policy", "*opensearch* vpc_options",
        "*elasticsearch* vpc_options",
    ];
    PUBLICLY_ACCESSIBLE Medium (Guard) [
        "aws_cloudfront_distribution origin.origin_access_control_id",
        "aws_cloudfront_distribution origin.s3_origin_config", "aws_api*gateway* disable_execute_api_endpoint",
        "aws_redshift_cluster enhanced_vpc_routing",
        "aws_cognito_user_pool admin_create_user_config.allow_admin_create_user_only",
        "aws_vpc_endpoint_service acceptance_required", "google_container_cluster private_cluster_config",
        "google_compute_firewall disabled", "azurerm_cosmosdb_account is_virtual_network_filter_enabled",
        "azurerm_postgresql_flexible_server delegated_subnet_id",
        "azurerm_mysql_flexible_server delegated_subnet_id",
        "azurerm_synapse_workspace managed_virtual_network_enabled",
        "azurerm_storage_account allowed_copy_scope",
        "azurerm_api_management virtual_network_configuration", "aws_sagemaker_notebook_instance subnet_id", "cloudflare_*record proxied",
        "cloudflare_*record* proxied",
    ];
    PUBLICLY_ACCESSIBLE Medium (Appears) [
        "google_compute_instance* network_interface.access_config",
        "google_compute_instance* network_interface.ipv6_access_config",
        "azurerm_network_interface ip_configuration.public_ip_address_id", "aws_eks_node_group remote_access",
    ];
    PUBLICLY_ACCESSIBLE Medium (Opening) [
        "aws_ec2_serial_console_access enabled", "aws_ram_resource_share allow_external_principals",
        "aws_ecs_service enable_execute_command", "aws_rds_cluster enable_http_endpoint",
        "azurerm_container_registry export_policy_enabled", "azurerm_kubernetes_cluster run_command_enabled",
        "azurerm_kubernetes_cluster http_application_routing_enabled",
        "azurerm_storage_account cross_tenant_replication_enabled", "google_compute_instance* can_ip_forward",
        "tfe_workspace global_remote_state",
        "azurerm_network_interface enable_ip_forwarding", "azurerm_network_interface ip_forwarding_enabled",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["VPC", "VPC_ENDPOINT", "PUBLIC"])) [
        "aws_transfer_server endpoint_type",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["VpcOnly", "PublicInternetOnly"])) [
        "aws_sagemaker_domain app_network_access_type",
    ];
    PUBLICLY_ACCESSIBLE High (Words(&["DISABLED", "", "SERVICE_PROVIDED_EIPS"])) [
        "aws_msk_cluster connectivity_info.public_access.type", "aws_msk_cluster public_access.type",
    ];
    PUBLICLY_ACCESSIBLE High (Words(&["block-all-sharing", "block-new-sharing", "unblocked"])) [
        "aws_ebs_snapshot_block_public_access state", "aws_ec2_image_block_public_access state",
    ];
    PUBLICLY_ACCESSIBLE High (Words(&["block-bidirectional", "block-ingress", "off"])) [
        "aws_vpc_block_public_access_options internet_gateway_block_mode",
    ];
    PUBLIC_BLOCK_OFF Medium (Words(&["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", ""])) [
        "aws_s3_bucket_ownership_controls rule.object_ownership",
    ];
    PUBLIC_BLOCK_OFF Medium (Words(&["enforced", "inherited", "unspecified", ""])) [
        "google_storage_bucket public_access_prevention",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "INGRESS_TRAFFIC_ALL", ""])) [
        "google_cloud_run_* ingress",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB", "ALLOW_ALL", ""])) [
        "google_cloudfunctions* ingress_settings", "google_cloudfunctions* service_config.ingress_settings",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["DenyAll", "AllowPrivate", "AllowAll", ""])) [
        "azurerm_managed_disk network_access_policy", "azurerm_snapshot network_access_policy",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["Deny", "Allow", ""])) [
        "azurerm_* ip_restriction_default_action", "azurerm_* scm_ip_restriction_default_action",
        "azurerm_* network_acls.default_action", "azurerm_* network_rules.default_action",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["Internal", "External", "None", ""])) [
        "azurerm_api_management virtual_network_type",
    ];
    PUBLICLY_ACCESSIBLE Medium (Words(&["ClusterIP", "NodePort", "LoadBalancer"])) [
        "kubernetes_service* spec.type",
    ];
    PUBLICLY_ACCESSIBLE High (Words(&["NoPublicAccess", "ObjectReadWithoutList", "ObjectRead"])) [
        "oci_objectstorage_bucket access_type",
    ];
    PUBLICLY_ACCESSIBLE High (Words(&["private", "internal", "public"])) [
        "github_repository visibility", "gitlab_* visibility_level",
    ];
    PUBLICLY_ACCESSIBLE High (Falls("allUsers")) [
        "google_* access.special_group", "google_* member",
    ];
    PUBLICLY_ACCESSIBLE High (Falls("open-access")) [
        "aws_memorydb_cluster acl_name",
    ];
    }

    /// How it is encrypted, on the way and where it lies.
    const ENCRYPTED {
    ENCRYPTION_OFF Medium (Guard) [
        "aws_codebuild_project encryption_key", "aws_glue_* security_configuration",
        "aws_emr_cluster security_configuration", "aws_msk_cluster encryption_in_transit.in_cluster",
        "google_* encryption.default_kms_key_name", "google_* encryption_key_name", "google_* crypto_key_name",
        "google_* disk_encryption_key", "google_* customer_managed_encryption", "google_* kms_key_self_link",
        "google_compute_instance* confidential_instance_config.enable_confidential_compute",
        "azurerm_* customer_managed_key", "azurerm_* disk_encryption_set_id", "azurerm_* key_vault_key_id",
        "aws_* kms_key", "oci_* kms_key_id", "alicloud_* kms_encrypted_password",
    ];
    ENCRYPTION_OFF Medium (Opening) [
        "azurerm_cdn_endpoint is_http_allowed", "panos_* http", "panos_* telnet",
    ];
    LOGGING_OFF Medium (Opening) [
        "aws_api_gateway_method_settings settings.data_trace_enabled",
    ];
    ENCRYPTION_OFF Medium (Words(&["KMS", "SSE_KMS", "AES256", "NONE", ""])) [
        "aws_kinesis_stream encryption_type",
    ];
    ENCRYPTION_OFF Medium (Words(&["ENCRYPTED", "DECRYPTED", ""])) [
        "google_container_cluster database_encryption.state",
    ];
    ENCRYPTION_OFF Medium (Words(&["TRUSTED_CLIENT_CERTIFICATE_REQUIRED", "ENCRYPTED_ONLY", "ALLOW_UNENCRYPTED_AND_ENCRYPTED", ""])) [
        "google_* ssl_mode",
    ];
    ENCRYPTION_OFF Medium (Words(&["SECURE_ALWAYS", "SECURE_OPTIONAL", ""])) [
        "google_cloudfunctions* https_trigger_security_level",
    ];
    ENCRYPTION_OFF Medium (Words(&["Disabled", "FtpsOnly", "AllAllowed"])) [
        "azurerm_* ftps_state",
    ];
    ENCRYPTION_OFF Medium (Words(&["ssl", "https", "tcp", "http"])) [
        "aws_elb listener.lb_protocol", "aws_elb listener.instance_protocol",
    ];
    ENCRYPTION_OFF Medium (Words(&["verify-full", "verify-ca", "require", "none"])) [
        "aws_dms_endpoint ssl_mode",
    ];
    ENCRYPTION_OFF Medium (Words(&["SERVER_AUTHENTICATION", "TLS", "DISABLED", "NONE", ""])) [
        "* transit_encryption_mode", "* cluster_endpoint_encryption_type",
    ];
    ENCRYPTION_OFF Medium (Words(&["Open", "Update", "Close"])) [
        "alicloud_* ssl_action",
    ];
    ENCRYPTION_OFF Medium (Words(&["TLS", "TLS_PLAINTEXT", "PLAINTEXT"])) [
        "aws_msk_cluster client_broker",
    ];
    ENCRYPTION_OFF High (Words(&["SecureString", "String"])) [
        "aws_ssm_parameter type",
    ];
    ENCRYPTION_WEAK Medium (Words(&["RESTRICTED", "MODERN", "COMPATIBLE", ""])) [
        "google_compute_ssl_policy profile", "google_compute_region_ssl_policy profile",
    ];
    ENCRYPTION_WEAK Medium (Words(&["scram-sha-256", "md5"])) [
        "* password_encryption",
    ];
    ENCRYPTION_WEAK Medium (Joins(&["TLSv1", "SSLv3"])) [
        "aws_cloudfront_distribution origin_ssl_protocols",
    ];
    ENCRYPTION_OFF Medium (Joins(&["FTP"])) [
        "aws_transfer_server protocols",
    ];
    ENCRYPTION_OFF Medium (Words(&["SIGNING", "NOT_SIGNING"])) [
        "aws_route53_hosted_zone_dnssec signing_status",
    ];
    }

    /// What is written down of what is done with it.
    const RECORDED {
    LOGGING_OFF Medium (Guard) [
        "aws_cloudtrail event_selector.include_management_events", "aws_cloudtrail is_organization_trail",
        "aws_cloudtrail cloud_watch_logs_group_arn", "* access_log_settings.destination_arn",
        "aws_cloudfront_distribution logging_config.bucket", "azurerm_kubernetes_cluster oms_agent.enabled",
        "aws_config_configuration_recorder recording_group.all_supported",
        "aws_config_configuration_recorder recording_group.include_global_resource_types",
        "azurerm_kubernetes_cluster oms_agent", "azurerm_monitor_diagnostic_setting log_analytics_workspace_id",
        "google_container_cluster logging_config", "* log_checkpoints", "* log_connections",
        "* log_disconnections",
    ];
    LOGGING_OFF Medium (Leaves) [
        "aws_cloudtrail event_selector", "aws_cloudtrail event_selector.data_resource",
        "aws_cloudtrail advanced_event_selector",
        "aws_config_configuration_recorder recording_group.resource_types",
        "azurerm_monitor_diagnostic_setting enabled_log", "azurerm_monitor_diagnostic_setting log",
        "azurerm_monitor_log_profile categories", "azurerm_monitor_log_profile locations",
        "google_container_cluster logging_config.enable_components",
        "google_project_iam_audit_config audit_log_config",
        "google_organization_iam_audit_config audit_log_config",
        "google_folder_iam_audit_config audit_log_config", "aws_*opensearch* log_publishing_options",
        "aws_*elasticsearch* log_publishing_options",
    ];
    LOGGING_OFF Medium (Joins(&[])) [
        "aws_cloudtrail event_selector.exclude_management_event_sources",
        "aws_config_configuration_recorder exclusion_by_resource_types.resource_types",
        "google_logging_* exclusions", "datadog_logs_index exclusion_filter",
    ];
    LOGGING_OFF Medium (Opening) [
        "google_logging_* disabled",
    ];
    LOGGING_OFF Medium (Words(&["All", "WriteOnly"])) [
        "aws_cloudtrail event_selector.read_write_type",
    ];
    LOGGING_OFF Medium (Words(&["All", "ReadOnly"])) [
        "aws_cloudtrail event_selector.read_write_type",
    ];
    LOGGING_OFF Medium (Words(&["ALL", "REJECT"])) [
        "aws_flow_log traffic_type",
    ];
    LOGGING_OFF Medium (Words(&["ALL", "ACCEPT"])) [
        "aws_flow_log traffic_type",
    ];
    LOGGING_OFF Medium (Words(&["ALL", "ERROR", "FATAL", "OFF", ""])) [
        "aws_sfn_state_machine logging_configuration.level",
    ];
    LOGGING_OFF Medium (Words(&["INFO", "ERROR", "OFF", ""])) [
        "aws_api_gateway_method_settings settings.logging_level",
    ];
    LOGGING_OFF Medium (Words(&["OVERRIDE", "DEFAULT", "NONE", ""])) [
        "aws_ecs_cluster execute_command_configuration.logging",
    ];
    LOGGING_OFF Medium (Kept) [
        "azurerm_network_watcher_flow_log retention_policy.days",
        "azurerm_monitor_diagnostic_setting retention_policy.days",
        "azurerm_mssql_*auditing_policy retention_in_days",
    ];
    WATCH_OFF Medium (Guard) [
        "azurerm_kubernetes_cluster microsoft_defender", "azurerm_kubernetes_cluster azure_policy_enabled",
        "azurerm_security_center_contact email", "azurerm_security_center_contact alert_notifications",
        "azurerm_mssql_server_security_alert_policy state",
        "azurerm_mssql_server_security_alert_policy email_addresses",
        "aws_lambda_function code_signing_config_arn",
        "azurerm_mssql_server_security_alert_policy email_account_admins", "gitlab_* prevent_secrets",
        "aws_bedrock* guardrail_configuration", "aws_bedrock* guardrail_configuration.guardrail_identifier",
    ];
    WATCH_OFF High (Guard) [
        "google_compute_backend_* security_policy", "azurerm_application_gateway firewall_policy_id",
        "azurerm_application_gateway waf_configuration", "azurerm_* web_application_firewall_policy_link_id",
        "aws_waf* default_action.block",
    ];
    WATCH_OFF Medium (Leaves) [
        "aws_waf* rule", "aws_waf* rules",
        "azurerm_web_application_firewall_policy managed_rules.managed_rule_set",
        "google_compute_security_policy rule", "aws_inspector2_enabler resource_types",
        "aws_organizations_organization enabled_policy_types",
        "google_access_context_manager_service_perimeter status.restricted_services",
    ];
    WATCH_OFF Medium (Appears) [
        "aws_wafv2_web_acl rule.override_action.count",
        "aws_wafv2_web_acl managed_rule_group_statement.rule_action_override",
        "aws_wafv2_web_acl managed_rule_group_statement.excluded_rule",
        "azurerm_web_application_firewall_policy managed_rules.exclusion",
        "azurerm_web_application_firewall_policy rule_group_override",
    ];
    WATCH_OFF Medium (Opening) [
        "google_compute_security_policy* rule.preview",
    ];
    WATCH_OFF Medium (Words(&["Deny", "Alert", "Off", ""])) [
        "azurerm_firewall* threat_intelligence_mode", "azurerm_firewall* threat_intel_mode",
        "azurerm_firewall* intrusion_detection.mode",
    ];
    WATCH_OFF Medium (Words(&["Standard", "Free"])) [
        "azurerm_security_center_subscription_pricing tier",
    ];
    WATCH_OFF Medium (Words(&["CONTINUOUS_SCAN", "SCAN_ON_PUSH", "MANUAL"])) [
        "aws_ecr_registry_scanning_configuration rule.scan_frequency",
    ];
    WATCH_OFF Medium (Words(&["ENHANCED", "BASIC"])) [
        "aws_ecr_registry_scanning_configuration scan_type",
        "google_container_cluster security_posture_config.mode",
    ];
    WATCH_OFF Medium (Words(&["aws:drop", "aws:forward_to_sfe", "aws:pass"])) [
        "aws_networkfirewall_* stateless_default_actions",
        "aws_networkfirewall_* stateless_fragment_default_actions",
    ];
    WATCH_OFF Medium (Words(&["block", "managed_challenge", "js_challenge", "challenge", "log", "skip"])) [
        "cloudflare_* rules.action", "cloudflare_* action",
    ];
    WATCH_OFF Medium (Words(&["under_attack", "high", "medium", "low", "essentially_off", "off"])) [
        "cloudflare_* security_level",
    ];
    WATCH_OFF Medium (Words(&["strictest", "defensive", "monitor"])) [
        "aws_* desync_mitigation_mode",
    ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_names_a_type_and_a_way() {
        for row in all().flat_map(|family| family.settings) {
            let (pattern, way) = row.split_once(' ').unwrap();
            assert!(!pattern.is_empty() && !way.is_empty(), "{row}");
        }
    }
}
