# What somebody logs in by who was given access for some hours (`grant-access.sh`): an IAM role for each role that there
# is, whose sessions the cluster knows as `access:EMAIL`. What they may do there is said by RoleBindings with an end.
variable "name" {
  description = "The cluster's name, with which the roles begin."
  type        = string
}

variable "cluster_arn" {
  description = "The cluster."
  type        = string
}

variable "granters" {
  description = "Who begins such sessions: ARNs of IAM users. None: nobody does, and nothing is made."
  type        = list(string)
}

locals {
  # The longest session of each, in hours: as src/hotel_booking/ops/access/terms.py has them.
  hours = { read-only = 12, operator = 8, dba = 4, deployer = 2 }
  roles = length(var.granters) > 0 ? local.hours : {}
}

data "aws_iam_policy_document" "trust" {
  count = length(local.roles) > 0 ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.granters
    }

    condition {
      test     = "Bool"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["true"]
    }

    # The session's name is whose it is: an e-mail address, and no Kubernetes name of anything else.
    condition {
      test     = "StringLike"
      variable = "sts:RoleSessionName"
      values   = ["*@*.*"]
    }
  }
}

data "aws_iam_policy_document" "find" {
  statement {
    actions   = ["eks:DescribeCluster"]
    resources = [var.cluster_arn]
  }
}

# All that a session may do at AWS, and all that it could be given: who revokes writes policies of these roles.
resource "aws_iam_policy" "find" {
  count       = length(local.roles) > 0 ? 1 : 0
  name        = "${var.name}-access"
  description = "Find the cluster, to log in to it"
  policy      = data.aws_iam_policy_document.find.json
}

resource "aws_iam_role" "this" {
  for_each             = local.roles
  name                 = "${var.name}-access-${each.key}"
  description          = "Access for some hours as ${each.key} (hotel-booking ops access)"
  assume_role_policy   = data.aws_iam_policy_document.trust[0].json
  permissions_boundary = aws_iam_policy.find[0].arn
  max_session_duration = each.value * 3600
}

resource "aws_iam_role_policy_attachment" "find" {
  for_each   = aws_iam_role.this
  role       = each.value.name
  policy_arn = aws_iam_policy.find[0].arn
}

# In no group: RBAC knows them by their name alone.
resource "aws_eks_access_entry" "this" {
  for_each          = aws_iam_role.this
  cluster_name      = var.name
  principal_arn     = each.value.arn
  type              = "STANDARD"
  user_name         = "access:{{SessionNameRaw}}"
  kubernetes_groups = []
}

data "aws_iam_policy_document" "granter" {
  count = length(local.roles) > 0 ? 1 : 0

  statement {
    actions   = ["sts:AssumeRole", "iam:GetRolePolicy", "iam:PutRolePolicy"]
    resources = values(aws_iam_role.this)[*].arn
  }
}

resource "aws_iam_policy" "granter" {
  count       = length(local.roles) > 0 ? 1 : 0
  name        = "${var.name}-granter"
  description = "Begin sessions of access for some hours, and deny them"
  policy      = data.aws_iam_policy_document.granter[0].json
}

output "pattern" {
  description = "HOTEL_ACCESS_AWS_ROLE of whoever grants; null where nobody does."
  value       = length(local.roles) > 0 ? replace(aws_iam_role.this["read-only"].arn, "access-read-only", "access-{role}") : null
}

output "granter_policy" {
  description = "The policy that whoever grants is given; null where nobody does."
  value       = length(local.roles) > 0 ? aws_iam_policy.granter[0].arn : null
}
