# The standby, asleep and awake; and what is refused before anything is asked of AWS.
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

run "asleep" {
  command = plan

  variables {
    environment = "dr"
    standby_of  = { environment = "production", region = "eu-central-1" }
    copies      = false
    asleep      = true
  }

  assert {
    condition     = local.nodes.count == 2 && local.nodes.most == var.nodes.most && !local.database.multi_az && local.cache.shards == 1
    error_message = "Asleep it is at its smallest."
  }
}

run "awake" {
  command = plan

  variables {
    environment = "dr"
    standby_of  = { environment = "production", region = "eu-central-1" }
    copies      = false
  }

  assert {
    condition     = local.nodes == var.nodes && local.database == var.database && local.cache == var.cache
    error_message = "Applied as the runbook says, it has its whole size."
  }
}

run "only_a_standby_sleeps" {
  command = plan

  variables {
    standby_of = null
    asleep     = true
  }

  expect_failures = [var.asleep]
}

run "another_environment" {
  command = plan

  variables {
    environment = "test"
  }

  expect_failures = [var.environment]
}

run "kubernetes_for_everybody" {
  command = plan

  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.operator_cidrs]
}

run "a_role_that_grants" {
  command = plan

  variables {
    access_granters = ["arn:aws:iam::111122223333:role/hotel-booking-operators"]
  }

  expect_failures = [var.access_granters]
}

run "one_zone" {
  command = plan

  variables {
    zones = ["${var.region}a", "${var.region}a", "${var.region}b"]
  }

  expect_failures = [var.zones]
}
