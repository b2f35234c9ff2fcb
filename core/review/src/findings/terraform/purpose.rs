//! What types of resources are for: which hold data or an identity, which guard, which let in, which lose nothing.
//!
//! Written in November 2026 from the documentation of the providers. A type is known by parts of its name, so that
//! those of one kind are known in every provider; what only belongs to one that holds data, such as its parameters or
//! its policy, holds none itself.

/// What a resource is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It holds data or an identity, which are lost with it.
    Holds,
    /// It guards, records or watches.
    Guards,
    /// It lets somebody in: with it gone, less is open.
    LetsIn,
    /// It belongs to another and holds nothing itself: nothing is lost where it is made anew.
    Belongs,
    /// Nothing is lost with it at all.
    Passing,
    /// It runs something, or is not known.
    Runs,
}

/// Returns what resources of a type are for.
pub(super) fn purpose(kind: &str) -> Purpose {
    let has = |list: &str| list.split_ascii_whitespace().any(|part| kind.contains(part));
    let ends = |list: &str| list.split_ascii_whitespace().any(|end| kind.ends_with(end));
    match () {
        () if has(GUARDS) || ends(GUARDS_AT_END) => Purpose::Guards,
        () if ends(LETS_IN) => Purpose::LetsIn,
        () if has(PASSING) => Purpose::Passing,
        () if ends(BELONGS) => Purpose::Belongs,
        () if has(HOLDS) => Purpose::Holds,
        () => Purpose::Runs,
    }
}

/// Parts of the names of types that guard, record or watch.
const GUARDS: &str = "public_access_block block_public_access bucket_versioning bucket_logging \
    server_side_encryption_configuration object_lock_configuration ebs_encryption_by_default flow_log guardduty \
    securityhub config_configuration_recorder config_config_rule config_organization config_delivery accessanalyzer \
    macie2 inspector detective_ _waf wafv2 shield_protection networkfirewall_firewall web_application_firewall \
    organizations_policy account_password_policy backup_plan backup_selection vault_lock secret_rotation metric_alarm \
    composite_alarm log_metric_filter log_subscription_filter alert_policy alert_rule activity_log_alert \
    metric_alert notification_channel action_group diagnostic_setting management_lock security_center \
    advanced_threat_protection sentinel_ policy_assignment org_policy organization_policy iam_audit_config \
    _project_sink _organization_sink _folder_sink compute_security_policy branch_protection repository_ruleset \
    organization_ruleset azuredevops_branch_policy conditional_access kubernetes_network_policy \
    pod_disruption_budget vault_audit auditing_policy security_alert_policy vulnerability_assessment \
    hosted_zone_dnssec service_perimeter binary_authorization_policy dlm_lifecycle_policy datadog_monitor \
    pagerduty_service pagerduty_escalation opsgenie_ azurerm_network_security_group \
    subnet_network_security_group network_interface_security_group iam_deny_policy digitalocean_firewall \
    digitalocean_database_firewall hcloud_firewall linode_firewall vultr_firewall_group";

/// Ends of the names of such types.
const GUARDS_AT_END: &str = "_backup_policy _replication_configuration _firewall_policy _monitor_alert";

/// Ends of the names of types that only let somebody in.
const LETS_IN: &str = "_security_group_rule _security_group_ingress_rule _security_group_egress_rule _security_rule \
    _security_group _compute_firewall _network_acl_rule _firewall_rule _iam_member _iam_binding _policy_attachment \
    _role_assignment _lambda_permission _function_url _membership _collaborator _iam_access_key \
    _service_account_key _storage_hmac_key _login_profile _iam_user _ssh_key _api_key _access_entry \
    _access_policy_association _role_binding _role_binding_v1 _access_policy _role_policy _user_policy \
    _group_policy _launch_permission _application_password _service_principal_password _event_permission \
    _principal_association _repository_policy _queue_policy _topic_policy _bucket_policy \
    _sql_user _database_user mysql_user postgresql_role";

/// Parts of the names of types that are made anew beside the old one, or of which nothing is lost.
const PASSING: &str = "null_resource terraform_data time_sleep time_static time_rotating time_offset local_file archive_file random_pet random_shuffle random_integer \
    _task_definition _layer_version _launch_configuration _launch_template _instance_template \
    _api_gateway_deployment _dashboard _placement_group _certificate_validation _job_definition";

/// Ends of the names of what belongs to a resource that holds data, and holds none itself.
const BELONGS: &str = "_parameter_group _subnet_group _option_group _policy _attachment _association _notification \
    _subscription_filter _event_subscription _configuration _rule _mount_target _access_point _alias _acl \
    _cors_configuration _ownership_controls _website_configuration _network_rules _virtual_network_rule _grant \
    _grants _event_target _event_rule _topic_subscription _listener_rule _key_pair _iam_policy _acceleration \
    _metric _inventory _analytics_configuration _private_endpoint _active_directory_administrator \
    _aad_administrator _lifecycle_configuration _permission _ssl_certificate _acm_certificate \
    _secret_version _user_group";

