# A standby has none of its own but a log: it works on the copies, which production keeps in its region.
locals {
  # Two copies of the runbook's table "Backup Schedule": the folder a backup lies in says how long it is kept.
  backup_days = {
    "database/"      = 30
    "state/"         = 7
    "configuration/" = 90
  }
  backup_lock = { mode = var.backup_lock_mode, days = min(values(local.backup_days)...) }

  backups = "hotel-booking-${local.primary}-backups-${local.account}"
  assets  = "hotel-booking-${local.primary}-assets-${local.account}"
  # Names are the world's, so a copy's says where it is.
  backups_here = local.standby ? "${local.backups}-${var.region}" : local.backups
  assets_here  = local.standby ? "${local.assets}-${var.region}" : local.assets
  status_files = "hotel-booking-${local.primary}-status-${local.account}"
}

module "backups" {
  source      = "./modules/bucket"
  count       = local.standby ? 0 : 1
  name        = local.backups
  key_arn     = module.key.arn
  lock        = local.backup_lock
  expiry_days = local.backup_days
  deletable   = !var.protected
}

# Photos that staff uploaded; what they removed can be brought back for a month.
module "assets" {
  source       = "./modules/bucket"
  count        = local.standby ? 0 : 1
  name         = local.assets
  key_arn      = module.key.arn
  expiry_days  = { "" = 30 }
  keep_current = true
  deletable    = !var.protected
}

module "logs" {
  source      = "./modules/bucket"
  name        = "${local.name}-logs-${local.account}"
  expiry_days = { "" = 90 }
  statements  = [data.aws_iam_policy_document.logs.json]
  deletable   = !var.protected
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid       = "LoadBalancersWrite"
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::${local.name}-logs-${local.account}/${local.name}/AWSLogs/${local.account}/*"]

    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }
  }
}

# The status page's files lie in another region than the platform, so that they say when it is down.
module "status" {
  source       = "./modules/bucket"
  count        = local.standby ? 0 : 1
  name         = local.status_files
  expiry_days  = { "" = 7 }
  keep_current = true
  statements   = data.aws_iam_policy_document.status[*].json
  deletable    = true

  providers = { aws = aws.elsewhere }
}

data "aws_iam_policy_document" "status" {
  count = var.edge == "cloudfront" && !local.standby ? 1 : 0

  statement {
    sid       = "CloudFrontReads"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${local.status_files}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [module.edge[0].status_distribution_arn]
    }
  }
}
