//! The action table: AWS actions that give power, by what they give.
//!
//! It is dated, not complete: an action that is not in it is unknown, not safe, and its gain is told by its
//! verb. Sources: the published lists of privilege-escalation methods and AWS's service authorization
//! reference.

use crate::findings::observation::matches_glob;

/// The day the table was last looked over.
pub(super) const AS_OF: &str = "2026-11";

/// What an action gives to whoever holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Power {
    /// More rights than the holder has, directly or by running code as somebody else.
    Escalation,
    /// Opening resources or sharing data with others.
    Exposure,
    /// Hiding traces or switching protection off.
    Evasion,
    /// Reading secrets or keys.
    Secrets,
    /// Destroying data.
    Destruction,
}

impl Power {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Escalation => "can be used to gain further rights",
            Self::Exposure => "can open resources to others",
            Self::Evasion => "can hide traces or switch protection off",
            Self::Secrets => "reads secrets or keys",
            Self::Destruction => "destroys data",
        }
    }
}

/// The actions, in order of name.
pub(super) const SENSITIVE: &[(&str, Power)] = &[
    ("acm-pca:IssueCertificate", Power::Escalation),
    ("autoscaling:CreateLaunchConfiguration", Power::Escalation),
    ("backup:DeleteRecoveryPoint", Power::Destruction),
    ("bedrock-agentcore:CreateCodeInterpreter", Power::Escalation),
    ("cloudformation:CreateStack", Power::Escalation),
    ("cloudformation:SetStackPolicy", Power::Evasion),
    ("cloudformation:UpdateStack", Power::Escalation),
    ("cloudtrail:DeleteTrail", Power::Evasion),
    ("cloudtrail:PutEventSelectors", Power::Evasion),
    ("cloudtrail:StopLogging", Power::Evasion),
    ("cloudtrail:UpdateTrail", Power::Evasion),
    ("codebuild:CreateProject", Power::Escalation),
    ("codebuild:StartBuild", Power::Escalation),
    ("codebuild:UpdateProject", Power::Escalation),
    ("codestar:CreateProject", Power::Escalation),
    ("config:DeleteConfigurationRecorder", Power::Evasion),
    ("config:StopConfigurationRecorder", Power::Evasion),
    ("datapipeline:PutPipelineDefinition", Power::Escalation),
    ("dynamodb:DeleteTable", Power::Destruction),
    ("dynamodb:PutResourcePolicy", Power::Exposure),
    ("ec2:AssociateIamInstanceProfile", Power::Escalation),
    ("ec2:AuthorizeSecurityGroupIngress", Power::Exposure),
    ("ec2:DeleteSnapshot", Power::Destruction),
    ("ec2:ModifyImageAttribute", Power::Exposure),
    ("ec2:ModifyInstanceAttribute", Power::Escalation),
    ("ec2:ModifySnapshotAttribute", Power::Exposure),
    ("ec2:ReplaceIamInstanceProfileAssociation", Power::Escalation),
    ("ec2:RunInstances", Power::Escalation),
    ("ec2-instance-connect:SendSSHPublicKey", Power::Escalation),
    ("ecr:SetRepositoryPolicy", Power::Exposure),
    ("ecs:ExecuteCommand", Power::Escalation),
    ("ecs:RegisterTaskDefinition", Power::Escalation),
    ("ecs:RunTask", Power::Escalation),
    ("eks:AssociateAccessPolicy", Power::Escalation),
    ("eks:CreateAccessEntry", Power::Escalation),
    ("elasticfilesystem:PutFileSystemPolicy", Power::Exposure),
    ("glue:CreateDevEndpoint", Power::Escalation),
    ("glue:CreateJob", Power::Escalation),
    ("glue:PutResourcePolicy", Power::Exposure),
    ("glue:UpdateDevEndpoint", Power::Escalation),
    ("glue:UpdateJob", Power::Escalation),
    ("guardduty:DeleteDetector", Power::Evasion),
    ("iam:AddUserToGroup", Power::Escalation),
    ("iam:AttachGroupPolicy", Power::Escalation),
    ("iam:AttachRolePolicy", Power::Escalation),
    ("iam:AttachUserPolicy", Power::Escalation),
    ("iam:CreateAccessKey", Power::Escalation),
    ("iam:CreateLoginProfile", Power::Escalation),
    ("iam:CreateOpenIDConnectProvider", Power::Escalation),
    ("iam:CreatePolicyVersion", Power::Escalation),
    ("iam:CreateRole", Power::Escalation),
    ("iam:CreateSAMLProvider", Power::Escalation),
    ("iam:CreateServiceLinkedRole", Power::Escalation),
    ("iam:CreateUser", Power::Escalation),
    ("iam:DeactivateMFADevice", Power::Evasion),
    ("iam:DeleteRolePermissionsBoundary", Power::Escalation),
    ("iam:DeleteUserPermissionsBoundary", Power::Escalation),
    ("iam:PassRole", Power::Escalation),
    ("iam:PutGroupPolicy", Power::Escalation),
    ("iam:PutRolePermissionsBoundary", Power::Escalation),
    ("iam:PutRolePolicy", Power::Escalation),
    ("iam:PutUserPolicy", Power::Escalation),
    ("iam:SetDefaultPolicyVersion", Power::Escalation),
    ("iam:UpdateAssumeRolePolicy", Power::Escalation),
    ("iam:UpdateLoginProfile", Power::Escalation),
    ("kms:CreateGrant", Power::Escalation),
    ("kms:Decrypt", Power::Secrets),
    ("kms:DisableKey", Power::Destruction),
    ("kms:PutKeyPolicy", Power::Exposure),
    ("kms:ScheduleKeyDeletion", Power::Destruction),
    ("lambda:AddPermission", Power::Exposure),
    ("lambda:CreateEventSourceMapping", Power::Escalation),
    ("lambda:CreateFunction", Power::Escalation),
    ("lambda:InvokeFunction", Power::Escalation),
    ("lambda:UpdateFunctionCode", Power::Escalation),
    ("lambda:UpdateFunctionConfiguration", Power::Escalation),
    ("logs:DeleteLogGroup", Power::Evasion),
    ("logs:PutResourcePolicy", Power::Exposure),
    ("organizations:AttachPolicy", Power::Escalation),
    ("organizations:DeletePolicy", Power::Evasion),
    ("organizations:DetachPolicy", Power::Evasion),
    ("organizations:LeaveOrganization", Power::Evasion),
    ("ram:CreateResourceShare", Power::Exposure),
    ("rds:DeleteDBCluster", Power::Destruction),
    ("rds:DeleteDBInstance", Power::Destruction),
    ("rds:ModifyDBSnapshotAttribute", Power::Exposure),
    ("redshift:GetClusterCredentials", Power::Secrets),
    ("s3:BypassGovernanceRetention", Power::Destruction),
    ("s3:DeleteBucket", Power::Destruction),
    ("s3:DeleteBucketPolicy", Power::Exposure),
    ("s3:DeleteObjectVersion", Power::Destruction),
    ("s3:PutAccountPublicAccessBlock", Power::Exposure),
    ("s3:PutBucketAcl", Power::Exposure),
    ("s3:PutBucketPolicy", Power::Exposure),
    ("s3:PutBucketPublicAccessBlock", Power::Exposure),
    ("s3:PutObjectAcl", Power::Exposure),
    ("s3:PutReplicationConfiguration", Power::Exposure),
    ("sagemaker:CreateNotebookInstance", Power::Escalation),
    ("sagemaker:CreatePresignedNotebookInstanceUrl", Power::Escalation),
    ("sagemaker:CreateProcessingJob", Power::Escalation),
    ("sagemaker:CreateTrainingJob", Power::Escalation),
    ("secretsmanager:GetSecretValue", Power::Secrets),
    ("secretsmanager:PutResourcePolicy", Power::Exposure),
    ("securityhub:DisableSecurityHub", Power::Evasion),
    ("sns:AddPermission", Power::Exposure),
    ("sns:SetTopicAttributes", Power::Exposure),
    ("sqs:AddPermission", Power::Exposure),
    ("sqs:SetQueueAttributes", Power::Exposure),
    ("ssm:CreateAssociation", Power::Escalation),
    ("ssm:GetParameter", Power::Secrets),
    ("ssm:GetParameters", Power::Secrets),
    ("ssm:GetParametersByPath", Power::Secrets),
    ("ssm:SendCommand", Power::Escalation),
    ("ssm:StartAutomationExecution", Power::Escalation),
    ("ssm:StartSession", Power::Escalation),
    ("sso:AttachManagedPolicyToPermissionSet", Power::Escalation),
    ("sso:CreateAccountAssignment", Power::Escalation),
    ("sso:PutInlinePolicyToPermissionSet", Power::Escalation),
    ("states:CreateStateMachine", Power::Escalation),
    ("states:UpdateStateMachine", Power::Escalation),
    ("sts:AssumeRole", Power::Escalation),
    ("wafv2:DeleteWebACL", Power::Evasion),
];

