# The IAM role of one Kubernetes ServiceAccount (IRSA).
variable "name" {
  description = "The role's name."
  type        = string
}

variable "issuer" {
  description = "Who vouches for the cluster's ServiceAccounts, without https://."
  type        = string
}

variable "issuer_arn" {
  description = "The same, as IAM knows it."
  type        = string
}

variable "service_account" {
  description = "namespace:name; no other takes the role."
  type        = string
}

variable "policy" {
  description = "What it may do, as JSON."
  type        = string
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.issuer_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.issuer}:sub"
      values   = ["system:serviceaccount:${var.service_account}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "what-it-does"
  role   = aws_iam_role.this.id
  policy = var.policy
}

output "arn" {
  description = "The role, for the annotation eks.amazonaws.com/role-arn."
  value       = aws_iam_role.this.arn
}
