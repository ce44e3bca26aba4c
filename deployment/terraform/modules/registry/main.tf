terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  description = "The repository's name."
  type        = string
}

variable "key_arn" {
  description = "The KMS key of the images."
  type        = string
}

variable "replicas" {
  description = "Regions that get every image too."
  type        = list(string)
  default     = []
}

data "aws_caller_identity" "this" {}

resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE" # a tag that was scanned and signed stays that image

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last 100 releases, to go back to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 100 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_replication_configuration" "this" {
  count = length(var.replicas) > 0 ? 1 : 0

  replication_configuration {
    rule {
      dynamic "destination" {
        for_each = var.replicas

        content {
          region      = destination.value
          registry_id = data.aws_caller_identity.this.account_id
        }
      }

      repository_filter {
        filter      = var.name
        filter_type = "PREFIX_MATCH"
      }
    }
  }
}

output "arn" {
  description = "The repository."
  value       = aws_ecr_repository.this.arn
}

output "url" {
  description = "The image's address without its tag."
  value       = aws_ecr_repository.this.repository_url
}
