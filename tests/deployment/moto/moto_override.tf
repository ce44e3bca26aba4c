# Laid over a copy of deployment/terraform before it is applied to moto: the state is a file, and what moto
# forgets is not asked for again. What is left out altogether, moto does not know.
terraform {
  backend "local" {}
}

resource "aws_s3_bucket_replication_configuration" "copies" {
  lifecycle {
    ignore_changes = [rule]
  }
}

resource "aws_db_instance_automated_backups_replication" "database" {
  count = 0
}