/// Services of which all actions together amount to control of the account or of its data.
pub(super) const POWERFUL_SERVICES: &[&str] = &[
    "cloudformation",
    "dynamodb",
    "ec2",
    "ecs",
    "eks",
    "glue",
    "iam",
    "kms",
    "lambda",
    "organizations",
    "rds",
    "s3",
    "sagemaker",
    "secretsmanager",
    "ssm",
    "sso",
    "sts",
];

/// Returns the sensitive actions that a pattern of a policy allows.
pub(super) fn sensitive(pattern: &str) -> impl Iterator<Item = &'static (&'static str, Power)> {
    let pattern = pattern.to_ascii_lowercase();
    SENSITIVE
        .iter()
        .filter(move |(action, _)| matches_glob(&pattern, &action.to_ascii_lowercase()))
}

/// Actions that act on resources of one type only: on any other they allow nothing.
const ACTS_ON: &[(&str, &str)] = &[
    ("ecs:RunTask", "task-definition"),
    ("ecs:StartTask", "task-definition"),
    ("iam:PassRole", "role"),
    ("iam:UpdateAssumeRolePolicy", "role"),
    ("iam:PutRolePolicy", "role"),
    ("iam:AttachRolePolicy", "role"),
    ("iam:CreateAccessKey", "user"),
    ("iam:CreateLoginProfile", "user"),
    ("lambda:UpdateFunctionCode", "function"),
    ("lambda:UpdateFunctionConfiguration", "function"),
    ("sts:AssumeRole", "role"),
    ("secretsmanager:GetSecretValue", "secret"),
];

