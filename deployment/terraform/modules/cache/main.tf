variable "name" {
  description = "The replication group's name."
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
  description = "Node type, shards, copies of each."
  type = object({
    node_type = string
    shards    = number
    replicas  = number
  })
}

variable "password" {
  description = "What clients say with AUTH."
  type        = string
  sensitive   = true
}

variable "key_arn" {
  description = "The KMS key of what it writes to disk."
  type        = string
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_security_group" "this" {
  name        = "${var.name}-cache"
  description = "Redis, from the cluster's nodes and pods"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-cache" }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id            = aws_security_group.this.id
  description                  = "Redis from nodes and pods"
  referenced_security_group_id = var.client_security_group
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Counts requests; may be flushed or lost at any time"

  engine               = "redis"
  engine_version       = "7.1"
  node_type            = var.size.node_type
  parameter_group_name = "default.redis7.cluster.on"
  port                 = 6379

  num_node_groups            = var.size.shards
  replicas_per_node_group    = var.size.replicas
  automatic_failover_enabled = true # cluster mode has no other way
  multi_az_enabled           = var.size.replicas > 0

  transit_encryption_enabled = true
  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arn
  auth_token                 = var.password
  auth_token_update_strategy = "ROTATE" # the old one counts too, until pods have the new one

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.this.id]

  snapshot_retention_limit   = 0 # there is nothing in it to restore
  maintenance_window         = "sun:02:00-sun:06:00"
  auto_minor_version_upgrade = true
  apply_immediately          = true
}

output "host" {
  description = "REDIS_HOST: answers for all shards."
  value       = aws_elasticache_replication_group.this.configuration_endpoint_address
}

output "name" {
  description = "The replication group's name."
  value       = aws_elasticache_replication_group.this.id
}

output "members" {
  description = "Names of its nodes, as metrics have them."
  value       = [for pair in setproduct(range(1, var.size.shards + 1), range(1, var.size.replicas + 2)) : format("%s-%04d-%03d", var.name, pair[0], pair[1])]
}
