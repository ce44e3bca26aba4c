# Copies of backups and photos in another region. That region's standby reads them; it makes nothing there that
# this state would need, so either can be applied without the other.
module "copies_key" {
  source   = "./modules/key"
  count    = var.copies ? 1 : 0
  name     = "${local.name}-copies"
  services = ["s3.${var.copies_region}.amazonaws.com"]

  providers = { aws = aws.elsewhere }
}

module "backup_copies" {
  source      = "./modules/bucket"
  count       = var.copies ? 1 : 0
  name        = "${local.backups}-${var.copies_region}"
  key_arn     = module.copies_key[0].arn
  lock        = local.backup_lock
  expiry_days = local.backup_days
  deletable   = !var.protected

  providers = { aws = aws.elsewhere }
}

module "asset_copies" {
  source       = "./modules/bucket"
  count        = var.copies ? 1 : 0
  name         = "${local.assets}-${var.copies_region}"
  key_arn      = module.copies_key[0].arn
  expiry_days  = { "" = 30 }
  keep_current = true
  deletable    = !var.protected

  providers = { aws = aws.elsewhere }
}

# The database's own archive: where there is no replica, `dr-restore.sh` restores from it.
resource "aws_db_instance_automated_backups_replication" "database" {
  count                  = var.copies ? 1 : 0
  source_db_instance_arn = module.database.arn
  retention_period       = var.database.retention_days
  kms_key_id             = module.copies_key[0].arn

  provider = aws.elsewhere
}

locals {
  copied = var.copies ? {
    backups = { from = module.backups[0], to = module.backup_copies[0] }
    assets  = { from = module.assets[0], to = module.asset_copies[0] }
  } : {}
}

data "aws_iam_policy_document" "copying_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "copying" {
  count = var.copies ? 1 : 0

  statement {
    actions   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    resources = [for pair in local.copied : pair.from.arn]
  }

  statement {
    actions = [
      "s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersionAcl",
      "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging",
    ]
    resources = [for pair in local.copied : "${pair.from.arn}/*"]
  }

  statement {
    actions   = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]
    resources = [for pair in local.copied : "${pair.to.arn}/*"]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [module.key.arn]
  }

  statement {
    actions   = ["kms:Encrypt"]
    resources = [module.copies_key[0].arn]
  }
}

resource "aws_iam_role" "copying" {
  count              = var.copies ? 1 : 0
  name               = "${local.name}-copying"
  assume_role_policy = data.aws_iam_policy_document.copying_trust.json
}

resource "aws_iam_role_policy" "copying" {
  count  = var.copies ? 1 : 0
  name   = "what-it-does"
  role   = aws_iam_role.copying[0].id
  policy = data.aws_iam_policy_document.copying[0].json
}

resource "aws_s3_bucket_replication_configuration" "copies" {
  for_each = local.copied

  bucket = each.value.from.name
  role   = aws_iam_role.copying[0].arn

  rule {
    id     = "everything"
    status = "Enabled"

    filter {}

    # What is deleted here stays there, until it expires.
    delete_marker_replication {
      status = "Disabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = each.value.to.arn
      storage_class = "STANDARD_IA"

      encryption_configuration {
        replica_kms_key_id = module.copies_key[0].arn
      }

      # Within 15 minutes, and measured.
      replication_time {
        status = "Enabled"

        time {
          minutes = 15
        }
      }

      metrics {
        status = "Enabled"

        event_threshold {
          minutes = 15
        }
      }
    }
  }
}
