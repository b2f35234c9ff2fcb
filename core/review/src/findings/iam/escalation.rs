//! Combinations of AWS actions that together give more rights than each alone.
//!
//! The knowledge is that of the published lists of privilege-escalation methods (Rhino Security Labs and those
//! who went on with it), told in our own words. A single action that is enough by itself stands in
//! [`super::action`].

/// Actions that must all be held, and what they then give.
pub(super) const COMBINATIONS: &[(&[&str], &str)] = &[
    (
        &["iam:PassRole", "ec2:RunInstances"],
        "start a machine that acts as another role",
    ),
    (
        &["iam:PassRole", "ec2:RequestSpotInstances"],
        "start a machine that acts as another role",
    ),
    (
        &[
            "iam:PassRole",
            "autoscaling:CreateLaunchConfiguration",
            "autoscaling:CreateAutoScalingGroup",
        ],
        "start machines that act as another role",
    ),
    (
        &["iam:PassRole", "ec2:AssociateIamInstanceProfile"],
        "make a running machine act as another role",
    ),
    (
        &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
        "run a function as another role",
    ),
    (
        &[
            "iam:PassRole",
            "lambda:CreateFunction",
            "lambda:CreateEventSourceMapping",
        ],
        "have a function run as another role on an event",
    ),
    (
        &["iam:PassRole", "lambda:CreateFunction", "lambda:AddPermission"],
        "let somebody else run a function as another role",
    ),
    (
        &[
            "iam:PassRole",
            "lambda:CreateFunction",
            "lambda:CreateFunctionUrlConfig",
        ],
        "put a function that acts as another role behind an address",
    ),
    (
        &["lambda:UpdateFunctionCode", "lambda:InvokeFunction"],
        "run code of one's own with the rights of a function",
    ),
    (
        &["iam:PassRole", "cloudformation:CreateStack"],
        "make resources as another role",
    ),
    (
        &[
            "iam:PassRole",
            "cloudformation:CreateChangeSet",
            "cloudformation:ExecuteChangeSet",
        ],
        "make resources as another role",
    ),
    (
        &[
            "iam:PassRole",
            "datapipeline:CreatePipeline",
            "datapipeline:PutPipelineDefinition",
            "datapipeline:ActivatePipeline",
        ],
        "run a pipeline as another role",
    ),
    (
        &["iam:PassRole", "glue:CreateDevEndpoint"],
        "open a shell that acts as another role",
    ),
    (
        &["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"],
        "run a job as another role",
    ),
    (
        &["iam:PassRole", "glue:CreateJob", "glue:CreateTrigger"],
        "have a job run as another role",
    ),
    (
        &["iam:PassRole", "glue:CreateSession", "glue:RunStatement"],
        "run statements as another role",
    ),
    (
        &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"],
        "run a build as another role",
    ),
    (
        &["iam:PassRole", "codebuild:UpdateProject", "codebuild:StartBuild"],
        "run a build as another role",
    ),
    (
        &[
            "iam:PassRole",
            "sagemaker:CreateNotebookInstance",
            "sagemaker:CreatePresignedNotebookInstanceUrl",
        ],
        "open a notebook that acts as another role",
    ),
    (
        &["iam:PassRole", "sagemaker:CreateTrainingJob"],
        "run a training job as another role",
    ),
    (
        &["iam:PassRole", "sagemaker:CreateProcessingJob"],
        "run a processing job as another role",
    ),
    (
        &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"],
        "run a container as another role",
    ),
    (
        &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:StartTask"],
        "run a container as another role",
    ),
    (
        &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:CreateService"],
        "keep a container running as another role",
    ),
    (
        &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:UpdateService"],
        "make a running service act as another role",
    ),
    (
        &["iam:PassRole", "batch:RegisterJobDefinition", "batch:SubmitJob"],
        "run a batch job as another role",
    ),
    (
        &[
            "iam:PassRole",
            "states:CreateStateMachine",
            "states:StartExecution",
        ],
        "call services as another role",
    ),
    (
        &["iam:PassRole", "scheduler:CreateSchedule"],
        "call services as another role on a schedule",
    ),
    (
        &["iam:PassRole", "ssm:StartAutomationExecution"],
        "run an automation as another role",
    ),
    (
        &[
            "iam:PassRole",
            "bedrock-agentcore:CreateCodeInterpreter",
            "bedrock-agentcore:InvokeCodeInterpreter",
        ],
        "run code as another role",
    ),
    (
        &["iam:PassRole", "apprunner:CreateService"],
        "run a service as another role",
    ),
    (
        &["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"],
        "become a role by letting oneself in",
    ),
    (
        &["iam:AttachRolePolicy", "sts:AssumeRole"],
        "become a role that was given any policy",
    ),
    (
        &["iam:PutRolePolicy", "sts:AssumeRole"],
        "become a role that was given any right",
    ),
    (
        &["iam:CreateRole", "iam:AttachRolePolicy"],
        "make a role with any policy",
    ),
    (
        &["iam:CreateRole", "iam:PutRolePolicy"],
        "make a role with any right",
    ),
    (
        &["iam:CreateUser", "iam:CreateAccessKey", "iam:AttachUserPolicy"],
        "make a user with any policy and a key",
    ),
    (
        &[
            "ec2:ModifyInstanceAttribute",
            "ec2:StopInstances",
            "ec2:StartInstances",
        ],
        "put code into the start of a machine that has a role",
    ),
    (
        &["ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"],
        "put code into machines that start later",
    ),
    (
        &["ec2:CreateSnapshot", "ec2:ModifySnapshotAttribute"],
        "hand the contents of a disk to another account",
    ),
    (
        &["rds:CreateDBSnapshot", "rds:ModifyDBSnapshotAttribute"],
        "hand the contents of a database to another account",
    ),
];

/// Actions that read the data itself, not what is said about it.
pub(super) const DATA_READS: &[&str] = &[
    "aoss:APIAccessAll",
    "athena:GetQueryResults",
    "cassandra:Select",
    "codecommit:GitPull",
    "dynamodb:BatchGetItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ebs:GetSnapshotBlock",
    "es:ESHttpGet",
    "glacier:GetJobOutput",
    "kinesis:GetRecords",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetQueryResults",
    "neptune-db:ReadDataViaQuery",
    "rds-data:ExecuteStatement",
    "rds-db:connect",
    "redshift-data:GetStatementResult",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "sqs:ReceiveMessage",
];

#[cfg(test)]
mod tests {
    use super::super::action::SENSITIVE;
    use super::super::table::table;
    use super::*;

    #[test]
    fn every_named_action_is_in_the_table() {
        let named = COMBINATIONS
            .iter()
            .flat_map(|(actions, _)| actions.iter())
            .chain(DATA_READS)
            .chain(SENSITIVE.iter().map(|(action, _)| action));
        let unknown: Vec<_> = named.filter(|action| table().expand(action).is_empty()).collect();
        assert_eq!(unknown, Vec::<&&str>::new());
    }
}