/// Parts of the names of types that hold data or an identity.
const HOLDS: &str = "_db_ _rds_ _sql mysql postgresql mariadb database dynamodb bucket storage_account \
    storage_container storage_share storage_table storage_blob storage_data_lake data_lake ebs_volume \
    ebs_snapshot _disk _volume _snapshot efs_ fsx_ filestore netapp_ _nas_ file_system kms_key crypto_key key_ring \
    key_vault managed_hardware_security cloudhsm certificate_authority acmpca secretsmanager_secret secret_manager \
    _secret ssm_parameter vault_mount elasticache memorydb memorystore redis dax_cluster redshift opensearch \
    elasticsearch cloudsearch search_service kendra docdb neptune timestream qldb keyspaces msk_ kafka \
    kinesis_stream kinesis_video _queue pubsub_topic pubsub_subscription servicebus_topic servicebus_namespace \
    eventhub mq_broker mq_instance route53_zone dns_zone dns_managed_zone cloudflare_zone registered_domain \
    cognito_user_pool identity_platform directory_service ecr_repository ecrpublic_repository artifact_registry \
    container_registry codecommit_repository codeartifact sourcerepo github_repository gitlab_project \
    eks_cluster container_cluster kubernetes_cluster containerengine_cluster kubernetes_namespace \
    kubernetes_stateful_set persistent_volume backup_vault recovery_services_vault bigquery spanner bigtable \
    firestore datastore alloydb cosmosdb kusto synapse_workspace databricks_workspace snowflake_ mongodbatlas_ \
    healthcare_ featurestore metastore composer_environment workspaces_workspace log_analytics_workspace \
    logging_project_bucket application_insights app_configuration machine_learning_workspace iothub \
    random_password random_id random_string random_uuid tls_private_key iam_access_key cloudtrail log_group \
    glacier organizations_account google_project google_folder resource_group google_service_account \
    user_assigned_identity azuread_application autonomous_ kv_namespace d1_ \
    image_version aws_ami machine_image lightsail_disk athena_workgroup";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_what_they_are_for() {
        for (expected, kinds) in [
            (
                Purpose::Holds,
                "aws_db_instance aws_rds_cluster aws_s3_bucket aws_dynamodb_table aws_ebs_volume aws_efs_file_system \
                 aws_kms_key aws_secretsmanager_secret aws_sqs_queue aws_ecr_repository aws_route53_zone \
                 aws_cognito_user_pool aws_opensearch_domain aws_elasticache_replication_group aws_mq_broker \
                 aws_cloudwatch_log_group aws_backup_vault google_sql_database_instance google_storage_bucket \
                 google_bigquery_dataset google_kms_crypto_key google_compute_disk google_pubsub_subscription \
                 google_filestore_instance google_firestore_database google_artifact_registry_repository \
                 azurerm_storage_account azurerm_mssql_database azurerm_postgresql_flexible_server \
                 azurerm_cosmosdb_account azurerm_key_vault azurerm_managed_disk azurerm_container_registry \
                 azurerm_recovery_services_vault azurerm_redis_cache azurerm_eventhub azurerm_resource_group \
                 azurerm_search_service github_repository digitalocean_database_cluster mongodbatlas_cluster \
                 kubernetes_persistent_volume_claim_v1 cloudflare_r2_bucket oci_objectstorage_bucket",
            ),
            (
                Purpose::Guards,
                "aws_s3_bucket_public_access_block aws_flow_log aws_wafv2_web_acl_association \
                 aws_organizations_policy_attachment aws_cloudwatch_metric_alarm azurerm_management_lock \
                 azurerm_monitor_diagnostic_setting azurerm_subnet_network_security_group_association \
                 google_logging_project_sink github_branch_protection aws_secretsmanager_secret_rotation",
            ),
            (
                Purpose::LetsIn,
                "aws_security_group_rule aws_iam_user_policy_attachment google_project_iam_member \
                 azurerm_role_assignment github_team_membership aws_iam_access_key aws_s3_bucket_policy",
            ),
            (
                Purpose::Belongs,
                "aws_db_parameter_group aws_db_subnet_group aws_iam_policy aws_s3_bucket_notification \
                 aws_volume_attachment aws_secretsmanager_secret_version aws_cloudwatch_event_rule",
            ),
            (
                Purpose::Passing,
                "aws_ecs_task_definition null_resource time_sleep aws_cloudwatch_dashboard",
            ),
            (
                Purpose::Runs,
                "aws_instance aws_lambda_function aws_lb azurerm_linux_web_app google_cloud_run_v2_service acme_x",
            ),
        ] {
            for kind in kinds.split_ascii_whitespace() {
                assert_eq!(purpose(kind), expected, "{kind}");
            }
        }
    }
}
