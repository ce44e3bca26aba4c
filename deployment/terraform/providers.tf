locals {
  tags = {
    Project     = "hotel-booking"
    Environment = var.environment
    CostCentre  = var.cost_centre
    ManagedBy   = "terraform"
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

# What has to outlive this environment's region: copies of backups, photos and secrets, and the status page.
provider "aws" {
  alias  = "elsewhere"
  region = var.copies_region

  default_tags {
    tags = local.tags
  }
}

# CloudFront takes its certificate and its firewall from here only, and Route 53 measures health from here.
provider "aws" {
  alias  = "global"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}
