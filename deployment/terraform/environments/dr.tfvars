# Stands in for production in another region. In quiet times it is applied with -var=asleep=true and costs a
# third; applied as the runbook says, without, it has production's size.
environment   = "dr"
region        = "eu-west-1"
zones         = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
copies_region = "eu-west-1"
domain        = "hotelbooking.com"
network_cidr  = "10.30.0.0/16"

standby_of = {
  environment = "production"
  region      = "eu-central-1"
}

nat_per_zone        = false # it is the spare already
interface_endpoints = []

kubernetes_version = "1.34"

nodes = {
  instance_types = ["m7i.large", "m6i.large"]
  count          = 6
  most           = 12
}

database = {
  class           = "db.m7g.large"
  storage_gb      = 100
  storage_most_gb = 1000
  retention_days  = 30 # its own, so that it can be wound back after the switch
  multi_az        = true
  max_connections = 400
}

cache = {
  node_type = "cache.t4g.small"
  shards    = 2
  replicas  = 1
}
