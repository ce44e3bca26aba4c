terraform {
  required_version = ">= 1.11, < 2" # write-only arguments, and a lock in the bucket itself

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # The rest is in environments/<environment>.s3.tfbackend: one state for each, in its own region, so that
  # the dr environment can be applied while the region of production is gone.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}
