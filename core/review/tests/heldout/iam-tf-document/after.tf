data "aws_iam_policy_document" "worker" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::jobs/*"]
  }

  statement {
    sid       = "Deploy"
    actions   = ["iam:AttachRolePolicy", "iam:PutRolePolicy"]
    resources = ["*"]
  }
}