/// Says whether an action can act on what a resource's name stands for; a name that is not understood may be all.
pub(super) fn acts_on(action: &str, resource: &str) -> bool {
    let Some((_, wanted)) = ACTS_ON.iter().find(|(name, _)| *name == action) else {
        return true;
    };
    let rest = resource
        .splitn(6, ':')
        .nth(5)
        .filter(|_| resource.starts_with("arn:"));
    let kind = rest.and_then(|rest| rest.split(['/', ':']).next());
    kind.is_none_or(|kind| kind == *wanted || kind.contains(['*', '?', '$', '{']))
}

/// Says whether an action changes something, by its verb; one without a known reading verb does.
pub(super) fn writes(pattern: &str) -> bool {
    const READING: &[&str] = &[
        "get", "list", "describe", "head", "view", "search", "lookup", "query", "scan", "batchget", "check",
        "validate", "estimate", "preview", "simulate", "select", "read",
    ];
    let verb = pattern
        .split_once(':')
        .map_or("", |(_, name)| name)
        .to_ascii_lowercase();
    !READING.iter().any(|reading| verb.starts_with(reading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_dated_and_has_no_entry_twice() {
        assert_eq!(AS_OF.len(), 7);
        let names: std::collections::BTreeSet<_> = SENSITIVE.iter().map(|(action, _)| action).collect();
        assert_eq!(names.len(), SENSITIVE.len());
    }

    #[test]
    fn patterns_are_expanded_without_regard_to_case() {
        assert!(sensitive("IAM:passrole").any(|(action, _)| *action == "iam:PassRole"));
        assert!(sensitive("iam:Pass*").any(|(action, _)| *action == "iam:PassRole"));
        assert_eq!(sensitive("s3:GetObject").count(), 0);
    }

    #[test]
    fn an_unknown_verb_writes() {
        assert!(writes("new:Frobnicate") && writes("s3:*") && writes("s3:PutObject"));
        assert!(!writes("s3:GetObject") && !writes("ec2:Describe*"));
    }

    #[test]
    fn an_action_acts_on_resources_of_its_type() {
        assert!(acts_on(
            "ecs:RunTask",
            "arn:aws:ecs:eu-west-1:111122223333:task-definition/a:*"
        ));
        assert!(!acts_on(
            "ecs:RunTask",
            "arn:aws:ecs:eu-west-1:111122223333:task/prod/*"
        ));
        assert!(acts_on(
            "ecs:RunTask",
            "arn:aws:ecs:eu-west-1:111122223333:task*/a"
        ));
        assert!(acts_on("iam:PassRole", "*"));
        assert!(acts_on("iam:PassRole", "${aws_iam_role.a.arn}"));
        assert!(acts_on("s3:GetObject", "arn:aws:s3:::a/*"));
    }
}
