//! The second half of the table of settings: what holds back loss, what one has to show, what has to be met, and rights.
//!
//! Written in November 2026 from the documentation of the providers; [`super::turn_table`] says how it is read.

use super::turn_table::{Family, families};
use crate::findings::Severity::{High, Low, Medium};
use crate::findings::rule;
use crate::findings::setting::Turn::{
    Falls, Fewer, Guard, Joins, Kept, Leaves, More, Moves, Nought, Opening, Words,
};

families! {
    /// For how long and how often it is kept, and what holds back its loss.
    const KEPT {
    PROTECTION_OFF Medium (Guard) [
        "aws_db_instance deletion_protection", "aws_instance disable_api_termination",
        "aws_instance disable_api_stop", "aws_launch_template disable_api_termination",
        "aws_elasticache_replication_group automatic_failover_enabled",
        "aws_elasticache_replication_group multi_az_enabled", "aws_dlm_lifecycle_policy state",
        "aws_backup_plan rule.copy_action", "aws_sqs_queue redrive_policy",
        "google_pubsub_subscription dead_letter_policy", "google_storage_bucket retention_policy",
        "google_storage_bucket retention_policy.is_locked", "azurerm_* long_term_retention_policy",
        "azurerm_* high_availability", "azurerm_service_plan zone_balancing_enabled", "azurerm_recovery_services_vault cross_region_restore_enabled",
        "azurerm_* soft_delete_enabled", "azurerm_mssql_database ledger_enabled", "mongodbatlas_* pit_enabled",
        "* lifecycle.prevent_destroy", "aws_kms_key is_enabled", "aws_kms_external_key enabled",
    ];
    PROTECTION_OFF Medium (Opening) [
        "aws_db_instance delete_automated_backups", "aws_rds_cluster delete_automated_backups",
        "aws_ecr_repository force_delete", "aws_fsx_* skip_final_backup",
        "google_bigquery_dataset delete_contents_on_destroy", "aws_neptune_cluster skip_final_snapshot",
        "tfe_workspace auto_apply",
    ];
    PROTECTION_OFF Medium (Opening) [
        "aws_dynamodb_table ttl.enabled", "google_firestore_field ttl_config",
    ];
    PROTECTION_OFF Medium (Kept) [
        "google_bigquery_* time_partitioning.expiration_ms", "google_bigquery_dataset default_table_expiration_ms",
        "google_bigquery_dataset default_partition_expiration_ms",
    ];
    PROTECTION_OFF Medium (Words(&["false", "true"])) [
        "* ebs_block_device.delete_on_termination", "* ebs.delete_on_termination",
        "google_compute_instance* boot_disk.auto_delete",
    ];
    PROTECTION_OFF Medium (Fewer) [
        "aws_rds_cluster backtrack_window", "aws_backup_plan lifecycle.delete_after",
        "google_kms_crypto_key destroy_scheduled_duration", "google_bigquery_dataset max_time_travel_hours",
        "google_sql_database_instance backup_retention_settings.retained_backups",
        "azurerm_backup_policy_* count",
    ];
    PROTECTION_OFF Medium (Leaves) [
        "aws_backup_plan rule", "aws_backup_selection resources",
    ];
    PROTECTION_OFF Medium (Words(&["PREVENT", "ABANDON", "DELETE", ""])) [
        "google_* deletion_policy",
    ];
    PROTECTION_OFF High (Words(&["Locked", "Unlocked", "Disabled", ""])) [
        "azurerm_recovery_services_vault immutability", "azurerm_data_protection_backup_vault immutability",
    ];
    PROTECTION_OFF Medium (Words(&["AlwaysOn", "On", "Off"])) [
        "azurerm_data_protection_backup_vault soft_delete",
    ];
    PROTECTION_OFF Medium (Words(&["GeoRedundant", "ZoneRedundant", "LocallyRedundant"])) [
        "azurerm_* storage_mode_type", "azurerm_* redundancy",
    ];
    PROTECTION_OFF Medium (Words(&["Geo", "GeoZone", "Zone", "Local"])) [
        "azurerm_* storage_account_type", "azurerm_* storage_redundancy", "azurerm_* backup.storage_redundancy",
    ];
    PROTECTION_OFF Medium (Words(&["Continuous", "Periodic"])) [
        "azurerm_cosmosdb_account backup.type",
    ];
    PROTECTION_OFF Medium (Words(&["GZRS", "RAGZRS", "GRS", "RAGRS", "ZRS", "LRS"])) [
        "azurerm_storage_account account_replication_type",
    ];
    PROTECTION_OFF Medium (Words(&["PROTECTED", "UNPROTECTED"])) [
        "google_bigtable_* deletion_protection",
    ];
    CLOUD_SCALED_TO_ZERO Medium (Nought) [
        "aws_ecs_service desired_count", "aws_*autoscaling* max_capacity",
        "google_compute_*instance_group_manager target_size", "kubernetes_* spec.replicas",
        "google_container_* node_count",
    ];
    }

    /// What one has to show to get in.
    const SIGNED_IN {
    LOGIN_WEAKER High (Guard) [
        "*opensearch* advanced_security_options", "*elasticsearch* advanced_security_options",
        "*opensearch* advanced_security_options.enabled", "*elasticsearch* advanced_security_options.enabled",
        "google_container_cluster workload_identity_config",
        "google_iam_workload_identity_pool_provider attribute_condition",
        "azurerm_kubernetes_cluster azure_active_directory_role_based_access_control",
        "google_compute_backend_* iap.enabled", "aws_elasticache_replication_group auth_token",
        "aws_elasticache_replication_group user_group_ids",
    ];
    ACCESS_LASTS_LONGER Medium (Guard) [
        "google_kms_crypto_key rotation_period", "azurerm_key_vault_* expiration_date", "azuread_* end_date",
        "* expires_at", "gitlab_* expires_at",
    ];
    LOGIN_WEAKER Medium (Guard) [
        "aws_db_instance iam_database_authentication_enabled",
        "aws_rds_cluster iam_database_authentication_enabled",
        "aws_neptune_cluster iam_database_authentication_enabled",
        "aws_db_instance manage_master_user_password", "aws_rds_cluster manage_master_user_password",
        "aws_cognito_user_pool_client enable_token_revocation",
        "google_container_cluster authenticator_groups_config",
        "google_container_cluster enable_shielded_nodes", "google_* metadata.enable-oslogin",
        "google_* metadata.block-project-ssh-keys", "google_sql_database_instance password_validation_policy",
        "azurerm_storage_account sas_policy", "azurerm_* client_certificate_enabled",
        "azurerm_* client_cert_enabled",
    ];
    LOGIN_WEAKER Medium (Opening) [
        "aws_msk_cluster client_authentication.unauthenticated",
        "google_container_cluster client_certificate_config.issue_client_certificate",
        "azurerm_cosmosdb_account access_key_metadata_writes_enabled", "google_* metadata.serial-port-enable",
        "* contained database authentication", "* cross db ownership chaining", "* local_infile",
    ];
    LOGIN_WEAKER Medium (Words(&["required", "optional", ""])) [
        "* metadata_options.http_tokens",
    ];
    LOGIN_WEAKER Medium (More) [
        "* metadata_options.http_put_response_hop_limit",
    ];
    LOGIN_WEAKER Medium (Words(&["2", "1", ""])) [
        "* minimum_instance_metadata_service_version",
    ];
    LOGIN_WEAKER Medium (Words(&["Required", "Optional", "OptionalInteractiveUser"])) [
        "azurerm_* client_certificate_mode",
    ];
    LOGIN_WEAKER Medium (Words(&["verify", "passthrough", "off", ""])) [
        "aws_lb_listener mutual_authentication.mode",
    ];
    LOGIN_WEAKER High (Guard) [
        "aws_*lb_listener* action.authenticate_oidc", "aws_*lb_listener* action.authenticate_cognito",
        "aws_*lb_listener* default_action.authenticate_oidc", "aws_*lb_listener* default_action.authenticate_cognito",
    ];
    LOGIN_WEAKER Medium (Moves) [
        "azurerm_federated_identity_credential subject", "azuread_application_federated_identity_credential subject",
        "azurerm_federated_identity_credential issuer", "azuread_application_federated_identity_credential issuer",
    ];
    LOGIN_WEAKER High (Words(&["authenticate-oidc", "forward"])) [
        "aws_*lb_listener* type",
    ];
    LOGIN_WEAKER High (Words(&["authenticate-cognito", "forward"])) [
        "aws_*lb_listener* type",
    ];
    LOGIN_WEAKER Medium (Falls("API_KEY")) [
        "aws_appsync_graphql_api authentication_type",
    ];
    LOGIN_WEAKER High (Falls("bypass")) [
        "cloudflare_*access_policy decision",
    ];
    LOGIN_WEAKER Medium (Joins(&["USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"])) [
        "aws_cognito_user_pool_client explicit_auth_flows",
    ];
    LOGIN_WEAKER Medium (Joins(&["implicit"])) [
        "aws_cognito_user_pool_client allowed_oauth_flows",
    ];
    LOGIN_WEAKER Medium (Joins(&["http://", "*"])) [
        "* callback_urls", "* redirect_uris", "* redirect_urls",
    ];
    LOGIN_WEAKER Medium (Words(&["STANDARD", "ALLOW_ALL"])) [
        "aws_qldb_ledger permissions_mode",
    ];
    }

    /// What has to be met before something is changed or run, and what it may do then.
    const GUARDED {
    PROTECTION_OFF Medium (Guard) [
        "azurerm_container_registry trust_policy", "azurerm_container_registry trust_policy_enabled",
        "azurerm_kubernetes_cluster network_profile.network_policy",
        "azurerm_kubernetes_cluster automatic_channel_upgrade",
        "azurerm_kubernetes_cluster automatic_upgrade_channel",
        "azurerm_*virtual_machine* automatic_updates_enabled",
        "azurerm_*virtual_machine* enable_automatic_updates", "google_container_* management.auto_upgrade", "google_container_cluster release_channel",
        "aws_elastic_beanstalk_environment managedactionsenabled", "aws_redshift_cluster allow_version_upgrade",
        "google_cloud_run_* binary_authorization", "github_branch_protection* dismiss_stale_reviews",
        "github_branch_protection* required_linear_history", "github_branch_protection* restrict_pushes",
        "github_branch_protection* push_restrictions", "github_repository_environment reviewers",
        "github_repository_environment deployment_branch_policy",
        "github_repository_environment prevent_self_review", "github_repository_ruleset* rules.deletion",
        "github_repository_ruleset* rules.non_fast_forward", "gitlab_* reset_approvals_on_push",
        "gitlab_* only_allow_merge_if_pipeline_succeeds",
        "gitlab_* disable_overriding_approvers_per_merge_request", "azuredevops_* blocking",
        "azuredevops_branch_policy_* enabled", "cloudflare_* browser_check", "aws_instance source_dest_check",
        "aws_route53domains_registered_domain registrant_privacy",
    ];
    PROTECTION_OFF Medium (Opening) [
        "github_branch_protection* allows_deletions", "github_branch_protection* allows_force_pushes",
        "github_* can_approve_pull_request_reviews", "gitlab_* merge_requests_author_approval",
        "gitlab_* allow_force_push", "azuredevops_* submitter_can_vote", "google_* spec.rules.allow_all",
        "google_container_cluster enable_kubernetes_alpha",
    ];
    PROTECTION_OFF Medium (Joins(&[])) [
        "github_branch_protection* pull_request_bypassers", "github_branch_protection* force_push_bypassers",
        "github_repository_ruleset* bypass_actors", "azuread_conditional_access_policy users.excluded_users",
        "azuread_conditional_access_policy users.excluded_groups",
        "azuread_conditional_access_policy applications.excluded_applications", "* exempted_members",
        "* exempt_principals",
    ];
    PROTECTION_OFF High (Words(&["enabled", "enabledForReportingButNotEnforced", "disabled"])) [
        "azuread_conditional_access_policy state",
    ];
    PROTECTION_OFF Medium (Words(&["active", "evaluate", "disabled"])) [
        "github_*_ruleset enforcement",
    ];
    PROTECTION_OFF Medium (Words(&["local_only", "selected", "all"])) [
        "github_* allowed_actions",
    ];
    PROTECTION_OFF Medium (Words(&["AutomaticByPlatform", "AutomaticByOS", "ImageDefault", "Manual"])) [
        "azurerm_* patch_mode",
    ];
    PROTECTION_OFF Medium (Words(&["no one", "maintainer", "developer"])) [
        "gitlab_branch_protection push_access_level", "gitlab_branch_protection merge_access_level",
        "gitlab_branch_protection unprotect_access_level",
    ];
    PROTECTION_OFF Medium (Falls("default")) [
        "aws_db_instance parameter_group_name", "aws_rds_cluster db_cluster_parameter_group_name",
        "aws_docdb_cluster db_cluster_parameter_group_name",
        "aws_elasticache_replication_group parameter_group_name",
        "aws_redshift_cluster cluster_parameter_group_name",
    ];
    PROTECTION_OFF Medium (Leaves) [
        "* shared_preload_libraries", "github_branch_protection* required_status_checks.contexts",
    ];
    REVIEW_OWNERS_LESS Medium (Fewer) [
        "azuredevops_* settings.reviewer_count",
    ];
    CLOUD_ROLE Medium (Words(&["pull", "triage", "push", "maintain", "admin"])) [
        "github_team_repository permission", "github_repository_collaborator permission",
    ];
    }

    /// What a container, a task or a machine may do.
    const RIGHTS {
    K8S_PRIVILEGED High (Opening) [
        "aws_* privileged", "aws_codebuild_project environment.privileged_mode",
        "kubernetes_* security_context.privileged", "nomad_* privileged", "docker_container privileged",
    ];
    K8S_HOST_NAMESPACE Medium (Falls("host")) [
        "aws_ecs_task_definition pid_mode", "aws_ecs_task_definition ipc_mode",
        "aws_ecs_task_definition network_mode", "docker_container network_mode",
    ];
    K8S_HOST_NAMESPACE High (Opening) [
        "kubernetes_* host_network", "kubernetes_* host_pid", "kubernetes_* host_ipc",
    ];
    K8S_UNCONFINED Medium (Guard) [
        "aws_* readonlyRootFilesystem", "kubernetes_* security_context.read_only_root_filesystem",
        "kubernetes_* security_context.run_as_non_root",
    ];
    K8S_CAPABILITY High (Joins(&["SYS_", "NET_ADMIN", "ALL", "BPF", "DAC_"])) [
        "* capabilities.add",
    ];
    K8S_RUNS_AS_ROOT Medium (Falls("root")) [
        "aws_* user",
    ];
    K8S_RUNS_AS_ROOT Medium (Falls("0")) [
        "aws_* user",
    ];
    CLOUD_ROLE Medium (Joins(&["cloud-platform"])) [
        "google_* oauth_scopes", "google_* service_account.scopes",
    ];
    }

    /// Names that say more than there is to them.
    const HARMLESS {
    PROTECTION_OFF Low (Guard) [
        "aws_vpc_endpoint private_dns_enabled", "google_compute_subnetwork private_ip_google_access",
        "aws_lambda_function vpc_config", "aws_lambda_function dead_letter_config",
        "aws_lambda_function tracing_config", "* performance_insights_enabled",
        "* performance_insights_kms_key_id", "* internal_user_database_enabled", "* xray_tracing_enabled", "aws_instance monitoring",
        "aws_launch_template monitoring", "google_container_cluster monitoring_config", "* monitoring_role_arn",
        "aws_cognito_user_pool auto_verified_attributes", "aws_cognito_user_pool verification_message_template",
    ];
    }
}
