terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  description = "The bucket's name."
  type        = string
}

variable "key_arn" {
  description = "The KMS key of its objects; null for S3's own, where a service writes that can use no other."
  type        = string
  default     = null
}

variable "lock" {
  description = "Object lock: GOVERNANCE or COMPLIANCE, and for how many days at least; null for none."
  type = object({
    mode = string
    days = number
  })
  default = null
}

variable "expiry_days" {
  description = "How many days objects below a prefix are kept, and replaced or deleted ones after that again as many; \"\" is all objects."
  type        = map(number)
}

variable "keep_current" {
  description = "Whether only what was replaced or deleted expires."
  type        = bool
  default     = false
}

variable "statements" {
  description = "A policy, as JSON, that is added to the bucket's own."
  type        = list(string)
  default     = []
}

variable "deletable" {
  description = "Whether the bucket may be deleted with what is in it."
  type        = bool
  default     = false
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:Who reads and writes is told by CloudTrail's data events, for which access logs are no substitute
  # checkov:skip=CKV_AWS_144:Backups and photos of production are copied (copies.tf); the other buckets hold what can be made again
  # checkov:skip=CKV2_AWS_62:Nobody waits for an event; backups are checked by the drill that restores them
  # checkov:skip=CKV_AWS_145:By `key_arn` wherever who writes can use a key of ours; load balancers cannot
  bucket              = var.name
  object_lock_enabled = var.lock != null
  force_destroy       = var.deletable
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.key_arn
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  count  = var.lock == null ? 0 : 1
  bucket = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode = var.lock.mode
      days = var.lock.days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  dynamic "rule" {
    for_each = var.expiry_days

    content {
      id     = rule.key == "" ? "everything" : trimsuffix(rule.key, "/")
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      dynamic "expiration" {
        for_each = var.keep_current ? [] : [rule.value]

        content {
          days = expiration.value
        }
      }

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = var.statements

  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

output "arn" {
  description = "The bucket."
  value       = aws_s3_bucket.this.arn
}

output "name" {
  description = "The bucket's name, once it has versions and a policy."
  value       = aws_s3_bucket.this.id

  depends_on = [aws_s3_bucket_versioning.this, aws_s3_bucket_policy.this]
}

output "domain_name" {
  description = "The bucket's address in its region."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
