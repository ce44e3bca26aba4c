# What all environments have in common, on a mocked AWS: run with each one's file by tests/deployment, which
# takes modules/generated out, because mocks know no ephemeral values.
mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "elsewhere"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "global"
  source = "./tests/mocks"
}

run "the_whole" {
  assert {
    condition     = output.cluster.name == "hotel-booking-${var.environment}"
    error_message = "The cluster is named for the runbook: hotel-booking-<environment>."
  }

  assert {
    condition     = local.hosts == [var.domain, "api.${var.domain}", "admin.${var.domain}", "monitoring.${var.domain}"] && local.status == "status.${var.domain}"
    error_message = "The five hosts are the runbook's."
  }

  assert {
    condition     = keys(output.service_account_roles) == ["external-secrets", "hotel-booking", "hotel-booking-backups", "hotel-booking-status", "hotel-booking-worker"]
    error_message = "A role for each ServiceAccount that reaches AWS."
  }

  assert {
    condition     = contains(output.secrets, "hotel-booking/${var.environment}/addresses") && contains(output.secrets, "hotel-booking/${var.standby_of == null ? var.environment : "production"}/generated")
    error_message = "ExternalSecrets look for these names; a standby has production's secrets and its own addresses."
  }

  assert {
    condition     = jsonencode(local.backup_days) == jsonencode({ "configuration/" = 90, "database/" = 30, "state/" = 7 })
    error_message = "Retention is the runbook's Backup Schedule."
  }

  assert {
    condition     = local.backup_lock.days == 7 && local.backup_lock.mode == (var.environment == "staging" ? "GOVERNANCE" : "COMPLIANCE")
    error_message = "Backups are locked; in production for everybody."
  }

  assert {
    condition     = var.standby_of == null ? length(module.backups) == 1 && local.backups_here == "hotel-booking-${var.environment}-backups-111122223333" : length(module.backups) == 0 && local.backups_here == "hotel-booking-production-backups-111122223333-${var.region}"
    error_message = "A standby works on the copies of production's backups, which lie in its region."
  }

  assert {
    condition     = aws_route53_record.origin.name == "origin.${var.domain}" && aws_route53_record.origin.weighted_routing_policy[0].weight == (var.standby_of == null ? 100 : 0)
    error_message = "Until a person moves it, production answers and its standby does not."
  }

  assert {
    condition     = var.standby_of == null ? length(module.edge) == 1 && length(aws_route53_record.hosts) == 10 : length(module.edge) == 0 && length(aws_route53_record.hosts) == 0
    error_message = "All five hosts lead to CloudFront, by IPv4 and IPv6, and belong to no region."
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.hosts : !startswith(record.name, "status.") || record.alias[0].name == module.edge[0].status_domain])
    error_message = "The status page is CloudFront's over files, not the platform's."
  }

  assert {
    condition     = local.alarms["database-connections"].threshold == floor(0.8 * var.database.max_connections)
    error_message = "The runbook: database connections above 80 %."
  }

  assert {
    condition     = contains(keys(local.alarms), "replica-lag") == (var.standby_of != null) && try(local.alarms["replica-lag"].threshold, 300) == 300
    error_message = "A standby further behind than the RPO of 5 minutes is an alarm."
  }
}
