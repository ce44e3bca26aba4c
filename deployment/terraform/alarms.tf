locals {
  database_dimensions = { DBInstanceIdentifier = local.name }
  balancer_dimensions = { LoadBalancer = module.ingress.arn_suffix }

  alarms = merge({
    database-connections = {
      namespace = "AWS/RDS", metric = "DatabaseConnections", dimensions = local.database_dimensions
      threshold = floor(0.8 * local.database.max_connections)
      says      = "Four fifths of max_connections are taken: lower HOTEL_POOL_SIZE times HOTEL_WORKERS, or raise database.max_connections."
    }
    database-cpu = {
      namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.database_dimensions
      threshold = 80
      says      = "The database's processors are 80 % busy: see Performance Insights."
    }
    database-disk = {
      namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = local.database_dimensions
      below     = true, threshold = 0.15 * local.database.storage_gb * 1024 * 1024 * 1024
      says      = "Less than 15 % of the first disk is free: it should have grown by itself, up to database.storage_most_gb."
    }
    database-memory = {
      namespace = "AWS/RDS", metric = "FreeableMemory", dimensions = local.database_dimensions
      below     = true, threshold = 256 * 1024 * 1024
      says      = "The database has less than 256 MB of memory left: take a larger class."
    }
    load-balancer-errors = {
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.balancer_dimensions
      statistic = "Sum", threshold = 25, missing = "notBreaching"
      says      = "The load balancer itself answers 5xx: no node takes its requests."
    }
    load-balancer-slow = {
      namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = local.balancer_dimensions
      statistic = "p95", threshold = 0.5, missing = "notBreaching"
      says      = "p95 above 500 ms (runbook, Key Metrics)."
    }
    nodes-unhealthy = {
      namespace  = "AWS/ApplicationELB", metric = "UnHealthyHostCount"
      dimensions = merge(local.balancer_dimensions, { TargetGroup = module.ingress.target_group_arn_suffix })
      statistic  = "Maximum", threshold = 0, minutes = 10
      says       = "A node's gateway has not answered for 10 minutes."
    }
    },
    { for member in module.cache.members : "cache-memory-${member}" => {
      namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", dimensions = { CacheClusterId = member }
      threshold = 85
      says      = "Redis is 85 % full, and evicts what it counts."
    } },
    # The runbook's recovery point objective.
    local.standby ? {
      replica-lag = {
        namespace = "AWS/RDS", metric = "ReplicaLag", dimensions = local.database_dimensions
        statistic = "Maximum", threshold = 300, missing = "breaching"
        says      = "The standby is 5 minutes behind: a switch would lose more than the RPO allows."
      }
    } : {},
  )
}

module "alarms" {
  source  = "./modules/alarms"
  name    = local.name
  emails  = var.alarm_emails
  key_arn = module.key.arn
  alarms  = local.alarms
}

# Route 53 measures in us-east-1 only.
module "site_alarm_key" {
  source   = "./modules/key"
  count    = local.standby ? 0 : 1
  name     = "${local.name}-site-alarm"
  services = ["cloudwatch.amazonaws.com", "sns.amazonaws.com"]

  providers = { aws = aws.global }
}

module "site_alarm" {
  source  = "./modules/alarms"
  count   = local.standby ? 0 : 1
  name    = "${local.name}-site"
  emails  = var.alarm_emails
  key_arn = module.site_alarm_key[0].arn

  alarms = {
    unreachable = {
      namespace = "AWS/Route53", metric = "HealthCheckStatus", dimensions = { HealthCheckId = aws_route53_health_check.site[0].id }
      statistic = "Minimum", below = true, threshold = 1, minutes = 2, missing = "breaching"
      says      = "${var.domain} is not reached from outside. Whether to switch to dr is a person's decision: runbook, Full Environment Recovery."
    }
  }

  providers = { aws = aws.global }
}
