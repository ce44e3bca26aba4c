# What an AWS account has once, for all environments: where states lie, images, and who may work. Applied
# first, by whoever opened the account; its own state stays with them (docs/DEPLOYMENT_GUIDE.md, "On AWS").
terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "region" {
  description = "The region of production and staging."
  type        = string
  default     = "eu-central-1"
}

variable "standby_region" {
  description = "The region of dr."
  type        = string
  default     = "eu-west-1"
}

variable "github_repository" {
  description = "owner/name of the repository whose branch main pushes images."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "Write owner/name, such as hotel-group/hotel-booking: a * would let every repository push images."
  }
}

locals {
  tags = {
    Project     = "hotel-booking"
    Environment = "account"
    CostCentre  = "hotel-booking"
    ManagedBy   = "terraform"
  }
  account = data.aws_caller_identity.this.account_id
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "standby"
  region = var.standby_region

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "this" {}

# States: staging's and production's here, dr's in dr's region.
module "state_key" {
  source   = "../modules/key"
  name     = "hotel-booking-account"
  services = ["s3.${var.region}.amazonaws.com"]
}

module "state" {
  source       = "../modules/bucket"
  name         = "hotel-booking-terraform-${local.account}-${var.region}"
  key_arn      = module.state_key.arn
  expiry_days  = { "" = 90 }
  keep_current = true
}

module "standby_state_key" {
  source   = "../modules/key"
  name     = "hotel-booking-account"
  services = ["s3.${var.standby_region}.amazonaws.com"]

  providers = { aws = aws.standby }
}

module "standby_state" {
  source       = "../modules/bucket"
  name         = "hotel-booking-terraform-${local.account}-${var.standby_region}"
  key_arn      = module.standby_state_key.arn
  expiry_days  = { "" = 90 }
  keep_current = true

  providers = { aws = aws.standby }
}

# One image for all environments: what staging ran is what production gets.
module "images" {
  source   = "../modules/registry"
  name     = "hotel-booking"
  key_arn  = module.state_key.arn
  replicas = [var.standby_region]
}

# ECR would make the copy's repository itself, with tags that can be moved.
module "standby_images" {
  source  = "../modules/registry"
  name    = "hotel-booking"
  key_arn = module.standby_state_key.arn

  providers = { aws = aws.standby }
}

# GitHub Actions has no key: GitHub vouches for a run, AWS gives it an hour.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "images_trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${var.github_repository}:ref:refs/heads/main"]
    }
  }
}

data "aws_iam_policy_document" "images" {
  # checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken knows no resource
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
      "ecr:DescribeImageScanFindings", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [module.images.arn]
  }
}

resource "aws_iam_role" "images" {
  name               = "hotel-booking-ci-images"
  description        = "GitHub Actions, on branch main only: pushes images, and nothing else"
  assume_role_policy = data.aws_iam_policy_document.images_trust.json
}

resource "aws_iam_role_policy" "images" {
  name   = "what-it-does"
  role   = aws_iam_role.images.id
  policy = data.aws_iam_policy_document.images.json
}

# Who administers clusters (an access entry in each) takes this role, with a second factor.
data "aws_iam_policy_document" "operators_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${local.account}:root"]
    }

    condition {
      test     = "Bool"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["true"]
    }
  }
}

data "aws_iam_policy_document" "operators" {
  statement {
    actions   = ["eks:DescribeCluster"]
    resources = ["arn:aws:eks:*:${local.account}:cluster/hotel-booking-*"]
  }
}

resource "aws_iam_role" "operators" {
  name                 = "hotel-booking-operators"
  description          = "Administers the Kubernetes clusters; at AWS it sees only where they are"
  assume_role_policy   = data.aws_iam_policy_document.operators_trust.json
  max_session_duration = 14400
}

resource "aws_iam_role_policy" "operators" {
  name   = "what-it-does"
  role   = aws_iam_role.operators.id
  policy = data.aws_iam_policy_document.operators.json
}

output "state_buckets" {
  description = "`-backend-config=bucket=` of each environment."
  value = {
    staging    = module.state.name
    production = module.state.name
    dr         = module.standby_state.name
  }
}

output "image" {
  description = "The image's address without its tag, for each environment."
  value = {
    staging    = module.images.url
    production = module.images.url
    dr         = module.standby_images.url
  }
}

output "ci_role" {
  description = "The repository's variable AWS_ROLE_ARN."
  value       = aws_iam_role.images.arn
}
