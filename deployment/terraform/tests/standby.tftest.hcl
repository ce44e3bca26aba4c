# A warm pilot light is woken: what is there grows and is not made anew, and a second apply changes nothing. On
# mocks, whose ids are another's when something is replaced.
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
  variables {
    asleep = true
  }

  assert {
    condition     = local.nodes.count == 2 && !local.database.multi_az && local.cache.shards == 1
    error_message = "Asleep it is at its smallest."
  }
}

run "woken" {
  assert {
    condition     = local.nodes == var.nodes && local.database == var.database && local.cache == var.cache
    error_message = "Applied as the runbook says, it has its whole size."
  }

  assert {
    condition     = nonsensitive(jsonencode(output.addresses)) == nonsensitive(jsonencode(run.asleep.addresses)) && output.dns == run.asleep.dns && output.cluster == run.asleep.cluster
    error_message = "Database, Redis, load balancer and cluster are the ones that were there."
  }
}

run "again" {
  command = plan

  assert {
    condition     = jsonencode(output.addresses) == jsonencode(run.woken.addresses) && output.dns == run.woken.dns
    error_message = "It can be repeated."
  }
}
