# What each ServiceAccount may do at AWS: no other namespace and no other name takes its role.
locals {
  photos = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]

  # By alias: a standby works with the key of the copies too, which is made elsewhere.
  key_aliases = local.standby ? ["alias/${local.name}", "alias/hotel-booking-${local.primary}-copies"] : ["alias/${local.name}"]

  service_accounts = {
    hotel-booking        = { namespace = local.name, buckets = { (local.assets_here) = local.photos } }
    hotel-booking-worker = { namespace = local.name, buckets = { (local.assets_here) = local.photos } }
    # It can add and read, photos too; nothing it holds can remove a backup.
    hotel-booking-backups = {
      namespace = local.name
      buckets = {
        (local.backups_here) = ["s3:GetObject", "s3:PutObject", "s3:PutObjectRetention", "s3:AbortMultipartUpload"]
        (local.assets_here)  = ["s3:GetObject"]
      }
    }
    hotel-booking-status = { namespace = local.name, buckets = { (local.status_files) = ["s3:PutObject"] } }
    external-secrets     = { namespace = "external-secrets", buckets = {} }
  }
}

data "aws_iam_policy_document" "service_accounts" {
  for_each = local.service_accounts

  dynamic "statement" {
    for_each = each.value.buckets

    content {
      actions   = statement.value
      resources = ["arn:aws:s3:::${statement.key}/*"]
    }
  }

  dynamic "statement" {
    for_each = contains(flatten(values(each.value.buckets)), "s3:GetObject") ? each.value.buckets : {}

    content {
      actions   = ["s3:ListBucket"]
      resources = ["arn:aws:s3:::${statement.key}"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "external-secrets" ? [1] : []

    content {
      actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      resources = [for name in distinct([local.primary, var.environment]) : "arn:aws:secretsmanager:${var.region}:${local.account}:secret:hotel-booking/${name}/*"]
    }
  }

  # Status files are encrypted by S3's own key.
  dynamic "statement" {
    for_each = each.key == "hotel-booking-status" ? [] : [1]

    content {
      actions   = each.key == "external-secrets" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["arn:aws:kms:${var.region}:${local.account}:key/*"]

      condition {
        test     = "ForAnyValue:StringEquals"
        variable = "kms:ResourceAliases"
        values   = local.key_aliases
      }
    }
  }
}

module "service_account" {
  source   = "./modules/identity"
  for_each = local.service_accounts

  name            = "${local.name}-${each.key}"
  issuer          = module.cluster.issuer
  issuer_arn      = module.cluster.issuer_arn
  service_account = "${each.value.namespace}:${each.key}"
  policy          = data.aws_iam_policy_document.service_accounts[each.key].json
}
