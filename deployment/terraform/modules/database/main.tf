variable "name" {
  description = "The instance's name."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnets" {
  description = "Subnets from which no route leads out."
  type        = list(string)
}

variable "client_security_group" {
  description = "Who may connect."
  type        = string
}

variable "size" {
  description = "Class, GB at first and at most, days of point-in-time recovery, standby in a second zone, connections."
  type = object({
    class           = string
    storage_gb      = number
    storage_most_gb = number
    retention_days  = number
    multi_az        = bool
    max_connections = number
  })
}

variable "replica_of" {
  description = "ARN of the instance that this is a replica of, in another region; null for a primary."
  type        = string
  default     = null
}

variable "protected" {
  description = "Whether it refuses to be deleted."
  type        = bool
}

variable "key_arn" {
  description = "The KMS key of disk, password and insights."
  type        = string
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "PostgreSQL, from the cluster's nodes and pods"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from nodes and pods"
  referenced_security_group_id = var.client_security_group
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_parameter_group" "this" {
  name        = var.name
  family      = "postgres15"
  description = "What the application needs (docs/DEPLOYMENT_GUIDE.md)"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # The application sets its own, of a minute (core/db.py); this one is for a person's psql left open with
  # rows locked.
  parameter {
    name  = "idle_in_transaction_session_timeout"
    value = "300000"
  }

  parameter {
    name  = "log_lock_waits"
    value = "1"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter {
    name  = "rds.log_retention_period"
    value = "4320"
  }

  # The rest takes effect at the next restart only.
  parameter {
    name         = "max_connections"
    value        = tostring(var.size.max_connections)
    apply_method = "pending-reboot"
  }

  parameter {
    name         = "shared_preload_libraries"
    value        = "pg_stat_statements"
    apply_method = "pending-reboot"
  }
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name               = "${var.name}-database-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring_trust.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "this" {
  # checkov:skip=CKV_AWS_161:Tokens of IAM last 15 minutes and a pool opens connections when it likes; the password is generated and rotated (docs/decisions/0065)
  # checkov:skip=CKV_AWS_157:Two zones in production; staging is one, and a sleeping standby too
  # checkov:skip=CKV_AWS_293:Protected in production and dr; restores replace staging's
  identifier = var.name

  # A replica has these from what it copies.
  replicate_source_db         = var.replica_of
  engine                      = var.replica_of == null ? "postgres" : null
  engine_version              = var.replica_of == null ? "15" : null
  db_name                     = var.replica_of == null ? "hotel_booking" : null
  username                    = var.replica_of == null ? "hotel_operator" : null
  manage_master_user_password = var.replica_of == null ? true : null
  allocated_storage           = var.replica_of == null ? var.size.storage_gb : null

  master_user_secret_kms_key_id = var.replica_of == null ? var.key_arn : null

  instance_class        = var.size.class
  max_allocated_storage = var.size.storage_most_gb
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.key_arn

  multi_az               = var.size.multi_az
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  parameter_group_name   = aws_db_parameter_group.this.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period   = var.size.retention_days # point-in-time recovery, to within 5 minutes
  backup_window             = "00:10-00:40"
  delete_automated_backups  = false
  copy_tags_to_snapshot     = true
  deletion_protection       = var.protected
  skip_final_snapshot       = !var.protected
  final_snapshot_identifier = var.protected ? "${var.name}-last" : null

  maintenance_window         = "sun:02:00-sun:06:00" # the runbook's
  auto_minor_version_upgrade = true
  apply_immediately          = var.replica_of != null # a standby that is woken can't wait for Sunday

  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.key_arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]

  lifecycle {
    # A replica that was promoted in a disaster stays promoted: this must not make it one again.
    ignore_changes = [replicate_source_db]
  }

  depends_on = [aws_iam_role_policy_attachment.monitoring]
}

output "host" {
  description = "DB_HOST."
  value       = aws_db_instance.this.address
}

output "arn" {
  description = "The instance, as copies of its backups name it."
  value       = aws_db_instance.this.arn
}

output "identifier" {
  description = "The instance's name, as metrics have it."
  value       = aws_db_instance.this.identifier
}

output "master_secret_arn" {
  description = "Where RDS keeps the password of `hotel_operator`; null for a replica."
  value       = try(aws_db_instance.this.master_user_secret[0].secret_arn, null)
}
